"""Transports: how a JSON body gets to a server and back, by one of two HTTP clients.

The client of the openai SDK is always there. The extra ``fast`` brings aiohttp, which needs a
tenth of its CPU for a call, so that a busy process measures the model and not its own queue.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import urllib.request
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from pytest_modeleval.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Reply", "Transport", "make_transport"]

# The SDK's client looks at each of its connections with each request, so a few small clients need
# a third less CPU for 64 calls at once than a large one.
_CALLS_PER_CLIENT = 16

_SPARE_S = 5.0  # how much later than the engine's own time-out of an attempt a client gives up


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server sent back.

    Attributes:
        status: The HTTP status.
        headers: The headers; ``get`` takes a name in any case.
        body: The whole body; of a stream that was handed on in chunks nothing.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Sends requests. It is made on any thread and used on one event loop.

    It follows no redirect: most turn a question into a GET, and some lead to another host.
    """

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        on_chunk: Callable[[bytes], None] | None = None,
    ) -> Reply:
        """One request, and its reply when the last byte of it is there.

        Args:
            url: The address.
            body: The request.
            headers: Its headers.
            on_chunk: Called with each piece of the body of a good reply as it arrives.

        Raises:
            Exception: Whatever the HTTP client raises.
        """

    async def close(self) -> None:
        """Close the sockets."""


def make_transport(kind: str, *, timeout_s: float) -> Transport:
    """The transport of that name; ``auto`` is aiohttp where it is installed.

    Raises:
        UsageError: aiohttp is wanted and is not installed.
    """
    has_aiohttp = importlib.util.find_spec("aiohttp") is not None
    if kind == "sdk" or (kind == "auto" and not has_aiohttp):
        return _SdkTransport(timeout_s)
    if not has_aiohttp:
        raise UsageError(
            "model_eval_transport: aiohttp is not installed; pip install 'pytest-modeleval[fast]'"
        )
    return _AiohttpTransport()


class _AiohttpTransport:
    """aiohttp, with nothing between it and us."""

    def __init__(self) -> None:
        # Imported here and not with the first call: it takes a third of a second, and what is
        # there before the run can be left alone by the garbage collector.
        import aiohttp

        self._aiohttp = aiohttp
        self._session: Any = None
        self._proxy: str | None = None

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        on_chunk: Callable[[bytes], None] | None = None,
    ) -> Reply:
        session = self._session or self._open(url)
        async with session.post(
            url, data=body, headers=headers, proxy=self._proxy, allow_redirects=False
        ) as response:
            if on_chunk is None or response.status != 200:
                return Reply(response.status, response.headers, await response.read())
            async for chunk in response.content.iter_any():
                on_chunk(chunk)
            return Reply(response.status, response.headers, b"")

    def _open(self, url: str) -> Any:
        aiohttp = self._aiohttp
        self._proxy = _proxy_of(url)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # the engine limits the calls
            timeout=aiohttp.ClientTimeout(),  # the engine times them, and needs no second clock
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self._session

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _proxy_of(url: str) -> str | None:
    """The proxy that the environment names for this address, as the SDK's client has it.

    aiohttp's own ``trust_env`` finds it anew with each call, in two jobs of a thread pool that cost
    more than the call; and with a ~/.netrc it refuses our Authorization header.
    """
    address = urlsplit(url)
    if urllib.request.proxy_bypass(address.hostname or ""):
        return None
    return urllib.request.getproxies().get(address.scheme)


@dataclass(slots=True)
class _Client:
    """An HTTP client of the SDK, and how many calls it has under way."""

    http: Any
    n_in_flight: int = 0


class _SdkTransport:
    """The HTTP client that the openai SDK brings, under the name that it makes public."""

    def __init__(self, timeout_s: float) -> None:
        import openai  # takes a second, see above

        # What takes a client long is to read the certificates, and would be in the first latencies.
        library = sys.modules[
            openai.DefaultAsyncHttpxClient.__mro__[1].__module__.partition(".")[0]
        ]
        self._make_client = partial(
            openai.DefaultAsyncHttpxClient, verify=library.create_ssl_context()
        )
        self._timeout_s = timeout_s
        self._clients: list[_Client] = []

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        on_chunk: Callable[[bytes], None] | None = None,
    ) -> Reply:
        client = self._free_client()
        client.n_in_flight += 1
        try:
            if on_chunk is None:
                response = await client.http.post(url, content=body, headers=headers)
                return Reply(response.status_code, response.headers, response.content)
            async with client.http.stream("POST", url, content=body, headers=headers) as response:
                if response.status_code != 200:
                    return Reply(response.status_code, response.headers, await response.aread())
                async for chunk in response.aiter_bytes():
                    on_chunk(chunk)
                return Reply(response.status_code, response.headers, b"")
        finally:
            client.n_in_flight -= 1

    def _free_client(self) -> _Client:
        """A client with room for a call; made on the event loop that uses it."""
        for client in self._clients:
            if client.n_in_flight < _CALLS_PER_CLIENT:
                return client
        http = self._make_client(timeout=self._timeout_s + _SPARE_S, follow_redirects=False)
        client = _Client(http)
        self._clients.append(client)
        return client

    async def close(self) -> None:
        clients, self._clients = self._clients, []
        ends = (client.http.aclose() for client in clients)
        await asyncio.gather(*ends, return_exceptions=True)  # one in trouble keeps none open
