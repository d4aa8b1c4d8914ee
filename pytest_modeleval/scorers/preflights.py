"""Preflights: a judge is tried on answers of which the verdict is known, before it may judge."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.predictions import Prediction, total_cost
from pytest_modeleval.core.words import counted
from pytest_modeleval.errors import Unscored
from pytest_modeleval.models.base import describe
from pytest_modeleval.scorers.asks import Asking, cost_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.scorers.asks import Put, ScorerModels
    from pytest_modeleval.scorers.base import Golden, Scorer

__all__ = ["Mistake", "Preflight", "try_judges"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A golden answer that a judge got wrong.

    Attributes:
        scorer: Name of the scorer.
        model: The judge.
        golden: The golden answer.
        expected: ``pass`` or ``fail``.
        got: The other one, or ``no score``.
        reason: What the judge said.
    """

    scorer: str
    model: str
    golden: str
    expected: str
    got: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.scorer}, {self.model}: {self.golden}: expected {self.expected}, "
            f"got {self.got}: {self.reason}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """What the trial of all judges of a run came to.

    Attributes:
        judges: The judges that were tried, each ``scorer, model``.
        untried: Names of the scorers whose judges were not, since the user wants none of it.
        n_golden: Golden answers that were judged.
        mistakes: Those that were judged wrong.
        n_calls: Calls that it took.
        cost_usd: US dollars that they cost; None where one is unknown.
    """

    judges: tuple[str, ...] = ()
    untried: tuple[str, ...] = ()
    n_golden: int = 0
    mistakes: tuple[Mistake, ...] = ()
    n_calls: int = 0
    cost_usd: float | None = None

    @property
    def failure(self) -> str | None:
        """Why the run can't be judged; None where the judges got everything right."""
        if not self.mistakes:
            return None
        who = ", ".join(dict.fromkeys(f"{item.scorer} ({item.model})" for item in self.mistakes))
        return (
            f"preflight: {len(self.mistakes)} of {counted(self.n_golden, 'golden answer')} judged "
            f"wrong by {who}, so no case was asked"
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        names = ("scorer", "model", "golden", "expected", "got", "reason")
        return {
            "judges": list(self.judges),
            "untried": list(self.untried),
            "n_golden": self.n_golden,
            "n_calls": self.n_calls,
            "cost_usd": self.cost_usd,
            "mistakes": [{name: getattr(item, name) for name in names} for item in self.mistakes],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Preflight:
        """What ``to_dict`` gave."""
        known = dict(data)
        known["mistakes"] = tuple(Mistake(**item) for item in data["mistakes"])
        return cls(**known | {name: tuple(data[name]) for name in ("judges", "untried")})


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
