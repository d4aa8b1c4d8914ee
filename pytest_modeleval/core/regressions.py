"""Regressions: the thresholds on how much worse than the baseline a suite may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from pytest_modeleval.core.judgements import Judgement
from pytest_modeleval.core.paired import LEVEL, holm
from pytest_modeleval.core.thresholds import is_equal
from pytest_modeleval.core.words import titled

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from pytest_modeleval.core.comparisons import Comparison
    from pytest_modeleval.core.judgements import Coverage, Status
    from pytest_modeleval.core.paired import Change
    from pytest_modeleval.core.summaries import Summary
    from pytest_modeleval.core.thresholds import Threshold

__all__ = ["judge_regressions"]

_Kind = Literal["accuracy", "score", "latency", "cost"]


class _Held(NamedTuple):
    """A threshold held against what changed in one suite with one model.

    Attributes:
        threshold: The threshold.
        coverage: The suite.
        model: The model; None where no record names one.
        comparison: What changed; None where the baseline lacks it.
    """

    threshold: Threshold
    coverage: Coverage
    model: str | None
    comparison: Comparison | None

    @property
    def kind(self) -> _Kind:
        """Which change it is held against; without scores, being right is the score."""
        if self.threshold.unit == "seconds":
            return "latency"
        if self.threshold.unit == "dollars":
            return "cost"
        has_score = self.comparison and (self.comparison.score or self.comparison.score_note)
        return "score" if self.threshold.metric == "mean_score" and has_score else "accuracy"

    @property
    def change(self) -> Change | None:
        """That change; None where it is not known."""
        found: Change | None = getattr(self.comparison, self.kind, None)
        return found

    @property
    def test(self) -> Hashable:
        """What tells its test from others: two thresholds on one change are one test."""
        return self.coverage.suite, self.coverage.variant, self.model, self.kind


def judge_regressions(
    thresholds: Sequence[Threshold],
    coverages: Sequence[Coverage],
    summaries: Sequence[Summary],
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
    all_held = [
        held
        for threshold in thresholds
        for coverage in coverages
        for held in _held(threshold, coverage, summaries, comparisons)
    ]
    tests = {
        held.test: held.change.p
        for held in all_held
        if held.change is not None and held.change.p is not None
    }
    adjusted = dict(zip(tests, holm(list(tests.values())), strict=True))
    judgements: list[Judgement] = []
    for held in all_held:
        coverage = held.coverage
        judged: tuple[Status, str | None] = _regression(
            held.threshold,
            held.comparison,
            held.change,
            adjusted.get(held.test),
            n_tests=len(tests),
        )
        status, why = trouble_of(coverage) or judged
        judgements.append(
            Judgement(
                threshold=held.threshold,
                suite=titled(coverage.suite, coverage.variant),
                model=held.model,
                status=status,
                reason=why,
            )
        )
    return judgements


def _held(
    threshold: Threshold,
    coverage: Coverage,
    summaries: Sequence[Summary],
    comparisons: Sequence[Comparison],
) -> Iterator[_Held]:
    """A threshold held against each model of a suite; nothing where it is not on it.

    A suite that was left out altogether is no part of the run, unless the threshold names it.
    """
    if threshold.suite != coverage.suite and (threshold.suite or not coverage.n_selected):
        return
    place = (coverage.suite, coverage.variant)
    found = {item.model: item for item in comparisons if (item.suite, item.variant) == place}
    models = [item.model for item in summaries if (item.suite, item.variant) == place]
    for model in models or [None]:
        yield _Held(threshold, coverage, model, found.get(model))


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
    if p is not None and p < LEVEL:
        return (
            "not met",
            f"{said}, allowed are {threshold.bound * 100:g} % ({p_said}, n={change.n})",
        )
    sees = ""
    if is_rate:
        level = LEVEL / max(n_tests, 1)  # an unadjusted p value has to be below it for sure
        drop = comparison.drop_seen(threshold.metric, level=level, tolerance=threshold.bound)
        least = f"from {drop * 100:.1f} points on" if drop else "of no size: they are too few"
        sees = f"; {comparison.cases_text} see a drop {least}"
    chance = "too few cases to tell" if p is None else f"may well be chance ({p_said})"
    return "inconclusive", f"{said}, which {chance}{sees}"
