"""Runner: the role of a process that runs items, be it the only one or an xdist worker.

It has the asker ask ahead once the order of items is final, waits for each answer before the
item's own protocol begins (so that durations and time-outs of other plugins do not count the
wait), and puts the record of each case on the report.
"""

from __future__ import annotations

import gc
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modeleval.core.predictions import Prediction
from pytest_modeleval.core.records import Record, make_record
from pytest_modeleval.errors import EngineError, PredictionError, UsageError
from pytest_modeleval.models.function import FunctionModel
from pytest_modeleval.models.meters import Ledger, metered_test
from pytest_modeleval.plugin import outcomes
from pytest_modeleval.plugin.askers import OURS, Asker
from pytest_modeleval.plugin.baselines import check_saving
from pytest_modeleval.plugin.bodies import Bodies
from pytest_modeleval.plugin.caselogs import CaseLog, ModelEval, SuiteModel, log_of
from pytest_modeleval.plugin.preflights import RunsNoEval, preflight
from pytest_modeleval.plugin.replays import refuse_unreplayable
from pytest_modeleval.plugin.state import CASE_LOG, EVAL_ITEM, LEDGER, Evals, is_cut_short
from pytest_modeleval.plugin.suite_models import SuiteModels, overriding
from pytest_modeleval.plugin.workers import WorkerLink
from pytest_modeleval.reports.failures import failure_text
from pytest_modeleval.scorers import gravest, score_all
from pytest_modeleval.scorers.asks import ScoredAhead

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from pytest_modeleval.core.predictions import Failure
    from pytest_modeleval.core.redaction import Redactor
    from pytest_modeleval.plugin.collect import EvalItem

__all__ = ["Runner"]


