"""Compared: what changed since the baseline, in words that need no course in statistics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_modeleval.core.paired import LEVEL
from pytest_modeleval.core.words import counted, out_of
from pytest_modeleval.reports.tables import Line
from pytest_modeleval.reports.texts import columns, cut, cut_where_they_part, one_line, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modeleval.core.comparisons import CaseNumbers, CasePair, Comparison
    from pytest_modeleval.core.judgements import Judgement
    from pytest_modeleval.core.paired import Change

__all__ = ["compared", "percent_text", "points_text"]

_PROSE = " " * 14  # before a sentence, which is never cut
_MAX_CASES = 10
_MAX_IDS = 5
_MIN_ANSWER = 28  # columns of an answer, so that before and after fit a line


def compared(
    comparisons: Sequence[Comparison],
    judgements: Sequence[Judgement],
    *,
    baseline: str,
    width: int,
    is_verbose: bool,
) -> Iterator[Line]:
    """The lines on every suite that the baseline has too.

    Args:
        comparisons: What changed.
        judgements: All judgements of the run; those on regressions are shown.
        baseline: What it is compared with, as it is shown.
        width: Columns of the terminal.
        is_verbose: Name every case.
    """
    yield Line(text=cut(f"compared with {baseline}", width))
    if not comparisons:
        yield Line(text="  the baseline has none of these suites", color="yellow")
    for comparison in comparisons:
        for line in _suite(comparison, width, is_verbose=is_verbose):
            is_prose = line.text.startswith(_PROSE)
            texts = wrapped(line.text, width, indent="") if is_prose else [cut(line.text, width)]
            for text in texts:
                yield Line(text=text, color=line.color)
    for item in judgements:
        if item.threshold.is_regression:
            place = f"{item.suite}: " if item.suite and len(comparisons) > 1 else ""
            found = f"{item.status}{_on(item, comparisons)}"
            yield Line(text=f"  {place}{item.threshold.text}: {found}", color=_color(item))
    yield Line()


def _on(item: Judgement, comparisons: Sequence[Comparison]) -> str:
    """``, on 1 of 10 cases`` where the others have nothing to be compared with."""
    for one in comparisons:
        n_new = len(one.added) + len(one.changed)
        if n_new and (one.title, one.model) == (item.suite, item.model):
            return f", on {out_of(len(one.pairs), len(one.pairs) + n_new, 'case')}"
    return ""


def _suite(comparison: Comparison, width: int, *, is_verbose: bool) -> Iterator[Line]:
    yield Line(
        text=f"  {one_line(comparison.title)}, {counted(len(comparison.pairs), 'case')} of both"
    )
    if comparison.model != comparison.baseline_model:
        yield Line(text=f"    model     {comparison.baseline_model} -> {comparison.model}")
    yield from _accuracy(comparison)
    if comparison.score_note:
        yield Line(text=f"    score     {comparison.score_note}", color="yellow")
    elif comparison.score is not None:
        yield Line(text=f"    score     {points_text(comparison.score)}")
    for label, change in (("latency", comparison.latency), ("cost", comparison.cost)):
        if change is not None:
            yield Line(text=f"    {label:<9} {percent_text(change)}")
    limit = None if is_verbose else _MAX_CASES
    yield from _cases("broke", comparison.broke, limit, width, color="red")
    yield from _cases("mended", comparison.mended, limit, width, color="green")
    for word, ids in (
        ("added", comparison.added),
        ("removed", comparison.removed),
        ("changed, so not compared", comparison.changed),
    ):
        if ids:
            shown = ", ".join(ids[:_MAX_IDS]) + (", ..." if len(ids) > _MAX_IDS else "")
            yield Line(text=f"    {len(ids)} {word}: {one_line(shown)}")


def _accuracy(comparison: Comparison) -> Iterator[Line]:
    """Before, after and the difference, and a line on what that says."""
    change, both = comparison.accuracy, comparison.accuracies
    if change is None or both is None:
        yield Line(text="    accuracy  no case of both was scored", color="yellow")
        return
    before, after = (f"{rate * 100:.1f} %" for rate in both)
    yield Line(text=f"    accuracy  {before} -> {after}: {points_text(change)}")
    if change.value == 0:
        return
    word = "better" if change.value > 0 else "worse"
    if change.p is not None and change.p < LEVEL:
        color = "green" if change.value > 0 else "red"
        yield Line(text=f"{_PROSE}{word}, and hardly by chance", color=color)
        return
    drop = comparison.visible_drop
    sees = "too few cases to see any drop"
    if drop is not None:
        sees = f"{comparison.cases_text} see a drop from {drop * 100:.1f} points on"
    yield Line(text=f"{_PROSE}{word}, which may well be chance; {sees}")


def points_text(change: Change) -> str:
    """``-2.8 points (-8.3 to +2.8), p 0.22``; the brackets hold the 95 % interval."""
    said = "no change" if change.value == 0 else f"{change.value * 100:+.1f} points"
    if change.low is not None and change.high is not None:
        said += f" ({change.low * 100:+.1f} to {change.high * 100:+.1f})"
    return said + _p(change)


def percent_text(change: Change) -> str:
    """``+3.1 % (-2.2 to +9.1 %), p 0.23``."""
    ends = [end for end in (change.value, change.low, change.high) if end is not None]
    digits = 0 if max(abs(end - 1) for end in ends) >= 0.1 else 1
    said = f"{(change.value - 1) * 100:+.{digits}f} %"
    if change.low is not None and change.high is not None:
        if math.isclose(change.low, change.high, rel_tol=1e-9):
            same = math.isclose(change.value, 1, rel_tol=1e-9)
            return "the same in each case" if same else f"{said} in each case"
        said += (
            f" ({(change.low - 1) * 100:+.{digits}f} to {(change.high - 1) * 100:+.{digits}f} %)"
        )
    return said + _p(change)


def _p(change: Change) -> str:
    if change.p is None or change.p == 1:
        return ""
    return f", p {change.p:.2g}" if change.p >= 0.001 else ", p < 0.001"


def _cases(
    word: str, pairs: Sequence[CasePair], limit: int | None, width: int, *, color: str
) -> Iterator[Line]:
    """The cases that became worse or better, with the answer before and after."""
    if not pairs:
        return
    yield Line(text=f"    {word}: {counted(len(pairs), 'case')}", color=color)
    for pair in pairs[:limit]:
        start = f"      {one_line(pair.after.case_id)}: "
        room = max((width - columns(start) - len(" -> ")) // 2, _MIN_ANSWER)
        before, after = cut_where_they_part(_said(pair.before), _said(pair.after), room)
        yield Line(text=f"{start}{before} -> {after}")
    if limit is not None and len(pairs) > limit:
        yield Line(text=f"      ... and {len(pairs) - limit} more; -v shows them all")


def _said(case: CaseNumbers) -> str:
    return one_line(case.output) if case.output is not None else case.outcome


def _color(item: Judgement) -> str:
    colors = {"met": "green", "not met": "red", "invalid": "red"}
    return colors.get(item.status, "yellow")
