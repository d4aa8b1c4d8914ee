"""Charts: where bars, ticks and marks stand; the template draws them as SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_modeleval.core.words import counted
from pytest_modeleval.reports.numbers import value_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modeleval.core.metrics import Metric
    from pytest_modeleval.core.thresholds import Unit

__all__ = [
    "HEIGHT",
    "WIDTH",
    "Bar",
    "Histogram",
    "Mark",
    "Range",
    "Trend",
    "histogram",
    "interval_range",
    "trend",
]

WIDTH, HEIGHT = 320, 96
"""Units of a chart, without its axis."""

_MAX_BINS = 32
_LOG_FROM = 30.0  # the ratio of the ends from which an axis is logarithmic
_REACH = 1.6  # how much farther than the values an axis may go for the sake of a bound
_EDGE = 8  # units above the highest bar
_PAD = 10  # units around the points of a trend
_MAX_TICKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar, in units of the chart; the text says what it counts."""

    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A line or a tick at a place of the axis."""

    x: float
    text: str
    kind: str = "tick"


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How values are distributed.

    Attributes:
        bars: A bar for each bin that holds any.
        ticks: Numbers along the axis.
        marks: Numbers that matter, as far as they are on the axis.
        is_log: The axis is logarithmic.
        said: The same in a sentence.
    """

    bars: Sequence[Bar]
    ticks: Sequence[Mark]
    marks: Sequence[Mark]
    is_log: bool
    said: str


def histogram(
    values: Sequence[float], unit: Unit, marks: Sequence[tuple[str, float, str]] = ()
) -> Histogram | None:
    """The distribution of these values; None where there is nothing to draw.

    Args:
        values: One for each answer.
        unit: What they count; rates are drawn from 0 to 1.
        marks: Label, value and kind of the numbers that matter.
    """
    if len(values) < 2 or (unit != "rate" and math.isclose(min(values), max(values))):
        return None
    low, high = (0.0, 1.0) if unit == "rate" else (min(values), max(values))
    for _, value, kind in marks:
        if kind == "bound" and high < value <= high * _REACH:
            high = value
    is_log = low > 0 and high / low > _LOG_FROM
    axis = _Axis(low, high, is_log=is_log)
    n_bins = 20 if unit == "rate" else min(max(math.ceil(math.sqrt(len(values)) * 2), 8), _MAX_BINS)
    counts = [0] * n_bins
    for value in values:
        counts[min(int(axis.share(value) * n_bins), n_bins - 1)] += 1
    width = WIDTH / n_bins
    bars = []
    for index, n in enumerate(counts):
        if n:
            height = max(n / max(counts) * (HEIGHT - _EDGE), 1.5)
            ends = [value_text(axis.value(i / n_bins), unit) for i in (index, index + 1)]
            text = f"{ends[0]} to {ends[1]}: {counted(n, 'answer')}"
            bars.append(
                Bar(
                    x=round(index * width + 0.5, 2),
                    y=round(HEIGHT - height, 2),
                    width=round(width - 1, 2),
                    height=round(height, 2),
                    text=text,
                )
            )
    known = [
        Mark(x=round(axis.share(value) * WIDTH, 2), text=label, kind=kind)
        for label, value, kind in marks
        if low <= value <= high
    ]
    said = ", ".join(f"{label} {value_text(value, unit)}" for label, value, _ in marks)
    return Histogram(
        bars=bars,
        ticks=_ticks(axis, unit),
        marks=known,
        is_log=is_log,
        said=f"{counted(len(values), 'answer')}: {said}"
        if said
        else counted(len(values), "answer"),
    )


class _Axis:
    """Where values stand between two ends."""

    def __init__(self, low: float, high: float, *, is_log: bool) -> None:
        self.low, self.high, self.is_log = low, high, is_log

    def share(self, value: float) -> float:
        """The place of a value, from 0 to 1."""
        low, high, at = (
            (math.log(self.low), math.log(self.high), math.log(max(value, self.low)))
            if self.is_log
            else (self.low, self.high, value)
        )
        return min(max((at - low) / (high - low), 0.0), 1.0)

    def value(self, share: float) -> float:
        """The value at a place."""
        if self.is_log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + (self.high - self.low) * share


