"""A model's server on the loopback, cheap enough to be asked a thousand times a second.

It answers as an OpenAI-compatible server does, or fails as one does: chat completions, responses
and embeddings under /v1, /openai/v1 and /api/v1. It is a process of its own, so that its work is
never mistaken for the client's, and it ends when its standard input closes, so that it never
outlives who started it.

What it says, and the ``[[directives]]`` by which a prompt asks for something else, are in
``fake_answers``; ``Options`` hold for all requests.

By hand: ``python tests/fake_server.py --port 8000 --latency 0.1`` and Ctrl-D.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import functools
import hashlib
import http.client
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import fake_answers
from fake_answers import Asked, Reply, error

ENDPOINT = re.compile(
    rb"post (?:/openai|/api)?/v1(?:/[^ ?]*)?/(chat/completions|responses|embeddings)[ ?]"
)
MODELS = re.compile(rb"get (?:/openai|/api)?/v1/models[ ?]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How every request is answered that says nothing else.

    Attributes:
        latency_s: Seconds from the request to its answer.
        slow_every: The how-many-eth request is slow; 0 for none.
        slow_latency_s: Seconds that a slow request takes.
        lognormal_median_s: Where above 0, latencies are drawn from a lognormal of this median;
            the nth request always has the same one.
        lognormal_sigma: The standard deviation of their logarithm.
        seed: Of these draws.
        max_in_flight: More requests than this at once are answered with 429; 0 for no limit.
        max_per_minute: More requests than this in any 60 seconds are answered with 429 and the
            whole seconds to wait; 0 for no limit.
        retry_after_s: Sent along with the 429s of ``max_in_flight`` and ``rate_429_once``; 0 for
            no such header.
        rate_429_once: Share of the distinct prompts whose first request gets a 429, without latency.
        rate_500_once: Share of those whose first request fails with 500.
        rate_reset_once: Share of those whose first request finds its connection closed.
        workers: So many requests are worked on at once, and the others wait for their turn in
            the server; 0 for no limit.
    """

    latency_s: float = 0.0
    slow_every: int = 0
    slow_latency_s: float = 0.0
    lognormal_median_s: float = 0.0
    lognormal_sigma: float = 0.5
    seed: int = 0
    max_in_flight: int = 0
    max_per_minute: int = 0
    retry_after_s: float = 0.0
    rate_429_once: float = 0.0
    rate_500_once: float = 0.0
    rate_reset_once: float = 0.0
    workers: int = 0


@dataclass(slots=True)
class Stats:
    """What the server saw. Times are of the monotonic clock, which all processes share.

    Attributes:
        n_requests: Requests to a model that arrived, whatever became of them.
        n_answered: Those answered whole and with status 200.
        n_refused: Those above ``max_in_flight`` or ``max_per_minute``.
        n_aborted: Those whose client went away before the answer.
        n_in_flight: Those waiting for their answer now.
        max_in_flight: The most that ever waited at once.
        n_connections: Connections open now, without those that only asked for these numbers.
        n_connections_ever: Connections that carried a request to a model.
        latency_sum_s: Sum of the seconds that the server meant the answers to take.
        max_latency_s: The longest of them.
        first_request_at: When the first request arrived; None before it.
        last_answer_at: When the last answer left; None before the first.
        prompts: How often each prompt (the last user message, say) arrived.
        prompts_answered: How often each was answered whole and with status 200.
        latencies: The seconds meant for those answers, if latencies are drawn from a lognormal.
        request_times: When the requests arrived, if there is a ``max_per_minute``.
        ready_at_cpu_s: CPU seconds that the server's own start took.
    """

    n_requests: int = 0
    n_answered: int = 0
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
    prompts_answered: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    request_times: list[float] = field(default_factory=list)
    ready_at_cpu_s: float = field(default_factory=time.process_time)

    def to_json(self) -> bytes:
        values = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps({**values, "cpu_s": time.process_time() - self.ready_at_cpu_s}).encode()


class PerMinute:
    """Lets so many requests pass in any 60 seconds."""

    def __init__(self, limit: int) -> None:
        self._passed: deque[float] = deque(maxlen=limit)

    def wait_s(self, now: float) -> float:
        """The seconds until a request may pass; 0 if this one does, which counts it."""
        if len(self._passed) == self._passed.maxlen and now < self._passed[0] + 60:
            return self._passed[0] + 60 - now
        self._passed.append(now)
        return 0.0


