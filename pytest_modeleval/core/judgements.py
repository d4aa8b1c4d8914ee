"""Judgements: what became of each threshold, and of all of them together."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pytest_modeleval.core.thresholds import Threshold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_modeleval.core.metrics import Metric
    from pytest_modeleval.core.summaries import Summary

__all__ = ["Coverage", "GateMode", "Judgement", "Status", "Verdict", "is_whole_selection"]

Status = Literal["met", "inconclusive", "not judged", "invalid", "not met"]
"""From the best to the worst; the last two fail the run."""

GateMode = Literal["point", "confident-fail", "confident-pass"]
"""What decides: the number itself, or its one-sided 95 % bound: it fails where the number is on the
wrong side for sure, or passes only where it is on the right one for sure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of one suite was meant to run.

    Attributes:
        suite: Name of the suite.
        variant: Id of the suite's other parameters.
        n_total: Items of the suite: each case of each model, as often as it is asked.
        n_selected: Those of them that were left to run by ``-k``, ``--lf`` and their like.
        n_models: Models that each case is asked of.
        n_repeats: How often each model is asked each case.
        tags: For each tag the same two numbers.
        thresholds: Thresholds that the suite's own marker sets.
    """

    suite: str
    variant: str = ""
    n_total: int
    n_selected: int
    n_models: int = 1
    n_repeats: int = 1
    tags: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    thresholds: tuple[Threshold, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The coverage as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Coverage:
        """The coverage that ``to_dict`` gave."""
        tags = {tag: (counts[0], counts[1]) for tag, counts in data["tags"].items()}
        thresholds = tuple(Threshold(**threshold) for threshold in data["thresholds"])
        return cls(**{**data, "tags": tags, "thresholds": thresholds})

    def of_tag(self, tag: str | None) -> tuple[int, int]:
        """Cases in all and cases selected, of one tag or of all."""
        return self.tags.get(tag, (0, 0)) if tag is not None else (self.n_total, self.n_selected)


def is_whole_selection(coverages: Iterable[Coverage]) -> bool:
    """Whether every suite was meant to run as a whole."""
    return all(coverage.n_selected == coverage.n_total for coverage in coverages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What became of one threshold in one place.

    Attributes:
        threshold: The threshold.
        suite: Title of the suite it was judged on; None for the pooled run.
        model: The model it was judged on; None for the pooled run.
        status: What it comes to.
        metric: The number it was held against; None where there is none.
        reason: Why it is not met, invalid or not judged; None where it is met.
        is_uncertain: One end of the interval meets the bound and the other does not, so another run may turn
            out otherwise.
        is_implied: The bound is a setting's (error rate), not a threshold the user wrote.
    """

    threshold: Threshold
    suite: str | None
    model: str | None
    status: Status
    metric: Metric | None = None
    reason: str | None = None
    is_uncertain: bool = False
    is_implied: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The judgement as plain data."""
        return {
            "threshold": self.threshold.text,
            "suite": self.suite,
            "model": self.model,
            "status": self.status,
            "metric": self.metric.to_dict() if self.metric else None,
            "reason": self.reason,
            "uncertain": self.is_uncertain,
            "implied": self.is_implied,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The gate of a run: every threshold judged, and the worst of them.

    Attributes:
        status: The worst of the judgements.
        judgements: A judgement for each threshold and place it holds.
        summaries: The numbers that were judged, a summary for each suite and model.
        reason: Why the run as a whole is invalid; None where it is not.
    """

    status: Status
    judgements: tuple[Judgement, ...] = ()
    summaries: tuple[Summary, ...] = ()
    reason: str | None = None

    @property
    def fails(self) -> bool:
        """Whether this verdict alone makes the exit status 1."""
        return self.status in ("not met", "invalid")

    @property
    def explicit(self) -> tuple[Judgement, ...]:
        """The judgements on thresholds that the user wrote."""
        return tuple(item for item in self.judgements if not item.is_implied)

    def of(self, summary: Summary, metric: str) -> list[Judgement]:
        """The judgements on one metric of one summary, for all its cases."""
        return [
            item
            for item in self.judgements
            if (item.suite, item.model) == (summary.title, summary.model)
            and item.threshold.metric == metric
            and item.threshold.tag is None
            and not item.threshold.is_regression
        ]

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain data."""
        return {
            "status": self.status,
            "reason": self.reason,
            "thresholds": [item.to_dict() for item in self.judgements],
        }