def _ticks(axis: _Axis, unit: Unit) -> list[Mark]:
    """Round numbers along the axis."""
    if axis.is_log:
        first, last = math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high))
        found = [base * 10.0**power for power in range(first, last + 1) for base in (1, 2, 5)]
        inside = [value for value in found if axis.low <= value <= axis.high]
        if len(inside) > _MAX_TICKS:
            decades = [value for value in inside if math.isclose(math.log10(value) % 1, 0)]
            inside = decades if len(decades) > 1 else inside
        inside = inside[:: math.ceil(len(inside) / _MAX_TICKS)] if inside else []
    else:
        rough = (axis.high - axis.low) / 4
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(base * power for base in (1, 2, 2.5, 5, 10) if base * power >= rough * 0.99)
        count = math.ceil(axis.low / step)
        inside = []
        while count * step <= axis.high * (1 + 1e-9):
            inside.append(count * step)
            count += 1
    return [
        Mark(x=round(axis.share(value) * WIDTH, 2), text=_tick_text(value, unit))
        for value in inside
    ]


def _tick_text(value: float, unit: Unit) -> str:
    if unit == "rate":
        return f"{value * 100:.3g} %"
    if unit == "dollars":
        return f"${value:.6f}".rstrip("0").rstrip(".") if value else "$0"
    for name, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size * 0.999:
            return f"{value / size:.4g} {name}"
    return f"{value * 1e6:.4g} us" if value else "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """An interval, its number and its bounds as percentages of an axis."""

    low: float
    high: float
    value: float
    bounds: Sequence[float]


def interval_range(metric: Metric, bounds: Sequence[float]) -> Range | None:
    """Where a metric's interval stands; None where it has none.

    Rates stand between 0 and 1, all others between 0 and the largest of their numbers.
    """
    if metric.value is None or metric.low is None:
        return None
    known = [metric.value, metric.low, metric.high or 0.0, *bounds]
    end = 1.0 if metric.unit == "rate" else max(known) * 1.05
    if end <= 0:
        return None
    at = [round(min(number / end, 1.0) * 100, 2) for number in known]
    return Range(
        low=at[1],
        high=100.0 if metric.high is None else at[2],
        value=at[0],
        bounds=at[3:],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A number over runs.

    Attributes:
        points: Of each run that has it the place, a text, and whether its gate failed.
        path: The line through them.
        top: The number at the upper edge.
        bottom: The number at the lower edge.
    """

    points: Sequence[tuple[float, float, str, bool]]
    path: str
    top: str
    bottom: str


def trend(values: Sequence[tuple[float | None, str, bool]], unit: Unit) -> Trend | None:
    """A number over runs; None for fewer than two.

    Args:
        values: Of each run the number, what it is called, and whether its gate failed.
        unit: What it counts.
    """
    known = [value for value, _, _ in values if value is not None]
    if len(known) < 2:
        return None
    low, high = min(known), max(known)
    least = 0.02 if unit == "rate" else high * 0.1 or 1.0  # so that noise doesn't fill the chart
    if high - low < least:
        middle = (low + high) / 2
        low, high = middle - least / 2, middle + least / 2
    if unit == "rate":
        low, high = max(low, 0.0), min(high, 1.0)
    step = (WIDTH - 2 * _PAD) / (len(values) - 1)
    points = [
        (
            round(_PAD + index * step, 2),
            round(HEIGHT - _PAD - (value - low) / (high - low) * (HEIGHT - 2 * _PAD), 2),
            f"{name}: {value_text(value, unit)}",
            fails,
        )
        for index, (value, name, fails) in enumerate(values)
        if value is not None
    ]
    return Trend(
        points=points,
        path="M" + " L".join(f"{x} {y}" for x, y, _, _ in points),
        top=value_text(high, unit),
        bottom=value_text(low, unit),
    )
