"""Askers: ask the model for items, ahead of their tests wherever it is known whom to ask.

What an item asks is known before it runs where its suite names the model. Where a conftest
overrides the fixture ``model``, the first item that uses the object tells; all that share it are
asked ahead from then on, and an object made for one item is asked when that item comes.
"""

from __future__ import annotations

import functools
import itertools
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.cases import content_hash
from pytest_modeleval.core.plain import as_text
from pytest_modeleval.core.predictions import Failure, Prediction, total_cost
from pytest_modeleval.core.words import counted
from pytest_modeleval.engine.budgets import BudgetError
from pytest_modeleval.engine.engine import Engine
from pytest_modeleval.engine.prefetch import Ask, Prefetcher
from pytest_modeleval.errors import PredictionError, Unscored
from pytest_modeleval.models.meters import take_strays
from pytest_modeleval.plugin.baselines import wants_saving
from pytest_modeleval.plugin.caselogs import CaseLog, SuiteModel, log_of
from pytest_modeleval.plugin.outcomes import is_sure_to_skip
from pytest_modeleval.plugin.progress import ProgressLine
from pytest_modeleval.plugin.replays import key_of
from pytest_modeleval.plugin.state import EVAL_ITEM, Evals
from pytest_modeleval.plugin.suite_models import overriding
from pytest_modeleval.scorers.asks import score_ahead
from pytest_modeleval.scorers.trials import try_judges

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    import pytest

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.keys import AnswerKey
    from pytest_modeleval.core.preflights import Preflight
    from pytest_modeleval.models.base import Model
    from pytest_modeleval.plugin.collect import EvalItem
    from pytest_modeleval.plugin.suite_models import SuiteModels
    from pytest_modeleval.scorers import Scorer
    from pytest_modeleval.scorers.asks import Put, ScoredAhead

__all__ = ["OURS", "Asker"]

_OWN_CALLS = "what the tests ask themselves"

OURS = object()
"""Stands for the fixture ``model`` of this package, where it need not be made."""


