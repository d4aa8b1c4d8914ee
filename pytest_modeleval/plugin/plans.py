"""Plans: what a run would ask, cost, take and be able to see, said before anything is spent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from pytest_modeleval.core.paired import visible_drop
from pytest_modeleval.core.predictions import Prediction, Usage
from pytest_modeleval.core.words import counted
from pytest_modeleval.engine.engine import guess_usage
from pytest_modeleval.engine.limits import FIRST_SIZE
from pytest_modeleval.errors import UsageError
from pytest_modeleval.models.prices import price_of
from pytest_modeleval.plugin.replays import key_of
from pytest_modeleval.plugin.state import EVAL_ITEM
from pytest_modeleval.plugin.suite_models import SuiteModels, asks_suite_model
from pytest_modeleval.reports.numbers import value_text
from pytest_modeleval.store.runs import last_records

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from pytest_modeleval.core.records import Record
    from pytest_modeleval.models.base import Model
    from pytest_modeleval.plugin.state import Evals
    from pytest_modeleval.scorers import Scorer

__all__ = ["Planner"]

_TOO_MUCH = 0.5  # a drop that nobody needs a test for
_USUAL_CHANGE = 0.1  # share of the answers, from one run to the next, where none were compared


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    """The items of one suite that ask one model, and what is known of them from its last run.

    Attributes:
        suite: Name of the suite.
        model: The model; None where the tests ask by code of their own.
        items: All of its items.
        to_ask: Those of them that an earlier run, which is resumed or replayed, has no answer to.
        records: The records of the last run by case id.
    """

    suite: str
    model: Model | None
    items: Sequence[pytest.Item]
    to_ask: Sequence[pytest.Item]
    records: dict[str, Record]


class Planner:
    """Takes the place of running: says what would be asked, and asks nothing.

    Args:
        config: The session's configuration.
        evals: What the session's roles share.
    """

    def __init__(self, config: pytest.Config, evals: Evals) -> None:
        self.config = config
        self.evals = evals
        self._models = SuiteModels(
            config,
            evals.settings,
            concurrency=evals.settings.concurrency,
            is_replay=evals.stored is not None and evals.stored.is_replay,
        )

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Refuse settings that can't work, as a run does."""
        items = [item for item in session.items if EVAL_ITEM in item.stash]
        try:
            self._models.prepare(items, self.evals)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Print the plan, and run nothing."""
        if session.testsfailed:
            return None  # pytest says that collection failed
        items = [item for item in session.items if EVAL_ITEM in item.stash]
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.section("model eval plan")
            for line in self._lines(items):
                reporter.write_line(line)
        return True

    def _lines(self, items: Sequence[pytest.Item]) -> Iterator[str]:
        total_usd: float | None = 0.0
        for share in self._shares(items):
            cost_usd = yield from self._lines_of(share)
            total_usd = None if cost_usd is None or total_usd is None else total_usd + cost_usd
        limit = self.evals.settings.max_cost_usd
        if limit is not None and total_usd is not None and total_usd > limit:
            yield f"this is more than model_eval_max_cost ({value_text(limit, 'dollars')}) allows"
        yield "nothing was asked"

    def _shares(self, items: Sequence[pytest.Item]) -> Iterator[_Share]:
        """The items by suite and model."""
        groups: dict[tuple[str, Model | None], list[pytest.Item]] = {}
        for item in items:
            model = self._models.of_suite(item) if asks_suite_model(item) else None
            groups.setdefault((item.stash[EVAL_ITEM].suite.name, model), []).append(item)
        runs = self.evals.folder.parent
        for (suite, model), own in groups.items():
            records = last_records(runs, suite=suite, model=model.name if model else None)
            to_ask = [item for item in own if not self._is_stored(item, model)]
            yield _Share(suite=suite, model=model, items=own, to_ask=to_ask, records=records)

    def _is_stored(self, item: pytest.Item, model: Model | None) -> bool:
        """Whether an earlier run's answer stands for that to this item."""
        stored = self.evals.stored
        if stored is None:
            return False
        return stored.is_replay or (model is not None and key_of(item, model.name) in stored)

    def _lines_of(self, share: _Share) -> Generator[str, None, float | None]:
        """The lines on one suite and model; gives what they are expected to cost."""
        n, n_to_ask = len(share.items), len(share.to_ask)
        model = share.model.name if share.model else "the test's own code"
        calls = f", {counted(n_to_ask, 'call')}" if share.model else ""
        stored = self.evals.stored
        kept = f", {n - n_to_ask} kept of run {stored.run_id}" if stored and n > n_to_ask else ""
        yield f"{share.suite}, {model}: {counted(n, 'case')}{kept}{calls}"
        cost_usd, source = self._cost(share)
        yield f"  cost   {value_text(cost_usd, 'dollars')} {source}"
        yield f"  time   {self._time(share)}"
        yield f"  sees   {_visible(n)}"
        judges = [item for item in self._models.scorers(share.items[0]) if item.is_judge]
        if not judges:
            return cost_usd
        judge_usd, line = _judging(judges, share)
        yield f"  judges {line}"
        return None if cost_usd is None or judge_usd is None else cost_usd + judge_usd

    def _cost(self, share: _Share) -> tuple[float | None, str]:
        """What the share is expected to cost, and how that is known."""
        if not share.to_ask:
            return 0.0, "(nothing is asked)"
        if share.records:
            costs = [self._cost_again(share, record) for record in share.records.values()]
            known = [cost for cost in costs if cost is not None]
            if not known:
                return None, "(the last run's cost is unknown; see model_eval_prices)"
            mean = sum(known) / len(known)
            return mean * len(share.to_ask), "(as many tokens a case as in the last run)"
        if share.model is None:
            return None, "(no earlier run to tell)"
        guesses = [
            self._price(share.model, guess_usage(item.stash[EVAL_ITEM].question))
            for item in share.to_ask
        ]
        known = [guess for guess in guesses if guess is not None]
        if len(known) < len(guesses):
            return None, "(no earlier run, and no price: see model_eval_prices)"
        return sum(known), "(a guess from the length of the questions: no earlier run)"

    def _cost_again(self, share: _Share, record: Record) -> float | None:
        """What a case of the last run would cost at today's prices."""
        if share.model is None or record.usage is None:
            return record.cost_usd
        price = self._price(share.model, Usage(**record.usage))
        return record.cost_usd if price is None else price

    def _price(self, model: Model, usage: Usage) -> float | None:
        return price_of(
            Prediction(output="", usage=usage),
            asked_model=model.billed_as,
            price_list_url=model.price_list_url,
            prices=self.evals.settings.prices,
        ).usd

    def _time(self, share: _Share) -> str:
        """How long the share is expected to take, and how that is known."""
        latencies = [
            record.latency_s for record in share.records.values() if record.latency_s is not None
        ]
        if not latencies:
            return "n/a (no earlier run to tell)"
        settings, n = self.evals.settings, len(share.to_ask)
        is_ahead = share.model is not None and share.items[0].stash[EVAL_ITEM].asks_ahead
        at_once = 1
        if is_ahead and share.model is not None:
            at_once = min(
                FIRST_SIZE if settings.is_adaptive else settings.concurrency,
                share.model.max_concurrency or settings.concurrency,
            )
        seconds = sum(latencies) / len(latencies) * n / at_once
        if settings.rate_limit.requests is not None:
            seconds = max(seconds, n / settings.rate_limit.requests * 60)
        may_be_more = settings.is_adaptive and at_once > 1
        most = "at most " if may_be_more else ""
        shown = value_text(seconds, "seconds") if seconds < 120 else f"{seconds / 60:.0f} min"
        return f"{most}{shown} (at the last run's latency, {at_once} at once)"


