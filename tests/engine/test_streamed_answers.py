"""Answers that come in pieces: the same answers as whole ones, and when they began."""

import asyncio
import contextlib
import http.server
import itertools
import json
import threading

import fake_server
import pytest

from pytest_modeleval import Usage
from pytest_modeleval.engine.engine import Engine
from pytest_modeleval.models.names import make_model
from pytest_modeleval.settings import Price, Settings

numbers = itertools.count()

APIS = ("openai", "openai-responses")


@pytest.fixture(params=["sdk", "aiohttp"], scope="module", autouse=True)
def transport(request):
    """Over both HTTP clients."""
    if request.param == "aiohttp":
        pytest.importorskip("aiohttp", reason="needs the extra fast")
    return request.param


@pytest.fixture(scope="module")
def server():
    with fake_server.running() as server:
        yield server


@pytest.fixture(params=APIS)
def api(request):
    """At both endpoints."""
    return request.param


@pytest.fixture
def ask(server, transport, api):
    """What the engine makes of one prompt, asked at this endpoint over this client."""

    def ask(prompt, *, base_url=server.base_url, stream=True, **settings):
        async def main():
            own = Settings(base_url=base_url, transport=transport)
            parameters = {"stream": True} if stream else {}
            model = make_model(f"{api}:m", own, parameters=parameters)
            try:
                engine = Engine(Settings(**{"timeout_s": 20.0, "retries": 0} | settings))
                return await engine.predict(model, f"{next(numbers)} {prompt}")
            finally:
                await model.close()

        return asyncio.run(main())

    return ask


@contextlib.contextmanager
def saying(body, content_type="text/event-stream"):
    """A server that says this to whatever it is asked, and closes; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", content_type)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}/v1"
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def facts(answer):
    """What does not depend on the clock."""
    names = ("output", "usage", "model", "service_tier", "tool_calls")
    return {name: getattr(answer, name) for name in names}


@pytest.mark.parametrize(
    "prompt",
    [
        "answer=Grüße aus Zürich 💳, mit fünf Wörtern",
        "answer=three words here [[cached=2 reasoning=7 tier=flex served=m-2026]]",
        'answer={"city": "Bonn"} [[tool=weather]]',
        "[[tool=ping]]",
        "answer=yes [[crlf]]",
        "answer=yes [[keepalive=3 ttft=0.05]]",
        "answer=yes [[no_usage]]",
        "answer=cut off [[length]]",
    ],
)
def test_the_same_as_unstreamed(ask, prompt):
    """Output, tokens, model, tier and tool calls are those of an answer in one piece."""
    streamed, whole = ask(prompt), ask(prompt, stream=False)

    # What is inside of the prompt's number of tokens is the same for both.
    assert facts(streamed) == facts(whole)
    assert (streamed.finish_reason == "length") == ("length" in prompt)
    assert streamed.ttft_s is not None
    assert whole.ttft_s is None


def test_the_time_to_the_first_token(ask):
    """It is less than the latency, and neither a role nor a keep-alive comment is a token."""
    answer = ask("answer=a b c d e f g [[ttft=0.2 latency=1 keepalive=2]]")

    assert 0.2 <= answer.ttft_s < 0.8
    assert answer.latency_s >= 1


def test_usage_and_price(ask):
    """The tokens of the last chunk are billed."""
    answer = ask("answer=two words", prices={"m": Price(input=1.0, output=2.0)})

    assert answer.usage == Usage(input_tokens=3, output_tokens=2)
    assert answer.cost_usd == pytest.approx(7e-6)


@pytest.mark.parametrize(
    ("directive", "kind", "words"),
    [
        ("[[refusal]]", "refused", "I can't help with that."),
        ("[[filter]]", "refused", "content_filter"),
        ("[[null_content]]", "no_answer", "no text"),
        ("[[empty]]", "no_answer", "no text"),
        ("[[null_content length]]", "truncated", "all tokens were spent"),
        ("[[cut]]", "connection", "broke in the middle of the answer"),
        ("[[stream_error]]", "bad_body", "an error came in the stream: The model broke down."),
        ("[[broken_json]]", "bad_body", "broken JSON in the stream"),
        ("[[error_200]]", "bad_body", "The model is overloaded."),
        ("[[html]]", "bad_body", "web page, not JSON"),
        ("[[status=503]]", "server_error", "answered 503: Failing with 503"),
        ("[[status=401]]", "bad_request", "OPENAI_API_KEY"),
        ("[[quota]]", "quota", "quota is used up"),
        ("[[reset]]", "connection", "no connection to"),
    ],
)
def test_failures(ask, directive, kind, words):
    """What goes wrong in a stream has the same names, and a sentence."""
    failure = ask(f"answer=some words that come in pieces {directive}")

    assert failure.kind == kind
    assert words in failure.message
    assert failure.n_attempts == 1


def test_a_stream_that_never_begins(ask):
    """It is a time-out."""
    failure = ask("[[hang]]", timeout_s=0.3)

    assert (failure.kind, failure.latency_s) == ("timeout", 0.3)


def test_a_stream_that_takes_too_long(ask):
    """The time-out is of the whole answer, however alive the stream keeps itself."""
    failure = ask("answer=a b c [[ttft=0.1 latency=5 keepalive=3]]", timeout_s=0.4)

    assert (failure.kind, failure.latency_s) == ("timeout", 0.4)


def test_a_cut_stream_is_asked_again(ask):
    """As any broken connection is."""
    answer = ask("answer=some words that come in pieces [[cut times=1]]", retries=1)

    assert answer.output == "some words that come in pieces"
    assert answer.n_attempts == 2


CHAT = {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}
RESPONSE = {
    "status": "completed",
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "yes"}]}],
}


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
def test_a_server_that_cannot_stream(ask, content_type):
    """A whole answer to a request for a stream is an answer, without a first token's time."""
    with saying(json.dumps(CHAT | RESPONSE, indent=1).encode(), content_type) as base_url:
        answer = ask("hi", base_url=base_url)

    assert answer.output == "yes"
    assert answer.ttft_s is None
    assert answer.latency_s > 0


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"", "bad_body", "ended the stream before the answer's end"),
        (b": ping\n\n", "bad_body", "ended the stream before the answer's end"),
        (b"data: [DONE]\n\n", "bad_body", "no "),
        (b"upstream timed out", "bad_body", "ended the stream before the answer's end"),
        (b"<html><p>Bad gateway", "bad_body", "web page"),
        (b'{"choices": [{', "bad_body", "broken JSON"),
        (
            b'event: error\ndata: {"type": "error", "code": "server_error", "message": "no memory"}\n\n',
            "bad_body",
            "no memory",
        ),
        (b'data: {"error": {"code": 500, "message": "no memory"}}\n\n', "bad_body", "no memory"),
    ],
)
def test_streams_of_odd_servers(ask, body, kind, words):
    """Whatever comes, the failure has a name and a sentence."""
    with saying(body) as base_url:
        failure = ask("hi", base_url=base_url)

    assert failure.kind == kind
    assert words in failure.message
    assert len(failure.message) < 400


def test_a_response_that_failed(ask, api):
    """The server's own words are told."""
    if api != "openai-responses":
        pytest.skip("chat completions have no such event")
    error = {"code": "server_error", "message": "no memory"}
    failed = {"status": "failed", "error": error, "output": []}
    data = json.dumps({"type": "response.failed", "response": failed})

    with saying(f"event: response.failed\ndata: {data}\n\n".encode()) as base_url:
        failure = ask("hi", base_url=base_url)

    assert failure.kind == "bad_body"
    assert failure.message == "the server answered with an error: no memory"
