"""Manifests: what a run says of itself in its folder."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modeleval.core.asked import merge_asked
from pytest_modeleval.core.judgements import is_whole_selection
from pytest_modeleval.store.history import usual_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from pytest_modeleval.core.judgements import Verdict
    from pytest_modeleval.plugin.state import Evals

__all__ = ["checkout", "earlier_run", "history_line", "manifest", "run_summary"]


def manifest(
    config: pytest.Config,
    evals: Evals,
    *,
    started: datetime,
    datasets: Mapping[str, str],
    code: Mapping[str, Any],
) -> dict[str, Any]:
    """What ``run.json`` holds: what was run, under which limits, of which version of what.

    Args:
        config: The session's configuration.
        evals: What the session's roles share.
        started: When the run began.
        datasets: Each dataset file with twelve digits of its SHA-256.
        code: What ``checkout`` gave when the run began.
    """
    settings = evals.settings
    return {
        "run_id": evals.run_id,
        "started": started.isoformat(timespec="seconds"),
        "command": [str(word) for word in config.invocation_params.args],
        "models": list(settings.models),
        "repeats": settings.repeats,
        "thresholds": [threshold.text for threshold in settings.thresholds],
        "concurrency": settings.concurrency,
        "is_adaptive": settings.is_adaptive,
        "rate_limit": asdict(settings.rate_limit),
        "max_cost_usd": settings.max_cost_usd,
        "timeout_s": settings.timeout_s,
        "retries": settings.retries,
        "gate": settings.gate,
        "judge_partial": bool(config.getoption("--model-eval-judge-partial")),
        "max_error_rate": settings.max_error_rate,
        "max_unscored_rate": settings.max_unscored_rate,
        "prices": {name: asdict(price) for name, price in settings.prices.items()},
        "datasets": dict(datasets),
        "coverages": [coverage.to_dict() for coverage in evals.coverages],
        **earlier_run(evals),
        **code,
        "left_out": evals.left_out,
        "versions": {
            "python": platform.python_version(),
            "pytest": pytest.__version__,
            "pytest-modeleval": version("pytest-modeleval"),
        },
    }


def run_summary(
    evals: Evals,
    verdict: Verdict,
    *,
    started: datetime,
    ended: datetime,
    exit_status: int,
    n_failed: int,
    n_records: int,
) -> dict[str, Any]:
    """What ``summary.json`` holds: the verdict and the numbers that it was given on.

    Args:
        evals: What the session's roles share.
        verdict: The verdict.
        started: When the run began.
        ended: When it ended.
        exit_status: pytest's.
        n_failed: Tests that pytest itself counts as failed, evals or not.
        n_records: Records of the run, by which a reader knows that none is lost.
    """
    return {
        "run_id": evals.run_id,
        "started": started.isoformat(timespec="seconds"),
        "seconds": (ended - started).total_seconds(),
        "exit_status": exit_status,
        **earlier_run(evals),
        "n_failed_tests": n_failed,
        "n_records": n_records,
        "n_strays": evals.n_strays,
        "asked": [asked.to_dict() for asked in merge_asked(evals.asked)],
        "preflight": evals.preflight.to_dict() if evals.preflight else None,
        "verdict": verdict.to_dict(),
        "suites": [summary.to_dict() for summary in verdict.summaries],
        "baseline": evals.baseline.name if evals.baseline else None,
        "baseline_run": evals.baseline.run_id if evals.baseline else None,
        "comparisons": [comparison.to_dict() for comparison in evals.comparisons or ()],
    }


def history_line(
    evals: Evals,
    verdict: Verdict,
    *,
    started: datetime,
    exit_status: int,
    code: Mapping[str, Any],
) -> dict[str, Any]:
    """What ``history.jsonl`` holds of a run: the usual numbers of each suite and model."""
    return {
        "run_id": evals.run_id,
        "started": started.isoformat(timespec="seconds"),
        **code,
        "verdict": verdict.status,
        "exit_status": exit_status,
        **earlier_run(evals),
        "is_whole": is_whole_selection(evals.coverages),
        "suites": usual_numbers(verdict.summaries),
    }


def earlier_run(evals: Evals) -> dict[str, str]:
    """Which run this one replays or resumes, where it does."""
    if evals.stored is None:
        return {}
    return {"replayed_from" if evals.stored.is_replay else "resumed_from": evals.stored.run_id}


def checkout(folder: Path) -> dict[str, Any]:
    """The commit that is checked out, and whether files that git knows have changed since.

    Both are None where git does not know.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    # Files that git does not know are mostly reports and notes, and searching for them takes time.
    changes = (
        _git(folder, "--no-optional-locks", "status", "--porcelain", "--untracked-files=no")
        if commit
        else None
    )
    return {"git_commit": commit, "git_is_dirty": None if changes is None else bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None where it fails."""
    try:
        found = subprocess.run(  # noqa: S603  (the arguments are ours)
            ["git", *arguments],  # noqa: S607  (whichever git the user has)
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return found.stdout.strip()
