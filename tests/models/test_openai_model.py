"""The openai provider's own part: key, address, request, headers, connections."""

import asyncio
import contextlib
import http.server
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import fake_server
import pytest

from pytest_modeleval import UsageError
from pytest_modeleval.models.base import AttemptError
from pytest_modeleval.models.names import make_model
from pytest_modeleval.models.statuses import retry_after
from pytest_modeleval.settings import Settings

COMPLETION = {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}


@pytest.fixture(params=["sdk", "aiohttp"], autouse=True)
def transport(request, monkeypatch):
    """Everything holds for both HTTP clients."""
    if request.param == "aiohttp":
        pytest.importorskip("aiohttp", reason="needs the extra fast")
    monkeypatch.setitem(globals(), "TRANSPORT", request.param)
    return request.param


TRANSPORT = "auto"


def openai_model(name="gpt-5-mini", *, base_url=None, api="openai", api_keys=None, **suite):
    """The model of that name, over the transport of this test."""
    settings = Settings(base_url=base_url, transport=TRANSPORT, api_keys=api_keys or {})
    return make_model(f"{api}:{name}", settings, **suite)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    """What the machine has configured is not part of these tests."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)


class Recorder:
    """A server that notes each request and answers all of them with one body.

    Attributes:
        url: Its address, without a path.
        requests: Path, headers and JSON body of each request.
    """

    def __init__(self, body, content_type, status, headers):
        self.requests = requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["content-length"])
                requests.append((self.path, self.headers, json.loads(self.rfile.read(length))))
                self.send_response(status)
                for header in headers.items():
                    self.send_header(*header)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @classmethod
    @contextlib.contextmanager
    def running(cls, body=None, content_type="application/json", *, status=200, headers=None):
        body = json.dumps(COMPLETION).encode() if body is None else body
        recorder = cls(body, content_type, status, headers or {})
        recorder._thread.start()
        try:
            yield recorder
        finally:
            recorder._server.shutdown()
            recorder._thread.join()
            recorder._server.server_close()


def ask(base_url, *inputs):
    """The prediction of each input, asked of the server in turn."""

    async def main():
        model = openai_model("gpt-5-mini", base_url=base_url)
        try:
            return [await model.predict(model_input) for model_input in inputs]
        finally:
            await model.close()

    return asyncio.run(main())


def failure_of(base_url):
    """The failure of one question."""
    with pytest.raises(AttemptError) as caught:
        ask(base_url, "hi")
    return caught.value.failure


def test_text_is_a_user_message():
    """Text is sent as one user message, to the model that was named."""
    with Recorder.running() as server:
        (prediction,) = ask(f"{server.url}/v1", "Wo ist meine Karte? 💳")

    ((path, headers, body),) = server.requests
    assert prediction.output == "yes"
    assert path == "/v1/chat/completions"
    assert headers["content-type"] == "application/json"
    assert body == {
        "model": "gpt-5-mini",
        "messages": [{"role": "user", "content": "Wo ist meine Karte? 💳"}],
    }


def test_messages_are_sent_as_they_are():
    """A list is the messages themselves, roles and all."""
    messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "hi"}]

    with Recorder.running() as server:
        ask(f"{server.url}/v1", messages)

    assert server.requests[0][2] == {"model": "gpt-5-mini", "messages": messages}


def test_a_mapping_is_the_request():
    """A mapping brings parameters such as the temperature; the model is still ours."""
    given = {"messages": [{"role": "user", "content": "hi"}], "temperature": 0}

    with Recorder.running() as server:
        ask(f"{server.url}/v1", given)

    assert server.requests[0][2] == {"model": "gpt-5-mini"} | given


def test_the_key_is_sent(monkeypatch):
    """OPENAI_API_KEY goes out as a bearer token."""
    monkeypatch.setenv("OPENAI_API_KEY", "k-123456")

    with Recorder.running() as server:
        ask(f"{server.url}/v1", "hi")

    assert server.requests[0][1]["authorization"] == "Bearer k-123456"


def test_the_environments_server(monkeypatch):
    """OPENAI_BASE_URL holds where no address is set, with or without a slash at its end."""
    with Recorder.running() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1/")
        ask(None, "hi")

    assert server.requests[0][0] == "/v1/chat/completions"


def test_the_setting_beats_the_environment(monkeypatch):
    """A configured address wins over OPENAI_BASE_URL."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")

    assert openai_model("m", base_url="http://127.0.0.1:2/v1").url.startswith(
        "http://127.0.0.1:2/v1/"
    )


@pytest.mark.parametrize("base_url", [None, "https://api.example.com/v1"])
def test_no_key(base_url):
    """A server elsewhere wants a key; the message names the variable."""
    with pytest.raises(UsageError, match="openai:gpt-5-mini: no API key; set OPENAI_API_KEY"):
        openai_model("gpt-5-mini", base_url=base_url)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_no_key_on_this_machine(host):
    """A server on this machine needs none."""
    assert openai_model("m", base_url=f"http://{host}:8000/v1")


