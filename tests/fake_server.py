"""A model's server on the loopback, cheap enough to be asked a thousand times a second.

It answers as an OpenAI-compatible server does, or fails as one does. It is a process of its own,
so that its work is never mistaken for the client's, and it ends when its standard input closes,
so that it never outlives who started it.

The answer is the text after the last ``answer=`` of the last user message, or else that message.
The message may ask for something else in directives, which are not part of the answer:

    [[latency=0.5]]       answers after so many seconds
    [[status=503]]        fails with this status; with retry_after=2 it sends that header
    [[quota]]             fails with 429 and the code insufficient_quota
    [[hang]] [[reset]]    never answers; closes the connection instead of answering
    [[html]] [[broken_json]] [[error_200]]
                          status 200 and a web page; half an answer; an error
    [[no_choices]] [[null_content]] [[empty]] [[refusal]] [[length]] [[surrogate]]
                          an answer without choices, without text, with the text "", refused,
                          cut off, with half of an emoji at its end
    [[no_usage]] [[string_usage]] [[cached=3]]
                          no token counts; counts like "3 tokens"; so many cached tokens

A directive holds always, or with ``times`` for the first requests of that very message:
``[[status=429 retry_after=0.2 times=1]]``. A directive it doesn't know is answered with 400.

By hand: ``python tests/fake_server.py --port 8000 --latency 0.1`` and Ctrl-D.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

DIRECTIVE = re.compile(r"\[\[([a-z_0-9]+(?:=[^\]\s]*)?(?: [^\]]*)?)\]\]")
KNOWN = frozenset(
    {"latency", "status", "retry_after", "times", "quota", "hang", "reset", "html", "broken_json"}
    | {"error_200", "no_choices", "null_content", "empty", "refusal", "length", "surrogate"}
    | {"no_usage", "string_usage", "cached"}
)
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests"}
HTML = b"<!doctype html><title>Welcome</title><p>Nothing to see here."


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How every request is answered that says nothing else.

    Attributes:
        latency_s: Seconds from the request to its answer.
        slow_every: The how-many-eth request is slow; 0 for none.
        slow_latency_s: Seconds that a slow request takes.
        max_in_flight: More requests than this at once are answered with 429; 0 for no limit.
    """

    latency_s: float = 0.0
    slow_every: int = 0
    slow_latency_s: float = 0.0
    max_in_flight: int = 0


