"""Texts of models and files made fit to show: model output is data, whatever it holds."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

__all__ = ["cut", "one_line", "visible"]

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def visible(text: str) -> str:
    """``text`` with control and direction characters escaped, so that a terminal shows them."""
    if text.isprintable():
        return text
    return "".join(
        repr(character)[1:-1] if unicodedata.category(character) in _HIDDEN else character
        for character in text
    )


def one_line(value: Any) -> str:
    """A value on one line: text with its white space folded, anything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return visible(" ".join(text[:2000].split()))


def cut(text: str, width: int) -> str:
    """``text`` in at most ``width`` characters, with dots where something is missing."""
    return text if len(text) <= width else text[: max(width - 3, 1)] + "..."
