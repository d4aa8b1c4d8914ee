"""Outcomes: what a case counts as, read off how its test ended, and how pytest is told.

A soft outcome takes the shape of pytest's own xfail (skipped, with a reason in ``wasxfail``):
``-x``, ``--maxfail``, stepwise, xdist and JUnit then leave it alone, and the gate decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from traceback import walk_tb
from typing import TYPE_CHECKING

import pytest
from _pytest import fixtures as fixtures_of_pytest

from pytest_modeleval.core.plain import clean_text
from pytest_modeleval.core.scores import why_missed
from pytest_modeleval.errors import (
    EngineError,
    ModelEvalError,
    PredictionError,
    Unscored,
    UsageError,
)
from pytest_modeleval.reports.texts import inert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_modeleval.core.records import Outcome, Record
    from pytest_modeleval.core.redaction import Redactor
    from pytest_modeleval.plugin.caselogs import CaseLog

__all__ = [
    "STATUSES",
    "Decision",
    "decide",
    "first_line",
    "is_judgement",
    "is_sure_to_skip",
    "name_subtest",
    "redact",
    "say_in_a_sentence",
    "soften",
    "soften_subtest",
    "with_properties",
]

STATUSES: Mapping[str, tuple[str, str, tuple[str, Mapping[str, bool]]]] = {
    "missed": ("missed", "m", ("MISSED", {"yellow": True})),
    "errored": ("errored", "e", ("ERRORED", {"yellow": True})),
    "unscored": ("unscored", "u", ("UNSCORED", {"yellow": True})),
}
"""Category, letter and word of each soft outcome, for pytest's own progress and last line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a case counts as.

    Attributes:
        outcome: The outcome.
        reason: Why it is not passed, in one line; None where it is.
        error_kind: Kind of failure of an errored case, where it is not the model's own.
        is_soft: A wrong answer that the gate decides about, so the test alone fails nothing.
    """

    outcome: Outcome
    reason: str | None = None
    error_kind: str | None = None
    is_soft: bool = False


def decide(
    item: pytest.Item,
    call: pytest.CallInfo[None],
    report: pytest.TestReport,
    log: CaseLog,
    *,
    is_governed: bool,
) -> Decision:
    """What the case counts as, given how its setup or its test ended."""
    error = call.excinfo.value if call.excinfo is not None else None
    if log.subtests and not log.is_in_body and (error is None or _is_of_subtests(error)):
        return _decide_by_subtests(log, is_governed=is_governed)
    if error is None:
        return _decide_without_error(log, is_governed=is_governed)
    if isinstance(error, pytest.skip.Exception) and not hasattr(report, "wasxfail"):
        return Decision(outcome="skipped", reason=first_line(error))
    if isinstance(error, pytest.xfail.Exception) and call.when == "setup":
        return Decision(outcome="skipped", reason=first_line(error))  # xfail(run=False)
    if isinstance(error, Unscored):
        return Decision(outcome="unscored", reason=first_line(error))
    if isinstance(error, pytest.xfail.Exception) or (
        call.when == "call" and is_judgement(item, error, log)
    ):
        return Decision(outcome="missed", reason=first_line(error), is_soft=is_governed)
    return Decision(outcome="errored", reason=_error_text(error), error_kind=_error_kind(error))


def _decide_without_error(log: CaseLog, *, is_governed: bool) -> Decision:
    """The test ended well: right, unless a score with a pass mark says otherwise."""
    reason = why_missed([*log.scores.values()], log.min_score)
    if reason is None:
        return Decision(outcome="passed")
    return Decision(outcome="missed", reason=reason, is_soft=is_governed)


def _is_of_subtests(error: BaseException) -> bool:
    """Whether the test failed of nothing but its subtests, which pytest says in these words."""
    return isinstance(error, pytest.fail.Exception) and first_line(error).startswith("contains ")


def _decide_by_subtests(log: CaseLog, *, is_governed: bool) -> Decision:
    """The worst of the subtests is the case's."""
    ranks: tuple[Outcome, ...] = ("errored", "unscored", "missed")
    outcome = next(rank for rank in ranks if any(found == rank for found, _ in log.subtests))
    reasons = [reason for found, reason in log.subtests if found == outcome]
    return Decision(
        outcome=outcome,
        reason="; ".join(reasons),
        error_kind="raised" if outcome == "errored" else None,
        is_soft=outcome == "missed" and is_governed,
    )


def is_judgement(item: pytest.Item, error: BaseException, log: CaseLog) -> bool:
    """Whether the test itself found the answer wrong.

    That is an assertion or ``pytest.fail`` out of the test's own file. The same raised by the
    application inside ``measure()``, by a fixture, or by pytest itself about a test that nobody
    awaited, is an error.
    """
    if not isinstance(error, AssertionError | pytest.fail.Exception):
        return False
    if error is log.raised_elsewhere:
        return False
    files = [frame.f_code.co_filename for frame, _ in walk_tb(error.__traceback__)]
    own = str(item.path)
    if own not in files:
        return False
    # What comes out of request.getfixturevalue() is a fixture's, though the test asked for it.
    after = files[files.index(own) :]
    return not any(name == fixtures_of_pytest.__file__ for name in after)


