"""Thresholds: the bounds a team sets on its metrics, as they are written in pytest.ini.

[SUITE[TAG]:] METRIC >= | <= VALUE
[SUITE[TAG]:] METRIC regression <= VALUE
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

from pytest_modeleval.errors import UsageError, did_you_mean

__all__ = [
    "POOLED",
    "QUALITY_METRICS",
    "Threshold",
    "Unit",
    "metric_unit",
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
_NAMES: tuple[str, ...] = (
    *_RATES,
    "score(NAME)",
    "pass@K",
    "pass^K",
    *(f"{percentile}_{clock}" for clock in _CLOCKS for percentile in _PERCENTILES),
    "avg_cost",
    "total_cost",
)
QUALITY_METRICS = frozenset({"accuracy", "mean_score", "case_pass_rate", "macro_f1"})
"""Metrics that judge wrong answers, beside score(NAME), pass@K and pass^K."""

_SECONDS = {"us": Decimal("1e-6"), "ms": Decimal("1e-3"), "s": Decimal(1), "m": Decimal(60)}

_LINE = re.compile(
    r"""^(?: (?P<suite>[^\[\]:]*?) (?:\[(?P<tag>[^\[\]]*)\])? \s* : )? \s*
        (?P<metric>[\w@^]+ (?:\([^()]*\))?) \s*
        (?P<regression>regression\b)? \s*
        (?P<operator>>=|<=|==|=|>|<) \s* (?P<value>.*)$""",
    re.VERBOSE,
)


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
        where: Where the user wrote it, for messages.
    """

    text: str
    metric: str
    operator: Literal[">=", "<="]
    bound: float
    unit: Unit
    suite: str | None = None
    tag: str | None = None
    where: str = "model_eval_thresholds"

    def is_met_by(self, value: float) -> bool:
        """Whether ``value`` lies on the right side of the bound; equal is met."""
        return value >= self.bound if self.operator == ">=" else value <= self.bound

    @property
    def judges_answers(self) -> bool:
        """Whether this threshold decides about wrong answers, so that one alone fails nothing."""
        return self.metric in QUALITY_METRICS or self.metric.startswith(("score(", "pass"))


def metric_unit(metric: str) -> Unit | None:
    """What a metric counts, or None where there is no such metric."""
    if metric in _RATES or re.fullmatch(r"score\([^()]+\)|pass[@^][1-9]\d*", metric):
        return "rate"
    if metric in ("avg_cost", "total_cost"):
        return "dollars"
    return "seconds" if metric in _NAMES else None


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
        raise UsageError(
            f"{place}: not a threshold; write METRIC >= VALUE or METRIC <= VALUE, "
            "for example accuracy >= 90% or p95_latency <= 800ms"
        )
    suite, tag, metric = found["suite"], found["tag"], found["metric"]
    if suite is not None and not suite.strip() and tag is None:
        raise UsageError(f"{place}: nothing stands before the colon; name a suite or write all:")
    if tag is not None and not tag.strip():
        raise UsageError(f"{place}: the brackets hold no tag; name one or leave them out")
    unit = metric_unit(metric)
    if unit is None:
        raise UsageError(
            f"{place}: unknown metric {metric!r}{did_you_mean(metric, _NAMES)}"
            f"; known are {', '.join(_NAMES)}"
        )
    if found["regression"]:
        raise UsageError(
            f"{place}: a regression is measured against a baseline, which this version "
            "does not have yet; write an absolute threshold such as accuracy >= 90%"
        )
    operator = _parse_operator(found["operator"], metric, place)
    return Threshold(
        text=" ".join(line.split()),
        metric=metric,
        operator=operator,
        bound=_parse_bound(found["value"].strip(), metric, unit, place),
        unit=unit,
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
        if percent or number < 0 or number > 100:
            raise UsageError(f"{place}: a rate is between 0% and 100%, that is 0 and 1")
        shown = _words(number)
        raise UsageError(
            f"{place}: a rate is between 0 and 1; for {shown}percent write {number}% or "
            f"{number / 100}"
        )
    return float(value)


def parse_duration(text: str, place: str) -> float:
    """``800ms``, ``1.5s`` or ``2m`` as seconds; the unit is required.

    Raises:
        UsageError: Not a time with its unit, or not a positive one.
    """
    found = re.fullmatch(r"([^\sa-z]+)\s*(us|ms|s|m)?", text)
    number = _decimal(found[1]) if found else None
    if found is None or number is None:
        raise UsageError(f"{place}: {text!r} is not a time; write 800ms or 1.5s")
    if found[2] is None:
        raise UsageError(f"{place}: a time needs its unit; write {number}ms or {number}s")
    if number <= 0:
        raise UsageError(f"{place}: a time is more than 0")
    return float(number * _SECONDS[found[2]])


def _parse_operator(operator: str, metric: str, place: str) -> Literal[">=", "<="]:
    if operator == ">=":
        return ">="
    if operator == "<=":
        return "<="
    intended = "<=" if "<" in operator else ">="
    raise UsageError(f"{place}: {operator!r} is not a bound; write {metric} {intended} VALUE")


def _parse_bound(text: str, metric: str, unit: Unit, place: str) -> float:
    """The bound in the metric's unit."""
    if not text:
        raise UsageError(f"{place}: the value is missing")
    if unit == "rate":
        return parse_rate(text, place)
    if unit == "seconds":
        return parse_duration(text, place)
    number = _decimal(text.removeprefix("$"))
    if number is None or not text.startswith("$"):
        hint = f"${number}" if number is not None else "$0.002"
        raise UsageError(f"{place}: {metric} is in US dollars; write {hint}")
    if number < 0:
        raise UsageError(f"{place}: a cost is at least $0")
    return float(number)


def _decimal(text: str) -> Decimal | None:
    """An exact decimal number; None for anything else, NaN and infinities included."""
    if not re.fullmatch(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*", text, re.ASCII):
        return None
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        return None


def _words(number: Decimal) -> str:
    """The number that most people mean as a word, so that the sentence reads well."""
    names = {50: "fifty ", 80: "eighty ", 90: "ninety ", 95: "ninety-five ", 100: "a hundred "}
    return names.get(int(number), f"{number} ") if number == int(number) else f"{number} "
