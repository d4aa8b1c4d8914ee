"""Tables: numbers in columns that stay columns, in rows that fit the terminal."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from pytest_modeleval.reports.texts import columns, cut, padded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Line", "Row", "Widths", "aligned", "fitted"]

_WIDTHS = {"label": 12, "value": 10, "interval": 20, "n": 6, "bound": 10}
_NARROW_FIRST = ("interval", "n", "value", "bound", "label")
_MIN_WIDTH = 80  # a narrower terminal wraps rows, since half a row is no use
_GAPS = 7  # columns before the label and the interval, and around the bound

Widths = dict[str, int]
"""Columns of the terminal that each column of a table takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line, and its colour where it has one."""

    text: str = ""
    color: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The cells of one row as they are shown, and its colour where it has one."""

    label: str = ""
    value: str = ""
    interval: str = ""
    n: str = ""
    bound: str = ""
    verdict: str = ""
    color: str | None = None


def aligned(rows: Sequence[Row], widths: Widths, width: int) -> Iterator[Line]:
    """The rows as lines of at most ``width`` columns, every column in one place.

    A label that does not fit its column has a line of its own, and so has, as a last resort, a
    bound with its verdict.

    Args:
        rows: The rows.
        widths: What ``fitted`` gave for them and all others of the same section.
        width: Columns of the terminal; below 80 the rows are left to wrap.
    """
    width = max(width, _MIN_WIDTH)
    for row in rows:
        color = row.color
        if columns(row.label) >= widths["label"]:
            yield Line(text=cut(f"  {row.label}", width), color=color)
            row = replace(row, label="")  # noqa: PLW2901  (the rest of the same row)
        text = _text(row, widths)
        if columns(text) > width:
            yield Line(text=_text(replace(row, bound="", verdict=""), widths), color=color)
            text = f"{row.bound} {row.verdict}".rjust(width)
        yield Line(text=text, color=color)


def fitted(rows: Sequence[Row], width: int) -> Widths:
    """The widths of the columns of these rows.

    They are the same from run to run; where one has to hold more it grows, and where a row would
    be too long for ``width`` columns of the terminal they close up.
    """
    longest = {
        item.name: max((columns(getattr(row, item.name)) for row in rows), default=0)
        for item in fields(Row)
        if item.name != "color"
    }
    tight = {
        "label": min(longest["label"] + 1, _WIDTHS["label"]),
        "value": longest["value"] + 1,
        "interval": longest["interval"],
        "n": longest["n"] + 2,
        "bound": longest["bound"],
    }
    widths = {name: max(_WIDTHS[name], tight[name]) for name in _WIDTHS}
    widths["label"] = max(widths["label"], longest["label"] + 1)
    excess = _GAPS + sum(widths.values()) + longest["verdict"] - max(width, _MIN_WIDTH)
    for name in _NARROW_FIRST:
        cut_off = min(max(excess, 0), widths[name] - tight[name])
        widths[name] -= cut_off
        excess -= cut_off
    return widths


def _text(row: Row, widths: Widths) -> str:
    numbers = (
        f"{row.value:>{widths['value']}}  {row.interval:<{widths['interval']}}"
        f"{row.n:>{widths['n']}}"
    )
    bound = f"{row.bound:<{widths['bound']}} {row.verdict}"
    return f"  {padded(row.label, widths['label'])}{numbers}  {bound}".rstrip()
