"""Metrics: one number over many cases, with its count and its interval, and where each is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modeleval.core.thresholds import Unit

__all__ = ["AT_LEAST", "NOTHING_SCORED", "PERCENTS", "Metric", "Place", "usual_metrics"]

NOTHING_SCORED = "no case was asked and scored"
"""The note of a metric over no case at all."""


PERCENTS = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0}
"""The percentiles that there are metrics of, by how their names begin."""

AT_LEAST = "at least; "
"""How the note of a sum begins that lacks some of its parts."""

Place = Literal["file", "slice", "report", "terminal", "junit"]
"""Where metrics are shown: ``summary.json`` and the slices in it, what ``evaluate_model`` returns,
and pytest's own."""

_USUAL: Mapping[str, tuple[Place, ...]] = {
    "accuracy": ("file", "slice", "report", "terminal", "junit"),
    "mean_score": ("file", "report"),
    "p50_latency": ("file", "slice", "report", "terminal"),
    "p90_latency": ("file", "report"),
    "p95_latency": ("file", "slice", "report", "terminal", "junit"),
    "p99_latency": ("file", "report"),
    "max_latency": ("file", "report"),
    "p95_total": ("file",),
    "avg_cost": ("file", "slice", "report", "terminal", "junit"),
    "total_cost": ("file", "slice", "report", "terminal", "junit"),
    "error_rate": ("file", "slice", "report", "terminal", "junit"),
    "unscored_rate": ("file",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number over many cases.

    Attributes:
        name: Name of the metric.
        unit: What it counts: a rate in [0, 1], seconds, or US dollars.
        value: The number; None where it is not defined, with the reason in ``note``.
        low: Lower end of the 95 % interval; None where there is none.
        high: Upper end of the 95 % interval; None where there is none.
        n: Number of cases that the number is made of.
        note: What a reader has to know of it; None where there is nothing.
        is_complete: False where cases that should be in the number are not; such a number is
            shown and not judged.
        is_estimate: False for a fact of this run, such as a total or a maximum, that has no
            interval by nature; an estimate without one has too few cases.
    """

    name: str
    unit: Unit
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    note: str | None = None
    is_complete: bool = True
    is_estimate: bool = True

    @property
    def worst_first(self) -> tuple[float, float, float]:
        """What rates are sorted by so that the surely worst comes first, the unknown last."""
        if self.value is None:
            return (2.0, 2.0, 2.0)
        high = 1.0 if self.high is None else self.high
        return (high, self.value, 0.0 if self.low is None else self.low)

    def to_dict(self) -> dict[str, Any]:
        """The metric as plain data."""
        names = ("value", "low", "high", "n", "note")
        return {name: getattr(self, name) for name in names} | {"unit": self.unit}


def usual_metrics(place: Place) -> list[str]:
    """The metrics that are shown there whatever the thresholds are, in order."""
    return [name for name, places in _USUAL.items() if place in places]
