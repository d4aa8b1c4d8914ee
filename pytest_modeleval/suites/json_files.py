"""JSON and JSON Lines, read strictly and with the line of every case.

Strictly means: a key stands once in an object, numbers are finite, and what goes wrong is a
sentence with file, line and column.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_modeleval.core.plain import RepeatedKeyError, unique_keys
from pytest_modeleval.errors import DatasetError, did_you_mean
from pytest_modeleval.suites.tables import (
    Row,
    Table,
    described,
    listed,
    quoted,
    shape,
    unknown_key_hint,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["read_json", "read_jsonl"]

_SPACE = re.compile(r"[ \t\n\r]*")
_CASES_KEY = "cases"


class _RefusedError(ValueError):
    """JSON that Python would take but a dataset must not hold; the message says what."""


def read_jsonl(text: str, shown: str) -> Table:
    r"""One object a line; lines end at ``\n`` only, since U+2028 may stand inside of one.

    Args:
        text: The whole file, line ends untouched.
        shown: The file, as messages name it.

    Raises:
        DatasetError: For a line that is no object.
    """
    rows: list[Row] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{shown}:{number}"
        try:
            value = _decoder.decode(line)
        except (ValueError, RecursionError) as error:
            _check_not_one_document(text, shown)
            raise DatasetError(_reason(error, shown, number)) from error
        if not isinstance(value, dict):
            _check_not_one_document(text, shown)
            raise DatasetError(f"{place}: a line holds one object, not {described(value)}.")
        rows.append((place, value))
    return Table(rows=rows)


def read_json(text: str, shown: str, part: str | None = None) -> Table:
    """A list of objects, or an object whose key ``cases`` holds one.

    Args:
        text: The whole file.
        shown: The file, as messages name it.
        part: The key that holds the list beside any others; None for ``cases`` alone.

    Raises:
        DatasetError: For broken JSON, other keys, and cases that are no objects.
    """
    return Table(rows=_Document(text, shown, part).rows())


class _Document:
    """A JSON document that is walked by hand as far as its cases, to know their lines."""

    def __init__(self, text: str, shown: str, part: str | None) -> None:
        self._text = text
        self._shown = shown
        self._part = part
        self._at = 0
        self._line = 1
        self._line_at = 0

    def rows(self) -> list[Row]:
        """Every case with its place."""
        match self._peek():
            case "[" if self._part is None:
                rows = self._cases()
            case "{":
                rows = self._cases_of_object()
            case _:
                found = described(self._value())
                raise DatasetError(f"{self._shown}:1: expected {shape(self._part)}, found {found}.")
        if self._peek():
            self._fail("there is more text after the end of the document")
        return rows

    def _cases(self) -> list[Row]:
        rows: list[Row] = []
        for _ in self._members("]"):
            place = f"{self._shown}:{self._line_here()}"
            value = self._value()
            if not isinstance(value, dict):
                raise DatasetError(
                    f"{place}: cases[{len(rows)}] is {described(value)}, a case is an object."
                )
            rows.append((place, value))
        return rows

    def _cases_of_object(self) -> list[Row]:
        start = self._at
        wanted = self._part or _CASES_KEY
        rows: list[Row] | None = None
        keys: dict[str, None] = {}  # in order, and quick to look up
        for _ in self._members("}"):
            place = f"{self._shown}:{self._line_here()}"
            key = self._key()
            if key in keys:
                raise DatasetError(f"{place}: the key {quoted(key)} stands twice.")
            keys[key] = None
            if key != wanted:
                if self._part is None:
                    self._check_not_lines(start)
                    self._refuse_key(key, start, place)
                self._peek()
                self._value()
                continue
            if self._peek() != "[":
                found = described(self._value())
                raise DatasetError(f"{place}: {quoted(key)} holds a list of cases, not {found}.")
            rows = self._cases()
        if rows is None:
            found = f"the keys {listed(keys)}" if keys else "an empty object"
            hint = did_you_mean(wanted, keys) or "."
            raise DatasetError(
                f"{self._shown}:1: expected {shape(self._part)}, found {found}{hint}"
            )
        return rows

    def _refuse_key(self, key: str, start: int, place: str) -> NoReturn:
        """Refuse a key beside ``cases``, with the keys that may hold cases under another name."""
        try:
            document, _ = _decoder.raw_decode(self._text, start)
        except (ValueError, RecursionError):
            document = {}
        lists = {
            name: len(value)
            for name, value in document.items()
            if isinstance(value, list) and value and isinstance(value[0], dict)
        }
        raise DatasetError(f"{place}: unknown key {quoted(key)}{unknown_key_hint(key, lists)}")

    def _check_not_lines(self, start: int) -> None:
        """Recognise JSON Lines by a second object after the one at ``start``."""
        try:
            _, end = _decoder.raw_decode(self._text, start)
        except (ValueError, RecursionError):
            return  # said with its place when the walk comes there
        if self._text.startswith("{", _space_end(self._text, end)):
            raise DatasetError(
                f"{self._shown}:1: looks like one object a line; name the file .jsonl."
            )

    def _members(self, closing: str) -> Iterator[None]:
        """Stop before each member of the list or object that begins here, and behind its end."""
        self._at += 1
        if self._peek() == closing:
            self._at += 1
            return
        while True:
            self._peek()
            yield
            if self._peek() == closing:
                self._at += 1
                return
            if self._peek() != ",":
                self._fail(f"expected ',' or '{closing}'")
            self._at += 1

    def _key(self) -> str:
        key = self._value() if self._peek() == '"' else None
        if not isinstance(key, str):
            self._fail("expected a key in double quotes")
        if self._peek() != ":":
            self._fail("expected ':'")
        self._at += 1
        return key

    def _value(self) -> Any:
        """The value that begins here."""
        try:
            value, self._at = _decoder.raw_decode(self._text, self._at)
        except (ValueError, RecursionError) as error:
            raise DatasetError(_reason(error, self._shown, self._line_here())) from error
        return value

    def _peek(self) -> str:
        """The next character that is no space, which becomes "here"; nothing at the end."""
        self._at = _space_end(self._text, self._at)
        return self._text[self._at : self._at + 1]

    def _line_here(self) -> int:
        """The line of "here", counted on from where it was last asked for."""
        self._line += self._text.count("\n", self._line_at, self._at)
        self._line_at = self._at
        return self._line

    def _fail(self, reason: str) -> NoReturn:
        column = self._at - self._text.rfind("\n", 0, self._at)
        raise DatasetError(f"{self._shown}:{self._line_here()}:{column}: broken JSON: {reason}.")


def _space_end(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _check_not_one_document(text: str, shown: str) -> None:
    """Recognise a JSON document under the wrong name."""
    try:
        value = _decoder.decode(text)
    except (ValueError, RecursionError):
        return
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, dict):
        raise DatasetError(f"{shown}:1: looks like one JSON document; name it .json.")


def _reason(error: ValueError | RecursionError, shown: str, line: int) -> str:
    """A sentence for what the decoder raised at a value that begins in ``line``."""
    match error:
        case json.JSONDecodeError():
            # A line of JSON Lines is decoded by itself, so that its own lines begin at 1.
            at = line if error.doc.find("\n") < 0 else error.lineno
            return f"{shown}:{at}:{error.colno}: broken JSON: {error.msg}."
        case _RefusedError() | RepeatedKeyError():
            return f"{shown}:{line}: {error}."
        case RecursionError():
            return f"{shown}:{line}: the value is nested too deep to be read."
        case _:
            # The only other ValueError is Python's limit on the digits of a whole number.
            return f"{shown}:{line}: a number has too many digits; put it in quotes."


def _constant(name: str) -> NoReturn:
    raise _RefusedError(f"{name} is no number that a record can keep; write null or a text")


_decoder = json.JSONDecoder(object_pairs_hook=unique_keys, parse_constant=_constant)
