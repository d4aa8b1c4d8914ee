"""Tables: rows as a file or a function holds them, before they are checked as cases.

Every reader returns a ``Table``, and ``rows.to_cases`` is the only one to judge it. The words
in which messages show values and lists stand here too, so that all readers speak alike.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.cases import Case

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "Header",
    "Row",
    "Table",
    "described",
    "joined",
    "listed",
    "quoted",
    "shape",
    "unknown_key_hint",
]

_QUOTED_LENGTH = 60
_LISTED = 12
_MISSPELT_RATIO = 0.8

Row = tuple[str, Mapping[str, Any] | Case]
"""Where a row stands, as messages name it, and what it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The columns that all rows of a table share.

    Attributes:
        place: Where the header stands, as ``file:line``.
        columns: Names of the columns, in order.
    """

    place: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of one dataset, in order.

    Attributes:
        rows: Each row with its place.
        header: The columns of a CSV file; None where each row names its own.
        is_text: Whether all values are known to be exact text.
    """

    rows: Sequence[Row]
    header: Header | None = None
    is_text: bool = False


def joined(tables: Sequence[Table]) -> Table:
    """The rows of all of these, in order; with a header where all have the same columns."""
    headers = [table.header for table in tables]
    columns = {header.columns if header else None for header in headers}
    return Table(
        rows=[row for table in tables for row in table.rows],
        header=headers[0] if len(columns) == 1 else None,
        is_text=all(table.is_text for table in tables),
    )


def quoted(text: str) -> str:
    """``text`` in quotes, on one line, cut where it would swamp a message."""
    return repr(text if len(text) <= _QUOTED_LENGTH else text[:_QUOTED_LENGTH] + "…")


def described(value: Any) -> str:
    """What ``value`` is, in a few words of a message."""
    match value:
        case None:
            return "nothing"
        case str():
            return f"the text {quoted(value)}"
        case bool():
            return str(value).lower()
        case int() | float():
            # A huge number refuses to be shown, and a long one says no more than a short one.
            return str(value) if abs(value) < 10**_QUOTED_LENGTH else "a huge number"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case Mapping():
            return "a mapping" if value else "an empty mapping"
        case _:
            return f"a {type(value).__name__}"


def listed(names: Iterable[str]) -> str:
    """``'a', 'b' and 'c'``, cut after a dozen."""
    words = [quoted(name) for name in names]
    if len(words) > _LISTED:
        return f"{', '.join(words[:_LISTED])} and {len(words) - _LISTED} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def shape(part: str | None, kind: str = "an object") -> str:
    """What a document of JSON or YAML has to be, by the part of it that is asked for."""
    if part is None:
        return f"a list of cases, or {kind} whose key 'cases' holds one"
    return f"{kind} whose key {quoted(part)} holds a list of cases"


def unknown_key_hint(key: str, lists: Mapping[str, int], kind: str = "an object") -> str:
    """What would do where a document has ``key`` beside or instead of ``cases``.

    Args:
        key: The key.
        lists: Keys of lists that may be the cases, with their lengths.
        kind: What the document is.
    """
    if difflib.get_close_matches(key, ["cases"], cutoff=_MISSPELT_RATIO):
        return "; did you mean 'cases'?"
    if lists:
        likely = max(lists, key=lambda name: lists[name])
        part = quoted(f"#{likely}")
        return f"; if {quoted(likely)} holds the cases, write {part} after the file's name."
    return f"; expected {shape(None, kind)}."
