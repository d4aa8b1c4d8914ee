"""Rows: a metric with its interval, its count, its thresholds and their verdicts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_modeleval.core.metrics import usual_metrics
from pytest_modeleval.reports.numbers import NOT_AVAILABLE, bound_text, interval_text, value_text
from pytest_modeleval.reports.tables import Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_modeleval.core.judgements import Judgement, Status
    from pytest_modeleval.core.metrics import Metric
    from pytest_modeleval.core.summaries import Summary

__all__ = ["COLORS", "goes_without", "label_of", "metrics_shown", "rows_of", "telling"]

_LABELS = {"error_rate": "errors", "unscored_rate": "unscored", "macro_f1": "macro-F1"}

COLORS: Mapping[Status, str] = {
    "met": "green",
    "not met": "red",
    "invalid": "red",
    "not judged": "yellow",
    "inconclusive": "yellow",
}
"""What each verdict is shown in."""


def rows_of(label: str, metric: Metric | None, judged: Sequence[Judgement]) -> Iterator[Row]:
    """A metric with each of its thresholds; the number itself is written once."""
    number = Row(label=label, value=NOT_AVAILABLE)
    if metric is not None:
        bounds = [item.threshold.bound for item in judged]
        number = Row(
            label=label,
            value=value_text(metric.value, metric.unit, bound=bounds),
            interval=interval_text(metric),
            n=str(metric.n or ""),
        )
    if not judged:
        yield number
    for index, item in enumerate(judged):
        yield replace(
            number if index == 0 else Row(),
            bound=bound_text(item.threshold),
            verdict=item.status + (", uncertain" if item.is_uncertain else ""),
            color=_color(item),
        )


def _color(item: Judgement) -> str | None:
    """Green is met, yellow uncertain or not judged, red what fails; a setting that is met none."""
    if item.status != "met":
        return COLORS[item.status]
    if item.is_implied:
        return None
    return "yellow" if item.is_uncertain else COLORS["met"]


def label_of(name: str) -> str:
    """A metric as it is read; the name of a score is the user's own."""
    return _LABELS.get(name, name if name.startswith("score(") else name.replace("_", " "))


def metrics_shown(summary: Summary, judged: Sequence[Judgement]) -> list[str]:
    """The usual metrics, every score, whatever has a threshold, and what could not be scored."""
    scores = [f"score({name})" for name in summary.score_names]
    extra = [item.threshold.metric for item in judged if not item.is_implied]
    first, *others = usual = usual_metrics("terminal")
    names = [first, *(name for name in [*scores, *extra] if name not in usual), *others]
    if any(record.ttft_s is not None for record in summary.records):
        names[names.index("p95_latency") + 1 : 0] = ["p50_ttft", "p95_ttft"]
    if any(record.judge_cost_usd is not None for record in summary.records):
        names.append("judge_cost")
    if summary.n_unscored:
        names.append("unscored_rate")
    return list(dict.fromkeys(names))


def telling(judgements: Sequence[Judgement]) -> list[Judgement]:
    """The judgements that say anything, be it only why the run is invalid.

    A setting's bound is left out where it goes without saying, and where it is invalid beside a
    threshold or another such bound of the same suite and model: that is for the same reason.
    """
    failing = ("not met", "invalid")
    said = {
        (item.suite, item.model)
        for item in judgements
        if item.status in failing and not item.is_implied
    }
    found = []
    for item in judgements:
        place = (item.suite, item.model)
        if item.is_implied and item.status == "invalid":
            if place in said:
                continue
            said.add(place)
        elif goes_without(item):
            continue
        found.append(item)
    return found


def goes_without(item: Judgement) -> bool:
    """Whether a setting's bound goes without saying: no errors allowed, and none too many."""
    return item.is_implied and item.threshold.bound == 0 and item.status != "not met"
