"""Cases: one question each, with what is expected of the answer.

A case's id joins runs, so it is given by the user or made of the content, never of the position:
inserting or shuffling rows keeps every id.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_modeleval.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CASE_FIELDS", "Case", "content_hash", "content_id", "count_tags", "question_of"]

CASE_FIELDS = ("id", "input", "expected", "tags", "cluster", "metadata")
"""The names that a dataset may give a case; every other column goes to ``metadata``."""

_SLUG_LENGTH = 32
_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Case:
    """One question with what is expected of the answer.

    ``case["input"]`` works like ``case.input``, and ``case["customer"]`` finds a column of the
    dataset that this package does not know, which is kept in ``metadata``.

    Attributes:
        id: Stable name, unique in its dataset; joins runs.
        input: What the model is asked: text, a list of chat messages, or a mapping.
        expected: What the answer is compared with; None where the dataset says nothing.
        tags: Labels that slice a suite.
        cluster: Name of the group of related cases that this one belongs to, or None.
        metadata: Every other column of the dataset.
        source: Where the case stands: ``file:line``, or the place in a Python list; None where the
            user made the case.
    """

    id: str
    input: Any
    expected: Any = None
    tags: tuple[str, ...] = ()
    cluster: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    source: str | None = None

    def __repr__(self) -> str:
        # pytest puts the representation of parameters into messages: never the payload.
        return f"<Case {self.id}>"

    def __getitem__(self, key: str) -> Any:
        if key in CASE_FIELDS:
            return getattr(self, key)
        if key in self.metadata:
            return self.metadata[key]
        known = [*CASE_FIELDS, *self.metadata]
        raise KeyError(f"case {self.id!r} has no {key!r}{did_you_mean(key, known)}")

    def get(self, key: str, default: Any = None) -> Any:
        """Like ``case[key]``, with ``default`` where there is no such column."""
        try:
            return self[key]
        except KeyError:
            return default


def count_tags(cases: Iterable[Case]) -> Counter[str]:
    """For each tag the number of cases that have it."""
    return Counter(tag for case in cases for tag in case.tags)


def content_hash(value_input: Any, expected: Any) -> str:
    """Twelve hexadecimal digits that stand for a question and what is expected of its answer."""
    if type(value_input) is type(expected) is str:  # the same text, in a third of the time
        text = f"[{_quoted(value_input)}, {_quoted(expected)}]"
    else:
        text = _canonical([value_input, expected])
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def question_of(value_input: Any) -> Any:
    """What of an input tells it from others: of chat messages the text of the last user's."""
    if not isinstance(value_input, list):
        return value_input
    for message in reversed(value_input):
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            return content if isinstance(content, str) and content.strip() else value_input
    return value_input


def content_id(value_input: Any, expected: Any) -> str:
    """A readable id made of the content: the first words of the input and eight digits of hash."""
    question = question_of(value_input)
    text = question if isinstance(question, str) else _canonical(question)
    words = text[:200]
    if not words.isascii():
        words = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    words = words.lower()
    slug = _NOT_IN_SLUG.sub("-", words[: 2 * _SLUG_LENGTH])
    if len(slug) <= _SLUG_LENGTH:  # else what follows changes nothing of what is kept
        slug = _NOT_IN_SLUG.sub("-", words)
    slug = slug[:_SLUG_LENGTH].strip("-")
    digits = content_hash(value_input, expected)[:8]
    return f"{slug}-{digits}" if slug else digits


_canonical = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode
_quoted = json.encoder.encode_basestring
