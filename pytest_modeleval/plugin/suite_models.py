"""Suite models: which model each item asks, and which items share one.

A suite names its model by the marker or the setting. Where a conftest overrides the fixture
``model``, the object is known once the first item that uses it is set up; all items that share
that object can be asked from then on.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.gates import check_scopes
from pytest_modeleval.engine.replay import StoredModel
from pytest_modeleval.errors import UsageError
from pytest_modeleval.models.function import as_model
from pytest_modeleval.models.names import make_model
from pytest_modeleval.plugin import fixtures
from pytest_modeleval.plugin.collect import covered, left_out
from pytest_modeleval.plugin.extensions import added_model
from pytest_modeleval.plugin.options import place_of
from pytest_modeleval.plugin.state import EVAL_ITEM
from pytest_modeleval.scorers.asks import ScorerModels

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    import pytest

    from pytest_modeleval.models.base import Model
    from pytest_modeleval.plugin.state import Evals
    from pytest_modeleval.scorers import Scorer
    from pytest_modeleval.settings import Settings

__all__ = ["SHARED_SCOPES", "SuiteModels", "asks_suite_model", "overriding"]

SHARED_SCOPES = ("session", "package", "module")
"""Scopes of a ``model`` fixture whose object serves many items, so that they are asked ahead."""


class SuiteModels:
    """Makes each model once and finds it again.

    Args:
        config: For the folders that modules are looked for in.
        settings: For the model that suites share, and its limits.
        concurrency: Calls that this process makes at once.
        is_replay: No model is asked, so that those which are named need not be there.

    Attributes:
        of_scorers: The models that scorers ask.
    """

    def __init__(
        self,
        config: pytest.Config,
        settings: Settings,
        *,
        concurrency: int,
        is_replay: bool = False,
    ) -> None:
        self._config = config
        self._settings = settings
        self._concurrency = concurrency
        self._is_replay = is_replay
        self._by_group: dict[Hashable, Model] = {}
        self._by_spec: dict[Hashable, Model] = {}
        self._by_object: dict[int, tuple[Any, Model]] = {}
        self.of_scorers = ScorerModels(settings)
        self._scorers: dict[int, tuple[Scorer, ...]] = {}

    def prepare(self, items: Sequence[pytest.Item], evals: Evals) -> None:
        """Note what these items cover, and check that all of it can be asked and judged.

        Raises:
            UsageError: A threshold's scope matches nothing, or a suite has no model.
        """
        selected = [item.stash[EVAL_ITEM] for item in items]
        evals.coverages = covered(evals.collected, selected)
        evals.left_out = left_out(evals.collected, selected)
        check_scopes(evals.settings.thresholds, evals.coverages, is_partial=evals.is_partial)
        self.make(items)
        for item in items:
            self.scorers(item)

    def scorers(self, item: pytest.Item) -> tuple[Scorer, ...]:
        """The scorers of an item, with the models that they ask.

        Raises:
            UsageError: One has no model, or one that does not exist.
        """
        named = item.stash[EVAL_ITEM].scorers
        if not named:
            return ()
        # By the tuple, which suites keep: hundreds of cases may share one of their own.
        if id(named) not in self._scorers:
            folders = [item.path.parent, self._config.rootpath, self._config.invocation_params.dir]
            self._scorers[id(named)] = self.of_scorers.resolve(named, folders)
        return self._scorers[id(named)]

    def make(self, items: Iterable[pytest.Item]) -> None:
        """Make the models that the suites of these items name and will ask.

        Raises:
            UsageError: A suite names none, or one that does not exist.
        """
        for item in items:
            if asks_suite_model(item):
                self.of_suite(item)

    def of_suite(self, item: pytest.Item) -> Model:
        """The model that the suite of an item names.

        Raises:
            UsageError: It names none, or one that does not exist.
        """
        group = _suite_group(item)
        if group not in self._by_group:
            self._by_group[group] = self._make(item)
        return self._by_group[group]

    def of_fixture(self, value: Any) -> Model:
        """An object that a ``model`` fixture gave, as a model; the same for the same object.

        Raises:
            UsageError: It can't be called.
        """
        if id(value) not in self._by_object:
            model = as_model(
                value,
                concurrency=self._concurrency,
                timeout_s=self._settings.timeout_s,
                where="fixture model",
            )
            self._by_object[id(value)] = (value, model)
        return self._by_object[id(value)][1]

    def forget(self, value: Any) -> None:
        """Forget an object that a ``model`` fixture gave for one item."""
        self._by_object.pop(id(value), None)

    def known(self, item: pytest.Item) -> Model | None:
        """The model that an item asks, where it is known already."""
        return self._by_group.get(self.group(item))

    def of_group(self, group: Hashable) -> Model | None:
        """The model of all items of a ``group``, where it is known already."""
        return self._by_group.get(group)

    def learn(self, item: pytest.Item, model: Model) -> bool:
        """Note that this item, and all that share its fixture, ask this model; whether it is news."""
        group = self.group(item)
        if group is None or group in self._by_group:
            return False
        self._by_group[group] = model
        return True

    def group(self, item: pytest.Item) -> Hashable | None:
        """What items have in common that share a model; None for an item that shares none."""
        definition = overriding(item)
        if definition is None:
            return _suite_group(item)
        if definition.scope not in SHARED_SCOPES:
            return None
        folder = item.path if definition.scope == "module" else None
        folder = item.path.parent if definition.scope == "package" else folder
        others = {
            name: index
            for name, index in item.callspec.indices.items()  # type: ignore[attr-defined]
            if name != "case"
        }
        return (id(definition), folder, tuple(sorted(others.items())))

    def _make(self, item: pytest.Item) -> Model:
        """The model of an item's suite; suites of the same spec share one."""
        suite, spec = item.stash[EVAL_ITEM].suite, item.stash[EVAL_ITEM].model
        if spec is None:
            how = (
                "in the marker with model=" if suite.rules is None else "in its file with 'model:'"
            )
            raise UsageError(
                f"suite {suite.name}: no model is named; set model_eval_model = module:callable "
                f"or openai:NAME, or name one {how}"
            )
        if self._is_replay and isinstance(spec, str):
            return StoredModel(spec)
        identity = (
            spec if isinstance(spec, str) else id(spec),
            suite.system,
            json.dumps(suite.parameters, sort_keys=True, default=repr),
        )
        if identity not in self._by_spec:
            roots = [self._config.rootpath, self._config.invocation_params.dir]
            is_setting = spec in self._settings.models
            asked: dict[str, Any] = {
                "system": suite.system,
                "parameters": suite.parameters,
                "where": place_of(self._config, "model") if is_setting else suite.model_where,
            }
            limits: dict[str, Any] = {
                "concurrency": self._concurrency,
                "timeout_s": self._settings.timeout_s,
            }
            model = added_model(self._config, spec, **asked, **limits)
            self._by_spec[identity] = model or make_model(
                spec,
                self._settings,
                **asked,
                folders=[item.path.parent, *roots],
                asked_where=suite.asked_where,
            )
        return self._by_spec[identity]


def overriding(item: pytest.Item, name: str = "model") -> pytest.FixtureDef[Any] | None:
    """The fixture that a conftest, a module or a plugin overrides ours of that name with."""
    info = getattr(item, "_fixtureinfo", None)
    definitions = info.name2fixturedefs.get(name, ()) if info is not None else ()
    if not definitions or definitions[-1].func.__module__ == fixtures.__name__:
        return None
    definition: pytest.FixtureDef[Any] = definitions[-1]
    return definition


def asks_suite_model(item: pytest.Item) -> bool:
    """Whether the item asks the model that its suite names, and not an overridden fixture's."""
    return "model" in item.stash[EVAL_ITEM].fixtures and overriding(item) is None


def _suite_group(item: pytest.Item) -> Hashable:
    eval_item = item.stash[EVAL_ITEM]
    return ("suite", eval_item.suite.nodeid, eval_item.asking.model)
