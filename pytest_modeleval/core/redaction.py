"""Redaction: secrets are taken out of text in one place, before anything is written or cut."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.plain import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Redactor"]

_SECRET_NAME = re.compile(r"_(KEY|TOKEN|SECRET|PASSWORD)$")
_MIN_LENGTH = 6  # shorter values ("none", "x") stand in ordinary words
_PATTERNS = (r"\bsk-[A-Za-z0-9_-]{16,}", r"(?i:\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}")
_SIGNS = ("sk-",)


class Redactor:
    """Replaces secrets by ``[secret NAME]``.

    Args:
        environment: Environment variables; the values of those whose name ends in ``_KEY``,
            ``_TOKEN``, ``_SECRET`` or ``_PASSWORD`` are secrets. Values under six characters
            are not, since they stand in ordinary words.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        secrets = {
            value: name
            for name, value in environment.items()
            if _SECRET_NAME.search(name) and len(value) >= _MIN_LENGTH
        }
        self._names = secrets
        self._pattern = _pattern(secrets)
        # What a line of JSON has to hold for a secret to be in it; a secret may hold characters
        # that JSON escapes.
        self._signs = (*_SIGNS, *secrets, *{_to_json(value)[1:-1] for value in secrets})

    def text(self, text: str) -> str:
        """``text`` without secrets."""
        return self._pattern.sub(self._replace, text)

    def json_line(self, data: Mapping[str, Any]) -> str:
        """Data as one line of JSON without secrets.

        What JSON cannot hold becomes its ``repr``: a line is always written. The line as a whole
        is searched first, since hardly any holds a secret.
        """
        try:
            line = _to_json(data)
        except (ValueError, RecursionError):
            line = _to_json({key: _holdable(value) for key, value in data.items()})
        if any(sign in line for sign in self._signs) or "bearer" in line.lower():
            line = _to_json(self.data(json.loads(line)))
        return clean_text(line)

    def data(self, value: Any) -> Any:
        """Plain data without secrets in any of its texts, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.data(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        return value

    def _replace(self, found: re.Match[str]) -> str:
        name = self._names.get(found[0])
        return f"[secret {name}]" if name else "[secret]"


def _pattern(secrets: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(secrets, key=len, reverse=True)
    return re.compile("|".join([*map(re.escape, longest_first), *_PATTERNS]))


_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=repr).encode


def _holdable(value: Any) -> Any:
    try:
        _to_json(value)
    except (ValueError, RecursionError):
        return repr(value)
    return value
