"""Baselines: which one a session compares with, and making its run the next one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pytest_modeleval.core.comparisons import CaseNumbers, numbers_of
from pytest_modeleval.core.words import counted
from pytest_modeleval.errors import UsageError
from pytest_modeleval.plugin.options import place_of
from pytest_modeleval.store.baselines import Baseline, load_baseline, save_baseline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    import pytest

    from pytest_modeleval.core.records import Record
    from pytest_modeleval.plugin.state import Evals

__all__ = [
    "answers_to_hand_down",
    "check_saving",
    "describe",
    "find_baseline",
    "handed_baseline",
    "save",
    "wants_saving",
]

_USUAL = "evals/baseline.jsonl"


def find_baseline(config: pytest.Config, evals: Evals) -> Baseline | None:
    """The baseline of this session; None where none is named and the usual file isn't there.

    Raises:
        UsageError: One is named that isn't there, or it can't be read.
    """
    named = evals.settings.baseline
    path = config.rootpath / (named or _USUAL)
    if named is None:
        where = "model_eval_baseline"
        return load_baseline(path, shown=_USUAL, where=where) if path.exists() else None
    where = place_of(config, "baseline")
    run = evals.folder.parent / named
    if not path.exists() and run.is_dir():
        path = run
    if not path.exists() and wants_saving(config):
        return None  # it is about to be made
    return load_baseline(path, shown=named, where=where)


def answers_to_hand_down(baseline: Baseline | None) -> dict[str, Any] | None:
    """The cases whose answers a baseline keeps, as the plain data that a worker is handed."""
    if baseline is None:
        return None
    cases = [case.to_dict() for case in baseline.cases if case.answer is not None]
    return {"name": baseline.name, "cases": cases}


def handed_baseline(handed: Mapping[str, Any] | None) -> Baseline | None:
    """The baseline that ``answers_to_hand_down`` made plain data of, without its other cases."""
    if handed is None:
        return None
    cases = tuple(map(CaseNumbers.from_dict, handed["cases"]))
    return Baseline(name=handed["name"], cases=cases)


def wants_saving(config: pytest.Config) -> bool:
    """Whether this run is to become the baseline."""
    names = ("--model-eval-save-baseline", "--model-eval-force-baseline")
    return any(config.getoption(name, False) for name in names)


def check_saving(config: pytest.Config, evals: Evals) -> None:
    """Refuse a selection as a baseline before anything is asked.

    Raises:
        UsageError: Some cases were left out.
    """
    if not wants_saving(config):
        return
    named = evals.settings.baseline
    if named is not None and (evals.folder.parent / named).is_dir():
        raise UsageError(
            f"--model-eval-save-baseline: {named} is a run; name a file with --model-eval-baseline"
        )
    left_out = [item for item in evals.coverages if item.n_selected < item.n_total]
    if left_out:
        first = left_out[0]
        raise UsageError(
            f"--model-eval-save-baseline: a baseline is a whole run, and this one has "
            f"{first.n_selected} of {counted(first.n_total, 'case')} of {first.suite}"
        )


def describe(baseline: Baseline | None) -> str | None:
    """``evals/baseline.jsonl (3 days old, commit 1a2b3c4)``; None for none."""
    if baseline is None:
        return None
    known = []
    if baseline.saved is not None:
        known.append(f"{_age(datetime.now(UTC) - baseline.saved)} old")
    if baseline.git_commit:
        known.append(f"commit {baseline.git_commit[:7]}")
    if baseline.replayed_from:
        known.append("replayed")
    return f"{baseline.name} ({', '.join(known)})" if known else baseline.name


def _age(age: timedelta) -> str:
    hours = max(age.total_seconds(), 0) / 3600
    if hours < 1:
        return counted(int(hours * 60), "minute")
    return counted(int(hours), "hour") if hours < 48 else counted(int(hours / 24), "day")


def save(
    config: pytest.Config,
    evals: Evals,
    records: Sequence[Record],
    about: Mapping[str, Any],
    *,
    exit_status: int,
) -> str:
    """Make this run the baseline, and say so, or why not."""
    verdict = evals.verdict
    is_forced = config.getoption("--model-eval-force-baseline")
    is_partial = any(item.n_selected < item.n_total for item in evals.coverages)
    if verdict is None or verdict.status == "invalid" or is_partial or not records:
        return "baseline not saved: the run is partial, incomplete or invalid"
    if exit_status != 0 and not is_forced:
        return (
            "baseline not saved: the run failed; --model-eval-force-baseline saves it all the same"
        )
    shown = evals.settings.baseline or _USUAL
    path: Path = config.rootpath / shown
    cases = numbers_of(records)
    own = {case.suite for case in cases}
    others = (
        [case for case in evals.baseline.cases if case.suite not in own] if evals.baseline else []
    )
    if others and evals.is_partial:  # other files have these suites, and were not run
        cases = sorted([*cases, *others], key=lambda case: (*map(str, case.place), case.case_id))
    kept = "with" if evals.is_partial else "without"
    note = f", {kept} {counted(len(others), 'case')} of suites that did not run" if others else ""
    try:
        save_baseline(path, cases, about, redactor=evals.redactor)
    except UsageError as error:
        return f"baseline not saved: {error}"
    if evals.stored is not None and evals.stored.is_replay:
        note += f", answers of run {evals.stored.run_id}"
    return f"baseline saved: {shown} ({counted(len(cases), 'case')}{note})"
