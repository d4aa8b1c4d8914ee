"""Numbers as people read them: the unit at the value, and never rounded across a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_modeleval.core.summaries import Metric
    from pytest_modeleval.core.thresholds import Threshold, Unit

__all__ = ["NOT_AVAILABLE", "bound_text", "interval_text", "value_text"]

NOT_AVAILABLE = "n/a"
_MAX_DIGITS = 9
_DURATIONS = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6))


def value_text(value: float | None, unit: Unit, *, bound: float | None = None) -> str:
    """A number with its unit.

    Args:
        value: The number; None is shown as n/a.
        unit: What it counts.
        bound: The bound that the number is held against: digits are added until the rounded
            number lies on the same side of it as the number itself, so that 89.96 % is never
            shown as 90.0 % beside a bound of 90 %.
    """
    if value is None:
        return NOT_AVAILABLE
    digits = _first_digits(value, unit)
    while bound is not None and digits < _MAX_DIGITS and _crosses(value, bound, unit, digits):
        digits += 1
    return _text(value, unit, digits)


def interval_text(metric: Metric) -> str:
    """The 95 % interval, its unit said once: ``83.0 to 96.6 %``."""
    if metric.low is None and metric.high is None:
        return ""
    ends = [end for end in (metric.low, metric.high, metric.value) if end is not None]
    scale, suffix, prefix = _scale(max(ends), metric.unit)
    digits = max(_digits_of(end / scale, metric.unit) for end in ends)
    shown = [
        NOT_AVAILABLE if end is None else f"{prefix}{end / scale:.{digits}f}"
        for end in (metric.low, metric.high)
    ]
    if metric.high is None:
        return f"{shown[0]}{suffix} to {NOT_AVAILABLE}"
    return f"{shown[0]} to {shown[1]}{suffix}"


def bound_text(threshold: Threshold) -> str:
    """The bound of a threshold as the user wrote it: ``>= 90%``."""
    return threshold.operator + " " + threshold.text.rpartition("=")[2].strip()


def _text(value: float, unit: Unit, digits: int) -> str:
    scale, suffix, prefix = _scale(value, unit)
    return f"{prefix}{value / scale:.{digits}f}{suffix}"


def _scale(value: float, unit: Unit) -> tuple[float, str, str]:
    """What a number is divided by, and what is written behind and before it."""
    if unit == "rate":
        return 0.01, " %", ""
    if unit == "dollars":
        return 1.0, "", "$"
    for name, size in _DURATIONS:
        if value >= size:
            return size, f" {name}", ""
    return 1e-6, " us", ""


def _first_digits(value: float, unit: Unit) -> int:
    return _digits_of(value / _scale(value, unit)[0], unit)


def _digits_of(value: float, unit: Unit) -> int:
    """Digits behind the point: one for a rate, three that count for a time, two for money."""
    if unit == "rate":
        return 1
    if unit == "dollars":
        if value == 0 or value >= 1:
            return 2
        return min(
            next(d for d in range(2, 13) if value >= 10.0 ** (1 - d) or d == 12), _MAX_DIGITS
        )
    if value >= 100:
        return 0
    return 1 if value >= 10 else 2


def _crosses(value: float, bound: float, unit: Unit, digits: int) -> bool:
    """Whether rounding moves the number onto the bound or past it."""
    scale = _scale(value, unit)[0]
    rounded = round(value / scale, digits)
    against = bound / scale
    if value == bound:
        return False
    tolerance = 1e-9 * max(abs(against), 1.0)
    if abs(rounded - against) <= tolerance:
        return True
    return (rounded < against) != (value < bound)
