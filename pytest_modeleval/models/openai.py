"""``openai:NAME``: chat completions of OpenAI and of every compatible server.

The request is posted as JSON over the SDK's own HTTP client, with the SDK's key, headers and
address: half the CPU of its typed call, so that a busy client measures the model and not its own
queue. Answers and errors are read defensively; the SDK validates neither.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from pytest_modeleval.errors import UsageError
from pytest_modeleval.models.base import AttemptError, read_chat_completion, short

if TYPE_CHECKING:
    from pytest_modeleval.core.predictions import Prediction

__all__ = ["OpenAIModel", "status_error"]

_NOT_JSON = object()
_OPENAI_URL = "https://api.openai.com/v1"
_LOOPBACK = ("http://127.", "http://localhost", "http://[::1]", "http://0.0.0.0")


# The HTTP client looks at each of its connections with each request, so a few small clients need a
# third less CPU for 64 calls at once than a large one.
_CALLS_PER_CLIENT = 16


@dataclass(slots=True)
class _Client:
    """An HTTP client, and how many calls it has under way."""

    http: Any
    n_in_flight: int = 0


class OpenAIModel:
    """A chat model behind an OpenAI-compatible endpoint.

    Args:
        model: The model's name at the server.
        base_url: The server, or None for ``OPENAI_BASE_URL`` or OpenAI's own.
        timeout_s: Seconds after which the HTTP client gives up; the engine's own time-out of an
            attempt comes first.

    Attributes:
        price_list_url: The address by which public price lists know the server; None for one on
            this machine, which they can't know.

    Raises:
        UsageError: No key is configured, and the server is not on this machine.
    """

    def __init__(self, model: str, *, base_url: str | None = None, timeout_s: float = 60.0) -> None:
        self.name = f"openai:{model}"
        self.max_concurrency: int | None = None
        self.queues_itself = False
        self._model = model
        url = base_url or os.environ.get("OPENAI_BASE_URL") or ""
        key = os.environ.get("OPENAI_API_KEY") or ("none" if url.startswith(_LOOPBACK) else None)
        if key is None:
            raise UsageError(
                f"{self.name}: no API key; set OPENAI_API_KEY (any text will do for a server "
                "that wants none)"
            )
        self._key = key
        self.base_url = url or None
        self._timeout_s = timeout_s
        self._clients: list[_Client] = []
        self._url = ""
        self._headers: dict[str, str] = {}

        # Imported here and not with the first call: it takes a second, and what is there before
        # the run can be left alone by the garbage collector.
        import openai

        self._openai = openai
        self.price_list_url = None if url.startswith(_LOOPBACK) else url or _OPENAI_URL
        if self.price_list_url is not None:
            import genai_prices  # noqa: F401

    async def predict(self, model_input: Any) -> Prediction:
        """One request."""
        try:
            client = self._free_client()
        except Exception as error:
            raise transport_error(error, str(self.base_url)) from error
        body = json.dumps(self._body(model_input), ensure_ascii=False).encode()
        client.n_in_flight += 1
        started = time.perf_counter()
        try:
            response = await client.http.post(self._url, content=body, headers=self._headers)
        except Exception as error:
            raise transport_error(error, self._url) from error
        finally:
            client.n_in_flight -= 1
        seconds = time.perf_counter() - started
        if response.status_code != 200:
            raise status_error(response.status_code, response.headers, _json(response), self._url)
        data = _json(response)
        if data is _NOT_JSON:
            raise AttemptError("bad_body", self._not_json(response))
        return replace(read_chat_completion(data), latency_s=seconds)

    async def close(self) -> None:
        """Close the clients and their sockets."""
        clients, self._clients = self._clients, []
        ends = (client.http.aclose() for client in clients)
        await asyncio.gather(*ends, return_exceptions=True)  # one in trouble keeps none open

    def _free_client(self) -> _Client:
        """A client with room for a call; made on the event loop that uses it."""
        for client in self._clients:
            if client.n_in_flight < _CALLS_PER_CLIENT:
                return client
        client = _Client(self._openai.DefaultAsyncHttpxClient(timeout=self._timeout_s + 5))
        if not self._clients:
            sdk = self._openai.AsyncOpenAI(
                api_key=self._key, base_url=self.base_url, max_retries=0, http_client=client.http
            )
            self._url = str(sdk.base_url).rstrip("/") + "/chat/completions"
            headers = {**sdk.default_headers, **sdk.auth_headers}.items()
            self._headers = {name: value for name, value in headers if isinstance(value, str)}
        self._clients.append(client)
        return client

    def _body(self, model_input: Any) -> dict[str, Any]:
        """The request: text is one user message, a list is the messages themselves."""
        if isinstance(model_input, str):
            messages: Any = [{"role": "user", "content": model_input}]
        elif isinstance(model_input, list):
            messages = model_input
        else:
            return {"model": self._model, **model_input}
        return {"model": self._model, "messages": messages}

    def _not_json(self, response: Any) -> str:
        text = response.text[:200].lstrip()
        if text.startswith("<"):
            hint = (
                ""
                if self._url.endswith("/v1/chat/completions")
                else "; base_url probably lacks /v1"
            )
            return f"{self._url} answered with a web page, not JSON{hint}"
        return f"{self._url} answered with broken JSON: {short(text)!r}"


def transport_error(error: Exception, url: str) -> AttemptError:
    """The failure that an exception of the HTTP client stands for, by the names of its classes."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if "TimeoutException" in names:
        return AttemptError("timeout", f"{url} did not answer in time")
    if "InvalidURL" in names or "UnsupportedProtocol" in names:
        return AttemptError(
            "bad_request", f"{url} is no address to ask: {short(error)}", cost_usd=0.0
        )
    reason = short(error) or type(error).__name__
    if "TransportError" in names or isinstance(error, OSError):
        return AttemptError("connection", f"no connection to {url}: {reason}", can_retry=True)
    return AttemptError("raised", f"{type(error).__name__}: {reason}")


