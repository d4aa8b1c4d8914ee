"""Workers: what crosses between an xdist controller and its workers, and what each may ask.

A worker may be on another machine, so it reads and writes no file of the controller's. Down go the
settings as the controller reads them and the worker's share of what may be asked, and while it
runs the words ``stop`` and ``lost`` (another worker died; these answers are paid for). Up go, on a
channel of our own, what was collected before any of it runs and each answer as it arrives. Records
travel on reports.
"""

from __future__ import annotations

import json
import pickle
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modeleval.core.plain import clean_text
from pytest_modeleval.core.words import listed
from pytest_modeleval.errors import EngineError, UsageError
from pytest_modeleval.plugin.collect import contents_of, datasets_of
from pytest_modeleval.store.journals import Journal
from pytest_modeleval.store.predictions import answer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    from pytest_modeleval.core.keys import AnswerKey
    from pytest_modeleval.core.predictions import Failure, Prediction
    from pytest_modeleval.plugin.askers import Asker
    from pytest_modeleval.plugin.state import Evals
    from pytest_modeleval.settings import Settings

__all__ = [
    "ANSWERS",
    "ASKED",
    "LOST",
    "PLAN",
    "PREFLIGHT",
    "STOP",
    "STRAYS",
    "TROUBLE",
    "WorkerLink",
    "difference",
    "handed_settings",
    "pack_settings",
]

STOP = "model_eval_stop"
LOST = "model_eval_lost"
PLAN = "plan"
ANSWERS = "answers"
TROUBLE = "model_eval_trouble"
ASKED = "model_eval_asked"
STRAYS = "model_eval_strays"
PREFLIGHT = "preflight"


class WorkerLink:
    """A worker's end of the line.

    Args:
        config: The worker's configuration.
        handed: What the controller handed down.

    Attributes:
        concurrency: This worker's share of the calls in flight.
        n_workers: Workers that share what the run may ask and spend.
        is_replacement: It takes the place of one that died, which has used up its share.
        answers: Where its answers go.
        has_refused: The settings can't work, so this worker runs nothing.
    """

    def __init__(self, config: pytest.Config, handed: dict[str, Any]) -> None:
        self.concurrency = int(handed["concurrency"])
        self.n_workers = int(handed["n_workers"])
        self.is_replacement = bool(handed["is_replacement"])
        self.answers = _SentUp(handed["channel"])
        self.has_refused = False
        self._channel = handed["channel"]
        self._lost_answers = _parse(handed["lost_answers"])
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
        if handed["last_failed"] is not None:
            _remember(config, handed["last_failed"])
        if handed["is_served"]:
            config.add_cleanup(lambda: _forget_modules(config.rootpath))

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
                    self._lost_answers |= _parse(command[1]["answers"])
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

    def answers_of_lost_workers(self) -> dict[AnswerKey, Prediction | Failure]:
        """The answers that workers had got before they died: they are paid for.

        Nothing where no worker has died since they were read last.
        """
        answers, self._lost_answers = self._lost_answers, {}
        return answers

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(self) -> Generator[None, Any, Any]:
        """Half an emoji in a reason or a traceback would end the whole run on its way up."""
        return _sendable((yield))

    def hand_in(self, evals: Evals, refusal: str | None) -> None:
        """Tell the controller, which collects nothing, what this worker has collected.

        Args:
            evals: What the session's roles share.
            refusal: Why nothing of it can run; None where it can.
        """
        self.has_refused = refusal is not None
        plan = {
            "refusal": refusal,
            "datasets": datasets_of(evals.suites.values()),
            "functions": {suite.nodeid: suite.name for suite in evals.suites.values()},
            "coverages": [coverage.to_dict() for coverage in evals.coverages],
            "left_out": evals.left_out,
            "contents": {suite.name: contents_of(suite) for suite in evals.suites.values()},
        }
        self._channel.send((PLAN, json.dumps(plan)))

    def tried_once(self, try_judges: Callable[[], str]) -> str:
        """What the trial of the judges comes to, which one worker makes for all of them.

        Args:
            try_judges: Makes it.

        Raises:
            EngineError: The controller is gone.
        """
        try:
            self._channel.send((PREFLIGHT, None))
            found: str | None = self._channel.receive()
            if found is None:  # it is up to this worker
                found = try_judges()
                self._channel.send((PREFLIGHT, found))
        except (OSError, EOFError):
            raise EngineError("the run was stopped before its judges were tried") from None
        return found

    def hand_over_rest(self, config: pytest.Config, evals: Evals) -> None:
        """Leave what is known at the end for the controller to find."""
        output: dict[str, Any] = getattr(config, "workeroutput", {})
        output[TROUBLE] = evals.trouble
        output[STRAYS] = evals.n_strays
        output[ASKED] = [asked.to_dict() for asked in evals.asked]

    def _stop(self) -> None:
        """The controller is leaving: ask for nothing more, and end after the current test."""
        if self._asker is not None:
            self._asker.cancel()
        if self._session is not None:
            self._session.shouldstop = "model eval: stopped by the controller"