def failure_once(prompt: str, options: Options) -> dict[str, str]:
    """The directives for the first request of this prompt, the same in every run."""
    digest = hashlib.sha256(prompt.encode(errors="replace")).digest()
    share = int.from_bytes(digest[:8]) / 2**64
    too_many = {"status": "429", "latency": "0"}
    if options.retry_after_s:
        too_many["retry_after"] = f"{options.retry_after_s:g}"
    for rate, directives in (
        (options.rate_429_once, too_many),
        (options.rate_500_once, {"status": "500"}),
        (options.rate_reset_once, {"reset": ""}),
    ):
        if share < rate:
            return directives
        share -= rate
    return {}


class Server:
    """What all connections share.

    Attributes:
        options: How requests are answered.
        stats: What was seen so far.
        workers: The free ones; None where there is no limit.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.stats = Stats()
        self.workers = asyncio.Semaphore(options.workers) if options.workers else None
        self._per_minute = PerMinute(options.max_per_minute) if options.max_per_minute else None
        self._random = random.Random(options.seed)
        self._fails_once = bool(
            options.rate_429_once or options.rate_500_once or options.rate_reset_once
        )

    def reply_to(self, endpoint: str, head: bytes, body: bytes) -> tuple[str, Reply]:
        """The prompt of a request, and what to send back; counts it."""
        stats = self.stats
        stats.n_requests += 1
        if stats.first_request_at is None:
            stats.first_request_at = time.monotonic()
        if self._per_minute:
            stats.request_times.append(time.monotonic())
        usual_s = self._usual_latency_s()
        prompt = ""
        try:
            request = fake_answers.from_json(body.decode())
            prompt = fake_answers.prompt_of(endpoint, request)
            stats.prompts[prompt] = nth = stats.prompts.get(prompt, 0) + 1
            if refusal := self._refusal():
                return prompt, refusal
            text, directives = fake_answers.read_directives(prompt, nth)
            if self._fails_once and nth == 1:
                directives = failure_once(prompt, self.options) | directives
            asked = Asked(
                endpoint=endpoint,
                head=head,
                body=body,
                request=request,
                prompt=text,
                directives=directives,
                number=stats.n_requests,
                latency_s=float(directives.get("latency", usual_s)) if directives else usual_s,
            )
            return prompt, fake_answers.reply_to(asked)
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            return prompt, error(400, f"{type(exc).__name__}: {exc}")

    def _usual_latency_s(self) -> float:
        options = self.options
        if options.lognormal_median_s:
            mu = math.log(options.lognormal_median_s)
            return self._random.lognormvariate(mu, options.lognormal_sigma)
        slow = options.slow_every and self.stats.n_requests % options.slow_every == 0
        return options.slow_latency_s if slow else options.latency_s

    def _refusal(self) -> Reply | None:
        """A 429 where a limit of the whole server is reached."""
        options, header = self.options, ""
        if options.max_in_flight and self.stats.n_in_flight >= options.max_in_flight:
            text = "Too many requests at once."
            if options.retry_after_s:
                header = f"retry-after: {options.retry_after_s:g}\r\n"
        elif self._per_minute and (wait_s := self._per_minute.wait_s(time.monotonic())):
            text, header = "Too many requests a minute.", f"retry-after: {math.ceil(wait_s)}\r\n"
        else:
            return None
        self.stats.n_refused += 1
        refusal = error(429, text, code="rate_limit_exceeded", headers=header)
        refusal.in_turn = False
        return refusal


@functools.lru_cache(maxsize=100)
def endpoint_of(request_line: bytes) -> str | None:
    """Which of a model's endpoints this is, or None if it is something else."""
    found = ENDPOINT.match(request_line)
    return found[1].decode() if found else None


