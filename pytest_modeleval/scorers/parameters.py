"""Parameters: what a suite may say of a scorer, each read and checked by its kind."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.plain import is_number
from pytest_modeleval.core.thresholds import parse_dollars, parse_duration, parse_rate
from pytest_modeleval.errors import UsageError, did_you_mean
from pytest_modeleval.scorers.base import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "CALLS",
    "DOLLARS",
    "DURATION",
    "FIELD",
    "FLAG",
    "LETTERS",
    "NAME",
    "RATE",
    "SCHEMA",
    "TEXT",
    "TEXTS",
    "TOLERANCES",
    "WEIGHT",
    "At",
    "Kind",
    "one_of",
    "some_of",
]


MOST_WEIGHT = 1_000_000
"""The largest weight of a scorer; sums of weights stay numbers."""


@dataclass(frozen=True, slots=True)
class At:
    """Where a parameter is written.

    Attributes:
        where: File, line and keys; messages begin with it.
        folders: Folders in which the files and modules that it names are looked for.
    """

    where: str
    folders: tuple[Path, ...] = ()

    def refuse(self, message: str) -> UsageError:
        """The error of a value that won't do."""
        return UsageError(f"{self.where}: {message}")

    def below(self, key: str) -> At:
        """The place of a key of this one."""
        return At(f"{self.where}: {key}", self.folders)


@dataclass(frozen=True, slots=True)
class Kind:
    """What values a parameter takes.

    Attributes:
        read: Takes what is written, and where; gives the value, or raises ``UsageError``.
        schema: The same as a JSON Schema, for editors.
    """

    read: Callable[[Any, At], Any]
    schema: Mapping[str, Any]


def one_of(*words: str) -> Kind:
    """One of these words."""

    def read(value: Any, at: At) -> str:
        if value not in words:
            hint = did_you_mean(value, words) if isinstance(value, str) else ""
            raise at.refuse(f"it is {_or(words)}, not {shown(value)}{hint}")
        return str(value)

    return Kind(read, {"enum": list(words)})


def some_of(*words: str) -> Kind:
    """One or several of these words, as a set."""
    word = one_of(*words)

    def read(value: Any, at: At) -> frozenset[str]:
        values = value if isinstance(value, list | tuple | set | frozenset) else [value]
        return frozenset(word.read(item, at) for item in values)

    return Kind(read, _one_or_several({"enum": list(words)}))


def _text(value: Any, at: At) -> str:
    if not isinstance(value, str):
        raise at.refuse(f"it is text, not {shown(value)}{_quotes(value)}")
    if not value:
        raise at.refuse("the text is empty")
    return value


def _texts(value: Any, at: At) -> tuple[str, ...]:
    values = value if isinstance(value, list | tuple) else [value]
    if not values:
        raise at.refuse("the list is empty")
    return tuple(_text(item, at) for item in values)


def _name(value: Any, at: At) -> str:
    if not isinstance(value, str) or not value.strip() or set(value) & set("()"):
        raise at.refuse(f"a name is text without parentheses, not {shown(value)}")
    return value.strip()


def _flag(value: Any, at: At) -> bool:
    if not isinstance(value, bool):
        raise at.refuse(f"it is true or false, not {shown(value)}")
    return value


def _rate(value: Any, at: At) -> float:
    """``0.8`` or ``80%``."""
    return parse_rate(str(value) if is_number(value) else _text(value, at), at.where)


def _weight(value: Any, at: At) -> float:
    if not is_number(value) or not 0 <= value <= MOST_WEIGHT:
        raise at.refuse(f"a weight is a number from 0 to {MOST_WEIGHT:,}, not {shown(value)}")
    return float(value)


def _duration(value: Any, at: At) -> float:
    return parse_duration(str(value) if is_number(value) else _text(value, at), at.where)


def _dollars(value: Any, at: At) -> float:
    return parse_dollars(str(value) if is_number(value) else _text(value, at), at.where)


def _tolerances(value: Any, at: At) -> tuple[tuple[str, bool], ...]:
    """Of each tolerance its number as it is written, and whether it is a share."""
    values = value if isinstance(value, list | tuple) else [value]
    if not values:
        raise at.refuse("the list is empty")
    return tuple(_tolerance(item, at) for item in values)


def _tolerance(value: Any, at: At) -> tuple[str, bool]:
    text = str(value) if is_number(value) else _text(value, at).strip()
    number = text.removesuffix("%").strip()
    try:
        is_amount = 0 <= float(number) < math.inf and "_" not in number
    except ValueError:
        is_amount = False
    if not is_amount:
        raise at.refuse(f"a tolerance is a number such as 0.5, or a share such as 1%, not {text!r}")
    return number, text.endswith("%")


def _letters(value: Any, at: At) -> str:
    is_list = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    letters = "".join(value) if is_list else value
    if not isinstance(letters, str) or not letters.isalpha():
        raise at.refuse(f"the letters are text such as ABCD, not {shown(value)}")
    letters = letters.upper()
    if len(set(letters)) < max(len(letters), 2):
        raise at.refuse(f"it takes two letters or more, each once, not {shown(value)}")
    return letters


def _schema(value: Any, at: At) -> Any:
    """A schema written in the suite, or the JSON file that holds it."""
    if isinstance(value, dict | bool):
        return value
    if not isinstance(value, str):
        raise at.refuse(f"a JSON Schema is a mapping, or the name of a file, not {shown(value)}")
    folders = at.folders or (Path(),)
    paths = [folder / value for folder in folders]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise at.refuse(f"there is no file {value!r} in {' or '.join(map(str, folders))}")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise at.refuse(f"{value}: it can't be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise at.refuse(f"{value}: it is no JSON: {error}") from None


def _calls(value: Any, at: At) -> Any:
    """Calls as they are written; the scorer reads them as it reads those of a case."""
    if not isinstance(value, str | dict | list):
        raise at.refuse(
            f"a call is a tool's name, a mapping, or a list of these, not {shown(value)}"
        )
    return value


def _quotes(value: Any) -> str:
    return "; write it in quotes" if isinstance(value, int | float) else ""


def _or(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def _one_or_several(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "array", "items": schema, "minItems": 1}]}


_SOME_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}

NAME = Kind(_name, {"type": "string", "pattern": r"^[^()]*[^()\s][^()]*$"})
TEXT = Kind(_text, _SOME_TEXT)
TEXTS = Kind(_texts, _one_or_several(_SOME_TEXT))
FIELD = TEXT
FLAG = Kind(_flag, {"type": "boolean"})
SCHEMA = Kind(_schema, {"type": ["string", "object", "boolean"]})
RATE = Kind(
    _rate,
    {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string", "pattern": "%"}]},
)
WEIGHT = Kind(_weight, {"type": "number", "minimum": 0, "maximum": MOST_WEIGHT})
DURATION = Kind(_duration, {"type": "string", "pattern": r"^\s*[\d.]+\s*(us|ms|s|m)$"})
DOLLARS = Kind(_dollars, {"type": "string", "pattern": r"^\$"})
TOLERANCES = Kind(
    _tolerances, _one_or_several({"anyOf": [{"type": "number", "minimum": 0}, _SOME_TEXT]})
)
LETTERS = Kind(_letters, _one_or_several(_SOME_TEXT))
CALLS = Kind(_calls, {"type": ["string", "object", "array"]})
