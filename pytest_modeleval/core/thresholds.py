"""Thresholds: the bounds a team sets on its metrics, as they are written in pytest.ini.

[SUITE[TAG]:] METRIC >= | <= VALUE
[SUITE[TAG]:] METRIC regression <= VALUE
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from pytest_modeleval.errors import UsageError, did_you_mean

__all__ = [
    "POOLED",
    "QUALITY_METRICS",
    "Threshold",
    "Unit",
    "is_equal",
    "metric_unit",
    "parse_dollars",
    "parse_duration",
    "parse_rate",
    "parse_threshold",
]

Unit = Literal["rate", "seconds", "dollars"]

POOLED = "all"
"""The scope that pools all suites and models of a run."""

_CLOCKS = ("latency", "total", "ttft")
_PERCENTILES = ("p50", "p90", "p95", "p99", "max")
_RATES = ("accuracy", "mean_score", "case_pass_rate", "error_rate", "unscored_rate", "macro_f1")
_TIMES = tuple(f"{percentile}_{clock}" for clock in _CLOCKS for percentile in _PERCENTILES)
_COSTS = ("avg_cost", "total_cost", "judge_cost")
_PLACEHOLDERS = ("score(NAME)", "pass@K", "pass^K")
_NAMES = (*_RATES, *_PLACEHOLDERS, *_TIMES, *_COSTS)
_SMALL_IS_GOOD = frozenset({"error_rate", "unscored_rate", *_TIMES, *_COSTS})
QUALITY_METRICS = frozenset({"accuracy", "mean_score", "case_pass_rate", "macro_f1"})
"""Metrics that judge wrong answers, beside score(NAME), pass@K and pass^K."""

_TOLERANCE = 1e-9
"""Relative difference up to which two numbers are equal: far above what sums of floats lose, far
below what a case more or less makes."""

_SECONDS = {"us": Decimal("1e-6"), "ms": Decimal("1e-3"), "s": Decimal(1), "m": Decimal(60)}

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?"
_TIME = re.compile(rf"({_NUMBER})\s*(us|ms|s|m)?", re.ASCII)

_LINE = re.compile(
    r"""^(?: (?P<suite>[^\[\]:]*?) (?:\[(?P<tag>[^\[\]]*)\])? \s* : )? \s*
        (?P<metric>[\w@^]+ (?:\([^()]*\))?) \s*
        (?P<regression>regression\b)? \s*
        (?P<operator>>=|<=|=>|=<|==|=|>|<) \s* (?P<value>.*)$""",
    re.VERBOSE,
)
_TAG_BEHIND = re.compile(r"(?P<metric>[\w@^]+)\s*\[(?P<tag>[^\[\]]+)\]\s*(?P<rest>[<>=].*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A bound on one metric.

    Attributes:
        text: The threshold as it is shown, with its scope.
        metric: Name of the metric.
        operator: Which side of the bound is met; equal is met.
        bound: The bound in the metric's own unit: a rate in [0, 1], seconds, or US dollars.
        unit: What the bound counts.
        suite: Name of the suite it holds for; None for each suite by itself; "all" pools the run.
        tag: The tag of the cases it holds for, or None for all cases.
        is_regression: The bound is on how much worse than the baseline the metric may be: in
            points for rates, relative for times and costs.
        where: Where the user wrote it, for messages.
    """

    text: str
    metric: str
    operator: Literal[">=", "<="]
    bound: float
    unit: Unit
    suite: str | None = None
    tag: str | None = None
    is_regression: bool = False
    where: str = "model_eval_thresholds"

    def is_met_by(self, value: float) -> bool:
        """Whether ``value`` lies on the right side of the bound; equal is met."""
        if is_equal(value, self.bound):
            return True
        return value >= self.bound if self.operator == ">=" else value <= self.bound

    @property
    def judges_answers(self) -> bool:
        """Whether this threshold decides about wrong answers, so that one alone fails nothing.

        An upper bound, which wrong answers can only help to meet, does not.
        """
        counts = self.metric in QUALITY_METRICS or self.metric.startswith(("score(", "pass"))
        return counts and (self.operator == ">=" or self.is_regression)


