"""Plain data: what JSON, a pytest report and execnet can all carry.

execnet takes exact builtin types alone and JSON neither NaN nor lone surrogates; what a model
or a file hands over is therefore made plain once, where it arrives.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.words import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "NotPlainError",
    "RepeatedKeyError",
    "as_text",
    "clean_text",
    "is_number",
    "json_encoder",
    "plain",
    "unique_keys",
]

_MAX_DEPTH = 100
_MAX_INTEGER = 10**4300  # Python refuses to write larger ones as text


class NotPlainError(TypeError):
    """A value that JSON cannot hold; the message names its type."""


class RepeatedKeyError(ValueError):
    """A JSON object says a key twice: of two values neither is the value."""


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON whose keys are all different, for ``object_pairs_hook``.

    Raises:
        RepeatedKeyError: They are not; the message names those that stand more than once.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        n_times = Counter(name for name, _ in pairs)
        twice = listed([repr(name) for name in found if n_times[name] > 1])
        raise RepeatedKeyError(f"an object has the key {twice} more than once")
    return found


def clean_text(text: str) -> str:
    """``text`` as a plain ``str`` that can be encoded: lone surrogates become U+FFFD."""
    if text.isascii():
        return str.__str__(text) if type(text) is not str else text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def json_encoder(default: Callable[[Any], Any]) -> Callable[[Any], str]:
    """What ``json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=default).encode`` does.

    That one makes its C part anew for each value, which takes longer than a record does. What holds
    itself is a ``RecursionError`` here.
    """
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # an interpreter without it
        return json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=default).encode
    pieces = make(None, default, json.encoder.encode_basestring, None, ": ", ", ", *(False,) * 3)
    return lambda value: "".join(pieces(value, 0))


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; ``True`` and ``False`` are none."""
    if isinstance(value, int):  # of any size, which a float does not take
        return not isinstance(value, bool)
    return isinstance(value, float) and math.isfinite(value)


def as_text(value: Any) -> str:
    """A question or an answer as text: JSON where it is none."""
    if isinstance(value, str):
        return clean_text(value)
    try:
        return clean_text(json.dumps(value, ensure_ascii=False))
    except (TypeError, ValueError, RecursionError):
        return clean_text(repr(value))


def plain(value: Any, *, depth: int = 0) -> Any:
    """``value`` rebuilt of exact builtins.

    Subclasses of builtins and numpy scalars and arrays become the builtin they stand for,
    tuples become lists.

    Raises:
        NotPlainError: For anything JSON cannot hold: other types, NaN and infinities, keys that
            are not text, and values nested deeper than 100 levels.
    """
    if isinstance(value, str):
        return clean_text(value)
    if value is None or type(value) is bool:
        return value
    if depth > _MAX_DEPTH:
        raise NotPlainError("a value nested deeper than 100 levels")
    if isinstance(value, int | float):
        return _plain_number(value)
    if isinstance(value, dict):
        return _plain_mapping(value, depth)
    if isinstance(value, list | tuple):
        return [plain(item, depth=depth + 1) for item in value]
    to_list = getattr(value, "tolist", None)  # numpy scalars and arrays, without importing numpy
    if callable(to_list) and not isinstance(value, type) and hasattr(value, "dtype"):
        return plain(to_list(), depth=depth + 1)
    kind = type(value)
    name = kind.__qualname__
    raise NotPlainError(
        f"a {name}" if kind.__module__ == "builtins" else f"a {kind.__module__}.{name}"
    )


def _plain_number(value: float) -> int | float:
    """A number made plain; it has to be finite and short enough to be written."""
    if isinstance(value, int):
        if abs(value) >= _MAX_INTEGER:
            raise NotPlainError("a whole number of more than 4,300 digits")
        return int(value)
    if not math.isfinite(value):
        raise NotPlainError(f"the number {float(value)!r}")
    return float(value)


def _plain_mapping(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    """A mapping made plain; its keys have to be text."""
    for key in value:
        if not isinstance(key, str):
            raise NotPlainError(f"a mapping with the key {key!r}, which is not text,")
    return {clean_text(key): plain(item, depth=depth + 1) for key, item in value.items()}
