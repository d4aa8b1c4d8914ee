"""Names: a spec as the user writes it, resolved to a model.

``openai:NAME``, ``openai-responses:NAME`` and ``openai-embeddings:NAME`` are models behind a server,
``openai:NAME@URL`` one behind a server of its own; everything else is ``module:callable``.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from pytest_modeleval.errors import UsageError, did_you_mean
from pytest_modeleval.models.endpoints import find_endpoint
from pytest_modeleval.models.function import as_model
from pytest_modeleval.models.requests import ChatRequests, EmbeddingRequests, ResponseRequests
from pytest_modeleval.settings import is_url, without_password

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pytest_modeleval.models.base import Model
    from pytest_modeleval.models.requests import Requests
    from pytest_modeleval.settings import Settings

__all__ = ["find_object", "make_model"]

_PROVIDERS: Mapping[str, type[Requests]] = {
    "openai": ChatRequests,
    "openai-responses": ResponseRequests,
    "openai-embeddings": EmbeddingRequests,
}


def make_model(
    spec: Any,
    settings: Settings,
    *,
    system: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    folders: Sequence[Path] = (),
    where: str = "model",
    asked_where: str | None = None,
) -> Model:
    """The model that a spec stands for.

    Args:
        spec: ``openai:NAME``, ``module:callable``, a callable, or an object with ``predict``.
        settings: For the server, its keys and the time-out.
        system: Instructions that come before every case, for a model behind a server.
        parameters: What else each request to a server says, by the API's names.
        folders: Folders that a module is looked for in where it can't be imported otherwise.
        where: Where the user wrote the spec; messages about it begin with that.
        asked_where: Where the user wrote ``system`` and ``parameters``; there too by default.

    Raises:
        UsageError: There is no such model; the message says what there is.
    """
    limits: dict[str, Any] = {
        "where": where,
        "concurrency": settings.concurrency,
        "timeout_s": settings.timeout_s,
    }
    provider, colon, name = spec.partition(":") if isinstance(spec, str) else ("", "", "")
    asked_where = asked_where or where
    if provider in _PROVIDERS and colon:
        name, url = _name_and_url(provider, name, where)
        requests = _PROVIDERS[provider](
            name, system=system, parameters=parameters, where=asked_where
        )
        return _make_remote(spec, url, requests, settings)
    if system is not None or parameters:
        what = "system" if system is not None else "parameters"
        raise UsageError(
            f"{asked_where}: {what} is for openai: models; {spec!r} is Python code, which says it itself"
        )
    if not isinstance(spec, str):
        return as_model(spec, **limits)
    found = find_object(
        spec, folders=folders, where=where, kind="model", example="module:callable or openai:NAME"
    )
    return as_model(found, name=spec, **limits)


def find_object(
    spec: str, *, folders: Sequence[Path] = (), where: str, kind: str, example: str
) -> Any:
    """The Python object that ``module:name`` stands for.

    Args:
        spec: What the user wrote.
        folders: Folders that a module is looked for in where it can't be imported otherwise.
        where: Where the user wrote it; messages begin with that.
        kind: What the object is to be, for messages.
        example: What would do.

    Raises:
        UsageError: There is no such object; the message says what there is.
    """
    module, colon, name = spec.partition(":")
    if not colon or not module or not name:
        raise UsageError(f"{where}: {spec!r} is not a {kind}; write {example}")
    if module.endswith(".py"):
        better = module.removesuffix(".py").replace("/", ".") + ":" + name
        raise UsageError(f"{where}: {spec!r} names a file; name the module: {better}")
    return _attribute(_module(module, spec, folders, where), name, spec, where)


def _name_and_url(provider: str, text: str, where: str) -> tuple[str, str | None]:
    """``NAME``, or ``NAME@URL`` for a server of its own."""
    name, _, rest = text.strip().partition("@http")
    if not name:
        spec = without_password(f"{provider}:{text}")
        raise UsageError(f"{where}: {spec!r} names no model; write {provider}:gpt-5-mini")
    url = f"http{rest}" if rest else None
    _, at, server = name.partition("@")
    if at and (":" in server or "/" in server or "." in server) and not name.startswith("@"):
        raise UsageError(
            f"{where}: {without_password(f'{provider}:{name}')!r}: write the server with its scheme: "
            f"{provider}:{name.partition('@')[0]}@http://{without_password(server)}"
        )
    if url is not None and not is_url(url):
        example = f"{provider}:{name}@http://localhost:8000/v1"
        shown = without_password(url)
        raise UsageError(f"{where}: {provider}:{name}: {shown!r} is not a URL; write {example}")
    return name, url


def _make_remote(spec: str, url: str | None, requests: Requests, settings: Settings) -> Model:
    """A model behind the server of this URL, or of the settings."""
    from pytest_modeleval.models.openai import OpenAIModel
    from pytest_modeleval.models.transports import make_transport

    return OpenAIModel(
        spec,
        requests=requests,
        endpoint=find_endpoint(spec, url, base_url=settings.base_url, api_keys=settings.api_keys),
        transport=make_transport(settings.transport, timeout_s=settings.timeout_s),
    )


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
