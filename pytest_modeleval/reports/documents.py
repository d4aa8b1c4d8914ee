"""Documents: the run as one JSON document, which ``document.schema.json`` describes in full."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.records import FORMAT_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modeleval.reports.base import Report

__all__ = ["render"]

_OF_MANIFEST = (
    *("started", "command", "git_commit", "git_is_dirty", "models", "repeats", "gate"),
    *("concurrency", "is_adaptive", "max_cost_usd", "timeout_s", "retries"),
    *("max_error_rate", "max_unscored_rate", "judge_partial", "datasets", "left_out", "versions"),
    *("replayed_from", "resumed_from", "combined"),
)
_OF_SUMMARY = ("seconds", "exit_status", "n_failed_tests", "n_strays", "asked", "preflight")

_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def render(report: Report) -> Iterator[str]:
    """The pieces of the file: all but the records, then a line for each of those."""
    yield _to_json({"format_version": FORMAT_VERSION, **_head(report)})[:-1] + ',"records":['
    for index, record in enumerate(report.records):
        line = {name: value for name, value in record.to_dict().items() if name != "format_version"}
        yield (",\n" if index else "\n") + _to_json(line)
    yield "\n]}\n"


def _head(report: Report) -> dict[str, Any]:
    """Everything but the records."""
    verdict = report.verdict.to_dict()
    return {
        "run": _run(report),
        "verdict": {"status": verdict["status"], "reason": verdict["reason"]},
        "thresholds": verdict["thresholds"],
        "suites": [summary.to_dict() for summary in report.verdict.summaries],
        "baseline": report.baseline,
        "comparisons": [comparison.to_dict() for comparison in report.comparisons],
        "trouble": list(report.trouble),
    }


def _run(report: Report) -> dict[str, Any]:
    """What was run, as far as it is known; a run that was cut off knows less."""
    known = {name: report.manifest[name] for name in _OF_MANIFEST if name in report.manifest}
    known |= {name: report.summary[name] for name in _OF_SUMMARY if name in report.summary}
    return {"run_id": report.run_id, "folder": report.folder, **known}
