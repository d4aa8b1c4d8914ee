"""Lineages: which run goes on with which, and which of them has something left to ask."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.predictions import Failure
from pytest_modeleval.errors import UsageError
from pytest_modeleval.store.predictions import read_predictions
from pytest_modeleval.store.runs import find_run, load_run

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["find_unfinished", "is_finished"]

_RECENT = 50  # runs that are looked through for an unfinished one


def find_unfinished(store: Path, name: str | None = None) -> Path:
    """The folder of the run that is to go on.

    A run that was resumed already goes on where the last of those runs ended, which holds all of
    its answers.

    Args:
        store: The store.
        name: Id of the run, the beginning of it, or its path; None for the newest that is
            unfinished, replays left aside.

    Raises:
        UsageError: There is none, or nothing is left to ask.
    """
    runs = store / "runs"
    folders = sorted(path.parent for path in runs.glob("*/run.json"))
    manifests = {folder.name: _manifest(folder) for folder in folders}
    heirs = {str(said.get("resumed_from")): run_id for run_id, said in manifests.items()}
    if name is not None or not folders:
        folder = named = find_run(store, name)
        while folder.name in heirs:
            folder = runs / heirs.pop(folder.name)  # once, lest two name each other
        if is_finished(folder):
            gone_on = f"went on as run {folder.name}, which is" if folder != named else "is"
            raise UsageError(
                f"run {named.name} {gone_on} finished: there is nothing left to ask; "
                f"--model-eval-replay={folder.name} judges its answers again"
            )
        return folder
    for folder in folders[: -_RECENT - 1 : -1]:
        is_old = folder.name in heirs or manifests[folder.name].get("replayed_from")
        if not is_old and not is_finished(folder):
            return folder
    raise UsageError(f"each run in {runs} is finished: there is nothing left to ask")


def is_finished(folder: Path) -> bool:
    """Whether every case that a run was meant to ask has an answer.

    Raises:
        UsageError: The run can't be read.
    """
    run = load_run(folder)
    if not run.summary or len(run.records) < _n_wanted(folder):
        return False
    # An error of the test itself, which asking again does not mend, is ``raised`` too; that of a
    # model's code stands among the answers.
    if any(record.error_kind not in (None, "raised") for record in run.records):
        return False
    return not any(isinstance(answer, Failure) for answer in read_predictions(folder).values())


def _n_wanted(folder: Path) -> int:
    """How many items the run was meant to run, or the one that it goes on with."""
    n_wanted, seen = 0, set()
    while folder.name not in seen:
        seen.add(folder.name)
        said = _manifest(folder)
        coverages = said.get("coverages", ())
        n_wanted = max(n_wanted, sum(coverage.get("n_selected", 0) for coverage in coverages))
        if all(coverage.get("n_selected") == coverage.get("n_total") for coverage in coverages):
            break  # it is whole, so what an earlier one had beyond it is no part of it any more
        folder = folder.parent / str(said.get("resumed_from"))
    return n_wanted


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        said = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
