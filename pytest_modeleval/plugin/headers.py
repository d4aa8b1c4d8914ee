"""Headers: the lines under "collected N items" that say what will be asked, before it costs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pytest_modeleval.core.gates import undecidable
from pytest_modeleval.engine.limits import FIRST_SIZE
from pytest_modeleval.plugin.replays import key_of
from pytest_modeleval.plugin.state import EVAL_ITEM
from pytest_modeleval.plugin.suite_models import SHARED_SCOPES, asks_suite_model, overriding
from pytest_modeleval.reports import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from pytest_modeleval.plugin.runner import Runner

__all__ = ["Header"]


class Header:
    """Says what will be asked, in a single process; under xdist the controller does.

    Args:
        config: The session's configuration.
        runner: Knows the models.
    """

    def __init__(self, config: pytest.Config, runner: Runner) -> None:
        self.config = config
        self._runner = runner

    def pytest_report_collectionfinish(self, items: list[pytest.Item]) -> list[str]:
        """Say what will be asked of which model, how many at once."""
        own = [item for item in items if EVAL_ITEM in item.stash]
        if not own or self.config.get_verbosity() < 0:
            return []
        evals = self._runner.evals
        doubts = undecidable(evals.settings.thresholds, evals.coverages)
        return [*_lines(own, self._runner), *dict.fromkeys(f"  {doubt}" for doubt in doubts)]


def _lines(items: Sequence[pytest.Item], runner: Runner) -> list[str]:
    """A line for each model: its name, the number of cases, and how many are asked at once."""
    cases: dict[tuple[str, int, int | None], list[object]] = {}
    kept: Counter[tuple[str, int, int | None]] = Counter()
    stored = runner.evals.stored
    for item in items:
        own = item.stash[EVAL_ITEM]
        case = (id(own.suite), own.variant, own.case.id)
        how = _model_and_concurrency(item, runner)
        cases.setdefault(how, []).append(case)
        model = runner.models.known(item)
        kept[how] += bool(stored and model and key_of(item, model.name) in stored)
    return [
        terminal.header(
            model=how[0],
            n_cases=len(set(found)),
            n_times=len(found),
            concurrency=how[1],
            first=how[2],
            replayed_from=stored.run_id if stored and stored.is_replay else None,
            kept=f"{kept[how]} kept of run {stored.run_id}" if stored and kept[how] else None,
        )
        for how, found in cases.items()
    ]


def _model_and_concurrency(item: pytest.Item, runner: Runner) -> tuple[str, int, int | None]:
    """The model's name, the most calls of it at once, and those it begins with if it is fewer."""
    first = FIRST_SIZE if runner.evals.settings.is_adaptive else None
    is_prefetched = item.stash[EVAL_ITEM].asks_ahead
    definition = overriding(item)
    if definition is not None and is_prefetched:
        name = f"fixture model ({definition.scope} scope)"
        is_shared = definition.scope in SHARED_SCOPES
        return (name, runner.concurrency, first) if is_shared else (name, 1, None)
    if not asks_suite_model(item):
        return "the test's own code", 1, None
    model = runner.models.of_suite(item)
    limit = min(runner.concurrency, model.max_concurrency or runner.concurrency)
    if not is_prefetched:
        return model.name, 1, None
    return model.name, limit, first if model.max_concurrency is None else None
