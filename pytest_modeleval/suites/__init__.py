"""Suites: the cases of a dataset, wherever they stand, read once and checked at the border."""

from pytest_modeleval.suites.cases import Dataset, load_cases, load_dataset

__all__ = ["Dataset", "load_cases", "load_dataset"]
