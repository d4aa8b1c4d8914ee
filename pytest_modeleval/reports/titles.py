"""Titles: what became of a run in one line, and its judgements with the worst first."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, get_args

from pytest_modeleval.core.judgements import Status
from pytest_modeleval.core.words import counted
from pytest_modeleval.reports.numbers import bound_text, interval_text, value_text
from pytest_modeleval.reports.rows import label_of, telling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_modeleval.core.judgements import Judgement, Verdict
    from pytest_modeleval.core.metrics import Metric
    from pytest_modeleval.core.summaries import Summary

__all__ = ["WORST_FIRST", "has_no_gate", "number_text", "readable_bound", "title_of", "worst_first"]

WORST_FIRST: tuple[Status, ...] = get_args(Status)[::-1]

_SHORT: Mapping[str, str] = {"p95_latency": "p95", "avg_cost": "cost"}
_TITLE_METRICS = ("accuracy", "p95_latency", "avg_cost")
_MAX_OTHERS = 3


def title_of(verdict: Verdict, show: Callable[[str], str] = str) -> str:
    """``accuracy 91.2 % (≥ 90 %), p95 640 ms, $0.0019 per case: met``.

    Of several suites or models what is not met is named, else how many thresholds are met.

    Args:
        verdict: The verdict.
        show: What users have named is shown through this.
    """
    status = "no thresholds" if has_no_gate(verdict) else verdict.status
    if verdict.reason:
        return f"{status}: {show(verdict.reason)}"
    if len(verdict.summaries) == 1:
        parts = list(_of_one(verdict, verdict.summaries[0], show))
        return f"{', '.join(parts)}: {status}" if parts else status
    return f"{_of_several(verdict, show)}: {status}"


def worst_first(verdict: Verdict) -> list[Judgement]:
    """The judgements that say anything: the worst verdict first, then what is furthest off."""
    return sorted(
        telling(verdict.judgements),
        key=lambda item: (WORST_FIRST.index(item.status), item.is_implied, -_off(item)),
    )


def has_no_gate(verdict: Verdict) -> bool:
    """Whether the run was measured and not judged."""
    return not verdict.explicit and verdict.status in ("met", "not judged")


def number_text(item: Judgement) -> str:
    """What a threshold was held against: ``50.0 % (95 % interval 9.5 to 90.5 %, n 2)``."""
    metric = item.metric
    if metric is None:
        return ""
    about = [f"95 % interval {interval}"] if (interval := interval_text(metric)) else []
    about += [f"n {metric.n}"] if metric.n else []
    value = value_text(metric.value, metric.unit, bound=item.threshold.bound)
    return f"{value} ({', '.join(about)})" if about else value


def readable_bound(item: Judgement) -> str:
    """``≥ 90 %`` for ``>= 90%``."""
    text = bound_text(item.threshold).replace(">=", "≥").replace("<=", "≤")
    return re.sub(r"\s*%", " %", text)


def _of_one(verdict: Verdict, summary: Summary, show: Callable[[str], str]) -> Iterator[str]:
    """The usual numbers, and whatever else is judged and not met."""
    for name in _TITLE_METRICS:
        metric = summary.metric(name)
        judged = [item for item in verdict.of(summary, name) if not item.is_implied]
        if metric.value is not None or judged:
            yield _part(metric, judged)
    said = [item for name in _TITLE_METRICS for item in verdict.of(summary, name)]
    others = [item for item in worst_first(verdict) if _fails(item) and item not in said]
    for item in others[:_MAX_OTHERS]:
        yield f"{_judged_text(item, show, names_suite=False)} {item.status}"


def _fails(item: Judgement) -> bool:
    return item.status in ("invalid", "not met")


def _part(metric: Metric, judged: Sequence[Judgement]) -> str:
    value = value_text(metric.value, metric.unit, bound=[item.threshold.bound for item in judged])
    text = f"{_SHORT.get(metric.name, label_of(metric.name))} {value}"
    if metric.name == "avg_cost" and metric.value is not None:
        text = f"{value} per case"
    bounds = ", ".join(map(readable_bound, judged))
    return f"{text} ({bounds})" if bounds else text


def _of_several(verdict: Verdict, show: Callable[[str], str]) -> str:
    """What fails by name, else how many thresholds came to what."""
    n_suites = len({item.title for item in verdict.summaries})
    n_models = len({item.model for item in verdict.summaries if item.model})
    parts = [counted(n_suites, "suite"), counted(n_models, "model")]
    failing = [item for item in worst_first(verdict) if _fails(item)]
    parts += [f"{_judged_text(item, show)} {item.status}" for item in failing[:_MAX_OTHERS]]
    if len(failing) > _MAX_OTHERS:
        parts.append(f"{counted(len(failing) - _MAX_OTHERS, 'threshold')} more")
    if not failing and verdict.explicit:
        counts = Counter(item.status for item in verdict.explicit)
        said = [f"{counts[status]} {status}" for status in WORST_FIRST if counts[status]]
        parts.append(f"thresholds {', '.join(said)}")
    return ", ".join(parts)


def _judged_text(item: Judgement, show: Callable[[str], str], *, names_suite: bool = True) -> str:
    """``tickets, [angry]: accuracy 71.0 % (≥ 80 %)``."""
    threshold, metric = item.threshold, item.metric
    tag = threshold.tag and f"[{threshold.tag}]"
    place = ", ".join(show(name) for name in (item.suite if names_suite else None, tag) if name)
    name = threshold.metric
    label = show(name) if name.startswith("score(") else label_of(name)
    kind = " regression" if threshold.is_regression else ""
    value = f" {value_text(metric.value, metric.unit, bound=threshold.bound)}" if metric else ""
    text = f"{label}{kind}{value} ({readable_bound(item)})"
    return f"{place}: {text}" if place else text


def _off(item: Judgement) -> float:
    """How far a number is from its bound, relative to it."""
    if item.metric is None or item.metric.value is None:
        return 0.0
    bound = item.threshold.bound
    return abs(item.metric.value - bound) / (abs(bound) or 1.0)
