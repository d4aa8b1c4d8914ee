"""Endpoints: the server that a model is asked at, and the key that it gets.

A key goes only to the server it is meant for: ``OPENAI_API_KEY`` to OpenAI or to the one server
that the settings name, every other key to the host that ``model_eval_api_keys`` names it for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_modeleval.errors import UsageError
from pytest_modeleval.settings import is_url, without_password

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Endpoint", "find_endpoint", "price_list_url"]

_OPENAI_URL = "https://api.openai.com/v1"
_LOOPBACK = frozenset({"localhost", "::1", "0.0.0.0"})  # noqa: S104  (compared with, never bound)
_NO_KEY = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server that speaks OpenAI's protocol.

    Attributes:
        base_url: Its address, without a slash at the end.
        headers: What each request carries, the key included.
        key_name: The environment variable that held the key.
        price_list_url: The address by which public price lists know the server; None for one on
            this machine, which they can't know.
    """

    base_url: str
    headers: Mapping[str, str]
    key_name: str
    price_list_url: str | None


def find_endpoint(
    spec: str, url: str | None, *, base_url: str | None, api_keys: Mapping[str, str]
) -> Endpoint:
    """The server that a spec stands for.

    Args:
        spec: The spec, for messages.
        url: The server that the spec itself names, or None.
        base_url: The server that the settings name, or None for ``OPENAI_BASE_URL`` or OpenAI's.
        api_keys: By host (or host:port) the environment variable that holds its key.

    Raises:
        UsageError: The server is not on this machine, and no key is known for it; or its address
            or its key is none.
    """
    from_environment = os.environ.get("OPENAI_BASE_URL")
    where = f"{spec}: OPENAI_BASE_URL" if from_environment and not base_url else spec
    default = _address(base_url or from_environment or _OPENAI_URL, where)
    address = default if url is None else _address(url, spec)
    parts = urlsplit(address)
    host = parts.hostname or ""
    is_local = price_list_url(address) is None
    is_default = _origin(address) == _origin(default)
    variable = _variable(address, api_keys)
    key = _key(spec, variable, host, is_default=is_default, is_local=is_local)
    headers = {
        "authorization": f"Bearer {key}",
        "content-type": "application/json",
        "accept": "application/json",
        "user-agent": "pytest-modeleval",
    }
    if variable is None and is_default and not is_local:
        names = {"openai-organization": "OPENAI_ORG_ID", "openai-project": "OPENAI_PROJECT_ID"}
        found = {name: _environment(spec, variable) for name, variable in names.items()}
        headers |= {name: value for name, value in found.items() if value}
    return Endpoint(
        base_url=address,
        headers=headers,
        key_name=variable or "OPENAI_API_KEY",
        price_list_url=price_list_url(address),
    )


def price_list_url(url: str) -> str | None:
    """The address by which public price lists know a server; None for one on this machine."""
    host = (urlsplit(url).hostname or "").lower()
    return None if host in _LOOPBACK or host.startswith("127.") else url


def _address(url: str, where: str) -> str:
    """A URL in one spelling: the host in lower case, no usual port, no slash at its end."""
    try:
        parts = urlsplit(url)
        usual_port = {"http": 80, "https": 443}.get(parts.scheme)
        netloc = parts.netloc.lower().removesuffix(f":{usual_port}" if parts.port else ":")
        is_address = is_url(url.lower()) and not parts.query and not parts.fragment
    except ValueError:  # the port is no number
        is_address = False
    if not is_address:
        shown = without_password(url)
        raise UsageError(
            f"{where}: {shown!r} is not the address of a server; write https://HOST/v1, "
            "with neither a password nor a query in it"
        )
    return parts._replace(netloc=netloc).geturl().rstrip("/")


def _origin(address: str) -> tuple[str, str]:
    """What a key is meant for; the scheme is part of it, since http shows a key to everybody."""
    parts = urlsplit(address)
    return parts.scheme, parts.netloc


def _variable(address: str, api_keys: Mapping[str, str]) -> str | None:
    """The environment variable that is named for host:port, or else for the host."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    names = (f"{host}:{port}", parts.netloc, host)
    return next((api_keys[name] for name in names if name in api_keys), None)


def _environment(spec: str, variable: str) -> str:
    """The text of an environment variable that goes into a header; files end it with a newline."""
    text = os.environ.get(variable, "").strip()
    if not (text.isascii() and text.isprintable()):
        raise UsageError(
            f"{spec}: {variable} holds no key: there is a line break in it, or a character that "
            "no header can carry"
        )
    return text


def _key(spec: str, variable: str | None, host: str, *, is_default: bool, is_local: bool) -> str:
    """The key for a host."""
    if variable == _NO_KEY:
        return _NO_KEY
    if variable is not None:
        key = _environment(spec, variable)
        if not key:
            raise UsageError(
                f"{spec}: no API key; model_eval_api_keys names {variable} for {host}, "
                "and that environment variable is not set"
            )
        return key
    key = _environment(spec, "OPENAI_API_KEY") if is_default else ""
    if key:
        return key
    if is_local:
        return _NO_KEY
    if is_default:
        raise UsageError(
            f"{spec}: no API key; set OPENAI_API_KEY (any text will do for a server that wants none)"
        )
    raise UsageError(
        f"{spec}: no API key; name the environment variable that holds the key of {host}: "
        f"model_eval_api_keys = {host} SOME_API_KEY (or {_NO_KEY}, for a server that wants none)"
    )
