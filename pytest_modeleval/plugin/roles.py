"""Roles: which of them this process plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_modeleval.errors import UsageError
from pytest_modeleval.plugin import fixtures
from pytest_modeleval.plugin.baselines import find_baseline, handed_baseline, wants_saving
from pytest_modeleval.plugin.collect import eval_item
from pytest_modeleval.plugin.replays import find_answers, taken_over
from pytest_modeleval.plugin.reports import check_reports
from pytest_modeleval.plugin.state import EVAL_ITEM, EVALS, Evals, make_evals, n_workers
from pytest_modeleval.store.baselines import Answers

if TYPE_CHECKING:
    from pytest_modeleval.settings import Settings

__all__ = ["register"]


class Collector:
    """Knows every item of a suite before anything is deselected.

    Args:
        evals: What the session's roles share.
    """

    def __init__(self, evals: Evals) -> None:
        self.evals = evals

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Let a fixture of any other plugin override ours of that name, as a conftest's does.

        pytest lets the plugin that was registered last win, and ours is; there is no public way
        to be the first.
        """
        manager = getattr(session, "_fixturemanager", None)
        by_node = getattr(manager, "_arg2node2fixturedefs", {})  # from pytest 9.1 on, best first
        by_name = getattr(manager, "_arg2fixturedefs", {})  # before, best last
        for name in fixtures.NAMES:
            by_node.get(name, {}).get(session, []).sort(key=_is_ours)
            by_name.get(name, []).sort(key=_is_ours, reverse=True)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note what each item is to us."""
        first: dict[str, pytest.Item] = {}
        for item in items:
            found = item.stash.get(EVAL_ITEM, None) or eval_item(item, self.evals.suites)
            if found is not None:
                item.stash[EVAL_ITEM] = found
                self.evals.collected.append(found)
                _place(item, first.setdefault(found.suite.nodeid, item))


def _place(item: pytest.Item, first: pytest.Item) -> None:
    """Give an item its location by that of the first one of its function.

    pytest inspects the function anew for each of its items, a tenth of the time of a trivial test.
    """
    if item is first or not isinstance(item, pytest.Function):
        return
    if type(item).reportinfo == pytest.Function.reportinfo:  # not a class with a view of its own
        file, line, _ = first.location
        vars(item)["location"] = (file, line, item.getmodpath())


def register(config: pytest.Config, settings: Settings) -> None:
    """Register the roles that this process plays.

    Raises:
        UsageError: xdist is told to run every case in every worker.
    """
    evals = config.stash[EVALS] = make_evals(config, settings)
    evals.is_partial = _is_partial(config)
    manager = config.pluginmanager
    manager.register(Collector(evals), "modeleval-collector")
    inert = (
        "cacheshow",
        "collectonly",
        "markers",
        "setuponly",
        "setupplan",
        "show_fixtures_per_test",
        "showfixtures",
    )
    if any(getattr(config.option, name, None) for name in inert):
        return
    is_worker = hasattr(config, "workerinput")
    if is_worker:
        handed = config.workerinput["model_eval"]  # type: ignore[attr-defined]
        evals.has_baseline = handed["has_baseline"]
        evals.stored = taken_over(handed["stored"])
        evals.baseline_answers = Answers(handed_baseline(handed["baseline_answers"]))
    else:
        check_reports(config, evals)
        evals.baseline = find_baseline(config, evals)
        evals.baseline_answers = Answers(evals.baseline)
        evals.has_baseline = evals.baseline is not None or wants_saving(config)
        evals.stored = find_answers(config, evals)
    is_controller = not is_worker and n_workers(config) > 0
    if config.getoption("--model-eval-plan"):
        if is_controller:
            raise UsageError("--model-eval-plan runs nothing that workers could share; add -n0")
        from pytest_modeleval.plugin.plans import Planner

        manager.register(Planner(config, evals), "modeleval-planner")
        return
    if is_controller and config.getoption("dist") == "each":
        raise UsageError("--dist each would ask every case once in each worker; use --dist load")
    if not is_controller:
        from pytest_modeleval.plugin.runner import Runner

        runner = Runner(config, evals)
        manager.register(runner, fixtures.RUNNER_NAME)
        if not is_worker:
            from pytest_modeleval.plugin.headers import Header

            manager.register(Header(config, runner), "modeleval-header")
    if not is_worker:
        from pytest_modeleval.plugin.caches import LastFailed
        from pytest_modeleval.plugin.gatekeeper import Gatekeeper

        gatekeeper = Gatekeeper(config, evals)
        manager.register(gatekeeper, "modeleval-gatekeeper")
        manager.register(LastFailed(config, gatekeeper), "modeleval-lastfailed")
        if is_controller:
            from pytest_modeleval.plugin.controllers import Controller

            controller = Controller(config, evals, gatekeeper)
            manager.register(controller, "modeleval-controller")


def _is_ours(definition: pytest.FixtureDef[object]) -> bool:
    return definition.func.__module__ == fixtures.__name__


def _is_partial(config: pytest.Config) -> bool:
    """Whether the command line picks files or cases, so that other suites may well exist."""
    option = config.option
    picks = [getattr(option, name, None) for name in ("keyword", "markexpr", "deselect", "lf")]
    folder = config.invocation_params.dir
    return any(picks) or any("::" in arg or (folder / arg).is_file() for arg in config.args)
