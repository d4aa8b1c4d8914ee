"""Scorers: functions of a case and an answer that say how good the answer is."""

from pytest_modeleval.scorers.base import (
    Scorer,
    check_cases,
    gravest,
    read_score,
    score_all,
    score_answer,
    scorer,
)
from pytest_modeleval.scorers.names import make_scorers

__all__ = [
    "Scorer",
    "check_cases",
    "gravest",
    "make_scorers",
    "read_score",
    "score_all",
    "score_answer",
    "scorer",
]