def _judging(judges: Sequence[Scorer], share: _Share) -> tuple[float | None, str]:
    """What judging the share is expected to cost, and the line on it."""
    n_answers, n_golden = len(share.items), 0
    n_calls = 0
    for judge in judges:
        n_each = len(judge.models) * (2 if judge.needs_baseline else 1)
        n_calls += n_each * n_answers
        n_golden += n_each * len(judge.golden)
    records = share.records.values()
    costs = [item.judge_cost_usd for item in records if item.judge_cost_usd is not None]
    cost_usd = math.fsum(costs) / len(costs) * n_answers if costs else None
    source = "as in the last run" if costs else "no earlier run to tell"
    return cost_usd, (
        f"{value_text(cost_usd, 'dollars')} ({counted(n_calls, 'call')}, {source}), and "
        f"{counted(n_golden, 'call')} before to try them"
    )


def _visible(n: int) -> str:
    """The smallest drop of accuracy that so many cases see against a baseline."""
    drop = visible_drop(n, _USUAL_CHANGE)
    if drop is None or drop > _TOO_MUCH:
        return f"no drop of accuracy under {_TOO_MUCH * 100:.0f} points: too few cases"
    return f"a drop of accuracy from {drop * 100:.1f} points on (in 80 of 100 runs)"
