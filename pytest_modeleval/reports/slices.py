"""Slices: how the cases of each tag fared, the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modeleval.core.words import counted
from pytest_modeleval.reports.numbers import value_text
from pytest_modeleval.reports.rows import label_of, rows_of
from pytest_modeleval.reports.tables import Row
from pytest_modeleval.reports.texts import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modeleval.core.judgements import Judgement
    from pytest_modeleval.core.summaries import Summary

__all__ = ["slice_table"]

_MAX_SLICES = 8
_DETAILS = ("p95_latency", "avg_cost", "error_rate")


def slice_table(
    summary: Summary, judged: Sequence[Judgement], *, is_verbose: bool
) -> tuple[list[Row], list[str]]:
    """The rows of a suite's slices, and what is to be said below them; neither without tags.

    Args:
        summary: The suite's numbers.
        judged: The judgements on its slices; a slice that has one is always shown.
        is_verbose: Show every slice, each with its latency, cost and errors.
    """
    # A tag that all cases have says nothing that the suite's own numbers do not.
    parts = [part for part in summary.slices if len(part.records) < len(summary.records)]
    wanted = dict.fromkeys(item.threshold.tag for item in judged)
    shown = summary.slices if is_verbose else parts[:_MAX_SLICES]
    tags = {part.tag for part in shown}
    shown = [*shown, *(summary.of_tag(tag) for tag in wanted if tag not in tags)]
    if not shown:
        return [], []
    rows = [Row(label="by tag", value="accuracy")]
    for part in shown:
        own = [item for item in judged if item.threshold.tag == part.tag]
        rows += _rows(part, own, _DETAILS if is_verbose else ())
    notes = []
    n_more = len({part.tag for part in parts} - {part.tag for part in shown})
    if n_more:
        notes.append(f"... and {counted(n_more, 'more tag')}; -v shows them all")
    return rows, [*notes, *_what_stands_out(summary, parts)]


def _rows(part: Summary, judged: Sequence[Judgement], details: Sequence[str]) -> Iterator[Row]:
    """The rows of one slice: its accuracy, and below it whatever else is asked for."""
    known = [name for name in details if part.metric(name).value is not None]
    names = dict.fromkeys(["accuracy", *(item.threshold.metric for item in judged), *known])
    for name in names:
        own = [item for item in judged if item.threshold.metric == name]
        label = f"  {one_line(part.tag)}" if name == "accuracy" else f"    {label_of(name)}"
        yield from rows_of(label, part.metric(name), own)


def _what_stands_out(summary: Summary, parts: Sequence[Summary]) -> Iterator[str]:
    """How many slices surely differ from their suite, since of many small ones some look bad."""
    value = summary.metric("accuracy").value
    metrics = [part.metric("accuracy") for part in parts]
    known = [(item.low, item.high) for item in metrics if item.low is not None]
    if value is None or not known:
        return
    whole = f"the suite's {value_text(value, 'rate')}"
    n_out = sum(low > value or (high is not None and high < value) for low, high in known)
    if not n_out:
        each = "each interval holds" if len(known) > 1 else "its interval holds"
        yield f"no slice stands out: {each} {whole}"
    elif len(known) > 1:
        leave = "leaves" if n_out == 1 else "leave"
        of = f"{n_out} of {counted(len(known), 'interval')}"
        yield f"{of} {leave} out {whole}; by chance one in 20 does"
