"""Trials: a judge is tried on answers of which the verdict is known, before it may judge."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_modeleval.core.predictions import Prediction, total_cost
from pytest_modeleval.core.preflights import Mistake, Preflight
from pytest_modeleval.errors import Unscored
from pytest_modeleval.models.base import describe
from pytest_modeleval.scorers.asks import Asking, cost_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.scorers.asks import Put, ScorerModels
    from pytest_modeleval.scorers.base import Golden, Scorer

__all__ = ["try_judges"]


@dataclass(frozen=True, slots=True)
class _Trial:
    """One golden answer that one model judges."""

    scorer: Scorer
    model: str
    golden: Golden


async def try_judges(scorers: Iterable[Scorer], *, models: ScorerModels, put: Put) -> Preflight:
    """Try each judge once on its golden answers, whichever suites it is of.

    Args:
        scorers: The scorers of all suites, resolved.
        models: Has the scorers' models.
        put: Asks one of them.
    """
    scorers = list(scorers)
    trials = _trials(scorers)
    asks = [_asking(trial, models, put) for trial in trials.values()]
    found = await asyncio.gather(*map(_mistake, trials.values(), asks))
    answers = [answer for ask in asks for answer in ask.answers]
    judges = [f"{trial.scorer.name}, {trial.model}" for trial in trials.values()]
    return Preflight(
        judges=tuple(dict.fromkeys(judges)),
        untried=tuple(
            dict.fromkeys(item.name for item in scorers if item.is_judge and not item.golden)
        ),
        n_golden=len(trials),
        mistakes=tuple(mistake for mistake in found if mistake is not None),
        n_calls=len(answers),
        cost_usd=total_cost([cost_of(answer) for answer in answers]),
    )


def _trials(scorers: Iterable[Scorer]) -> dict[tuple[str, ...], _Trial]:
    """The trials by what makes them different, so that none is paid for twice."""
    trials: dict[tuple[str, ...], _Trial] = {}
    for scorer in scorers:
        for model in scorer.models:
            for golden in scorer.golden:
                asked = repr(sorted(scorer.parameters.items()))
                key = (model, asked, golden.version, golden.name, str(golden.output))
                trials.setdefault(key, _Trial(scorer, model, golden))
    return trials


def _asking(trial: _Trial, models: ScorerModels, put: Put) -> Asking:
    golden = trial.golden

    def baseline(_case: Case) -> str:
        return golden.baseline or ""

    scorer = trial.scorer
    by_spec = models.of((trial.model,), scorer.parameters, golden.schema, scorer.where)
    return Asking(by_spec, put, baseline)


async def _mistake(trial: _Trial, ask: Asking) -> Mistake | None:
    """What a judge got wrong about a golden answer; None where it was right."""
    golden = trial.golden
    try:
        score = await golden.function(golden.case, Prediction(output=golden.output), ask)
        is_passed = score.value >= golden.min_score
        if is_passed == golden.is_right:
            return None
        got, reason = ("pass" if is_passed else "fail"), score.reason or "no reason given"
    except Unscored as error:
        got, reason = "no score", str(error).removeprefix(f"{trial.scorer.name}: ")
    except Exception as error:  # noqa: BLE001  (whatever it is, this judge can't be relied on)
        got, reason = "no score", describe(error)
    return Mistake(
        scorer=trial.scorer.name,
        model=trial.model,
        golden=golden.name,
        expected="pass" if golden.is_right else "fail",
        got=got,
        reason=reason,
    )
