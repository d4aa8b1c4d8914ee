"""Scorings: how the answers of a suite without Python are scored, case by case where it says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_modeleval.errors import UsageError
from pytest_modeleval.plugin.collect import made_scorers
from pytest_modeleval.scorers import check_cases

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pytest

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.scorers import Scorer
    from pytest_modeleval.suites.yaml_suites import Specs, SuiteFile

__all__ = ["Rules", "make_scorings"]

_DEFAULT = ("exact",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What single cases of a suite are scored by, and what their scores decide.

    Attributes:
        min_score: Mark that the weighted mean of a case's scores has to reach; None where each
            score has its own.
        case_scorers: Scorers of single cases, by id, instead of the suite's.
        case_min_scores: Marks of single cases, by id, instead of the suite's.
    """

    min_score: float | None = None
    case_scorers: Mapping[str, tuple[Scorer, ...]] = field(default_factory=dict)
    case_min_scores: Mapping[str, float] = field(default_factory=dict)


def make_scorings(
    file: SuiteFile, cases: Sequence[Case], folders: Sequence[Path], config: pytest.Config
) -> tuple[tuple[Scorer, ...], Rules]:
    """The scorers of a suite, and the rules for single cases.

    Args:
        file: What the suite's file says.
        cases: Its cases.
        folders: Where files and modules of scorers are looked for.
        config: The session's, whose plugins may bring scorers of their own.

    Raises:
        UsageError: A scorer does not exist, or can never score one of the cases.
    """
    made: dict[str, tuple[Scorer, ...]] = {}  # by their specs, which many cases may share

    def make(specs: Specs) -> tuple[Scorer, ...]:
        key = repr(specs.items)
        if key not in made:
            made[key] = made_scorers(specs.items, specs.where, folders, config, places=specs.places)
        return made[key]

    case_scorers = {case_id: make(specs) for case_id, specs in file.case_scorers.items()}
    others = [case for case in cases if case.id not in case_scorers]
    if file.scorers is None:
        _check_expected(file, others)
        scorers = made_scorers(_DEFAULT, file.shown, folders, config)
    else:
        scorers = make(file.scorers)
    check_cases(scorers, others)
    for case in cases:
        if case.id in case_scorers:
            check_cases(case_scorers[case.id], [case])
    return scorers, Rules(
        min_score=file.min_score, case_scorers=case_scorers, case_min_scores=file.case_min_scores
    )


def _check_expected(file: SuiteFile, cases: Sequence[Case]) -> None:
    """Refuse cases that nothing scores: without expected answer, in a suite without scorers."""
    for case in cases:
        if case.expected is None:
            raise UsageError(
                f"{case.source}: the case has no 'expected' to compare the answer with; add it, "
                f"or say in {file.shown} with the key 'scorers' how answers are scored"
            )
