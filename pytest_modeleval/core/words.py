"""Words: a count and its noun, so that no sentence says "1 cases"; and lists that end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["counted", "listed", "out_of", "titled"]


def counted(n: int, noun: str) -> str:
    """``1 case``, ``3 cases``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def out_of(n: int, n_total: int, noun: str) -> str:
    """``0 of 1 case``, ``1 of 3 cases``."""
    return f"{n} of {counted(n_total, noun)}"


def titled(suite: str, variant: str) -> str:
    """``test_tone``, ``test_tone (rude)``: a suite with the id of its other parameters."""
    return f"{suite} ({variant})" if variant else suite


def listed(names: Sequence[str], n_shown: int = 5) -> str:
    """``a, b and c``; of many the first few: ``a, b, c, d, e and 7 more``."""
    shown = list(names[:n_shown])
    if len(names) > n_shown + 1:
        shown.append(f"{len(names) - n_shown} more")
    else:
        shown = list(names)
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
