"""Scores: what several scorers together say of one answer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_modeleval.core.thresholds import is_equal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modeleval.core.records import Score

__all__ = ["weighted_mean", "why_missed"]


def weighted_mean(pairs: Sequence[tuple[float, float]]) -> float | None:
    """The mean of (value, weight) pairs; None where there are none, or all weigh nothing."""
    weight = math.fsum(weight for _, weight in pairs)
    if weight <= 0:
        return None
    return math.fsum(value * weight for value, weight in pairs) / weight


def why_missed(scores: Sequence[Score], min_score: float | None = None) -> str | None:
    """Why these scores make an answer a wrong one; None where they don't.

    Args:
        scores: The scores of one answer.
        min_score: The mark that their weighted mean has to reach; None lets each score be held
            against its own.
    """
    if min_score is None:
        below = [
            score
            for score in scores
            if score.min_score is not None and not _reaches(score.value, score.min_score)
        ]
        return "; ".join(map(_below, below)) or None
    mean = weighted_mean([(score.value, score.weight) for score in scores])
    if mean is None or _reaches(mean, min_score):
        return None
    parts = ", ".join(f"{score.name} {score.value:.3g}{_because(score)}" for score in scores)
    return f"the mean of its scores is {mean:.3g}, below {min_score:g}: {parts}"


def _reaches(value: float, mark: float) -> bool:
    return value >= mark or is_equal(value, mark)


def _below(score: Score) -> str:
    why = f": {score.reason}" if score.reason else ""
    return f"score {score.name} is {score.value:g}, below {score.min_score:g}{why}"


def _because(score: Score) -> str:
    return f" ({score.reason})" if score.reason and score.value < 1 else ""
