"""Regressions: the thresholds on how much worse than the baseline a suite may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modeleval.core.judgements import Judgement
from pytest_modeleval.core.paired import holm
from pytest_modeleval.core.thresholds import is_equal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_modeleval.core.comparisons import Comparison
    from pytest_modeleval.core.judgements import Coverage, Status
    from pytest_modeleval.core.paired import Change
    from pytest_modeleval.core.thresholds import Threshold

__all__ = ["judge_regressions"]

_LEVEL = 0.05  # a worse number that chance brings about as often is not held against anyone


def judge_regressions(
    thresholds: Sequence[Threshold],
    coverages: Sequence[Coverage],
    comparisons: Sequence[Comparison] | None,
    trouble_of: Callable[[Coverage], tuple[Status, str | None] | None],
) -> list[Judgement]:
    """The judgements on the regression thresholds of a run, its p values adjusted together.

    Worse than the tolerance fails only where chance alone would hardly do it; otherwise it is
    inconclusive.
    """
    if comparisons is None:
        reason = "there is no baseline yet; --model-eval-save-baseline makes one"
        return [
            Judgement(threshold=item, suite=None, model=None, status="not judged", reason=reason)
            for item in thresholds
        ]
    found: list[tuple[Threshold, Coverage, Comparison | None]] = []
    for threshold in thresholds:
        for coverage in coverages:
            is_here = threshold.suite is None and coverage.n_selected
            if is_here or threshold.suite == coverage.suite:
                place = (coverage.suite, coverage.variant)
                own = [item for item in comparisons if (item.suite, item.variant) == place]
                pairs: list[Comparison | None] = [*own] or [None]
                found += [(threshold, coverage, item) for item in pairs]
    changes = [
        _change(threshold, comparison) if comparison else None for threshold, _, comparison in found
    ]
    tests = {
        _test_of(threshold, comparison): change.p
        for (threshold, _, comparison), change in zip(found, changes, strict=True)
        if comparison is not None and change is not None and change.p is not None
    }
    ps = dict(zip(tests, holm(list(tests.values())), strict=True))
    judgements: list[Judgement] = []
    for (threshold, coverage, comparison), change in zip(found, changes, strict=True):
        p = ps.get(_test_of(threshold, comparison)) if comparison is not None else None
        judged: tuple[Status, str | None] = _regression(
            threshold, comparison, change, p, n_tests=len(tests)
        )
        status, why = trouble_of(coverage) or judged
        title = f"{coverage.suite} ({coverage.variant})" if coverage.variant else coverage.suite
        judgements.append(
            Judgement(
                threshold=threshold,
                suite=title,
                model=comparison.model if comparison else None,
                status=status,
                reason=why,
            )
        )
    return judgements


def _change(threshold: Threshold, comparison: Comparison) -> Change | None:
    """The change that a regression threshold is held against."""
    if threshold.metric == "accuracy":
        return comparison.accuracy
    if threshold.metric == "mean_score":
        return comparison.score or (None if comparison.score_note else comparison.accuracy)
    return comparison.latency if threshold.unit == "seconds" else comparison.cost


def _test_of(threshold: Threshold, comparison: Comparison) -> tuple[int, str]:
    """What tells a test from others: two thresholds on one change are the same test."""
    metric = "latency" if threshold.unit == "seconds" else threshold.metric
    if threshold.unit == "dollars":
        metric = "cost"
    if metric == "mean_score" and comparison.score is None:
        metric = "accuracy"
    return id(comparison), metric


def _regression(
    threshold: Threshold,
    comparison: Comparison | None,
    change: Change | None,
    p: float | None,
    *,
    n_tests: int,
) -> tuple[Status, str | None]:
    """What a regression threshold comes to, and the sentence that says why.

    Args:
        threshold: The threshold.
        comparison: The comparison of its suite; None where the baseline lacks it.
        change: The change it is held against.
        p: The p value of the change, adjusted.
        n_tests: The number of p values that it was adjusted for.
    """
    if comparison is None:
        return "not judged", "the baseline does not have this suite with this model"
    if threshold.unit == "dollars" and comparison.cost_note:
        return "invalid", comparison.cost_note
    if change is None and threshold.unit == "dollars" and comparison.pairs:
        return "met", None  # every case cost something, and none of them does now
    if change is None:
        return "invalid", comparison.score_note or "no case of the baseline can be compared"
    is_rate = threshold.unit == "rate"
    worse = -change.value if is_rate else change.value - 1
    if worse < threshold.bound or is_equal(worse, threshold.bound):
        return "met", None
    by = f"{worse * 100:.1f} points" if is_rate else f"{worse * 100:.1f} %"
    what = "latency, case by case," if threshold.unit == "seconds" else "cost, case by case,"
    said = f"{threshold.metric.replace('_', ' ') if is_rate else what} is {by} worse"
    p_said = None if p is None else f"p {p:.2g}"
    if p_said and n_tests > 1:
        p_said += f" as one of {n_tests} tests"
    if p is not None and p < _LEVEL:
        return (
            "not met",
            f"{said}, allowed are {threshold.bound * 100:g} % ({p_said}, n={change.n})",
        )
    sees = ""
    if is_rate:
        level = _LEVEL / max(n_tests, 1)  # an unadjusted p value has to be below it for sure
        drop = comparison.drop_seen(threshold.metric, level=level, tolerance=threshold.bound)
        least = f"from {drop * 100:.1f} points on" if drop else "of no size: they are too few"
        sees = f"; {comparison.cases_text} see a drop {least}"
    chance = "too few cases to tell" if p is None else f"may well be chance ({p_said})"
    return "inconclusive", f"{said}, which {chance}{sees}"
