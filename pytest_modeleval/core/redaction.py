"""Redaction: secrets are taken out of text in one place, before anything is written or cut."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Redactor"]

_SECRET_NAME = re.compile(r"_(KEY|TOKEN|SECRET|PASSWORD)$")
_MIN_LENGTH = 6  # shorter values ("none", "x") stand in ordinary words
_PATTERNS = (r"\bsk-[A-Za-z0-9_-]{16,}", r"(?i:\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}")


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
        longest_first = sorted(secrets, key=len, reverse=True)
        self._pattern = re.compile("|".join([*map(re.escape, longest_first), *_PATTERNS]))

    def text(self, text: str) -> str:
        """``text`` without secrets."""
        return self._pattern.sub(self._replace, text)

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