class Runner:
    """Runs items of suites; see the module.

    Args:
        config: The session's configuration.
        evals: What the session's roles share.
    """

    def __init__(self, config: pytest.Config, evals: Evals) -> None:
        self.config = config
        self.evals = evals
        self.link = WorkerLink.of(config)
        if self.link is not None:
            config.pluginmanager.register(self.link, "modeleval-worker-link")
            evals.answers = self.link.answers
            evals.settings = evals.settings.share(
                self.link.n_workers,
                concurrency=self.link.concurrency,
                has_budget=not self.link.is_replacement,
            )
        self.concurrency = evals.settings.concurrency
        self.models = SuiteModels(
            config,
            evals.settings,
            concurrency=self.concurrency,
            is_replay=evals.stored is not None and evals.stored.is_replay,
        )
        self._asker: Asker | None = None
        self._current: pytest.Item | None = None
        self._has_code_ahead = False

    # Hooks, in the order they run.

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Refuse settings that can't work before anything is asked, or written."""
        items = [item for item in session.items if EVAL_ITEM in item.stash]
        evals = self.evals
        if any(isinstance(item, pytest.Function) for item in items):
            self.config.pluginmanager.register(Bodies(self), "modeleval-bodies")
        if session.testsfailed:  # a suite that could not be collected may be what a scope names
            evals.is_partial = True
        refusal = None
        try:
            self.models.prepare(items, evals)
            if self.link is None:
                check_saving(self.config, evals)
        except UsageError as error:
            refusal = str(error)
        if self.link is not None:
            self.link.hand_in(evals, refusal)
        elif refusal is not None:
            raise pytest.UsageError(refusal)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Plan what will run, since the order of items is final by now, and ask ahead of it."""
        items = [item for item in session.items if EVAL_ITEM in item.stash]
        # A worker of xdist runs what it has, whatever could not be collected.
        is_idle = self.link.has_refused if self.link else is_cut_short(session)
        if not items or is_idle:
            return (yield)
        # What the modules of tests and models have set, and keys by whatever name.
        self.evals.redactor.learn(os.environ, also=self.evals.settings.api_keys.values())
        asker = Asker(self.config, self.evals, self.models, concurrency=self.concurrency)
        asker.start()
        self._asker = asker
        if asker.budget is not None:
            keeper = _BudgetKeeper(asker, self.evals.redactor)
            self.config.pluginmanager.register(keeper, "modeleval-budget")
        self._has_code_ahead = any(map(self._asks_code_ahead, items))
        gc.collect()
        gc.freeze()  # a tenth of the CPU of a large run goes into collecting what stays
        try:
            self._try_judges(items, asker)
            if self.link is None:
                asker.plan(items)
            else:
                self.link.listen(session, asker)
            return (yield)
        finally:
            asker.close()
            gc.freeze()  # the records as well

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self) -> None:
        """Leave nothing out of the collections that pytest itself makes at the end."""
        gc.unfreeze()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Wait for the item's answer before its own protocol begins."""
        self._current = item
        asker = self._asker
        if asker is None or EVAL_ITEM not in item.stash:
            return (yield)
        if self.link is not None:
            asker.adopt(self.link.answers_of_lost_workers())
            asker.plan(self.link.newly_assigned(item))
        asker.wait(item)
        ledger = item.stash[LEDGER] = Ledger()
        measures = "model_eval" in item.stash[EVAL_ITEM].fixtures
        try:
            with metered_test(ledger, has_all=measures and not self._has_code_ahead):
                return (yield)
        finally:
            asker.release(item)
            del item.stash[LEDGER]  # with the log, a few megabytes of 10,000 items
            if CASE_LOG in item.stash:
                del item.stash[CASE_LOG]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin a new log, also where the item is run again, and hand over what is known."""
        eval_item = item.stash.get(EVAL_ITEM, None)
        if eval_item is None and item.get_closest_marker("model_eval") is not None:
            pytest.fail("model_eval does not work on unittest.TestCase; write a function", False)
        if eval_item is not None:
            item.stash[CASE_LOG] = CaseLog(ledger=item.stash.get(LEDGER, Ledger()))
            item.__dict__.pop("repr_failure", None)  # of a miss, where the item runs again
            if self.evals.stored is not None and self.evals.stored.is_replay:
                refuse_unreplayable(item)
            self._fill(item, eval_item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Say what the case counts as, and put its record on the report that decides it."""
        report = yield
        if report.when != "call" and report.passed and not report.sections:
            return report
        eval_item = item.stash.get(EVAL_ITEM, None)
        if eval_item is None:
            return report
        outcomes.redact(report, self.evals.redactor)
        if report.when == "teardown" or (report.when == "setup" and report.passed):
            return report
        log = log_of(item)
        is_lenient = self.evals.settings.max_error_rate > 0
        found = outcomes.decide(item, call, report, log, is_governed=eval_item.is_governed)
        if log.is_in_body:
            outcomes.soften_subtest(report, found, log, is_lenient=is_lenient)
            return report
        outcomes.say_in_a_sentence(report, call, self.evals.redactor)
        try:
            answer = log.answer(self.evals.settings.prices)
        except ValueError as error:  # a measurement was given a value that is no amount
            answer = None
            found = outcomes.Decision(outcome="errored", reason=str(error), error_kind="raised")
        if found.reason is not None:
            found = replace(found, reason=self.evals.redactor.text(found.reason))
        outcomes.soften(report, found, is_lenient=is_lenient)
        record = self._record(item, eval_item, log, answer, found)
        self._spend(item, log)
        item.user_properties = outcomes.with_properties(
            item.user_properties, record, self.evals.redactor
        )
        line, is_whole = self.evals.redactor.json_line_and_whether(record.to_dict())
        report.model_eval = line  # type: ignore[attr-defined]
        if self.link is None and is_whole and record.is_settled:  # reading the line is slower
            report.model_eval_record = record  # type: ignore[attr-defined]
        if found.outcome == "missed" and report.failed and call.excinfo is None:
            # No assertion says what was expected and what came.
            report.longrepr = failure_text(Record.from_dict(json.loads(line)))
        report.model_eval_outcome = found.outcome  # type: ignore[attr-defined]
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Hand the controller what a worker knows at its end."""
        if self.link is not None:
            self.link.hand_over_rest(self.config, self.evals)

    # What the fixtures ask for.

    def suite_model(self) -> SuiteModel:
        """The model of the suite whose item runs."""
        item = self._current_item()
        return SuiteModel(self._open_asker, item)

    def prediction(self, value: Any) -> Prediction:
        """What the model says to the case that runs; ``value`` is what the fixture ``model`` gave.

        Raises:
            PredictionError: There is no answer.
        """
        item = self._current_item()
        return self._open_asker.prediction(item, value)

    def fetch(self) -> None:
        """Fetch what the suite's model says to the case that runs.

        Raises:
            PredictionError: There is no answer.
        """
        self.prediction(OURS)

    def score(self) -> None:
        """Score what was fetched for the case that runs, by the rules of its suite.

        Raises:
            Unscored: It could not be scored.
            Exception: Whatever a scorer's own code raised.
        """
        item = self._current_item()
        self.score_into(item, log_of(item))

    def model_eval(self) -> ModelEval:
        """What measures and scores the item that runs."""
        item = self._current_item()
        return ModelEval(item.stash[EVAL_ITEM].case, log_of(item))

    # The rest is how.

    def _current_item(self) -> pytest.Item:
        """The item that runs; the test fails with a sentence where it belongs to no suite."""
        item = self._current
        if item is None or EVAL_ITEM not in item.stash:
            pytest.fail(
                "this fixture needs @pytest.mark.model_eval(CASES) on the test", pytrace=False
            )
        return item

    @property
    def _open_asker(self) -> Asker:
        """The asker, which is there before the first item of a suite runs."""
        assert self._asker is not None
        return self._asker

    def _fill(self, item: pytest.Item, eval_item: EvalItem) -> None:
        """Give the test its arguments before pytest looks for fixtures that make them.

        Two fixtures cost half as much as a whole trivial test. What is not given here, an
        overridden model or a case without an answer, takes the ordinary way through them.
        """
        arguments = getattr(item, "funcargs", None)
        if arguments is None or not eval_item.asks_ahead:
            return
        if overriding(item) or overriding(item, "prediction") or outcomes.is_sure_to_skip(item):
            return
        asker = self._open_asker
        try:
            answer = asker.prediction(item, OURS)
        except (PredictionError, EngineError):
            return  # the fixture says it again, as the error of the setup that it is
        arguments["case"] = eval_item.case
        arguments["pytestconfig"] = self.config
        arguments["request"] = item._request  # type: ignore[attr-defined]  # noqa: SLF001  (is it)
        arguments["prediction"] = answer
        arguments.setdefault("model", SuiteModel(asker, item))

    def _try_judges(self, items: Sequence[pytest.Item], asker: Asker) -> None:
        """Try the judges; where one fails no case is asked."""
        found = preflight(items, asker, self.evals, self.link)
        self.evals.preflight = found
        if found is not None and found.failure is not None:
            asker.cancel()
            self.config.pluginmanager.register(RunsNoEval(), "modeleval-runs-no-eval")

    def score_into(self, item: pytest.Item, log: CaseLog) -> None:
        """Let the item's scorers score the answer, and take over what judges said ahead.

        Raises:
            Unscored: One of them could not.
            Exception: Whatever one of them raised.
        """
        scorers = self.models.scorers(item)
        if not scorers:
            return
        if not isinstance(log.fetched, Prediction):
            raise UsageError("scorers score the prediction, and this test has one of its own")
        ahead = log.scored or ScoredAhead()
        log.scores.update((score.name, score) for score in ahead.scores)
        scores, error = score_all(scorers, item.stash[EVAL_ITEM].case, log.fetched)
        log.scores.update((score.name, score) for score in scores)
        self._apply_rules(item.stash[EVAL_ITEM], log)
        error = gravest(ahead.error, error)
        if error is not None:
            log.raised_elsewhere = error
            raise error

    def _apply_rules(self, eval_item: EvalItem, log: CaseLog) -> None:
        """Where the mean of its scores decides about a case, none of them has a mark."""
        rules = eval_item.suite.rules
        if rules is None:
            return
        log.min_score = rules.case_min_scores.get(eval_item.case.id, rules.min_score)
        if log.min_score is not None:
            log.scores = {
                name: replace(score, min_score=None) for name, score in log.scores.items()
            }

    def _asks_code_ahead(self, item: pytest.Item) -> bool:
        """Whether Python code is asked for the item ahead of its test, in threads beside it."""
        if not item.stash[EVAL_ITEM].asks_ahead:
            return False
        model = self.models.known(item)
        return model is None or isinstance(model, FunctionModel)

    def _spend(self, item: pytest.Item, log: CaseLog) -> None:
        """Count what the test has spent itself against the budget."""
        if self._open_asker.budget is None:
            return
        try:
            costs_usd = log.own_costs(self.evals.settings.prices)
        except ValueError:  # what the test has set is no amount
            costs_usd = [None]
        self._open_asker.spend(item, costs_usd)

    def _record(
        self,
        item: pytest.Item,
        eval_item: EvalItem,
        log: CaseLog,
        answer: Prediction | Failure | None,
        found: outcomes.Decision,
    ) -> Record:
        known: dict[str, Any] = {"reason": found.reason} if found.reason else {}
        if found.outcome == "errored" and found.error_kind:
            known["error_kind"] = found.error_kind
        model_name = log.model_name
        if model_name is None and (model := self.models.known(item)) is not None:
            model_name = model.name
        return make_record(
            eval_item.case,
            suite=eval_item.suite.name,
            variant=eval_item.variant,
            model=model_name,
            nodeid=item.nodeid,
            repeat=eval_item.asking.repeat,
            outcome=found.outcome,
            answer=answer,
            scores=log.scores.values(),
            judge_cost_usd=log.judge_cost(self.evals.settings.prices),
            **known,
        )


class _BudgetKeeper:
    """Passes over the items that the budget does not hold; the gate then finds them missing.

    Args:
        asker: Knows which they are.
        redactor: Takes secrets out of what a fixture says that does not end well.
    """

    def __init__(self, asker: Asker, redactor: Redactor) -> None:
        self._asker = asker
        self._redactor = redactor

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        """Take the place of the item's own protocol."""
        if EVAL_ITEM not in item.stash or not self._asker.is_refused(item):
            return None
        # The fixtures of the item before were left for this one, which won't take them down.
        ends = item.session._setupstate.teardown_exact  # noqa: SLF001  (nobody else can)
        call = pytest.CallInfo.from_call(
            lambda: ends(nextitem),
            when="teardown",
            reraise=(pytest.exit.Exception, KeyboardInterrupt),
        )
        if call.excinfo is not None:
            report = pytest.TestReport.from_item_and_call(item, call)
            outcomes.redact(report, self._redactor)
            item.ihook.pytest_runtest_logreport(report=report)
        return True
