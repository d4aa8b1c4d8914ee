"""Names: a spec as the user writes it, resolved to a model.

``openai:NAME`` is a chat model; everything else is ``module:callable``.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from pytest_modeleval.errors import UsageError, did_you_mean
from pytest_modeleval.models.function import as_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_modeleval.models.base import Model
    from pytest_modeleval.settings import Settings

__all__ = ["make_model"]

_PROVIDERS = ("openai",)


def make_model(
    spec: Any, settings: Settings, *, folders: Sequence[Path] = (), where: str = "model"
) -> Model:
    """The model that a spec stands for.

    Args:
        spec: ``openai:NAME``, ``module:callable``, a callable, or an object with ``predict``.
        settings: For the server and the time-out.
        folders: Folders that a module is looked for in where it can't be imported otherwise.
        where: Where the user wrote the spec; messages begin with it.

    Raises:
        UsageError: There is no such model; the message says what there is.
    """
    limits: dict[str, Any] = {
        "where": where,
        "concurrency": settings.concurrency,
        "timeout_s": settings.timeout_s,
    }
    if not isinstance(spec, str):
        return as_model(spec, **limits)
    provider, colon, name = spec.partition(":")
    if provider in _PROVIDERS and colon:
        if not name.strip():
            raise UsageError(f"{where}: {spec!r} names no model; write openai:gpt-5-mini")
        from pytest_modeleval.models.openai import OpenAIModel

        return OpenAIModel(name.strip(), base_url=settings.base_url, timeout_s=settings.timeout_s)
    if not colon or not provider or not name:
        raise UsageError(f"{where}: {spec!r} is not a model; write module:callable or openai:NAME")
    if provider.endswith(".py"):
        better = provider.removesuffix(".py").replace("/", ".") + ":" + name
        raise UsageError(f"{where}: {spec!r} names a file; name the module: {better}")
    module = _module(provider, spec, folders, where)
    return as_model(_attribute(module, name, spec, where), name=spec, **limits)


def _module(name: str, spec: str, folders: Sequence[Path], where: str) -> Any:
    """Import a module, from ``folders`` where the path does not hold it."""
    try:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name.partition(".")[0]:
                raise
            added = [str(folder) for folder in folders if str(folder) not in sys.path]
            if not added:
                raise
            sys.path.extend(added)
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            hint = did_you_mean(name, _PROVIDERS)
            raise UsageError(
                f"{where}: {spec!r}: there is no module {error.name!r} on the path; set "
                f"pythonpath in the ini file, or install it{hint}"
            ) from None
        raise UsageError(f"{where}: {spec!r}: importing {name} failed: {error}") from error
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{where}: {spec!r}: importing {name} failed: {type(error).__name__}: {error}"
        ) from error


def _attribute(module: Any, name: str, spec: str, where: str) -> Any:
    value = module
    for part in name.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            known = (
                [word for word in vars(value) if not word.startswith("_")]
                if hasattr(value, "__dict__")
                else []
            )
            raise UsageError(
                f"{where}: {spec!r}: {getattr(value, '__name__', value)!s} has no "
                f"{part!r}{did_you_mean(part, known)}"
            ) from None
    return value
