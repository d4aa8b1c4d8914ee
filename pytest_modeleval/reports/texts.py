"""Texts of models and files made fit to show: model output is data, whatever it holds."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "columns",
    "cut",
    "cut_where_they_part",
    "encodable",
    "inert",
    "one_line",
    "padded",
    "squeezed",
    "visible",
    "wrapped",
]

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_DIGITS = {ord(bar): str(height) for height, bar in enumerate("▁▂▃▄▅▆▇█", start=1)}
_COMMAND = re.compile(r"^(\s*)::", re.MULTILINE)
_HASHED = re.compile(r"#(?=#(?:vso)?\[)")
_DOTS = "..."
_MIN_WIDTH = 40  # columns; narrower lines are harder to read than broken ones


def visible(text: str) -> str:
    """``text`` with control and direction characters escaped, so that a terminal shows them."""
    if text.isprintable():
        return text
    return "".join(
        repr(character)[1:-1] if unicodedata.category(character) in _HIDDEN else character
        for character in text
    )


def inert(text: str) -> str:
    """Text of which no line is a command where a CI reads its log: its first character is escaped.

    GitHub obeys ``::name::`` at the beginning of a line and ``##[name]`` anywhere in it, Azure
    ``##vso[name]``, so that an answer could hide our annotations, or write some of its own.
    """
    return _HASHED.sub(r"\\x23", _COMMAND.sub(r"\1\\x3a:", text))


def encodable(text: str, encoding: str | None) -> str:
    """``text`` in characters that ``encoding`` has: the bars of a chart as digits, others escaped.

    Args:
        text: Any text.
        encoding: Of the terminal or file that it is for; None where it takes any character.
    """
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        known = encoding or "utf-8"
        return text.translate(_DIGITS).encode(known, "backslashreplace").decode(known)
    return text


def one_line(value: Any) -> str:
    """A value on one line: text with its white space folded, anything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return visible(" ".join(text[:2000].split()))


def columns(text: str) -> int:
    """Columns of a terminal that ``text`` takes; a wide character (CJK, emoji) takes two."""
    if text.isascii():
        return len(text)
    return sum(map(_columns_of, text))


def cut(text: str, width: int) -> str:
    """``text`` in at most ``width`` columns, with dots where something is missing."""
    if columns(text) <= width:
        return text
    return _beginning(text, width - len(_DOTS)) + _DOTS[: max(width, 0)]


def cut_where_they_part(one: str, other: str, width: int) -> tuple[str, str]:
    """Two texts in at most ``width`` columns each, such that what tells them apart is seen."""
    pairs = enumerate(zip(one, other, strict=False))
    n_same = next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
    n_before = max(width // 2 - len(_DOTS), 0)
    if n_same <= n_before or max(columns(one), columns(other)) <= width:
        return cut(one, width), cut(other, width)
    start = n_same - n_before
    return cut(_DOTS + one[start:], width), cut(_DOTS + other[start:], width)


def squeezed(text: str, width: int) -> str:
    """``text`` in at most ``width`` columns, with dots in its middle where something is missing.

    For names, which often differ in their ends alone.
    """
    if columns(text) <= width:
        return text
    room = width - len(_DOTS)
    tail = _beginning(text[::-1], room // 2)[::-1]
    return _beginning(text, room - columns(tail)) + _DOTS[: max(width, 0)] + tail


def padded(text: str, width: int) -> str:
    """``text`` filled up with spaces to ``width`` columns."""
    return text + " " * (width - columns(text))


def wrapped(text: str, width: int, *, indent: str = "  ") -> Iterator[str]:
    """``text`` in lines of at most ``width`` columns, those after the first indented further.

    A word that is longer has a line of its own: whoever copies a path or a command needs it whole.
    """
    line = own = text[: len(text) - len(text.lstrip(" "))]
    for word in text[len(own) :].split(" "):
        if line.strip() and columns(line) + 1 + columns(word) > max(width, _MIN_WIDTH):
            yield line
            line = own + indent + word
        else:
            line = f"{line} {word}" if line.strip() else line + word
    yield line


def _beginning(text: str, room: int) -> str:
    """As much of the beginning of ``text`` as takes that many columns."""
    end = 0
    while end < len(text) and (room := room - _columns_of(text[end])) >= 0:
        end += 1
    return text[:end]


def _columns_of(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
