"""Hooks: the entry point, imported in every pytest session on the machine.

It imports nothing but pytest, the standard library and the option table. Only ``--model-eval``
brings in the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_modeleval.errors import UsageError
from pytest_modeleval.plugin import hookspecs
from pytest_modeleval.plugin.options import (
    add_options,
    given_in_vain,
    is_enabled,
    is_suite_file,
    read_settings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MARKER = (
    "model_eval(cases, *, name=None, model=None, system=None, parameters={}, repeats=1, "
    "thresholds=(), scorers=(), id=, "
    "input=, expected=, tags=, cluster=): run this test once for each case of a dataset (a CSV, TSV, JSON, JSONL, YAML or Parquet file, a "
    "list, or a callable); the last five name the columns that hold a field"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks that others may implement."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker and, with ``--model-eval``, check the settings and register the roles."""
    config.addinivalue_line("markers", _MARKER)
    if is_enabled(config) or _names_a_case(config) or config.getoption("showfixtures", False):
        # Not in other sessions: many projects have a fixture ``case`` or ``model`` of their own.
        from pytest_modeleval.plugin import fixtures

        config.pluginmanager.register(fixtures, "modeleval-fixtures")
    if not is_enabled(config) and (option := given_in_vain(config)):
        raise pytest.UsageError(f"{option} does nothing without --model-eval")
    if is_enabled(config):
        from pytest_modeleval.plugin.roles import register
        from pytest_modeleval.plugin.workers import handed_settings

        try:
            register(config, handed_settings(config) or read_settings(config))
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.File | None:
    """Collect a suite without Python; without ``--model-eval`` as one item that is skipped."""
    if not is_suite_file(parent.config, file_path):
        return None
    if is_enabled(parent.config):
        from pytest_modeleval.plugin.yaml_items import YamlSuite

        return YamlSuite.from_parent(parent, path=file_path)
    from pytest_modeleval.plugin.placeholders import SkippedSuite

    return SkippedSuite.from_parent(parent, path=file_path)


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make an item for each case; without ``--model-eval`` one that says why it is skipped."""
    mark = metafunc.definition.get_closest_marker("model_eval")
    if mark is None:
        return
    if is_enabled(metafunc.config) or _names_a_case(metafunc.config):
        from pytest_modeleval.plugin.collect import parametrize

        parametrize(metafunc, mark)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without ``--model-eval``, skip every suite as one item."""
    if is_enabled(config):
        return
    seen = set()
    kept = []
    for item in items:
        if item.get_closest_marker("model_eval") is not None:
            function = (item.parent, getattr(item, "originalname", item.name))
            if function in seen and not _names_a_case(config):
                continue  # a further parameter of a suite of which no case is known
            seen.add(function)
            item.add_marker(pytest.mark.skip(reason="needs --model-eval"))
        kept.append(item)
    items[:] = kept


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport,
) -> tuple[str, str, str | tuple[str, Mapping[str, bool]]] | None:
    """Name our soft outcomes, which pytest would call xfailed."""
    outcome: Any = getattr(report, "model_eval_outcome", None)
    if outcome is None or not hasattr(report, "wasxfail"):
        return None
    if not report.wasxfail.startswith(f"{outcome}: "):
        return None  # the user's own xfail
    from pytest_modeleval.plugin.outcomes import STATUSES

    return STATUSES.get(outcome)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Schedule evals so that each worker can ask ahead."""
    if not is_enabled(config):
        return None
    from pytest_modeleval.plugin.schedulers import make_scheduler

    return make_scheduler(config, log)


def _names_a_case(config: pytest.Config) -> bool:
    """Whether the command line names a single case, which exists only if its file is read."""
    return any("::" in arg and "[" in arg for arg in config.args)
