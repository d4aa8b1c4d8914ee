"""Tables: rows as a file or a function holds them, before they are checked as cases.

Every reader returns a ``Table``, and ``rows.to_cases`` is the only one to judge it. The words
in which messages show values and lists stand here too, so that all readers speak alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.cases import Case

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Header", "Row", "Table", "described", "listed", "quoted"]

_QUOTED_LENGTH = 60
_LISTED = 12

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
