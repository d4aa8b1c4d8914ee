"""Marked: texts of models and users in Markdown, where they can't act as any.

A code span and a fenced block hold text as it is, and GitHub looks for no name, number or address
in them; an escape would not do, since GitHub searches the finished page for ``@name``.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any

from pytest_modeleval.reports.texts import one_line, visible

__all__ = ["block", "code", "html_code", "text_of"]

_MAX_NAME = 120  # characters of a name
_MAX_TEXT = 600  # characters of an answer


def code(value: Any, limit: int = _MAX_NAME) -> str:
    """A value as a code span on one line, also in a table."""
    text = _short(one_line(value), limit).replace("|", "\\x7c") or " "
    fence = "`" * (_longest_run(text) + 1)
    is_edge = text.startswith("`") or text.endswith("`") or text.strip() != text
    return f"{fence} {text} {fence}" if is_edge else f"{fence}{text}{fence}"


def html_code(value: Any, limit: int = _MAX_NAME) -> str:
    """A value as a code element, where Markdown is not read."""
    return f"<code>{html.escape(_short(one_line(value), limit))}</code>"


def block(text: str, limit: int = _MAX_TEXT) -> str:
    """A text as a fenced block of its own, its line ends kept."""
    n_cut = len(text) - limit
    lines = re.split(r"\r\n|\r|\n", text[:limit])
    shown = "\n".join("\t".join(map(visible, line.split("\t"))) for line in lines)
    fence = "`" * max(3, _longest_run(shown) + 1)
    more = f"\n... and {n_cut} characters more" if n_cut > 0 else ""
    return f"{fence}text\n{shown}{more}\n{fence}\n"


def text_of(value: Any) -> str:
    """A value as text: text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
