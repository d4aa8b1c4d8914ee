"""JSON values: taken out of the text of an answer, and compared as JSON has them."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.plain import NotPlainError, plain, unique_keys
from pytest_modeleval.errors import UsageError
from pytest_modeleval.scorers.base import shown
from pytest_modeleval.scorers.rules import WrongAnswerError, kind_of, spoken

if TYPE_CHECKING:
    from pytest_modeleval.core.predictions import Prediction

__all__ = ["expected_json", "first_difference", "is_same_json", "json_of", "require_repair"]

_FENCED = re.compile(r"```[\w+-]*[ \t]*\r?\n(.*?)```", re.DOTALL)
_OPENING = re.compile(r"[{\[]")
_BRACKET = re.compile(r"[{}\[\]]")


def json_of(prediction: Prediction, *, repair: bool = False) -> tuple[Any, str | None]:
    """The JSON value of an answer, and what had to be done to get it.

    That is the output itself where it is no text. Of text it is all of it, or the value in a code
    fence, or the first object or list that is complete; a model's thinking before it
    (``<think>``) is no answer.

    Args:
        prediction: The answer.
        repair: Text that holds none is repaired by json-repair.

    Raises:
        WrongAnswerError: There is none.
    """
    output = prediction.output
    if not isinstance(output, str):
        return output, None
    output = spoken(output)
    texts = [output, *(found[1] for found in _FENCED.finditer(output))]
    for text in texts:
        try:
            return _loads(text), None
        except ValueError:
            continue
    try:
        return _first_value(output), None
    except ValueError as error:
        if not repair:
            raise WrongAnswerError(str(error)) from None
    return _repaired(output), "after repair: the answer was no valid JSON"


def expected_json(value: Any, field: str) -> Any:
    """What a case expects as a JSON value; text is read as JSON.

    Raises:
        UsageError: It is text and no JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return _loads(value)
    except ValueError as error:
        raise UsageError(f"{field!r} is no JSON: {shown(value)}: {error}") from None


def is_same_json(expected: Any, got: Any) -> bool:
    """Whether two values are the same JSON: 1 is 1.0, true is not 1, and order counts in lists."""
    return first_difference(expected, got) is None


def first_difference(
    expected: Any, got: Any, *, subset: bool = False, path: str = "$"
) -> str | None:
    """Where two JSON values differ first, in a sentence; None where they are the same.

    Args:
        expected: The value that is wanted.
        got: The value that there is.
        subset: Mappings may have further keys, at any depth; lists are as long as expected.
        path: Where the values stand, as in JSONPath.
    """
    if isinstance(expected, dict) and isinstance(got, dict):
        return _mapping_difference(expected, got, subset, path)
    if isinstance(expected, list | tuple) and isinstance(got, list | tuple):
        if len(expected) != len(got):
            return f"{path}: expected {len(expected)} items, got {len(got)}"
        for index, (wanted, there) in enumerate(zip(expected, got, strict=True)):
            found = first_difference(wanted, there, subset=subset, path=f"{path}[{index}]")
            if found:
                return found
        return None
    if _is_same_scalar(expected, got):
        return None
    return f"{path}: expected {_described(expected, got)}, got {_described(got, expected)}"


def require_repair(repair: bool) -> None:
    """See at once whether json-repair is there.

    Raises:
        UsageError: It is wanted and not installed.
    """
    if not repair:
        return
    try:
        import json_repair  # noqa: F401
    except ImportError:
        raise UsageError(
            "json-repair is not installed; pip install 'pytest-modeleval[json]'"
        ) from None


def _mapping_difference(
    expected: dict[Any, Any], got: dict[Any, Any], subset: bool, path: str
) -> str | None:
    for key, wanted in expected.items():
        place = f"{path}.{key}"
        if key not in got:
            return f"{place} is missing"
        found = first_difference(wanted, got[key], subset=subset, path=place)
        if found:
            return found
    more = [] if subset else [key for key in got if key not in expected]
    return f"{path}.{more[0]} is not expected" if more else None


def _is_same_scalar(expected: Any, got: Any) -> bool:
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, str) and isinstance(got, str):
        return unicodedata.normalize("NFC", expected) == unicodedata.normalize("NFC", got)
    return type(expected) in _SCALARS and type(got) in _SCALARS and bool(expected == got)


_SCALARS = (str, int, float, type(None))


def _described(value: Any, other: Any) -> str:
    """A value in a sentence, with what it is where the other one looks the same."""
    return shown(value) if type(value) is type(other) else f"{kind_of(value)}, {shown(value)}"


def _first_value(text: str) -> Any:
    """The first object or list in a text that is complete; a citation (``[1]``) if there is no other.

    What is in brackets and is no JSON from its first character on is prose, and passed over whole.
    Of a value that is broken or breaks off nothing is taken for the answer, least of all a part.

    Raises:
        ValueError: There is none.
    """
    place, citation = 0, None
    while found := _OPENING.search(text, place):
        start = found.start()
        try:
            value, place = _DECODER.raw_decode(text, start)
            if not _is_citation(value):
                return _plain(value)
            citation = value if citation is None else citation
            continue
        except json.JSONDecodeError as error:
            if text[start + 1 : error.pos].strip():
                what = "breaks off" if error.pos >= len(text.rstrip()) else f"is broken ({error})"
                raise ValueError(f"the JSON in the answer {what}") from None
        except RecursionError:
            raise ValueError("the JSON is nested too deeply") from None
        place = _end_of_brackets(text, start)
    if citation is not None:
        return citation
    raise ValueError("there is no JSON in the answer")


def _is_citation(value: Any) -> bool:
    """Whether a list may be a mark in prose: ``[1]``, ``[2, 3]``."""
    return bool(value) and isinstance(value, list) and all(type(item) is int for item in value)


def _end_of_brackets(text: str, start: int) -> int:
    """The place behind the bracket that closes the one at ``start``; the end where none does."""
    depth = 0
    for found in _BRACKET.finditer(text, start):
        depth += 1 if found[0] in "{[" else -1
        if depth == 0:
            return found.end()
    return len(text)


def _repaired(text: str) -> Any:
    import json_repair

    found = _OPENING.search(text)
    try:
        value = json_repair.loads(text[found.start() :]) if found else ""
    except (ValueError, RecursionError):
        value = ""
    if not isinstance(value, dict | list):
        raise WrongAnswerError("there is no JSON in the answer, even after repair")
    try:
        return _plain(value)
    except ValueError as error:
        raise WrongAnswerError(str(error)) from None


def _loads(text: str) -> Any:
    try:
        return _plain(
            json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=unique_keys)
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _plain(value: Any) -> Any:
    """A value that no comparison has to be afraid of: finite numbers, and a bounded depth."""
    try:
        return plain(value)
    except NotPlainError as error:
        raise ValueError(f"it holds {error}, which won't do") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=unique_keys)
