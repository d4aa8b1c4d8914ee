"""Streams: server-sent events of an answer, put together to the body that an unstreamed one has."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ChatStream", "ResponseStream", "Stream"]


class Stream:
    """Takes the bytes of a stream as they come.

    Args:
        clock: Monotonic seconds.

    Attributes:
        first_content_s: The clock when the first piece of the answer came; None before it. A
            piece is text, a refusal or a tool call; a role or an empty text is none.
        is_complete: The end was announced; a stream without it was cut off.
        error: An error that came in place of the answer, or None.
        unstreamed: The bytes of a body that is no stream, from a server that can't stream.
        has_begun: A byte was there.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.first_content_s: float | None = None
        self.is_complete = False
        self.error: Any = None
        self.unstreamed = b""
        self.has_begun = False
        self._clock = clock
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        if not self.has_begun:
            chunk = chunk.lstrip()
            self.has_begun = bool(chunk)
            if chunk[:1] in (b"{", b"[", b"<"):
                self.unstreamed = chunk
                return
        if self.unstreamed:
            self.unstreamed += chunk
            return
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._line(line.removesuffix(b"\r"))

    def body(self) -> dict[str, Any]:
        """The body that the same answer has unstreamed."""
        raise NotImplementedError

    def _line(self, line: bytes) -> None:
        """One line: a piece of an event's data, or the empty one that ends the event."""
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        elif not line and self._data:
            data, self._data = b"\n".join(self._data), []
            self._event(data)

    def _event(self, data: bytes) -> None:
        if data.strip() == b"[DONE]":
            self.is_complete = True
            return
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            self.error = (
                self.error or f"broken JSON in the stream: {data.decode('utf-8', 'replace')!r}"
            )
            return
        if isinstance(event, dict):
            flat = event.get("type") == "error" and (event.get("message") or "no reason is given")
            self.error = self.error or event.get("error") or flat or None
            self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        raise NotImplementedError

    def _has_content(self) -> None:
        if self.first_content_s is None:
            self.first_content_s = self._clock()


class ChatStream(Stream):
    """The chunks of a chat completion."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        super().__init__(clock)
        self._body: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {"content": [], "refusal": []}
        self._calls: dict[int, dict[str, str]] = {}
        self._finish_reason: Any = None
        self._has_choices = False

    def body(self) -> dict[str, Any]:
        """The completion that the chunks amount to."""
        texts = {name: "".join(pieces) or None for name, pieces in self._texts.items()}
        calls = [{"function": self._calls[index]} for index in sorted(self._calls)]
        message = {**texts, "tool_calls": calls or None}
        choice = {"message": message, "finish_reason": self._finish_reason}
        return {**self._body, "choices": [choice] if self._has_choices else []}

    def _take(self, event: dict[str, Any]) -> None:
        for name in ("model", "service_tier", "usage"):
            if event.get(name) is not None:
                self._body[name] = event[name]
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return
        self._has_choices = True
        if choice.get("finish_reason"):
            # Some servers close after it without the [DONE] that OpenAI ends with.
            self._finish_reason, self.is_complete = choice["finish_reason"], True
        delta = choice.get("delta")
        if isinstance(delta, dict):
            self._take_delta(delta)

    def _take_delta(self, delta: dict[str, Any]) -> None:
        for name, pieces in self._texts.items():
            if isinstance(delta.get(name), str) and delta[name]:
                self._has_content()
                pieces.append(delta[name])
        calls = delta.get("tool_calls")
        for position, piece in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(piece, dict) and isinstance(piece.get("function"), dict):
                self._has_content()
                index = piece.get("index")
                self._take_call(index if type(index) is int else position, piece["function"])

    def _take_call(self, index: int, function: dict[str, Any]) -> None:
        call = self._calls.setdefault(index, {"name": "", "arguments": ""})
        for name in call:
            if isinstance(function.get(name), str):
                call[name] += function[name]


class ResponseStream(Stream):
    """The events of OpenAI's responses endpoint; the last of them holds the whole answer."""

    _PIECES = (
        "response.output_text.delta",
        "response.refusal.delta",
        "response.function_call_arguments.delta",
    )
    _ENDS = ("response.completed", "response.incomplete", "response.failed")

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        super().__init__(clock)
        self._body: dict[str, Any] = {}

    def body(self) -> dict[str, Any]:
        """The response that the last event holds."""
        return self._body

    def _take(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind in self._PIECES and event.get("delta"):
            self._has_content()
        elif kind in self._ENDS and isinstance(event.get("response"), dict):
            self._body, self.is_complete = event["response"], True
