"""Words: a count and its noun, so that no sentence says "1 cases"."""

from __future__ import annotations

__all__ = ["counted", "out_of"]


def counted(n: int, noun: str) -> str:
    """``1 case``, ``3 cases``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def out_of(n: int, n_total: int, noun: str) -> str:
    """``0 of 1 case``, ``1 of 3 cases``."""
    return f"{n} of {counted(n_total, noun)}"
