"""Columns inside of columns: ``answers.text[0]`` names what stands deep in each row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.cases import Case
from pytest_modeleval.errors import DatasetError, did_you_mean
from pytest_modeleval.suites.tables import described, quoted

if TYPE_CHECKING:
    from collections.abc import Collection

    from pytest_modeleval.suites.tables import Row, Table

__all__ = ["with_nested"]

_PATH = re.compile(r"[^.\[\]]+(?:\.[^.\[\]]+|\[-?[0-9]{1,9}\])+")
_STEP = re.compile(r"[^.\[\]]+")


def with_nested(table: Table, columns: Collection[str]) -> Table:
    """``table`` with a column more for each path among ``columns``; nothing is taken from it.

    A path is a column, then ``.KEY`` and ``[INDEX]`` as often as wanted. A column that has the
    path for its name goes before. Where a row has nothing there, it is None.

    Raises:
        DatasetError: For a path that no row has, and one that leads through something else than
            mappings and lists.
    """
    for name in columns:
        if _PATH.fullmatch(name) and not _has_column(table, name):
            table = _with_path(table, _Path.of(name))
    return table


def _has_column(table: Table, name: str) -> bool:
    if table.header:
        return name in table.header.columns
    return any(name in row for _, row in table.rows if not isinstance(row, Case))


@dataclass(frozen=True, slots=True)
class _Path:
    """A path of a column and the steps below it.

    Attributes:
        name: The path, as the user wrote it.
        base: The column.
        steps: Each step below it: a key, or an index.
    """

    name: str
    base: str
    steps: tuple[str | int, ...]

    @classmethod
    def of(cls, name: str) -> _Path:
        """The path that ``name`` is."""
        found = list(_STEP.finditer(name))
        steps = [int(step[0]) if name[step.start() - 1] == "[" else step[0] for step in found[1:]]
        return cls(name, found[0][0], tuple(steps))


class _NothingThereError(Exception):
    """A path leads to nothing; the message says where it ends."""


def _with_path(table: Table, path: _Path) -> Table:
    """``table`` with one column more, unless none of its columns is the first of the path."""
    if not _has_column(table, path.base):
        return table  # said with the columns that there are, as of any other column
    rows: list[Row] = []
    ends: list[str] = []
    for place, row in table.rows:
        if isinstance(row, Case):
            rows.append((place, row))
            continue
        try:
            value = _follow(row.get(path.base), path, place)
        except _NothingThereError as end:
            ends.append(f"{place}: {end}")
            value = None
        rows.append((place, {**row, path.name: value}))
    if len(ends) == len(rows):
        raise DatasetError(ends[0])
    header = table.header
    if header:
        header = replace(header, columns=(*header.columns, path.name))
    return replace(table, rows=rows, header=header)


def _follow(value: Any, path: _Path, place: str) -> Any:
    """What ``path`` leads to from the value of its column.

    Raises:
        _NothingThereError: There is nothing.
        DatasetError: A step asks for a key or an index of something that has none.
    """
    at = path.base
    for step in path.steps:
        if value is None:
            raise _NothingThereError(f"no {quoted(path.name)}; {quoted(at)} is empty.")
        is_fit = isinstance(value, list | tuple) if isinstance(step, int) else _is_mapping(value)
        if not is_fit:
            wanted = "a list" if isinstance(step, int) else "a mapping"
            raise DatasetError(
                f"{place}: no {quoted(path.name)}; {quoted(at)} is {described(value)}, not {wanted}."
            )
        try:
            value = value[step]
        except LookupError:
            known = f"{len(value)} items"
            hint = "."
            if isinstance(step, str):
                keys = [key for key in value if isinstance(key, str)]
                known, hint = f"no {quoted(step)}", did_you_mean(step, keys) or "."
            raise _NothingThereError(
                f"no {quoted(path.name)}; {quoted(at)} has {known}{hint}"
            ) from None
        at += f"[{step}]" if isinstance(step, int) else f".{step}"
    return value


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)
