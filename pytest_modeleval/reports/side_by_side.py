"""Side by side: several models over the same cases, and what each changes against the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modeleval.core.comparisons import compare_models
from pytest_modeleval.core.paired import LEVEL
from pytest_modeleval.core.summaries import records_of
from pytest_modeleval.core.words import counted
from pytest_modeleval.reports.compared import percent_text, points_text
from pytest_modeleval.reports.numbers import value_text
from pytest_modeleval.reports.tables import Line
from pytest_modeleval.reports.texts import columns, cut, one_line, padded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modeleval.core.comparisons import CasePair, Comparison
    from pytest_modeleval.core.judgements import Judgement, Status, Verdict
    from pytest_modeleval.core.summaries import Summary

__all__ = ["side_by_side"]

_METRICS = (
    ("accuracy", "accuracy", 9),
    ("p95_latency", "p95", 9),
    ("avg_cost", "avg cost", 10),
    ("error_rate", "errors", 8),
)
_COUNT = 6
_VERDICT = 14  # columns of the widest usual verdict, "thresholds" being its title
_MIN_WIDTH = 80
_MAX_IDS = 5
_WORST: tuple[Status, ...] = ("invalid", "not met", "inconclusive", "not judged")


def side_by_side(verdict: Verdict, *, width: int, is_verbose: bool = False) -> Iterator[Line]:
    """A table for each suite that was asked of several models; none where there is none.

    Args:
        verdict: The run's numbers and what was judged on them.
        width: Columns of the terminal.
        is_verbose: Name every case that differs.
    """
    by_suite: dict[str, list[Summary]] = {}
    for summary in verdict.summaries:
        if summary.model is not None:
            by_suite.setdefault(summary.title, []).append(summary)
    changes = {
        (item.suite, item.variant, item.model): item
        for item in compare_models(records_of(verdict.summaries))
    }
    for title, own in by_suite.items():
        if len(own) < 2:
            continue
        yield Line(text=cut(f"models side by side: {one_line(title)}", width))
        yield from _table(own, verdict, width)
        others = [changes.get((item.suite, item.variant, item.model)) for item in own[1:]]
        for comparison in others:
            if comparison is not None:
                yield from _difference(comparison, width, is_verbose=is_verbose)
        if sum(item is not None for item in others) > 1:
            yield Line(text="  (each p is of that comparison alone, though there are several)")
        yield Line()


def _table(own: Sequence[Summary], verdict: Verdict, width: int) -> Iterator[Line]:
    """A row for each model; a name that is too long for its column has a line of its own."""
    names = [one_line(summary.model or "") for summary in own]
    judged = [_judged(summary, verdict) for summary in own]
    has_verdicts = any(said for said, _ in judged)
    n_columns = sum(size for *_, size in _METRICS) + _COUNT + (_VERDICT if has_verdicts else 0)
    most = max(width, _MIN_WIDTH) - n_columns - 2
    room = max((columns(name) for name in names if columns(name) <= most), default=0)
    head = "".join(f"{label:>{size}}" for _, label, size in _METRICS) + f"{'n':>{_COUNT}}"
    yield Line(text=f"  {' ' * room}{head}{'  thresholds' if has_verdicts else ''}")
    for name, summary, (said, color) in zip(names, own, judged, strict=True):
        metrics = [(summary.metric(metric), size) for metric, _, size in _METRICS]
        cells = "".join(f"{value_text(item.value, item.unit):>{size}}" for item, size in metrics)
        cells += f" {metrics[0][0].n:>{_COUNT - 1}}"
        label = name
        if columns(name) > room:
            yield Line(text=cut(f"  {name}", width), color=color)
            label = ""
        yield Line(text=f"  {padded(label, room)}{cells}  {said}".rstrip(), color=color)


def _judged(summary: Summary, verdict: Verdict) -> tuple[str, str | None]:
    """What became of the thresholds of one model, the worst of it first, and its colour."""
    own = [item for item in verdict.explicit if _is_of(item, summary)]
    for status in _WORST:
        n = sum(item.status == status for item in own)
        if n:
            color = "red" if status in ("invalid", "not met") else "yellow"
            return (f"{n} {status}" if len(own) > 1 else status), color
    return ("met", "green") if own else ("", None)


def _is_of(item: Judgement, summary: Summary) -> bool:
    return (item.suite, item.model) == (summary.title, summary.model)


def _difference(comparison: Comparison, width: int, *, is_verbose: bool) -> Iterator[Line]:
    """What one model changes against the first, case by case."""
    models = [one_line(name or "") for name in (comparison.model, comparison.baseline_model)]
    title = f"  {models[0]} against {models[1]}:"
    if columns(title) > width:
        title = f"  {models[0]} against the first:"
    yield Line(text=cut(title, width))
    change = comparison.accuracy
    if change is None:
        yield Line(text="    accuracy  no case of both was scored", color="yellow")
    else:
        yield Line(text=f"    accuracy  {points_text(change)}")
        yield from _chance(comparison)
    for label, ratio in (("latency", comparison.latency), ("cost", comparison.cost)):
        if ratio is not None:
            yield Line(text=f"    {label:<9} {percent_text(ratio)}")
    for word, pairs in (("better", comparison.mended), ("worse", comparison.broke)):
        if pairs:
            ids = _ids(pairs, is_verbose=is_verbose)
            text = f"    {word} on {counted(len(pairs), 'case')}: {ids}"
            yield Line(text=text if is_verbose else cut(text, width))


def _chance(comparison: Comparison) -> Iterator[Line]:
    """Whether the difference of accuracy may be chance, and what it takes to know."""
    change, drop = comparison.accuracy, comparison.visible_drop
    if change is None or change.value == 0 or change.p is None:
        return
    if change.p < LEVEL:
        yield Line(text=f"{' ' * 14}hardly by chance")
        return
    needed = comparison.cases_needed or 0
    takes = f"; it takes about {_round(needed)} cases to tell" if needed > change.n else ""
    yield Line(text=f"{' ' * 14}which may well be chance{takes}")
    if drop is not None:
        sees = f"{comparison.cases_text} tell models apart from {drop * 100:.1f} points on"
        yield Line(text=f"{' ' * 14}{sees}")


def _round(n: int) -> str:
    """A number of cases to two digits: it is an estimate from few of them."""
    return f"{float(f'{n:.2g}'):,.0f}"


def _ids(pairs: Sequence[CasePair], *, is_verbose: bool) -> str:
    shown = pairs if is_verbose else pairs[:_MAX_IDS]
    return one_line(
        ", ".join(pair.after.case_id for pair in shown)
        + (", ..." if len(shown) < len(pairs) else "")
    )
