"""Preflights: the judges of a run are tried once, before anything is asked.

Under xdist the worker that comes first tries them. The controller tells the others, who wait for
that, what it found: so a run pays once, and has one view of its judges.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modeleval.core.preflights import Preflight
from pytest_modeleval.plugin.state import EVAL_ITEM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modeleval.plugin.askers import Asker
    from pytest_modeleval.plugin.state import Evals
    from pytest_modeleval.plugin.workers import WorkerLink

__all__ = ["RunsNoEval", "SharedTrial", "preflight"]


def preflight(
    items: Sequence[pytest.Item], asker: Asker, evals: Evals, link: WorkerLink | None
) -> Preflight | None:
    """What the trial of the judges of these items' suites comes to; None where there are none.

    Args:
        items: The items that will run.
        asker: Asks the judges.
        evals: What the session's roles share.
        link: Leads to the controller, in a worker.
    """
    groups = {id(own): own for own in map(asker.models.scorers, items)}
    scorers = [scorer for own in groups.values() for scorer in own]
    if not any(scorer.is_judge for scorer in scorers):
        return None
    if link is None:
        return asker.try_judges(scorers)

    def try_judges() -> str:
        return json.dumps(evals.redactor.values(asker.try_judges(scorers).to_dict()))

    return Preflight.from_dict(json.loads(link.tried_once(try_judges)))


class SharedTrial:
    """The controller's side: lets one worker try the judges, and tells the others what it found.

    Its methods are called on the threads that receive what workers say.

    Attributes:
        found: What was found, as JSON; None so far.
    """

    def __init__(self) -> None:
        self.found: str | None = None
        self._lock = threading.Lock()
        self._channels: dict[str, Any] = {}
        self._trier: str | None = None
        self._waiting: list[str] = []

    def add(self, worker: str, channel: Any) -> None:
        """Note how a worker is reached."""
        self._channels[worker] = channel

    def hear(self, worker: str, found: str | None) -> None:
        """A worker asks what the judges are like, or says so."""
        with self._lock:
            if found is not None:
                self.found = found
                for waiting in self._waiting:
                    self._send(waiting, found)
                self._waiting.clear()
            elif self.found is None and self._trier is not None:
                self._waiting.append(worker)
            else:
                self._trier = self._trier or worker
                self._send(worker, self.found)

    def lose(self, worker: str) -> None:
        """A worker is gone: where it was to try the judges, the next one is."""
        with self._lock:
            self._waiting = [name for name in self._waiting if name != worker]
            if worker == self._trier and self.found is None:
                self._trier = self._waiting.pop(0) if self._waiting else None
                if self._trier is not None:
                    self._send(self._trier, None)

    def _send(self, worker: str, found: str | None) -> None:
        with suppress(OSError):  # it has just died
            self._channels[worker].send(found)


class RunsNoEval:
    """Passes over the items of suites: a judge that they need can't be relied on."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Take the place of the item's own protocol."""
        return True if EVAL_ITEM in item.stash else None