def status_error(status: int, headers: Any, data: Any, url: str = "the server") -> AttemptError:
    """The failure that an HTTP status stands for.

    Args:
        status: The status code, not 200.
        headers: The response's headers, for ``Retry-After``.
        data: The body as JSON, or None.
        url: The address, for the message.
    """
    error = data.get("error") if isinstance(data, dict) else None
    error = error if isinstance(error, dict) else {"message": error} if error else {}
    said = f": {short(error['message'])}" if error.get("message") else ""
    code = error.get("code") or error.get("type")
    if status == 429 and code in ("insufficient_quota", "billing_hard_limit_reached"):
        return AttemptError(
            "quota", f"the account's quota is used up{said}", cost_usd=0.0, is_final=True
        )
    if status in (408, 409, 429) or status >= 500:
        return AttemptError(
            "rate_limited" if status == 429 else "server_error",
            f"{url} answered {status}{said}",
            can_retry=True,
            retry_after_s=retry_after(headers),
            cost_usd=0.0 if status == 429 else None,
        )
    hints = {
        401: "; the key (OPENAI_API_KEY) is not accepted",
        403: "; the key may not use this model",
        404: "; check the model's name and base_url (it usually ends in /v1)",
    }
    return AttemptError(
        "bad_request",
        f"{url} answered {status}{said}{hints.get(status, '')}",
        cost_usd=0.0,
        is_final=status == 401,
    )


def retry_after(headers: Any) -> float | None:
    """Seconds that ``Retry-After`` asks to wait: a number, a date, or milliseconds of its own."""
    try:
        milliseconds = headers.get("retry-after-ms")
        if milliseconds is not None:
            return _seconds(float(milliseconds) / 1000)
        text = headers.get("retry-after")
        if text is None:
            return None
        try:
            return _seconds(float(text))
        except ValueError:
            return _seconds((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, AttributeError):
        return None


def _seconds(value: float) -> float | None:
    return max(value, 0.0) if math.isfinite(value) else None


def _json(response: Any) -> Any:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return _NOT_JSON