class _SentUp(Journal):
    """A journal that the controller writes, since this process may be on another machine.

    Args:
        channel: Leads to the controller.
    """

    def __init__(self, channel: Any) -> None:
        super().__init__(Path())
        self._channel = channel

    def append(self, *texts: str) -> None:
        """Send lines up."""
        try:
            self._channel.send((ANSWERS, texts))
        except OSError as error:  # the controller is gone
            self.trouble = self.trouble or error
            self.n_lost += len(texts)


def _sendable(value: Any) -> Any:
    """A serialized report with texts that execnet can carry."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {_sendable(key): _sendable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_sendable, value))
    return value


def _parse(lines: Iterable[str]) -> dict[AnswerKey, Prediction | Failure]:
    """The answers in lines of ``predictions.jsonl``."""
    return dict(answer_of(json.loads(line)) for line in lines)


def _remember(config: pytest.Config, last_failed: Mapping[str, bool]) -> None:
    """Have ``--lf`` and ``--ff`` go by what the controller remembers, since nothing is kept here.

    pytest's own plugin is made once more, since how it holds the names differs between versions.
    """
    manager = config.pluginmanager
    plugin: Any = manager.get_plugin("lfplugin")
    if not getattr(plugin, "active", False):
        return
    for name in ("lfplugin", "lfplugin-collwrapper"):
        if manager.has_plugin(name):
            manager.unregister(name=name)
    cache = config.cache
    config.cache = SimpleNamespace(get=lambda *_: last_failed)  # type: ignore[assignment]
    try:
        manager.register(type(plugin)(config), "lfplugin")
    finally:
        config.cache = cache


def _forget_modules(root: Path) -> None:
    """Forget the project's modules: a socket server runs the next session in the same process.

    It would otherwise measure the code of this session, whatever the files hold by then.
    """
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and "site-packages" not in file and Path(file).is_relative_to(root):
            del sys.modules[name]


def pack_settings(settings: Settings) -> tuple[str, bytes]:
    """The settings as a worker can take them over, whatever its own files say."""
    return version("pytest-modeleval"), pickle.dumps(settings)


def handed_settings(config: pytest.Config) -> Settings | None:
    """The settings that the controller has handed to this worker; None in a process that is none.

    Raises:
        UsageError: The controller has another version of this package.
    """
    handed = getattr(config, "workerinput", {}).get("model_eval")
    if handed is None:
        return None
    theirs, packed = handed["settings"]
    own = version("pytest-modeleval")
    if theirs != own:
        raise UsageError(
            f"pytest-modeleval {own} is installed there and {theirs} here; install the same on "
            "every machine"
        )
    settings: Settings = pickle.loads(packed)  # noqa: S301  (of whom we run any code that he sends)
    return settings


def difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """What two workers have collected differently, which must not be judged as one run.

    Args:
        one: The plan of one worker.
        other: The plan of another.

    Returns:
        The difference, such as ``"the cases c-3, c-7 of test_ticket"``; None where there is none.
    """
    for name in sorted({*one["contents"], *other["contents"]}):
        ours, theirs = (plan["contents"].get(name) for plan in (one, other))
        if ours is None or theirs is None:
            return f"the suite {name}"
        cases = {**ours["cases"], **theirs["cases"]}
        differing = [case for case in cases if ours["cases"].get(case) != theirs["cases"].get(case)]
        if differing:
            noun = "case" if len(differing) == 1 else "cases"
            return f"the {noun} {listed(differing)} of {name}"
        if ours["asked"] != theirs["asked"]:
            return f"how {name} asks (model, system, parameters)"
    if one["coverages"] != other["coverages"]:
        return "the thresholds, or which cases are selected"
    return None
