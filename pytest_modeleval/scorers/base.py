"""The role of a scorer, and what it may return."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, Protocol, overload

from pytest_modeleval.core.plain import clean_text
from pytest_modeleval.core.records import Score
from pytest_modeleval.errors import Unscored, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.predictions import Prediction

__all__ = [
    "AskModel",
    "Golden",
    "Scorer",
    "check_cases",
    "gravest",
    "named_score",
    "read_score",
    "score_all",
    "score_answer",
    "scorer",
    "shown",
]

_LONGEST = 80  # characters of a value in a reason


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
        check_case: Raises ``UsageError`` for a case that it can never score, since what is
            expected there is missing or of the wrong kind; None where every case will do.
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
        UsageError: The case holds nothing that the answer could be compared with, or the scorer
            returned what is no score.
        Exception: Whatever the scorer's own code raises.
    """
    return named_score(scorer, scorer.function(case, _own(prediction)))


def _own(prediction: Prediction) -> Prediction:
    """A prediction for one scorer: what it changes in a list no other one sees, nor the record."""
    if isinstance(prediction.output, dict | list):
        return replace(prediction, output=copy.deepcopy(prediction.output))
    return prediction


def named_score(scorer: Scorer, returned: Any) -> Score:
    """What a scorer returned, as a score of its name, pass mark, weight and version.

    Raises:
        Unscored: It is None.
        UsageError: It is no score.
    """
    score = read_score(returned, name=scorer.name)
    return Score(
        name=scorer.name,
        value=score.value,
        reason=score.reason,
        min_score=scorer.min_score or None,
        weight=scorer.weight,
        version=scorer.version,
        judged_by=score.judged_by,
        keeps_answer=score.keeps_answer,
    )


def score_all(
    scorers: Iterable[Scorer], case: Case, prediction: Prediction
) -> tuple[list[Score], Exception | None]:
    """What each of several scorers thinks of an answer, and why one of them could not say.

    All are asked but those that ask models, also after one that could not, so that a record has
    every score there is.
    """
    scores: list[Score] = []
    errors: list[Exception] = []
    for one in scorers:
        if one.asks:
            continue
        try:
            scores.append(score_answer(one, case, prediction))
        except Exception as error:  # noqa: BLE001  (handed on, once the others have been asked)
            errors.append(error)
    return scores, gravest(*errors)


def gravest(*errors: Exception | None) -> Exception | None:
    """What stands for several errors: what a scorer's own code raised, before ``Unscored``."""
    raised = [error for error in errors if error is not None]
    return min(raised, key=lambda error: isinstance(error, Unscored), default=None)


def read_score(value: Any, *, name: str) -> Score:
    """What a scorer returned, as a score.

    Args:
        value: A ``Score``; a number in [0, 1] or a bool; either with a reason after it in a tuple;
            a mapping with ``score`` and ``reason``; or an object with ``score`` and ``metadata``,
            as autoevals returns.
        name: The scorer's name.

    Raises:
        Unscored: It is None: the scorer could not say.
        UsageError: It is nothing of these, or not in [0, 1].
    """
    if type(value) in (bool, float) and 0 <= value <= 1:  # as nearly all are
        return Score(name=name, value=float(value))
    reason: Any = None
    score = value if isinstance(value, Score) else None
    if score is not None:
        value, reason = score.value, score.reason
    elif isinstance(value, tuple) and len(value) == 2:
        value, reason = value
    elif isinstance(value, Mapping) and "score" in value:
        value, reason = value["score"], value.get("reason")
    elif hasattr(value, "score") and hasattr(value, "metadata"):  # what autoevals returns
        from pytest_modeleval.scorers.customs import reason_of

        value, reason = value.score, reason_of(value.metadata)
    elif inspect.iscoroutine(value):
        value.close()  # else Python warns that nobody awaited it
    if value is None:
        raise Unscored(f"{name} gave no score" + (f": {reason}" if reason else ""))
    # Scalars of numpy stand for Python's, without importing numpy to see it.
    number = value.item() if hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0 else value
    if not isinstance(number, Real) or not 0 <= float(number) <= 1:  # which NaN is not
        raise UsageError(
            f"scorer {name}: it returned {shown(value)}; return a number from 0 to 1, True or "
            "False, or a pair of one of these and a reason"
        )
    text = None if reason is None else clean_text(str(reason))
    if score is not None:
        return replace(score, value=float(number), reason=text)
    return Score(name=name, value=float(number), reason=text)


@overload
def scorer(function: Callable[[Case, Prediction], Any]) -> Scorer: ...
@overload
def scorer(
    *, name: str | None = None, min_score: float = 1.0, weight: float = 1.0
) -> Callable[[Callable[[Case, Prediction], Any]], Scorer]: ...
def scorer(
    function: Callable[[Case, Prediction], Any] | None = None,
    *,
    name: str | None = None,
    min_score: float = 1.0,
    weight: float = 1.0,
) -> Scorer | Callable[[Callable[[Case, Prediction], Any]], Scorer]:
    """Make a scorer of a function of case and prediction; a decorator.

    Args:
        function: Returns a number in [0, 1] or a bool, alone or with a reason after it in a tuple;
            None where it can't say.
        name: What the score is called; the function's own name by default.
        min_score: The pass mark; 0 only notes the score.
        weight: Its share of the case's score beside other scorers.

    Raises:
        UsageError: The mark is not in [0, 1], the weight is not at least 0, or the function is
            async.
    """
    from pytest_modeleval.scorers.customs import scorer_of_function

    def make(function: Callable[[Case, Prediction], Any]) -> Scorer:
        return scorer_of_function(function, name=name, min_score=min_score, weight=weight)

    return make if function is None else make(function)


def shown(value: Any) -> str:
    """A value in a sentence: as Python writes it, cut where it is long."""
    if isinstance(value, str):
        value = value[: _LONGEST * 2]
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