@dataclass(slots=True)
class Stats:
    """What the server saw. Times are of the monotonic clock, which all processes share.

    Attributes:
        n_requests: Chat requests that arrived, whatever became of them.
        n_refused: Those above ``max_in_flight``.
        n_aborted: Those whose client went away before the answer.
        n_in_flight: Those waiting for their answer now.
        max_in_flight: The most that ever waited at once.
        n_connections: Connections open now, without those that only asked for these numbers.
        n_connections_ever: Connections that carried a chat request.
        latency_sum_s: Sum of the seconds that the server meant the answers to take.
        max_latency_s: The longest of them.
        first_request_at: When the first request arrived; None before it.
        last_answer_at: When the last answer left; None before the first.
        prompts: How often each last user message arrived.
        ready_at_cpu_s: CPU seconds that the server's own start took.
    """

    n_requests: int = 0
    n_refused: int = 0
    n_aborted: int = 0
    n_in_flight: int = 0
    max_in_flight: int = 0
    n_connections: int = 0
    n_connections_ever: int = 0
    latency_sum_s: float = 0.0
    max_latency_s: float = 0.0
    first_request_at: float | None = None
    last_answer_at: float | None = None
    prompts: Counter[str] = field(default_factory=Counter)
    ready_at_cpu_s: float = field(default_factory=time.process_time)

    def to_json(self) -> bytes:
        values = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps({**values, "cpu_s": time.process_time() - self.ready_at_cpu_s}).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes back, and when; a body of None closes the connection."""

    status: int = 200
    body: bytes | None
    latency_s: float = 0.0
    headers: str = ""
    content_type: str = "application/json"
    hang: bool = False

    def to_bytes(self) -> bytes:
        head = (
            f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Error')}\r\n"
            f"content-type: {self.content_type}\r\ncontent-length: {len(self.body)}\r\n"
            f"{self.headers}\r\n"
        )
        return head.encode() + self.body


def error(status: int, message: str, *, code: str | None = None, **kwargs) -> Reply:
    body = {"error": {"message": message, "type": "fake_error", "param": None, "code": code}}
    return Reply(status=status, body=json.dumps(body).encode(), **kwargs)


def last_user_text(request: dict) -> str:
    """The text of the last user message, be it one string or a list of parts."""
    for message in reversed(request["messages"]):
        if message["role"] == "user":
            content = message["content"]
            if isinstance(content, str):
                return content
            return "".join(part["text"] for part in content if part.get("type") == "text")
    return ""


def read_directives(prompt: str, nth: int) -> tuple[str, dict[str, str]]:
    """The prompt without its directives, and those that hold for its nth request (from 1)."""
    if "[[" not in prompt:
        return prompt, {}
    found: dict[str, str] = {}
    for body in DIRECTIVE.findall(prompt):
        words = (word.partition("=") for word in body.split())
        directive = {name: value for name, _, value in words}
        if unknown := directive.keys() - KNOWN:
            raise ValueError(f"the fake server knows no directive {', '.join(sorted(unknown))}")
        if nth <= int(directive.pop("times", nth)):
            found |= directive
    return DIRECTIVE.sub("", prompt).strip(), found


def answer(prompt: str, directives: dict[str, str], *, model: str, number: int) -> bytes:
    """A chat completion as bytes, with whatever oddities the directives ask for."""
    _, found, after = prompt.rpartition("answer=")
    text = after.strip() if found else prompt
    message = {"role": "assistant", "content": text, "refusal": None}
    if "null_content" in directives:
        message["content"] = None
    elif "empty" in directives:
        message["content"] = ""
    elif "refusal" in directives:
        message |= {"content": None, "refusal": "I can't help with that."}
    elif "surrogate" in directives:
        message["content"] = text + "\ud83d"
    n_prompt, n_answer = len(prompt.split()), len(text.split())
    usage = {
        "prompt_tokens": n_prompt,
        "completion_tokens": n_answer,
        "total_tokens": n_prompt + n_answer,
        "prompt_tokens_details": {"cached_tokens": int(directives.get("cached", 0))},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    if "string_usage" in directives:
        # The client turns "12" into 12 by itself where all counts are such; these it passes on.
        totals = ("prompt_tokens", "completion_tokens", "total_tokens")
        usage |= {name: f"{usage[name]} tokens" for name in totals}
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": "length" if "length" in directives else "stop",
    }
    completion = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [] if "no_choices" in directives else [choice],
    }
    if "no_usage" not in directives:
        completion["usage"] = usage
    # ASCII JSON, so that half an emoji travels as the escape that real servers send.
    return json.dumps(completion).encode()


def reply_to(body: bytes, options: Options, stats: Stats) -> Reply:
    """What to send back for one chat request; counts it."""
    stats.n_requests += 1
    if stats.first_request_at is None:
        stats.first_request_at = time.monotonic()
    try:
        request = json.loads(body)
        prompt = last_user_text(request)
        model = request["model"]
        if request.get("stream"):
            raise ValueError("the fake server does not stream")
        stats.prompts[prompt] += 1
        prompt, directives = read_directives(prompt, stats.prompts[prompt])
    except (ValueError, KeyError, TypeError) as exc:
        return error(400, f"{type(exc).__name__}: {exc}")
    if options.max_in_flight and stats.n_in_flight >= options.max_in_flight:
        stats.n_refused += 1
        return error(429, "Too many requests at once.", code="rate_limit_exceeded")
    slow = options.slow_every and stats.n_requests % options.slow_every == 0
    usual_s = options.slow_latency_s if slow else options.latency_s
    latency_s = float(directives.get("latency", usual_s))
    if not directives:
        completion = answer(prompt, directives, model=model, number=stats.n_requests)
        return Reply(body=completion, latency_s=latency_s)
    return _odd_reply(prompt, directives, model, stats.n_requests, latency_s)


def _odd_reply(
    prompt: str, directives: dict[str, str], model: str, number: int, latency_s: float
) -> Reply:
    header = f"retry-after: {after}\r\n" if (after := directives.get("retry_after")) else ""
    match directives:
        case {"hang": _}:
            return Reply(body=b"", hang=True)
        case {"reset": _}:
            return Reply(body=None, latency_s=latency_s)
        case {"quota": _}:
            text, code = "You exceeded your current quota.", "insufficient_quota"
            return error(429, text, code=code, latency_s=latency_s, headers=header)
        case {"status": status}:
            code = "rate_limit_exceeded" if status == "429" else None
            text = f"Failing with {status}, as asked."
            return error(int(status), text, code=code, latency_s=latency_s, headers=header)
        case {"error_200": _}:
            return error(200, "The model is overloaded.", code="overloaded", latency_s=latency_s)
        case {"html": _}:
            return Reply(body=HTML, latency_s=latency_s, content_type="text/html")
    completion = answer(prompt, directives, model=model, number=number)
    if "broken_json" in directives:
        completion = completion[: len(completion) // 2]
    return Reply(body=completion, latency_s=latency_s)


class Connection(asyncio.Protocol):
    """One keep-alive connection: a request at a time, each answered when its time has come."""

    def __init__(self, options: Options, stats: Stats) -> None:
        self._options = options
        self._stats = stats
        self._buffer = b""
        self._pending: Reply | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._chats = False

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()

    def connection_lost(self, _exc) -> None:
        self._stats.n_connections -= self._chats
        if self._pending is not None:
            self._stats.n_aborted += 1
            self._stats.n_in_flight -= 1
            self._pending = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._read()

    def _read(self) -> None:
        """Answer every complete request in the buffer, unless one is still waiting."""
        while self._pending is None and not self._transport.is_closing():
            head, separator, rest = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                return
            request_line, _, headers = head.lower().partition(b"\r\n")
            length = 0
            if (at := headers.find(b"content-length:")) >= 0:
                length = int(headers[at + 15 :].partition(b"\r\n")[0])
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            if b"transfer-encoding:" in headers:
                self._transport.write(error(400, "Send a content-length.").to_bytes())
                self._transport.close()
                return
            self._answer(request_line, rest[:length])

    def _answer(self, request_line: bytes, body: bytes) -> None:
        if request_line.startswith(b"post /v1/chat/completions "):
            self._chat(body)
        elif request_line.startswith(b"get /stats "):
            self._transport.write(Reply(body=self._stats.to_json()).to_bytes())
        elif request_line.startswith(b"get /v1/models "):
            models = {"object": "list", "data": [{"id": "fake", "object": "model", "created": 0}]}
            self._transport.write(Reply(body=json.dumps(models).encode()).to_bytes())
        else:
            where = request_line.decode(errors="replace")
            self._transport.write(error(404, f"Nothing is here: {where}").to_bytes())

    def _chat(self, body: bytes) -> None:
        stats = self._stats
        if not self._chats:
            self._chats = True
            stats.n_connections += 1
            stats.n_connections_ever += 1
        reply = reply_to(body, self._options, stats)
        stats.n_in_flight += 1
        stats.max_in_flight = max(stats.max_in_flight, stats.n_in_flight)
        stats.latency_sum_s += reply.latency_s
        stats.max_latency_s = max(stats.max_latency_s, reply.latency_s)
        self._pending = reply
        if reply.hang:
            return
        if reply.latency_s:
            self._timer = self._loop.call_later(reply.latency_s, self._send_and_read_on)
        else:
            self._send()

    def _send(self) -> None:
        reply, self._pending = self._pending, None
        self._stats.n_in_flight -= 1
        self._stats.last_answer_at = time.monotonic()
        if reply.body is None:
            self._transport.abort()
        else:
            self._transport.write(reply.to_bytes())

    def _send_and_read_on(self) -> None:
        self._timer = None
        self._send()
        self._read()


async def serve(options: Options, port: int) -> None:
    """Serve until standard input closes or SIGTERM or Ctrl-C comes."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    stats = Stats()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = await loop.create_server(
        lambda: Connection(options, stats), "127.0.0.1", port, backlog=1024
    )

    def wait_for_end_of_input() -> None:
        # os.read takes none of the locks that sys.stdin would hold while Python shuts down.
        while os.read(0, 1024):
            pass
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stopped.set)

    threading.Thread(target=wait_for_end_of_input, daemon=True).start()
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await stopped.wait()
    server.close()


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A fake server in a process of its own.

    Attributes:
        base_url: What an OpenAI client calls ``base_url``.
    """

    base_url: str

    def stats(self) -> dict:
        """The attributes of ``Stats`` by name, and ``cpu_s``, the server's CPU since its start."""
        connection = http.client.HTTPConnection(self.base_url.split("/")[2], timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", "/stats")
            return json.load(connection.getresponse())


@contextlib.contextmanager
def running(**options):
    """A running server with these ``Options``; ended, and waited for, when the block is left."""
    values = vars_of(Options(**options))
    arguments = [f"--{name.removesuffix('_s').replace('_', '-')}={values[name]}" for name in values]
    process = subprocess.Popen(
        [sys.executable, __file__, "--port=0", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        base_url = process.stdout.readline().strip()
        if not base_url:
            raise RuntimeError("the fake server did not start; see its standard error")
        yield RunningServer(base_url)
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def vars_of(options: Options) -> dict[str, float]:
    return {name: getattr(options, name) for name in Options.__slots__}


def main() -> None:
    parser = argparse.ArgumentParser(description="A fake OpenAI-compatible server.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    parser.add_argument("--slow-every", type=int, default=0, metavar="N")
    parser.add_argument("--slow-latency", type=float, default=0.0, help="seconds")
    parser.add_argument("--max-in-flight", type=int, default=0, metavar="N")
    given = parser.parse_args()
    options = Options(
        latency_s=given.latency,
        slow_every=given.slow_every,
        slow_latency_s=given.slow_latency,
        max_in_flight=given.max_in_flight,
    )
    asyncio.run(serve(options, given.port))


if __name__ == "__main__":
    main()
