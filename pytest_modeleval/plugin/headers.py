"""Headers: the lines under "collected N items" that say what will be asked, before it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modeleval.plugin.runner import asks_suite_model, overriding, planned_scopes
from pytest_modeleval.plugin.state import EVAL_ITEM, Evals
from pytest_modeleval.reports import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

__all__ = ["header_lines"]


def header_lines(items: Sequence[pytest.Item], evals: Evals) -> list[str]:
    """A line for each model: its name, the number of cases, and how many are asked at once."""
    counts: dict[tuple[str, int], int] = {}
    for item in items:
        key = _model_and_concurrency(item, evals)
        counts[key] = counts.get(key, 0) + 1
    return [
        terminal.header(model=model, n_cases=n_cases, concurrency=concurrency)
        for (model, concurrency), n_cases in counts.items()
    ]


def _model_and_concurrency(item: pytest.Item, evals: Evals) -> tuple[str, int]:
    names = item.fixturenames  # type: ignore[attr-defined]
    definition = overriding(item)
    if definition is not None and "prediction" in names:
        one_at_a_time = definition.scope not in planned_scopes
        return (
            f"fixture model ({definition.scope} scope)",
            1 if one_at_a_time else evals.settings.concurrency,
        )
    if not asks_suite_model(item):
        return "the test's own code", 1
    spec = item.stash[EVAL_ITEM].suite.model
    name = spec if isinstance(spec, str) else getattr(spec, "__qualname__", type(spec).__qualname__)
    return str(name), evals.settings.concurrency if "prediction" in names else 1
