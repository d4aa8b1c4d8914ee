"""Numbers as people read them: the unit at the value, and never rounded across a bound."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING

from pytest_modeleval.core.thresholds import is_equal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modeleval.core.metrics import Metric
    from pytest_modeleval.core.thresholds import Threshold, Unit

__all__ = ["NOT_AVAILABLE", "bound_text", "interval_text", "value_text"]

NOT_AVAILABLE = "n/a"
_MAX_DIGITS = 12
_DURATIONS = (("s", Decimal(1)), ("ms", Decimal("1e-3")), ("us", Decimal("1e-6")))
_PRECISE = Context(prec=400, rounding=ROUND_HALF_UP)  # digits enough for any float


def value_text(
    value: float | None, unit: Unit, *, bound: float | Sequence[float] | None = None
) -> str:
    """A number with its unit.

    Args:
        value: The number; None is shown as n/a.
        unit: What it counts.
        bound: The bounds that the number is held against: digits are added until the rounded
            number lies on the same side of each as the number itself, so that 89.96 % is never
            shown as 90.0 % beside a bound of 90 %. A number on a bound is shown with the digits
            of the bound.
    """
    if value is None:
        return NOT_AVAILABLE
    given = () if bound is None else (bound,) if isinstance(bound, int | float) else bound
    number = next((item for item in given if is_equal(value, item)), value)
    if number == 0 and unit == "dollars":
        return "$0"
    scale, suffix, prefix = _scale(number, unit)
    digits = _digits_of(number, scale, unit)
    while digits < _MAX_DIGITS and any(_crosses(number, item, scale, digits) for item in given):
        digits += 1
    return f"{prefix}{_rounded(number, scale, digits):f}{suffix}"


def interval_text(metric: Metric) -> str:
    """The 95 % interval, its unit said once: ``83.0 to 96.6 %``."""
    if metric.low is None and metric.high is None:
        return ""
    known = [end for end in (metric.low, metric.high, metric.value) if end is not None]
    if metric.unit == "dollars" and not any(known):
        return "$0 to $0"
    scale, suffix, prefix = _scale(max(known), metric.unit)
    digits = max(_digits_of(end, scale, metric.unit) for end in known)
    low, high = (
        NOT_AVAILABLE if end is None else f"{prefix}{_rounded(end, scale, digits):f}"
        for end in (metric.low, metric.high)
    )
    if metric.high is None:
        return f"{low}{suffix} to {NOT_AVAILABLE}"
    return f"{low} to {high}{suffix}"


def bound_text(threshold: Threshold) -> str:
    """The bound of a threshold as the user wrote it: ``>= 90%``."""
    return threshold.operator + " " + threshold.text.rpartition("=")[2].strip()


def _rounded(number: float, scale: Decimal, digits: int) -> Decimal:
    return (Decimal(number) / scale).quantize(Decimal(1).scaleb(-digits), context=_PRECISE)


def _crosses(number: float, bound: float, scale: Decimal, digits: int) -> bool:
    """Whether rounding moves the number onto the bound, off it, or past it.

    The bound is the number that its shortest text says, which is what the user wrote.
    """
    shown = _rounded(number, scale, digits) * scale
    side = (number > bound) - (number < bound)
    return shown.compare(Decimal(repr(float(bound)))) != side


def _scale(number: float, unit: Unit) -> tuple[Decimal, str, str]:
    """What a number is divided by, and what is written behind and before it."""
    if unit == "rate":
        return Decimal("0.01"), " %", ""
    if unit == "dollars":
        return Decimal(1), "", "$"
    for name, size in _DURATIONS:
        if number >= size:
            return size, f" {name}", ""
    return _DURATIONS[-1][1], " us", ""


def _digits_of(value: float, scale: Decimal, unit: Unit) -> int:
    """Digits behind the point: one for a rate, three that count for a time, two for money."""
    number = Decimal(repr(float(value))) / scale
    if unit == "rate":
        return 1
    if unit == "seconds":
        return 0 if number >= 100 else 1 if number >= 10 else 2
    if number == 0 or number >= 1:
        return 2
    return min(max(1 - number.adjusted(), 2), _MAX_DIGITS)
