"""Hooks that other plugins and conftests may implement; pytest checks their arguments.

Each is called with keyword arguments, of which an implementation names those it wants. The objects
may get further fields. This module is imported in every pytest session: it imports nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.judgements import Verdict
    from pytest_modeleval.core.records import Record

__all__ = ["DatasetSpec", "FinishedRun", "ModelSpec", "ScorerSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A model as a suite names it.

    Attributes:
        text: The spec, ``langfuse:router`` say.
        system: Instructions that come before every case; None for none.
        parameters: What else each request says, by the names of the API.
    """

    text: str
    system: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec:
    """A dataset as a suite names it.

    Attributes:
        text: The text that stands where the path of a file may stand.
        folders: Where a relative path is looked for, in order.
    """

    text: str
    folders: tuple[Path, ...] = ()

    @property
    def path(self) -> Path | None:
        """The file of that name; None where there is none."""
        places = (folder / self.text for folder in self.folders)
        return next((place for place in places if place.is_file()), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerSpec:
    """A scorer as a suite names it.

    Attributes:
        text: The name.
        parameters: What stands behind it, but for ``name``, ``min_score`` and ``weight``, which
            every scorer has; None where the name stands alone.
    """

    text: str
    parameters: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A run that is over.

    Attributes:
        run_id: Its id.
        folder: Its folder, with all files but for those that pytest itself has yet to write.
        records: Its records, in the order of the items.
        summary: What ``summary.json`` says.
        exit_status: pytest's exit status.
    """

    run_id: str
    folder: Path
    records: tuple[Record, ...]
    summary: Mapping[str, Any]
    exit_status: int


@pytest.hookspec(firstresult=True)
def pytest_modeleval_make_model(spec: ModelSpec, config: pytest.Config) -> Any | None:
    """Make the model that a spec stands for.

    It is called for each spec that is a text, before this package looks at it, so that a plugin
    may bring providers of its own.

    Args:
        spec: The spec.
        config: The session's configuration.

    Returns:
        A callable or an object with ``predict(input)``, sync or async; None where it is none of
        yours.
    """


@pytest.hookspec(firstresult=True)
def pytest_modeleval_load_dataset(
    spec: DatasetSpec, config: pytest.Config
) -> Iterable[Case | Mapping[str, Any]] | None:
    """Load a dataset that no file format of this package is.

    It is called for each dataset that is a text, before a file of that name is looked for.

    Args:
        spec: The dataset.
        config: The session's configuration.

    Returns:
        Cases, or mappings with their fields; None where it is none of yours.
    """


@pytest.hookspec(firstresult=True)
def pytest_modeleval_make_scorer(spec: ScorerSpec, config: pytest.Config) -> Any | None:
    """Make the scorer that a name stands for.

    It is called for each scorer that a suite names, before this package looks at the name.

    Args:
        spec: The name and its parameters.
        config: The session's configuration.

    Returns:
        A function of case and prediction that gives a score, or a ``Scorer``; None where it is
        none of yours.
    """


@pytest.hookspec
def pytest_modeleval_record(record: Record) -> None:
    """See a record, on the process that judges the run, once it is on disk.

    Trouble in it is a warning and changes no verdict.

    Args:
        record: The record, without secrets.
    """


@pytest.hookspec
def pytest_modeleval_run_finished(run: FinishedRun, verdict: Verdict) -> None:
    """See a whole run, on the process that judges it, once its files are written.

    Trouble in it is a warning and changes no verdict.

    Args:
        run: The run.
        verdict: What its gate says.
    """
