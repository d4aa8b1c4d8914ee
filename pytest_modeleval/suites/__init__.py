"""Suites: the cases of a dataset, wherever they stand, read once and checked at the border."""

from pytest_modeleval.suites.cases import load_cases

__all__ = ["load_cases"]
