"""``openai:NAME`` and the like: models behind OpenAI-compatible servers.

The JSON is posted as it is, with no typed client between: less CPU for a call, so that a busy
process measures the model and not its own queue, and every answer and error is read by us.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_modeleval.models.base import AttemptError, short
from pytest_modeleval.models.replies import (
    read_chat_completion,
    read_embeddings,
    read_response,
)
from pytest_modeleval.models.requests import ChatRequests
from pytest_modeleval.models.statuses import status_error, transport_error
from pytest_modeleval.models.streams import ChatStream, ResponseStream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_modeleval.core.predictions import Prediction
    from pytest_modeleval.models.endpoints import Endpoint
    from pytest_modeleval.models.requests import Requests
    from pytest_modeleval.models.streams import Stream
    from pytest_modeleval.models.transports import Transport

__all__ = ["OpenAIModel"]

_NOT_JSON = object()
_READERS: Mapping[str, Callable[..., Prediction]] = {
    "/chat/completions": read_chat_completion,
    "/responses": read_response,
    "/embeddings": read_embeddings,
}


class OpenAIModel:
    """A model behind an OpenAI-compatible endpoint.

    Args:
        name: The name it is known by.
        requests: Makes the request of a case.
        endpoint: The server.
        transport: Gets the request there; closed with the model.

    Attributes:
        price_list_url: The address by which public price lists know the server, or None.
    """

    def __init__(
        self, name: str, *, requests: Requests, endpoint: Endpoint, transport: Transport
    ) -> None:
        self.name = name
        self.max_concurrency: int | None = None
        self.queues_itself = False
        self.is_contained = True
        self.price_list_url = endpoint.price_list_url
        self.requests = requests
        self.billed_as = requests.model
        self.limit_key = (endpoint.base_url, requests.model)
        self.url = endpoint.base_url + requests.path
        self._headers = endpoint.headers
        self._key_name = endpoint.key_name
        self._transport = transport
        self._read = _READERS[requests.path]
        is_chat = isinstance(requests, ChatRequests)
        self._make_stream: Callable[[], Stream] = ChatStream if is_chat else ResponseStream
        if self.price_list_url is not None:
            import genai_prices  # noqa: F401  (slow, so before the run and not in the middle of it)

    async def predict(self, model_input: Any) -> Prediction:
        """One request."""
        body = self.requests.body(model_input)
        stream = self._make_stream() if self.requests.is_streamed else None
        started = time.perf_counter()
        try:
            reply = await self._transport.post(
                self.url, body, self._headers, stream.feed if stream else None
            )
        except Exception as error:
            raise self._broken_off(error, stream) from error
        seconds = time.perf_counter() - started
        if reply.status != 200:
            raise status_error(
                reply.status, reply.headers, _json(reply.body), url=self.url, key=self._key_name
            )
        data = self._data(reply.body) if stream is None else self._streamed(stream)
        clocks = {"latency_s": seconds}
        if stream is not None and stream.first_content_s is not None:
            clocks["ttft_s"] = stream.first_content_s - started
        return self._read(data, wants_json=self.requests.wants_json, **clocks)

    def resize(self, concurrency: int) -> None:
        """Sockets are opened as they are needed."""

    async def close(self) -> None:
        """Close the sockets."""
        await self._transport.close()

    def _data(self, body: bytes) -> Any:
        """The value that a body holds.

        Raises:
            AttemptError: It is no JSON.
        """
        data = _json(body)
        if data is _NOT_JSON:
            raise AttemptError("bad_body", self._not_json(body))
        return data

    def _streamed(self, stream: Stream) -> Any:
        """The body that a stream amounts to.

        Raises:
            AttemptError: It was cut off, or held an error.
        """
        if stream.unstreamed:
            return self._data(stream.unstreamed)
        if stream.error is not None:
            said = stream.error.get("message") if isinstance(stream.error, dict) else stream.error
            raise AttemptError("bad_body", f"an error came in the stream: {short(said)}")
        if stream.is_complete:
            return stream.body()
        raise AttemptError("bad_body", f"{self.url} ended the stream before the answer's end")

    def _broken_off(self, error: Exception, stream: Stream | None) -> AttemptError:
        """What an exception of the HTTP client comes to; half an answer may have been billed."""
        failed = transport_error(error, self.url)
        if stream is not None and stream.has_begun and failed.failure.kind == "connection":
            why = short(error) or type(error).__name__
            message = f"the connection broke in the middle of the answer: {why}"
            failed.failure = replace(failed.failure, message=message)
        return failed

    def _not_json(self, body: bytes) -> str:
        text = body.decode("utf-8", "replace").lstrip()
        if text.startswith("<"):
            has_v1 = self.url.removesuffix(self.requests.path).endswith("/v1")
            hint = "" if has_v1 else "; base_url probably lacks /v1"
            return f"{self.url} answered with a web page, not JSON{hint}"
        return f"{self.url} answered with broken JSON: {short(text)!r}"


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return _NOT_JSON