def test_whose_prices_hold(monkeypatch):
    """Public price lists are asked about the server's address, never about one on this machine."""
    monkeypatch.setenv("OPENAI_API_KEY", "k-123456")
    elsewhere = "https://api.example.com/v1"

    assert openai_model("m").price_list_url == "https://api.openai.com/v1"
    assert openai_model("m", base_url=elsewhere).price_list_url == elsewhere
    assert openai_model("m", base_url="http://localhost:8000/v1").price_list_url is None


def test_a_web_page_of_a_wrong_address():
    """A page instead of JSON, from an address without /v1, is answered with the likely cause."""
    with Recorder.running(b"<!doctype html><p>Hello", "text/html") as server:
        failure = failure_of(server.url)

    assert failure.kind == "bad_body"
    assert f"{server.url}/chat/completions answered with a web page" in failure.message
    assert "base_url probably lacks /v1" in failure.message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"null", "not a completion"),
        (b"[1, 2]", "not a completion"),
        (b'"yes"', "not a completion"),
        (b"", "broken JSON"),
        (b"\xff\xfe\x00", "broken JSON"),
        (b"[" * 100_000, "broken JSON"),
        (b'{"choices": [null]}', "no choices"),
        (b'{"choices": {"0": 1}}', "no choices"),
        (b'{"choices": [{"message": "yes"}]}', "no choices"),
        (b'{"error": "overloaded"}', "overloaded"),
        (b'{"choices": [{"message": {"content": [1]}}]}', "no text"),
    ],
)
def test_bodies_that_are_no_completion(body, words):
    """Whatever JSON a server sends, the failure says what is wrong with it."""
    with Recorder.running(body) as server:
        failure = failure_of(f"{server.url}/v1")

    assert failure.kind in ("bad_body", "no_answer")
    assert words in failure.message
    assert len(failure.message) < 400


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "odd model"}},
        {"error": "odd model"},
        {"detail": "odd model"},
        {"detail": [{"loc": ["model"], "msg": "odd model"}]},
        {"object": "error", "message": "odd model", "code": 400},
    ],
)
def test_the_words_of_an_error(body):
    """OpenAI nests them, FastAPI calls them detail, and some servers have a flat message."""
    with Recorder.running(json.dumps(body).encode(), status=422) as server:
        failure = failure_of(f"{server.url}/v1")

    assert failure.kind == "bad_request"
    assert "answered 422: " in failure.message
    assert "odd model" in failure.message


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"no"', b"<html>", b'{"error": [1]}'])
def test_an_error_without_words(body):
    """The status alone is told."""
    with Recorder.running(body, status=422) as server:
        failure = failure_of(f"{server.url}/v1")

    assert failure.kind == "bad_request"
    assert failure.message.startswith("answered 422")
    assert failure.message.endswith(f"({server.url}/v1/chat/completions)")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status, monkeypatch):
    """Neither the key nor the question goes where nobody said; the failure says where to."""
    monkeypatch.setenv("OPENAI_API_KEY", "k-123456")
    with Recorder.running() as elsewhere:
        there = {"location": f"{elsewhere.url}/v1/chat/completions"}
        with Recorder.running(b"", status=status, headers=there) as server:
            failure = failure_of(f"{server.url}/v1")

    assert elsewhere.requests == []
    assert failure.kind == "bad_request"
    assert f"answered {status}; it redirects to {elsewhere.url}/v1/chat" in failure.message


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_was_packed_badly(encoding):
    """It is a broken connection to both clients."""
    with Recorder.running(b"no archive", headers={"content-encoding": encoding}) as server:
        failure = failure_of(f"{server.url}/v1")

    assert failure.kind == "connection"


def test_connections_are_kept_and_closed():
    """Questions in turn share a connection, and close gives it back."""
    with fake_server.running() as server:
        ask(server.base_url, "answer=a", "answer=b", "answer=c")
        deadline = time.monotonic() + 10
        while (stats := server.stats())["n_connections"] and time.monotonic() < deadline:
            time.sleep(0.01)

    assert stats["n_requests"] == 3
    assert stats["n_connections_ever"] == 1
    assert stats["n_connections"] == 0


def test_latency_ends_when_the_body_is_read():
    """The clock runs from the request to the whole answer."""
    with fake_server.running(latency_s=0.2) as server:
        ask_once, again = ask(server.base_url, "answer=a", "answer=b")

    assert ask_once.latency_s >= 0.2
    assert again.latency_s >= 0.2


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        (None, None),
    ],
)
def test_retry_after(headers, seconds):
    """A number, a date in the past, milliseconds of its own; what is none of these is nothing."""
    assert retry_after(headers) == seconds


def test_retry_after_a_date():
    """A date to come is the seconds until then."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)

    assert 300 < retry_after({"retry-after": date}) <= 600
