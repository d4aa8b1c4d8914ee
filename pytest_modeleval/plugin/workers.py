"""Workers: what crosses between an xdist controller and its workers, and what each may ask.

Down go the run's folder and the worker's share of the concurrency, and while it runs the words
``stop`` and ``lost`` (another worker died; its answers are on disk). Up go records on reports, and
with the first of them the plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_modeleval.core.judgements import Coverage
from pytest_modeleval.core.plain import clean_text
from pytest_modeleval.plugin.collect import datasets_of
from pytest_modeleval.store.predictions import read_predictions

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from pytest_modeleval.core.keys import AnswerKey
    from pytest_modeleval.core.predictions import Failure, Prediction
    from pytest_modeleval.plugin.askers import Asker
    from pytest_modeleval.plugin.state import Evals

__all__ = [
    "ASKED",
    "LOST",
    "PLAN",
    "REFUSAL",
    "STOP",
    "STRAYS",
    "TROUBLE",
    "WorkerLink",
    "read_plan",
]

STOP = "model_eval_stop"
LOST = "model_eval_lost"
PLAN = "model_eval_plan"
REFUSAL = "model_eval_refusal"
TROUBLE = "model_eval_trouble"
ASKED = "model_eval_asked"
STRAYS = "model_eval_strays"


class WorkerLink:
    """A worker's end of the line.

    Args:
        config: The worker's configuration.
        handed: What the controller handed down.

    Attributes:
        concurrency: This worker's share of the calls in flight.
        n_workers: Workers that share what the run may ask and spend.
        is_replacement: It takes the place of one that died, which has used up its share.
        has_refused: The settings can't work, so this worker runs nothing.
    """

    def __init__(self, config: pytest.Config, handed: dict[str, Any]) -> None:
        self.concurrency = int(handed["concurrency"])
        self.n_workers = int(handed["n_workers"])
        self.is_replacement = bool(handed["is_replacement"])
        self._config = config
        self.has_refused = False
        self._must_read_answers = bool(handed["has_lost_workers"])
        self._session: pytest.Session | None = None
        self._asker: Asker | None = None
        self._assigned: set[int] = set()
        self._interactor: Any = next(
            (
                plugin
                for plugin in config.pluginmanager.get_plugins()
                if type(plugin).__name__ == "WorkerInteractor"
            ),
            None,
        )

    @classmethod
    def of(cls, config: pytest.Config) -> WorkerLink | None:
        """The link of a worker; None in a process that is none."""
        handed = getattr(config, "workerinput", {}).get("model_eval")
        return cls(config, handed) if handed is not None else None

    def listen(self, session: pytest.Session, asker: Asker) -> None:
        """Hear the controller's words while tests run, also in the middle of one."""
        self._session, self._asker = session, asker
        handle = getattr(self._interactor, "handle_command", None)
        if handle is not None:

            def hear(command: Any) -> None:
                word = command[0] if isinstance(command, tuple) else None
                if word == STOP:
                    self._stop()
                elif word == LOST:
                    self._must_read_answers = True
                else:
                    handle(command)

            # xdist passes words it does not know over in silence, so ours are caught before.
            self._interactor.handle_command = hear

    def newly_assigned(self, item: pytest.Item) -> list[pytest.Item]:
        """The items of this worker's queue that were not there before, in order.

        xdist tells no plugin what a worker will run, so its queue is read under its own lock;
        where a later version has none, only the item that runs now is known.
        """
        assert self._session is not None
        items = self._session.items
        try:
            with self._interactor.torun.lock() as queue:
                waiting = [self._interactor.nextitem_index, *queue]
            indices = [self._interactor.item_index, *waiting]
        except AttributeError:
            return [item]
        new = [index for index in indices if isinstance(index, int) and index not in self._assigned]
        self._assigned.update(new)
        return [items[index] for index in new]

    def answers_of_lost_workers(self, folder: Path) -> dict[AnswerKey, Prediction | Failure]:
        """The answers that workers which died had on disk: they are paid for.

        Nothing where no worker has died since they were read last.
        """
        if not self._must_read_answers:
            return {}
        self._must_read_answers = False
        return read_predictions(folder)

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(self) -> Generator[None, Any, Any]:
        """Half an emoji in a reason or a traceback would end the whole run on its way up."""
        return _sendable((yield))

    def plan(self, evals: Evals) -> dict[str, Any]:
        """What this worker's collection holds, for the controller, which collects nothing."""
        return {
            "datasets": datasets_of(evals.suites.values()),
            "functions": {suite.nodeid: suite.name for suite in evals.suites.values()},
            "coverages": [coverage.to_dict() for coverage in evals.coverages],
        }

    def hand_over_plan(self, config: pytest.Config, evals: Evals) -> None:
        """Leave the plan for the controller to find when this worker ends."""
        output: dict[str, Any] = getattr(config, "workeroutput", {})
        output[PLAN] = self.plan(evals)
        output[TROUBLE] = evals.trouble
        output[STRAYS] = evals.n_strays
        output[ASKED] = [asked.to_dict() for asked in evals.asked]

    def refuse(self, session: pytest.Session, message: str) -> None:
        """End this worker before it runs anything, with a usage error for the controller."""
        self.has_refused = True
        getattr(self._config, "workeroutput", {})[REFUSAL] = message
        self._config.pluginmanager.register(_RunsNothing(session, message))

    def _stop(self) -> None:
        """The controller is leaving: ask for nothing more, and end after the current test."""
        if self._asker is not None:
            self._asker.cancel()
        if self._session is not None:
            self._session.shouldstop = "model eval: stopped by the controller"


class _RunsNothing:
    """Takes the place of the test protocol in a worker that has refused to run.

    Args:
        session: The worker's session.
        message: Why.
    """

    def __init__(self, session: pytest.Session, message: str) -> None:
        self._session = session
        self._message = message

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self) -> bool:
        """The item is not run; the first of them ends the worker."""
        self._session.shouldstop = self._message
        return True


def _sendable(value: Any) -> Any:
    """A serialized report with texts that execnet can carry."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {_sendable(key): _sendable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_sendable, value))
    return value


def read_plan(plan: dict[str, Any]) -> tuple[dict[str, str], list[Coverage]]:
    """The suites' names by node id and their coverages, as a worker's ``plan`` said them."""
    coverages = [Coverage.from_dict(data) for data in plan["coverages"]]
    return plan["functions"], coverages