class Connection(asyncio.Protocol):
    """One keep-alive connection: a request at a time, each answered when its time has come."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stats = server.stats
        self._buffer = b""
        self._prompt = ""
        self._pending: Reply | None = None
        self._parts: Iterator[tuple[float, bytes]] = iter(())
        self._began_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._turn: asyncio.Task[None] | None = None
        self._turn_ends: asyncio.Future[None] | None = None
        self._asks = False

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()

    def connection_lost(self, _exc) -> None:
        self._stats.n_connections -= self._asks
        if self._pending is not None:
            self._stats.n_aborted += 1
            self._stats.n_in_flight -= 1
            self._pending = None
        if self._timer is not None:
            self._timer.cancel()
        if self._turn is not None:
            self._turn.cancel()

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
                self._write(error(400, "Send a content-length."))
                self._transport.close()
            elif endpoint := endpoint_of(request_line):
                self._ask(endpoint, head, rest[:length])
            elif request_line.startswith(b"get /stats "):
                self._write(fake_answers.whole(self._stats.to_json()))
            elif MODELS.match(request_line):
                models = [{"id": "fake", "object": "model", "created": 0, "owned_by": "fake"}]
                body = json.dumps({"object": "list", "data": models}).encode()
                self._write(fake_answers.whole(body))
            else:
                where = request_line.decode(errors="replace")
                self._write(error(404, f"Nothing is here: {where}"))

    def _write(self, reply: Reply) -> None:
        """Send at once what is no model's answer."""
        self._transport.write(reply.parts[0][1])

    def _ask(self, endpoint: str, head: bytes, body: bytes) -> None:
        stats = self._stats
        if not self._asks:
            self._asks = True
            stats.n_connections += 1
            stats.n_connections_ever += 1
        self._prompt, reply = self._server.reply_to(endpoint, head, body)
        stats.n_in_flight += 1
        stats.max_in_flight = max(stats.max_in_flight, stats.n_in_flight)
        if latency_s := reply.latency_s:
            stats.latency_sum_s += latency_s
            stats.max_latency_s = max(stats.max_latency_s, latency_s)
        self._pending = reply
        if self._server.workers is None or not reply.in_turn:
            self._work()
        else:
            self._turn = self._loop.create_task(self._take_turn(self._server.workers))

    async def _take_turn(self, workers: asyncio.Semaphore) -> None:
        """Work on the request once a worker is free, who stays until the answer is sent."""
        async with workers:
            self._turn_ends = self._loop.create_future()
            self._work()
            await self._turn_ends

    def _work(self) -> None:
        if not self._pending.hangs:
            self._began_at = self._loop.time()
            self._parts = iter(self._pending.parts)
            self._send()

    def _send(self, part: bytes = b"") -> None:
        """Send this part and those that need no waiting; wait for the next one, or finish."""
        if part:
            self._transport.write(part)
        for at_s, data in self._parts:
            if at_s:
                self._timer = self._loop.call_at(self._began_at + at_s, self._send, data)
                return
            self._transport.write(data)
        self._finish()

    def _finish(self) -> None:
        """Count an answer that was sent, and read on."""
        reply, self._pending = self._pending, None
        stats = self._stats
        stats.n_in_flight -= 1
        stats.last_answer_at = time.monotonic()
        if reply.closes:
            self._transport.close()
        elif reply.status == 200:
            stats.n_answered += 1
            # Counter's own way to a first count is slow.
            answered = stats.prompts_answered
            answered[self._prompt] = answered.get(self._prompt, 0) + 1
            if self._server.options.lognormal_median_s:
                stats.latencies.append(reply.latency_s)
        if self._turn_ends is not None:
            self._turn_ends.set_result(None)
            self._turn_ends = None
        if self._buffer:
            self._loop.call_soon(self._read)


async def serve(options: Options, port: int) -> None:
    """Serve until standard input closes or SIGTERM or Ctrl-C comes."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    shared = Server(options)
    server = await loop.create_server(lambda: Connection(shared), "127.0.0.1", port, backlog=1024)

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
    values = dataclasses.asdict(Options(**options))
    arguments = [f"{flag(name)}={value}" for name, value in values.items()]
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


def flag(name: str) -> str:
    """An option's name on the command line, where seconds go without saying."""
    return "--" + name.removesuffix("_s").replace("_", "-")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=Options.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    for option in dataclasses.fields(Options):
        of_type = type(option.default)
        parser.add_argument(
            flag(option.name), dest=option.name, type=of_type, default=option.default
        )
    given = vars(parser.parse_args())
    port = given.pop("port")
    asyncio.run(serve(Options(**given), port))


if __name__ == "__main__":
    main()