def is_equal(value: float, bound: float) -> bool:
    """Whether a number lies on a bound, give or take what a sum of floats loses.

    Three calls of $0.1 cost $0.30000000000000004, which is within a bound of $0.3.
    """
    return math.isclose(value, bound, rel_tol=_TOLERANCE)


def metric_unit(metric: str) -> Unit | None:
    """What a metric counts, or None where there is no such metric."""
    if metric in _RATES or re.fullmatch(r"score\([^()]+\)|pass[@^][1-9]\d*", metric):
        return "rate"
    if metric in _COSTS:
        return "dollars"
    return "seconds" if metric in _TIMES else None


def parse_threshold(line: str, *, where: str = "model_eval_thresholds") -> Threshold:
    """One line of the grammar.

    Args:
        line: The line, such as ``tickets[angry]: accuracy >= 90%``.
        where: Where the user wrote it; every message begins with it.

    Raises:
        UsageError: The line is not of the grammar; the message says what would be.
    """
    place = f"{where}: {line.strip()!r}"
    found = _LINE.match(line.strip())
    if found is None:
        tagged = _TAG_BEHIND.fullmatch(line.strip())
        raise UsageError(
            f"{place}: not a threshold; "
            + (
                f"a tag stands first: [{tagged['tag']}]: {tagged['metric']} {tagged['rest']}"
                if tagged
                else "write METRIC >= VALUE or METRIC <= VALUE, for example accuracy >= 90% or "
                "p95_latency <= 800ms"
            )
        )
    suite, tag, metric = found["suite"], found["tag"], found["metric"]
    if suite is not None and not suite.strip() and tag is None:
        raise UsageError(f"{place}: nothing stands before the colon; name a suite or write all:")
    if tag is not None and not tag.strip():
        raise UsageError(f"{place}: the brackets hold no tag; name one or leave them out")
    unit = metric_unit(metric)
    if unit is None:
        raise UsageError(f"{place}: unknown metric {metric!r}{_advice(metric)}")
    is_regression = found["regression"] is not None
    value = found["value"].strip()
    operator: Literal[">=", "<="]
    if is_regression:
        operator = _parse_worse(found["operator"], metric, tag, suite, place)
        bound = _parse_tolerance(value, place)
    else:
        operator = _parse_operator(found["operator"], metric, place)
        bound = _parse_bound(value, metric, unit, place)
    return Threshold(
        text=" ".join(line.split()),
        metric=metric,
        operator=operator,
        bound=bound,
        unit=unit,
        is_regression=is_regression,
        suite=(suite or "").strip() or None,
        tag=tag.strip() if tag is not None else None,
        where=where,
    )


def parse_rate(text: str, place: str) -> float:
    """``90%`` or ``0.9`` as a number in [0, 1].

    Raises:
        UsageError: Not a number, or out of range.
    """
    percent = text.endswith("%")
    number = _decimal(text.removesuffix("%"))
    if number is None:
        raise UsageError(f"{place}: {text!r} is not a rate; write 90% or 0.9")
    value = number / 100 if percent else number
    if not 0 <= value <= 1:
        if percent or not 0 <= number <= 100:
            raise UsageError(f"{place}: a rate is between 0% and 100%, that is 0 and 1")
        raise UsageError(
            f"{place}: a rate is between 0 and 1; for {_words(number)} percent write "
            f"{_digits(number)}% or {_digits(number / 100)}"
        )
    return _float(value, text, place)