class Asker:
    """Asks for items; see the module.

    Args:
        config: The session's configuration.
        evals: What the session's roles share.
        models: Knows whom each item asks.
        concurrency: Calls in flight at once.

    Attributes:
        budget: What the run may cost; None for as much as it does.
    """

    def __init__(
        self, config: pytest.Config, evals: Evals, models: SuiteModels, *, concurrency: int
    ) -> None:
        self.models = models
        self._config = config
        self._evals = evals
        self._run = evals.open_run()
        engine = Engine(evals.settings)
        self.budget = engine.budget
        is_careful = config.getoption("maxfail", 0) or engine.budget is not None
        self._prefetcher = Prefetcher(
            engine,
            concurrency=concurrency,
            look_ahead=concurrency if is_careful else None,
            on_answers=self._keep,
        )
        self._progress: ProgressLine | None = None
        self._started_s = 0.0
        self._numbers = itertools.count(1)
        self._bought: dict[AnswerKey, Prediction | Failure] = {}
        self._unplanned: dict[Hashable, list[pytest.Item]] = {}
        self._unshared: list[tuple[Any, Model]] = []
        self._set_aside_usd = 0.0

    def start(self) -> None:
        """Start the engine."""
        self._prefetcher.start()
        self._started_s = time.monotonic()
        _quiet_logs(self._config)

    def cancel(self) -> None:
        """Ask for nothing more."""
        self._prefetcher.cancel()

    def close(self) -> None:
        """Stop the engine, and say what of its answers is not on disk."""
        self._prefetcher.close()
        self._run.close()
        self._evals.asked += self._prefetcher.asked()
        self._evals.trouble += self._unpaid()
        lost = self._run.predictions
        if lost.trouble is not None:
            self._evals.trouble.append(f"{lost.n_lost} predictions are not on disk: {lost.trouble}")

    # Ahead of the items.

    def try_judges(self, scorers: Iterable[Scorer]) -> Preflight:
        """Try the judges among these scorers on their golden answers."""
        return self._prefetcher.run(
            lambda: try_judges(
                scorers, models=self.models.of_scorers, put=self._prefetcher.ask_beside
            )
        )

    def adopt(self, answers: Mapping[AnswerKey, Prediction | Failure]) -> None:
        """Take over answers that are paid for, so that their items are not asked for again."""
        self._bought.update(answers)

    def plan(self, items: Iterable[pytest.Item]) -> None:
        """Ask for the items whose model is known; keep the others until it is."""
        asks = []
        for item in items:
            eval_item = item.stash.get(EVAL_ITEM, None)
            if eval_item is None or not eval_item.asks_ahead:
                continue
            group = self.models.group(item)
            if group is None or overriding(item, "prediction") or is_sure_to_skip(item):
                continue
            model = self.models.of_group(group)
            if model is None:
                self._unplanned.setdefault(group, []).append(item)
                continue
            ask = self._ask_for(item, model)
            if not self._hand_in(ask):
                asks.append(ask)
        self._prefetcher.plan(asks)

    def wait(self, item: pytest.Item) -> None:
        """Wait for the answer to an item, where it is asked ahead, and show how far all are."""
        try:
            self._prefetcher.wait(item.nodeid, on_poll=self._show_progress)
        finally:
            if self._progress is not None:
                self._progress.clear()

    def release(self, item: pytest.Item) -> None:
        """The item has run: its answer, and what a fixture made for it alone, are of no use."""
        self._prefetcher.discard(item.nodeid)
        for value, model in self._unshared:
            self.models.forget(value)
            self._prefetcher.release(model)
        self._unshared.clear()

    # While an item runs.

    def prediction(self, item: pytest.Item, value: Any) -> Prediction:
        """What the model says to the item's case.

        Args:
            item: The item.
            value: What the fixture ``model`` gave: our own (``OURS`` stands for it), or whatever
                a conftest overrides it with.

        Raises:
            PredictionError: There is no answer.
        """
        log = log_of(item)
        if log.fetched is not None:
            return self.take(log, log.fetched, is_new=False)
        if value is OURS or isinstance(value, SuiteModel):
            model = self.models.of_suite(item)
        else:
            model = self.models.of_fixture(value)
            if self.models.group(item) is None:
                self._unshared.append((value, model))
            self._plan_shared(item, model)
        log.model_name = model.name
        log.fetched = self._prefetcher.ready(item.nodeid)
        if log.fetched is None:
            ask = self._ask_for(item, model)
            self._hand_in(ask)
            log.fetched, log.scored = self._prefetcher.result_and_after(ask)
        return self.take(log, log.fetched)

    def ask(
        self, item: pytest.Item, model_input: Any
    ) -> tuple[str, concurrent.futures.Future[Any]]:
        """Ask the suite's model from inside a test: a key to ``forget``, and the answer to come."""
        key = f"{item.nodeid}#{next(self._numbers)}"
        model = self.models.of_suite(item)
        if _is_engine_thread():  # a model that wraps ours is being asked, and holds a place already
            return key, self._prefetcher.ask_inside(Ask(key=key, model=model, input=model_input))
        log = log_of(item)
        log.model_name = model.name
        first = key_of(item, model.name, model_input=model_input, call=1)
        log.n_asked[first] += 1
        stored_as = first._replace(call=log.n_asked[first])
        ask = Ask(key=key, model=model, input=model_input, stored_as=stored_as)
        self._hand_in(ask)
        return key, self._prefetcher.ask(ask)

    def forget(self, key: str) -> None:
        """An answer to ``ask`` was taken, or is not waited for any more."""
        self._prefetcher.discard(key)

    def block_on(self, future: concurrent.futures.Future[Any]) -> Any:
        """Wait for an answer in this thread."""
        return self._prefetcher.block_on(future)

    def take(
        self, log: CaseLog, answer: Prediction | Failure, *, is_new: bool = True
    ) -> Prediction:
        """Log an answer to the item's case.

        Raises:
            PredictionError: It is none.
        """
        if is_new and not _is_engine_thread():  # a wrapping model's own answer is logged instead
            log.answers.append(answer)
        if isinstance(answer, Failure):
            raise PredictionError(answer)
        return answer

    # What it costs.

    def is_refused(self, item: pytest.Item) -> bool:
        """Whether the budget does not hold this item, so that it can't run.

        Otherwise what its test is likely to spend itself is set aside until it has.
        """
        if self.budget is None or is_sure_to_skip(item):
            return False
        answer = self._prefetcher.peek(item.nodeid)
        if isinstance(answer, Failure) and answer.kind == "not_asked":
            return True
        scored = self._prefetcher.peek_after(item.nodeid)
        if scored is not None and scored.is_unpaid:
            return True
        try:
            self._set_aside_usd = self.budget.reserve_now(
                _spender(item), is_begun=answer is not None
            )
        except BudgetError:
            return True
        return False

    def spend(self, item: pytest.Item, costs_usd: list[float | None]) -> None:
        """The item's test has spent this itself; of unknown cost, no budget can be kept."""
        self._evals.n_strays += (n_strays := len(take_strays()))
        if n_strays and self.budget is not None:
            self.budget.settle("strays", 0.0, None, "metered calls of no case")
        if self.budget is not None:
            set_aside_usd, self._set_aside_usd = self._set_aside_usd, 0.0
            cost_usd = total_cost(costs_usd) if costs_usd else 0.0
            self.budget.settle(_spender(item), set_aside_usd, cost_usd, _OWN_CALLS)

    def _unpaid(self) -> list[str]:
        """Sentences on what was not asked for its cost, and on what was asked for no case."""
        trouble = []
        if self.budget is not None and self.budget.refusal is not None:
            n = counted(self.budget.n_refused, "case")
            was = "was" if self.budget.n_refused == 1 else "were"
            trouble.append(f"{self.budget.refusal}: {n} {was} not asked")
        self._evals.n_strays += len(take_strays())
        if self._evals.n_strays:
            trouble.append(
                f"{counted(self._evals.n_strays, 'metered call')} of no case (made in threads of "
                "the application's own, or outside of any test): what they cost is in no sum"
            )
        return trouble

    # The rest is how.

    def _ask_for(self, item: pytest.Item, model: Model) -> Ask:
        """The ask of an item's case, with what its suite's scorers ask about the answer."""
        eval_item = item.stash[EVAL_ITEM]
        scorers = [scorer for scorer in self.models.scorers(item) if scorer.asks]
        then = functools.partial(self._score, eval_item, model.name, scorers) if scorers else None
        return Ask(
            key=item.nodeid,
            model=model,
            input=eval_item.question,
            stored_as=key_of(item, model.name),
            then=then,
        )

    async def _score(
        self,
        eval_item: EvalItem,
        model: str,
        scorers: Sequence[Scorer],
        answer: Prediction | Failure,
        put: Put,
    ) -> ScoredAhead:
        """On the engine's thread: what the scorers that ask models say of an answer."""

        def baseline(case: Case) -> str:
            try:
                return self._evals.baseline_answers.of(
                    eval_item.suite.name,
                    eval_item.variant,
                    case.id,
                    model=model,
                    content_hash=content_hash(case.input, case.expected),
                )
            except Unscored:
                if not (wants_saving(self._config) and isinstance(answer, Prediction)):
                    raise
                return as_text(answer.output)  # it is about to be the baseline's own

        return await score_ahead(
            scorers,
            eval_item.case,
            answer,
            models=self.models.of_scorers,
            put=put,
            baseline=baseline,
        )

    def _plan_shared(self, item: pytest.Item, model: Model) -> None:
        """The model of an overridden fixture is known now: ask for all items that share it."""
        if self.models.learn(item, model):
            waiting = self._unplanned.pop(self.models.group(item), [])
            self.plan([item, *(other for other in waiting if other is not item)])

    def _hand_in(self, ask: Ask) -> bool:
        """Answer an ask with what was bought already, where it was; whether it is answered now."""
        if ask.stored_as is None or self._prefetcher.is_planned(ask.key):
            return False
        answer = self._bought.pop(ask.stored_as, None)
        if self._evals.stored is not None:
            stored = self._evals.stored.take(ask.stored_as)
            answer = stored if answer is None else answer
        if answer is not None:
            self._prefetcher.put(ask, answer)
        return answer is not None

    def _keep(self, answers: Sequence[tuple[Ask, Prediction | Failure]]) -> None:
        """On the engine's thread: an answer is on disk before any test sees it."""
        self._run.keep_predictions(
            (ask.stored_as, answer) for ask, answer in answers if ask.stored_as is not None
        )

    def _show_progress(self) -> None:
        if self._progress is None:  # pytest's terminal is there only once every plugin is
            self._progress = ProgressLine(self._config, started_s=self._started_s)
        self._progress.show(self._prefetcher.progress())


def _quiet_logs(config: pytest.Config) -> None:
    """Keep the log records of other cases' calls out of the current test's caplog."""
    plugin = config.pluginmanager.get_plugin("logging-plugin")
    for name in ("caplog_handler", "report_handler"):
        handler = getattr(plugin, name, None)
        if isinstance(handler, logging.Handler):
            handler.addFilter(_is_not_of_engine)


def _is_not_of_engine(_record: logging.LogRecord) -> bool:
    return not _is_engine_thread()


def _spender(item: pytest.Item) -> Hashable:
    """What has similar costs of its own: the tests of a suite."""
    return ("suite", item.stash[EVAL_ITEM].suite.nodeid)


def _is_engine_thread() -> bool:
    return threading.current_thread().name.startswith("modeleval-")
