"""Sheets: the records as CSV, a row for each case, model and repeat.

The columns are those of ``Record`` after the run's id, always all and in that order. A text stands
as it is, any other value as JSON; a cell is empty where nothing is known.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modeleval.reports.base import Report

__all__ = ["COLUMNS", "render"]

COLUMNS = ("run_id", *(item.name for item in fields(Record)))
"""The columns, in order."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")  # noqa: RUF001
_NUL = "\u2400"  # the sign for it: programs in C take the character for the end of the cell


def render(report: Report) -> Iterator[str]:
    """The pieces of the file: the line of names, then a line for each record."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    yield buffer.getvalue()
    for record in report.records:
        buffer.seek(0)
        buffer.truncate()
        values = [getattr(record, name) for name in COLUMNS[1:]]
        writer.writerow([_cell(report.run_id), *map(_cell, values)])
        yield buffer.getvalue()


def _cell(value: Any) -> str:
    """A value as a cell that no spreadsheet computes.

    A text that begins like a formula, or with an apostrophe, has an apostrophe before it: whoever
    wants the text itself takes one away wherever a cell begins with one.
    """
    if value is None or value in ((), {}):
        return ""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, default=str).replace("\0", _NUL)
    text = value.replace("\0", _NUL)
    return f"'{text}" if text.startswith(_FORMULA) else text