def soften(report: pytest.TestReport, found: Decision, *, is_lenient: bool) -> None:
    """Make the report of a soft outcome look like an xfail, and a hard miss like a failure."""
    is_soft = (
        found.is_soft or found.outcome == "unscored" or (found.outcome == "errored" and is_lenient)
    )
    if found.outcome == "missed" and report.passed and not is_soft:
        report.outcome = "failed"
        report.longrepr = found.reason
    elif is_soft and (report.failed or report.passed) and not hasattr(report, "wasxfail"):
        report.outcome = "skipped"
        report.wasxfail = inert(f"{found.outcome}: {found.reason}")


def soften_subtest(
    report: pytest.TestReport, found: Decision, log: CaseLog, *, is_lenient: bool
) -> None:
    """A subtest reports from inside the body: what it found is the parent's, at the parent's end."""
    if found.outcome in ("passed", "skipped") or hasattr(report, "wasxfail"):
        return
    log.subtests.append((found.outcome, f"subtest: {found.reason}"))
    soften(report, found, is_lenient=is_lenient)


def name_subtest(report: pytest.TestReport, log: CaseLog) -> None:
    """Name the subtest that was reported last, which only its finished report can."""
    context = getattr(report, "context", None)
    if context is None or not log.is_in_body or not log.subtests or report.passed:
        return
    values = ", ".join(f"{k}={v}" for k, v in dict(getattr(context, "kwargs", {})).items())
    name = " ".join(filter(None, (getattr(context, "msg", None), values)))
    outcome, reason = log.subtests[-1]
    if name and reason.startswith("subtest: "):
        log.subtests[-1] = (outcome, f"subtest {name}: {reason.removeprefix('subtest: ')}")


def with_properties(
    properties: Sequence[tuple[str, object]], record: Record, redactor: Redactor
) -> list[tuple[str, object]]:
    """The item's properties for JUnit, ours replaced rather than doubled when it runs again."""
    own = [pair for pair in properties if not pair[0].startswith("model_eval.")]
    # Of these names thousands of cases have the same.
    own.append(("model_eval.suite", redactor.name(record.suite)))
    own.append(("model_eval.case_id", redactor.text(record.case_id)))
    if record.model is not None:
        own.append(("model_eval.model", redactor.name(record.model)))
    own.append(("model_eval.outcome", record.outcome))
    if record.latency_s is not None:
        own.append(("model_eval.latency_s", record.latency_s))
    if record.cost_usd is not None:
        own.append(("model_eval.cost_usd", record.cost_usd))
    return own


def is_sure_to_skip(item: pytest.Item) -> bool:
    """Whether the item's marks skip it, so that it must not be asked for."""
    marks = [mark for mark in item.iter_markers() if mark.name in ("skip", "skipif", "xfail")]
    if not marks:
        return False
    if any(mark.name == "xfail" and mark.kwargs.get("run") is False for mark in marks):
        return True
    try:
        from _pytest.skipping import evaluate_skip_marks

        return evaluate_skip_marks(item) is not None
    except (Exception, pytest.fail.Exception):  # noqa: BLE001  (reported when the item runs)
        return True


def redact(report: pytest.TestReport, redactor: Redactor) -> None:
    """Take secrets out of what a test shows: its traceback, its skip's reason, what it printed."""
    if report.longrepr is None and not report.sections:
        return
    report.sections = [(title, redactor.text(text)) for title, text in report.sections]
    if isinstance(report.longrepr, tuple):
        path, line, reason = report.longrepr
        report.longrepr = (path, line, redactor.text(reason))
        return
    if report.longrepr is None:
        return
    shown = str(report.longrepr)
    clean = redactor.text(shown)
    if report.failed and clean != shown:
        report.longrepr = clean


def say_in_a_sentence(
    report: pytest.TestReport, call: pytest.CallInfo[None], redactor: Redactor
) -> None:
    """Show an error of this package's as its sentence: how we waited for a model is no news."""
    error = call.excinfo.value if call.excinfo is not None else None
    if report.failed and isinstance(error, ModelEvalError):
        report.longrepr = redactor.text(_error_text(error))


def first_line(error: BaseException) -> str:
    """The first line of an exception's text, or its name."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # noqa: BLE001  (an exception of a user's class that can't even be shown)
        return f"{type(error).__name__} that can't be shown"
    return clean_text(lines[0]) if lines else type(error).__name__


def _error_text(error: BaseException) -> str:
    if isinstance(error, PredictionError):
        return error.failure.message
    if isinstance(error, EngineError | UsageError):
        return first_line(error)
    return f"{type(error).__name__}: {first_line(error)}"


def _error_kind(error: BaseException) -> str:
    return error.failure.kind if isinstance(error, PredictionError) else "raised"