def parse_duration(text: str, place: str) -> float:
    """``800ms``, ``1.5s`` or ``2m`` as seconds; the unit is required.

    Raises:
        UsageError: Not a time with its unit, or not a positive one.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise UsageError(f"{place}: {text!r} is not a time; write 800ms or 1.5s")
    number = Decimal(found[1])
    if number <= 0:
        raise UsageError(f"{place}: a time is more than 0")
    if found[2] is None:
        digits = _digits(number)
        raise UsageError(f"{place}: a time needs its unit; write {digits}ms or {digits}s")
    return _float(number * _SECONDS[found[2]], text, place)


def parse_dollars(text: str, place: str, *, what: str = "a cost") -> float:
    """``$0.002`` as a number of US dollars; the sign is required.

    Raises:
        UsageError: Not an amount with its sign, or less than 0.
    """
    number = _decimal(text.removeprefix("$"))
    if number is not None and number < 0:
        raise UsageError(f"{place}: a cost is at least $0")
    if number is None or not text.startswith("$"):
        hint = f"${_digits(number)}" if number is not None else "$0.002"
        raise UsageError(f"{place}: {what} is in US dollars; write {hint}")
    return _float(number, text, place)


def _parse_operator(operator: str, metric: str, place: str) -> Literal[">=", "<="]:
    if operator == ">=":
        return ">="
    if operator == "<=":
        return "<="
    if "<" in operator or ">" in operator:
        intended = "<=" if "<" in operator else ">="
    else:
        intended = "<=" if metric in _SMALL_IS_GOOD else ">="
    raise UsageError(f"{place}: {operator!r} is not a bound; write {metric} {intended} VALUE")


def _parse_worse(
    operator: str, metric: str, tag: str | None, suite: str | None, place: str
) -> Literal["<="]:
    """The operator of a regression, which is always an upper bound on what gets worse."""
    if metric not in ("accuracy", "mean_score", *_COSTS[:2]) and not metric.endswith("_latency"):
        raise UsageError(
            f"{place}: a regression is compared case by case, which {metric} is not; known are "
            "accuracy, mean_score, p95_latency (and its like) and avg_cost"
        )
    if tag is not None or (suite or "").strip() == POOLED:
        raise UsageError(f"{place}: a regression is judged on whole suites; leave out the scope")
    if operator != "<=":
        raise UsageError(f"{place}: a regression has an upper bound: {metric} regression <= 2%")
    return "<="


def _parse_tolerance(text: str, place: str) -> float:
    """``2%`` or ``0.02`` as a number; of a time or cost it may be above 1."""
    number = _decimal(text.removesuffix("%"))
    if number is None or number < 0:
        raise UsageError(f"{place}: {text!r} is not a tolerance; write 2% or 0.02")
    if not text.endswith("%") and number >= 1:
        raise UsageError(
            f"{place}: for {_words(number)} percent write {_digits(number)}% or "
            f"{_digits(number / 100)}"
        )
    return _float(number / 100 if text.endswith("%") else number, text, place)


def _parse_bound(text: str, metric: str, unit: Unit, place: str) -> float:
    """The bound in the metric's unit."""
    if not text:
        raise UsageError(f"{place}: the value is missing")
    if unit == "rate":
        return parse_rate(text, place)
    if unit == "seconds":
        return parse_duration(text, place)
    return parse_dollars(text, place, what=metric)


def _advice(metric: str) -> str:
    """What to write instead of a metric that there is not."""
    known = f"known are {', '.join(_NAMES)}"
    if metric in _PLACEHOLDERS:
        return f"; K stands for a number, as in pass@3; {known}"
    hint = did_you_mean(metric, [name for name in _NAMES if name not in _PLACEHOLDERS])
    return f"{hint} The names {known}" if hint else f"; {known}"


def _decimal(text: str) -> Decimal | None:
    """An exact decimal number; None for anything else, NaN and infinities included."""
    text = text.strip()
    return Decimal(text) if re.fullmatch(_NUMBER, text, re.ASCII) else None


def _float(number: Decimal, text: str, place: str) -> float:
    """The number as a float, refused where that would be infinite, or 0 for what is not 0."""
    value = float(number)
    if math.isinf(value) or (value == 0 and number != 0):
        raise UsageError(f"{place}: {text!r} is beyond what can be measured")
    return value


def _digits(number: Decimal) -> str:
    """The number without an exponent (90 for 9e1) unless that would be all noughts."""
    return f"{number.normalize():f}" if abs(number.adjusted()) < 20 else str(number)


def _words(number: Decimal) -> str:
    """The number that most people mean as a word, so that the sentence reads well."""
    names = {50: "fifty", 80: "eighty", 90: "ninety", 95: "ninety-five", 100: "a hundred"}
    return names.get(int(number), _digits(number)) if number == int(number) else _digits(number)
