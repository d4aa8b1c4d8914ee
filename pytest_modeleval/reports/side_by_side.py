"""Side by side: several models over the same cases, and what each changes against the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modeleval.core.comparisons import compare_models
from pytest_modeleval.core.summaries import records_of
from pytest_modeleval.reports.compared import points_text
from pytest_modeleval.reports.numbers import value_text
from pytest_modeleval.reports.tables import Line
from pytest_modeleval.reports.texts import columns, cut, one_line, padded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modeleval.core.summaries import Summary

__all__ = ["side_by_side"]

_METRICS = (
    ("accuracy", "accuracy", 10),
    ("p95_latency", "p95", 10),
    ("avg_cost", "avg cost", 11),
    ("error_rate", "errors", 9),
)
_MAX_NAME = 30


def side_by_side(summaries: Sequence[Summary], *, width: int) -> Iterator[Line]:
    """A table for each suite that was asked of several models; none where there is none.

    Args:
        summaries: The summaries of the run.
        width: Columns of the terminal.
    """
    by_suite: dict[str, list[Summary]] = {}
    for summary in summaries:
        if summary.model is not None:
            by_suite.setdefault(summary.title, []).append(summary)
    changes = {
        (item.suite, item.variant, item.model): item.accuracy
        for item in compare_models(records_of(summaries))
    }
    for title, own in by_suite.items():
        if len(own) < 2:
            continue
        names = [cut(one_line(summary.model or ""), _MAX_NAME) for summary in own]
        room = max(map(columns, names))
        head = "".join(f"{label:>{size}}" for _, label, size in _METRICS)
        yield Line(text=cut(f"models side by side: {one_line(title)}", width))
        yield Line(text=f"  {' ' * room}{head}")
        for name, summary in zip(names, own, strict=True):
            cells = [
                f"{value_text(summary.metric(metric).value, summary.metric(metric).unit):>{size}}"
                for metric, _, size in _METRICS
            ]
            yield Line(text=f"  {padded(name, room)}{''.join(cells)}")
        for name, summary in zip(names[1:], own[1:], strict=True):
            change = changes.get((summary.suite, summary.variant, summary.model))
            if change is not None:
                yield Line(text=cut(f"  {name} against {names[0]}:", width))
                yield Line(text=f"    accuracy {points_text(change)}")
        yield Line()
