"""Bodies: what is to be known while the test's own code runs, where a suite is written in Python.

A role of its own, since each of its hooks costs every item a little and YAML suites need none.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest

from pytest_modeleval.plugin import outcomes
from pytest_modeleval.plugin.caselogs import log_of
from pytest_modeleval.plugin.state import EVAL_ITEM

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_modeleval.plugin.runner import Runner

__all__ = ["Bodies"]


class Bodies:
    """Watches the bodies of tests; see the module.

    Args:
        runner: Runs the items.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._current: pytest.Item | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Know when the test's own body runs, and spare a soft miss its traceback."""
        if EVAL_ITEM not in item.stash:
            return (yield)
        self._current = item
        log = log_of(item)
        self._runner.score_into(item, log)
        log.is_in_body = True
        # ``return prediction == case.expected`` would pass whatever the answer; pytest only warns.
        # (pytest 8.4 has no such warning: it fails the test itself).
        warning = getattr(pytest, "PytestReturnNotNoneWarning", None)
        if warning is not None:
            warnings.filterwarnings("error", category=warning)
        try:
            return (yield)
        except AssertionError as error:
            if item.stash[EVAL_ITEM].is_governed and outcomes.is_judgement(item, error, log):
                text = self._runner.evals.redactor.text(outcomes.first_line(error))
                item.repr_failure = lambda _excinfo, _style=None: text  # type: ignore[method-assign,assignment]
            raise
        finally:
            log.is_in_body = False
            self._current = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A subtest's report, which comes from inside of the body, has its name by now."""
        if self._current is not None:
            outcomes.name_subtest(report, log_of(self._current))
