"""History: a line for each finished run, which outlives the run's own folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.metrics import usual_metrics
from pytest_modeleval.core.records import FORMAT_VERSION
from pytest_modeleval.store.journals import Journal, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pytest_modeleval.core.summaries import Summary

__all__ = ["append_history", "read_history", "usual_numbers"]

_FILE = "history.jsonl"


def append_history(store: Path, line: Mapping[str, Any]) -> OSError | None:
    """Add a run; gives the error that kept it from being written."""
    journal = Journal(store / _FILE)
    journal.append(json.dumps({"format_version": FORMAT_VERSION, **line}, ensure_ascii=False))
    journal.close()
    return journal.trouble


def usual_numbers(summaries: Iterable[Summary]) -> list[dict[str, Any]]:
    """What a line says of each suite and model."""
    return [
        {
            "suite": summary.title,
            "model": summary.model,
            "n": summary.n,
            **{name: summary.metric(name).value for name in usual_metrics("junit")},
        }
        for summary in summaries
    ]


def read_history(store: Path) -> list[dict[str, Any]]:
    """All runs so far, the oldest first.

    Raises:
        UsageError: A line is of a later version of the format.
    """
    return list(read_lines(store / _FILE))
