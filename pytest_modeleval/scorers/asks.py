"""Asks: how a scorer that asks models gets at them, and what comes of one answer's scoring.

Nothing here asks by itself: whoever owns the engine hands in how a model is asked, so that judges
keep the run's limits, retries and budget.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.predictions import Failure, Prediction, total_cost
from pytest_modeleval.errors import PredictionError, Unscored, UsageError
from pytest_modeleval.models.names import make_model
from pytest_modeleval.scorers.base import named_score

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.records import Score
    from pytest_modeleval.models.base import Model
    from pytest_modeleval.scorers.base import Scorer
    from pytest_modeleval.settings import Settings

__all__ = ["Asking", "Put", "ScoredAhead", "ScorerModels", "score_ahead"]

Put = Callable[["Model", Any], Awaitable[Prediction | Failure]]
"""Asks a model through the engine."""

_BY_SCHEMA = ("openai:", "openai-responses:")


class ScorerModels:
    """The models that scorers ask, each made once.

    Args:
        settings: For their servers and limits, and for the judge of scorers that name none.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._models: dict[str, Model] = {}

    def resolve(
        self, scorers: Iterable[Scorer], folders: Sequence[Path] = ()
    ) -> tuple[Scorer, ...]:
        """The scorers with the models that they ask, all of which can be made.

        Args:
            scorers: The scorers of a suite.
            folders: Folders that modules are looked for in.

        Raises:
            UsageError: A scorer has no model, or one that does not exist.
        """
        return tuple(self._resolved(item, folders) if item.asks else item for item in scorers)

    def of(
        self,
        models: Sequence[str],
        parameters: Mapping[str, Any],
        schema: Mapping[str, Any] | None,
        where: str,
        folders: Sequence[Path] = (),
    ) -> dict[str, Model]:
        """The models of these specs, to be asked with these parameters, by spec.

        Raises:
            UsageError: There is no such model.
        """
        return {spec: self._model(spec, parameters, schema, where, folders) for spec in models}

    def _resolved(self, scorer: Scorer, folders: Sequence[Path]) -> Scorer:
        models = scorer.models or ((self._settings.judge,) if self._settings.judge else ())
        if not models:
            raise UsageError(
                f"{scorer.where}: no model is named; write model: openai:NAME there, or set "
                "model_eval_judge"
            )
        self.of(models, scorer.parameters, scorer.schema, scorer.where, folders)
        digest = hashlib.sha256(json.dumps([scorer.version, models]).encode()).hexdigest()[:8]
        return replace(scorer, models=models, version=digest)

    def _model(
        self,
        spec: str,
        parameters: Mapping[str, Any],
        schema: Mapping[str, Any] | None,
        where: str,
        folders: Sequence[Path],
    ) -> Model:
        if schema is not None and spec.startswith(_BY_SCHEMA):
            parameters = {**parameters, "json_schema": schema}
        key = json.dumps([spec, parameters], sort_keys=True, default=repr)
        if key not in self._models:
            self._models[key] = make_model(
                spec, self._settings, parameters=parameters, folders=folders, where=where
            )
        return self._models[key]


@dataclass(slots=True)
class Asking:
    """What one scorer asks about one answer: an ``AskModel``.

    Attributes:
        models: Specs of the models.
        answers: What they have said, for the ledger.
    """

    by_spec: Mapping[str, Model]
    put: Put
    baseline: Callable[[Case], str]
    answers: list[Prediction | Failure] = field(default_factory=list)

    @property
    def models(self) -> tuple[str, ...]:
        """Specs of the models."""
        return tuple(self.by_spec)

    async def __call__(self, request: Any, *, model: str | None = None) -> Prediction:
        """Ask a model.

        Raises:
            PredictionError: There is no answer.
        """
        answer = await self.put(self.by_spec[model or self.models[0]], request)
        self.answers.append(answer)
        if isinstance(answer, Failure):
            raise PredictionError(answer)
        return answer

    def baseline_answer(self, case: Case) -> str:
        """What the baseline has as the answer to the case.

        Raises:
            Unscored: It has none.
        """
        return self.baseline(case)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredAhead:
    """What the scorers that ask models have said of one answer.

    Attributes:
        scores: The scores.
        unscored: Why others gave none.
        errors: What others raised, which is their own fault and nobody's judgement.
        answers: What their models said, be it of use or not.
    """

    scores: tuple[Score, ...] = ()
    unscored: tuple[str, ...] = ()
    errors: tuple[Exception, ...] = ()
    answers: tuple[Prediction | Failure, ...] = ()

    @property
    def cost_usd(self) -> float | None:
        """US dollars that it cost; None where nobody was asked, or one cost is unknown."""
        return total_cost([cost_of(answer) for answer in self.answers])

    @property
    def error(self) -> Exception | None:
        """Why it is not scored as a whole, a scorer's own fault first; None where it is."""
        if self.errors:
            return self.errors[0]
        return Unscored("; ".join(self.unscored)) if self.unscored else None

    @property
    def is_unpaid(self) -> bool:
        """Whether the budget did not hold a call that this was waiting for."""
        return any(isinstance(item, Failure) and item.kind == "not_asked" for item in self.answers)


def cost_of(answer: Prediction | Failure) -> float | None:
    """US dollars that an answer cost; nothing where nobody was asked."""
    return 0.0 if answer.n_attempts == 0 else answer.cost_usd


async def score_ahead(
    scorers: Iterable[Scorer],
    case: Case,
    answer: Prediction | Failure,
    *,
    models: ScorerModels,
    put: Put,
    baseline: Callable[[Case], str],
) -> ScoredAhead:
    """Let the scorers that ask models score an answer, all at once.

    Args:
        scorers: The scorers of the suite, resolved; those that ask nobody are passed over.
        case: The case.
        answer: What the model said; a failure is not scored.
        models: Has the scorers' models.
        put: Asks one of them.
        baseline: Gives the baseline's answer to a case, or raises ``Unscored``.
    """
    if isinstance(answer, Failure):
        return ScoredAhead()
    asking = [scorer for scorer in scorers if scorer.asks]
    asks = [
        Asking(models.of(item.models, item.parameters, item.schema, item.where), put, baseline)
        for item in asking
    ]
    found = await asyncio.gather(
        *(_score(item, case, answer, ask) for item, ask in zip(asking, asks, strict=True)),
        return_exceptions=True,
    )
    for item in found:
        if isinstance(item, BaseException) and not isinstance(item, Exception):
            raise item  # the engine was told to stop
    errors = [item for item in found if isinstance(item, Exception)]
    return ScoredAhead(
        scores=tuple(item for item in found if not isinstance(item, BaseException)),
        unscored=tuple(str(error) for error in errors if isinstance(error, Unscored)),
        errors=tuple(error for error in errors if not isinstance(error, Unscored)),
        answers=tuple(said for ask in asks for said in ask.answers),
    )


async def _score(scorer: Scorer, case: Case, answer: Prediction, ask: Asking) -> Score:
    """One scorer's score.

    Raises:
        Unscored: It gave none, or its model gave no answer.
        Exception: Whatever its own code raises.
    """
    try:
        returned = await scorer.function(case, answer, ask)
    except PredictionError as error:
        raise Unscored(f"{scorer.name}: {error}") from error
    return named_score(scorer, returned)
