"""The role of a scorer, how one is named in a suite, and what it may return."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, Protocol

from pytest_modeleval.core.records import Score
from pytest_modeleval.errors import Unscored, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.predictions import Prediction

__all__ = [
    "AskModel",
    "Golden",
    "Scorer",
    "check_cases",
    "make_scorers",
    "read_score",
    "score_answer",
    "scorer",
]


class AskModel(Protocol):
    """What a scorer that asks models is handed, for one answer.

    Attributes:
        models: Names of the models that it is to ask; one, unless it is a panel.
    """

    models: tuple[str, ...]

    async def __call__(self, request: Any, *, model: str | None = None) -> Prediction:
        """Ask one of the models, the first by default, under the run's limits and its budget.

        Raises:
            PredictionError: There is no answer.
        """

    def baseline_answer(self, case: Case) -> str:
        """What the baseline has as the answer to the case.

        Raises:
            Unscored: It has none; the message says why.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """An answer of which it is known how it has to be judged; a judge is tried on it.

    Attributes:
        name: What is wrong or right about it.
        function: The scorer's function, as it is tried.
        case: The question.
        output: The answer.
        is_right: It has to reach the pass mark, or has to stay below it.
        min_score: The pass mark.
        baseline: The baseline's answer, for a scorer that compares with one.
        schema: As of the scorer.
        version: What the trial depends on beside name and model; a trial is made once for each.
    """

    name: str
    function: Callable[..., Any]
    case: Case
    output: Any
    is_right: bool
    min_score: float
    baseline: str | None = None
    schema: Mapping[str, Any] | None = None
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """One way to score an answer, with the mark that a score has to reach.

    Attributes:
        name: What the score is called; unique in its suite.
        function: Takes a case and a prediction, and returns what ``read_score`` reads. One that
            asks models is a coroutine function and takes a third argument, an ``AskModel``.
        min_score: The pass mark in [0, 1]; 0 lets the score be noted without deciding.
        weight: Its share of the case's score beside other scorers.
        version: What the score depends on beside its name (its parameters); scores of different
            versions are not compared.
        check_case: Raises ``UsageError`` for a case that it can never score; None where every case
            will do.
        asks: It asks models, ahead of the test and concurrently.
        models: Specs of the models that it asks; none for the one that the settings name.
        parameters: What each request to them says, by the API's names.
        schema: JSON Schema of their replies, for models behind a server; None for none.
        golden: What it is tried on before the first case; none for no trial.
        is_judge: Its models judge, so that they are tried and held against human labels.
        needs_baseline: It compares with the baseline's answer, which is then kept whole.
        where: Where the user wrote it; messages about its models begin with that.
    """

    name: str
    function: Callable[..., Any]
    min_score: float = 1.0
    weight: float = 1.0
    version: str = ""
    check_case: Callable[[Case], Any] | None = None
    asks: bool = False
    models: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] | None = None
    golden: tuple[Golden, ...] = ()
    is_judge: bool = False
    needs_baseline: bool = False
    where: str = "scorers"


def check_cases(scorers: Iterable[Scorer], cases: Sequence[Case]) -> None:
    """Refuse cases that a scorer can never score, before anything is asked.

    Raises:
        UsageError: There is one; the message begins with where it stands.
    """
    for one in scorers:
        if one.check_case is not None:
            for case in cases:
                one.check_case(case)


def score_answer(scorer: Scorer, case: Case, prediction: Prediction) -> Score:
    """What a scorer thinks of an answer.

    Raises:
        Unscored: It could not be scored.
        Exception: Whatever the scorer's own code raises.
    """
    score = read_score(scorer.function(case, prediction), name=scorer.name)
    return replace(score, name=scorer.name, min_score=scorer.min_score)


def read_score(value: Any, *, name: str) -> Score:
    """What a scorer returned, as a score.

    Args:
        value: A ``Score``; a number in [0, 1] or a bool; either with a reason after it in a tuple;
            or a mapping with ``score`` and ``reason``.
        name: The scorer's name.

    Raises:
        Unscored: It is None: the scorer could not say.
        UsageError: It is nothing of these, or not in [0, 1].
    """
    if value is None:
        raise Unscored(f"{name} gave no score")
    if isinstance(value, Score):
        return value
    reason = None
    if isinstance(value, tuple) and len(value) == 2:
        value, reason = value
    elif isinstance(value, Mapping) and "score" in value:
        value, reason = value["score"], value.get("reason")
    is_number = isinstance(value, Real) and not math.isnan(float(value))
    if not is_number or not 0 <= float(value) <= 1:
        raise UsageError(
            f"scorer {name}: it returned {value!r}; return a number from 0 to 1, True or False, "
            "or a pair of one of these and a reason"
        )
    return Score(name=name, value=float(value), reason=None if reason is None else str(reason))


def scorer(function: Callable[[Case, Prediction], Any]) -> Scorer:
    """Make a scorer of a function of case and prediction; a decorator."""
    return Scorer(name=function.__name__, function=function)


def make_scorers(specs: Sequence[Any], *, where: str) -> tuple[Scorer, ...]:
    """The scorers that a suite names.

    Args:
        specs: Of each its name, or a mapping of its name to its parameters.
        where: File, line and key; messages begin with it.

    Raises:
        UsageError: There is no such scorer, or its parameters are wrong.
    """
    return tuple(_make(spec, where) for spec in specs)


def _make(spec: Any, where: str) -> Scorer:
    from pytest_modeleval.scorers.judges import JUDGES, make_judge

    if isinstance(spec, Scorer):
        return spec
    is_pair = isinstance(spec, Mapping) and len(spec) == 1
    name, given = next(iter(spec.items())) if is_pair else (spec, None)
    if name in JUDGES:
        return make_judge(name, given, where=where)
    if spec in _SCORERS:
        return _SCORERS[spec]
    hint = did_you_mean(str(name), [*_SCORERS, *JUDGES])
    raise UsageError(f"{where}: there is no scorer {name!r}{hint}")


def _exact(case: Case, prediction: Prediction) -> bool:
    return bool(prediction.output == case.expected)


_SCORERS = {"exact": Scorer(name="exact", function=_exact)}
