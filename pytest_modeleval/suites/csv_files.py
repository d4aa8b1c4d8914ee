"""CSV and TSV: tables with a header in the first row; every cell is text, kept as it stands."""

from __future__ import annotations

import csv
import io
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_modeleval.errors import DatasetError
from pytest_modeleval.suites.tables import Header, Row, Table, listed, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["read_csv"]

_SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons"}
_limit_lock = threading.Lock()


def read_csv(text: str, shown: str, separator: str = ",") -> Table:
    """The rows of a CSV file; each one's line is the first of its lines.

    Args:
        text: The whole file, line ends untouched.
        shown: The file, as messages name it.
        separator: What stands between cells: a comma, or a tab.

    Raises:
        DatasetError: For a header that can't name columns, a row that doesn't fit it, and broken
            quotes.
    """
    with _cells_as_long_as(text):
        lines = _lines(text, shown, separator)
        header = _header(lines, shown, separator)
        columns = header.columns
        n_columns = len(columns)
        rows: list[Row] = []
        for line, cells in lines:
            place = f"{shown}:{line}"
            if len(cells) != n_columns:
                if _is_blank(cells):
                    continue
                raise DatasetError(_misfit(place, cells, n_columns, separator))
            rows.append((place, dict(zip(columns, cells, strict=True))))
    return Table(rows=rows, header=header, is_text=True)


@contextmanager
def _cells_as_long_as(text: str) -> Iterator[None]:
    """Lift the csv module's limit of 128 KiB a cell, which is the whole process's, for a while."""
    with _limit_lock:
        previous = csv.field_size_limit()
        csv.field_size_limit(max(previous, len(text)))
        try:
            yield
        finally:
            csv.field_size_limit(previous)


def _lines(text: str, shown: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that isn't empty, with the number of its first line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise DatasetError(_broken(error, line, reader.line_num, shown)) from error


def _broken(error: csv.Error, first_line: int, last_line: int, shown: str) -> str:
    if "unexpected end of data" in str(error):
        return (
            f"{shown}:{first_line}: a quote opened in this row is never closed; "
            'close it, or write a quote inside a quoted cell as "".'
        )
    if "expected after" in str(error):
        return (
            f"{shown}:{last_line}: a closing quote is followed by more text; "
            'write a quote inside a quoted cell as "".'
        )
    return f"{shown}:{last_line}: {error}."


def _header(lines: Iterator[tuple[int, list[str]]], shown: str, separator: str) -> Header:
    """The first row, checked to name every column once."""
    line, cells = next((row for row in lines if not _is_blank(row[1])), (1, []))
    place = f"{shown}:{line}"
    names = [cell.strip() for cell in cells]
    if not names:
        raise DatasetError(f"{place}: the file has no header and so no cases.")
    if len(names) == 1:
        for other, name in _SEPARATORS.items():
            if other != separator and other in names[0]:
                hint = "; name the file .tsv" if name == "tabs" else ""
                raise DatasetError(
                    f"{place}: the header {quoted(names[0])} is one column with {name} in it; "
                    f"columns must be separated by {_SEPARATORS[separator]}{hint}."
                )
    if "" in names:
        raise DatasetError(
            f"{place}: column {names.index('') + 1} of the header has no name; "
            "give it one or remove the column."
        )
    twice = [name for name, n_times in Counter(names).items() if n_times > 1]
    if twice:
        raise DatasetError(f"{place}: the header names {listed(twice)} more than once.")
    return Header(place=place, columns=tuple(names))


def _is_blank(cells: list[str]) -> bool:
    """Whether these are the cells of a line that holds nothing but spaces."""
    return len(cells) == 1 and not cells[0].strip()


def _misfit(place: str, cells: list[str], n_columns: int, separator: str) -> str:
    n_cells = f"{len(cells)} cell{'s' * (len(cells) != 1)}"
    name = _SEPARATORS[separator]
    hint = f"put a cell that holds a {name[:-1]} in quotes"
    if len(cells) < n_columns:
        hint = f"add the {name}"
    return f"{place}: the row has {n_cells}, the header {n_columns}; {hint}."
