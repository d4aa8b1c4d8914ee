"""State: what one session's roles, fixtures and hooks share, kept in ``config.stash``."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from pytest_modeleval.core.redaction import Redactor
from pytest_modeleval.store.baselines import Answers
from pytest_modeleval.store.runs import Run, new_run_id

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_modeleval.core.asked import Asked
    from pytest_modeleval.core.comparisons import Comparison
    from pytest_modeleval.core.judgements import Coverage, Verdict
    from pytest_modeleval.core.preflights import Preflight
    from pytest_modeleval.engine.replay import StoredAnswers
    from pytest_modeleval.models.meters import Ledger
    from pytest_modeleval.plugin.caselogs import CaseLog
    from pytest_modeleval.plugin.collect import EvalItem, Suite
    from pytest_modeleval.settings import Settings
    from pytest_modeleval.store.baselines import Baseline
    from pytest_modeleval.store.journals import Journal

__all__ = [
    "CASE_LOG",
    "EVALS",
    "EVAL_ITEM",
    "LEDGER",
    "Evals",
    "is_cut_short",
    "make_evals",
    "n_workers",
]


@dataclass(slots=True)
class Evals:
    """One session that runs evals.

    Attributes:
        settings: The settings, checked.
        run_id: Name of the run; the same in every xdist worker.
        folder: Folder of the run.
        redactor: Takes secrets out of all that is kept or shown.
        suites: The suites collected so far, by the node id of their test function.
        collected: Every item of a suite, before anything was deselected.
        coverages: How much of each suite is meant to run; known once the items are.
        left_out: For each suite the names of the items that were collected and will not run.
        is_partial: Only part of the project's files was collected.
        verdict: The verdict, once there is one.
        trouble: Sentences on what could not be written, or was cut off.
        asked: How each model was asked, by every process that asked it.
        n_strays: Metered calls that belong to no case.
        baseline: The run to compare with; None where there is none, and in a worker.
        has_baseline: Whether there is one, here or in the controller.
        baseline_answers: Its answers, as far as it keeps them; in a worker too.
        answers: Where answers go in a worker; None where they go to the run's folder.
        preflight: What came of trying the judges; None where there are none.
        comparisons: What changed since the baseline, once the run is judged.
        stored: Answers of the run that this one replays or resumes; None where it does neither.
    """

    settings: Settings
    run_id: str
    folder: Path
    redactor: Redactor
    suites: dict[str, Suite] = field(default_factory=dict)
    collected: list[EvalItem] = field(default_factory=list)
    coverages: list[Coverage] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    is_partial: bool = False
    verdict: Verdict | None = None
    trouble: list[str] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    n_strays: int = 0
    baseline: Baseline | None = None
    has_baseline: bool = False
    baseline_answers: Answers = field(default_factory=lambda: Answers(None))
    answers: Journal | None = None
    preflight: Preflight | None = None
    comparisons: list[Comparison] | None = None
    stored: StoredAnswers | None = None

    def open_run(self) -> Run:
        """The run's folder, to read or write; nothing is made on disk."""
        run = Run(self.folder, self.redactor)
        run.predictions = self.answers or run.predictions
        return run


def make_evals(config: pytest.Config, settings: Settings) -> Evals:
    """The state of a session; a worker takes part in the run that its controller made."""
    handed: dict[str, str] = getattr(config, "workerinput", {}).get("model_eval", {})
    run_id = handed.get("run_id") or new_run_id()
    folder = config.rootpath / settings.store / "runs" / run_id
    redactor = Redactor(os.environ)
    redactor.learn(os.environ, also=settings.api_keys.values())
    return Evals(settings=settings, run_id=run_id, folder=folder, redactor=redactor)


def n_workers(config: pytest.Config) -> int:
    """Number of xdist workers that this process controls; 0 where it runs items itself."""
    if config.getoption("dist", "no") == "no":
        return 0
    counts = [spec.partition("*")[0] for spec in config.getoption("tx", None) or ()]
    return sum(int(count) if count.isdigit() else 1 for count in counts)


def is_cut_short(session: pytest.Session) -> bool:
    """Whether pytest will run nothing because collection failed."""
    return bool(session.testsfailed) and not session.config.option.continue_on_collection_errors


EVALS = pytest.StashKey[Evals]()
EVAL_ITEM: pytest.StashKey[EvalItem] = pytest.StashKey()
CASE_LOG: pytest.StashKey[CaseLog] = pytest.StashKey()
LEDGER: pytest.StashKey[Ledger] = pytest.StashKey()
