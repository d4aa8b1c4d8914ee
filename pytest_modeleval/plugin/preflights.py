"""Preflights: the judges of a run are tried once, before anything is asked.

Under xdist the worker that comes first tries them and leaves what it found in the run's folder; the
others wait for that, so that a run pays once, and has one view of its judges.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from pytest_modeleval.core.preflights import Preflight
from pytest_modeleval.plugin.state import EVAL_ITEM
from pytest_modeleval.store.runs import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_modeleval.plugin.askers import Asker
    from pytest_modeleval.plugin.state import Evals
    from pytest_modeleval.scorers import Scorer

__all__ = ["RunsNoEval", "preflight"]

_FILE = "preflight.json"
_LOCK = ".preflight.lock"
_POLL_S = 0.1
_PATIENCE = 3  # time-outs of one attempt that the others wait for who tries the judges


def preflight(
    items: Sequence[pytest.Item], asker: Asker, evals: Evals, *, is_shared: bool
) -> Preflight | None:
    """What the trial of the judges of these items' suites comes to; None where there are none.

    Args:
        items: The items that will run.
        asker: Asks the judges.
        evals: What the session's roles share.
        is_shared: Other processes of the run have the same judges.
    """
    suites = {item.stash[EVAL_ITEM].suite.nodeid: item for item in items}
    scorers = [scorer for item in suites.values() for scorer in asker.models.scorers(item)]
    if not any(scorer.is_judge for scorer in scorers):
        return None
    if not is_shared:
        return asker.try_judges(scorers)
    return _tried_once(scorers, asker, evals)


def _tried_once(scorers: Sequence[Scorer], asker: Asker, evals: Evals) -> Preflight:
    found = evals.folder / _FILE
    try:
        (evals.folder / _LOCK).touch(exist_ok=False)
    except FileExistsError:
        tried = _wait_for(found, _PATIENCE * evals.settings.timeout_s)
        return tried or asker.try_judges(scorers)  # who tried them has died
    except OSError:  # the run's folder is on another machine
        return asker.try_judges(scorers)
    tried = asker.try_judges(scorers)
    with suppress(OSError):
        write_whole(found, evals.redactor.values(tried.to_dict()))
    return tried


def _wait_for(path: Path, seconds: float) -> Preflight | None:
    """What another process finds, as soon as that is there; None where it takes too long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if path.exists():
            data = json.loads(path.read_text(encoding="utf-8"))
            del data["format_version"]
            return Preflight.from_dict(data)
        time.sleep(_POLL_S)
    return None


class RunsNoEval:
    """Passes over the items of suites: a judge that they need can't be relied on."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Take the place of the item's own protocol."""
        return True if EVAL_ITEM in item.stash else None
