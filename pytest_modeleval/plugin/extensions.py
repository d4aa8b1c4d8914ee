"""Extensions: what other plugins and conftests add through our hooks, and how they are told."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pytest_modeleval.errors import UsageError
from pytest_modeleval.models.base import describe
from pytest_modeleval.models.function import as_model
from pytest_modeleval.plugin.hookspecs import DatasetSpec, ModelSpec, ScorerSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import pytest

    from pytest_modeleval.core.judgements import Verdict
    from pytest_modeleval.core.records import Record
    from pytest_modeleval.models.base import Model
    from pytest_modeleval.plugin.hookspecs import FinishedRun

__all__ = ["Listeners", "added_cases", "added_model", "added_scorer"]


def added_model(
    config: pytest.Config,
    spec: Any,
    *,
    system: str | None,
    parameters: Mapping[str, Any],
    where: str,
    **limits: Any,
) -> Model | None:
    """The model that a plugin makes of a spec; None where none does.

    Args:
        config: The session's configuration.
        spec: The spec; only a text is shown to plugins.
        system: Instructions that come before every case.
        parameters: What else each request says.
        where: Where the user wrote the spec; messages begin with it.
        limits: ``concurrency`` and ``timeout_s`` of ``as_model``.

    Raises:
        UsageError: The plugin could not make it.
    """
    if not isinstance(spec, str):
        return None
    shown = ModelSpec(text=spec, system=system, parameters=parameters)
    value = _first(config, "make_model", f"{where}: {spec!r}", spec=shown)
    return None if value is None else as_model(value, name=spec, where=where, **limits)


def added_cases(config: pytest.Config, source: Any, folders: Iterable[Path]) -> Any:
    """The cases that a plugin loads for a dataset; the dataset itself where none does.

    Raises:
        UsageError: The plugin could not load it.
    """
    if not isinstance(source, str | os.PathLike):
        return source
    shown = DatasetSpec(text=os.fsdecode(source), folders=tuple(folders))
    found = _first(config, "load_dataset", f"dataset {shown.text!r}", spec=shown)
    return source if found is None else found


def added_scorer(config: pytest.Config, spec: Any, *, where: str) -> Any:
    """The scorer that a plugin makes for a name; the spec itself where none does.

    Args:
        config: The session's configuration.
        spec: The spec; only a name, alone or with what stands behind it, is shown to plugins.
        where: Where the user wrote the spec; messages begin with it.

    Raises:
        UsageError: The plugin could not make it, or what it made is none.
    """
    is_one = isinstance(spec, dict) and len(spec) == 1
    name, given = next(iter(spec.items())) if is_one else (spec, None)
    if not isinstance(name, str):
        return spec
    from pytest_modeleval.scorers.customs import plugin_scorer, split_common

    _, own = split_common(given)
    shown = ScorerSpec(text=name, parameters=own)
    value = _first(config, "make_scorer", f"{where}: {name!r}", spec=shown)
    return spec if value is None else plugin_scorer(value, name, given, where=where)


class Listeners:
    """Who wants to hear of records and of the finished run.

    Args:
        config: The session's configuration.
        trouble: Sentences on what went wrong are added here; they change no verdict.
    """

    def __init__(self, config: pytest.Config, trouble: list[str]) -> None:
        self._hook = config.hook
        self._trouble = trouble
        self._has_failed = False
        self._wants_records = bool(config.hook.pytest_modeleval_record.get_hookimpls())

    def tell_record(self, record: Record) -> None:
        """A record is on disk."""
        if self._wants_records and not self._has_failed:
            self._has_failed = not self._tell("record", record=record)

    def tell_finished(self, run: FinishedRun, verdict: Verdict) -> None:
        """The run is over."""
        self._tell("run_finished", run=run, verdict=verdict)

    def _tell(self, name: str, **told: Any) -> bool:
        call: Callable[..., Any] = getattr(self._hook, f"pytest_modeleval_{name}")
        try:
            call(**told)
        except Exception as error:  # noqa: BLE001  (anybody's code; it must not change a verdict)
            once = " (it is not called again)" if name == "record" else ""
            self._trouble.append(f"pytest_modeleval_{name} failed{once}: {describe(error)}")
            return False
        return True


def _first(config: pytest.Config, name: str, what: str, **asked: Any) -> Any:
    """What the first plugin says that says anything."""
    try:
        return getattr(config.hook, f"pytest_modeleval_{name}")(config=config, **asked)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"{what}: pytest_modeleval_{name} failed: {describe(error)}") from error
