"""Every way in which a provider fails, and the failure that it is recorded as."""

import asyncio
import contextlib
import itertools
import re
import socket
import time

import fake_server
import pytest

from pytest_modeleval import Failure, Usage
from pytest_modeleval.engine.engine import Engine
from pytest_modeleval.engine.prefetch import Ask, Prefetcher
from pytest_modeleval.models.names import make_model
from pytest_modeleval.settings import Price, Settings

numbers = itertools.count()

PRICES = {"m": Price(input=1.0, output=2.0)}


TRANSPORT = "auto"


@pytest.fixture(params=["sdk", "aiohttp"], scope="module", autouse=True)
def transport(request):
    """Every fault comes to the same over both HTTP clients."""
    if request.param == "aiohttp":
        pytest.importorskip("aiohttp", reason="needs the extra fast")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "TRANSPORT", request.param)
        yield request.param


@pytest.fixture(scope="module")
def server(transport):
    del transport  # each has a server of its own, since requests are counted
    with fake_server.running() as server:
        yield server


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    """What the machine has configured is not part of these tests."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def ask(base_url, prompt, *, timeout_s=20.0, api="openai", parameters=None, **settings):
    """What the engine makes of one prompt, which no other test has sent."""

    async def main():
        own = Settings(base_url=base_url, transport=TRANSPORT)
        model = make_model(f"{api}:m", own, parameters=parameters)
        with contextlib.suppress(Exception):
            await model.predict("warm up: the first call opens the client")
        try:
            engine = Engine(Settings(timeout_s=timeout_s, **settings))
            return await engine.predict(model, f"{next(numbers)} {prompt}")
        finally:
            await model.close()

    return asyncio.run(main())


def n_requests(server, directive):
    """How often a prompt with this directive arrived."""
    prompts = server.stats()["prompts"]
    return sum(count for prompt, count in prompts.items() if directive in prompt)


@pytest.mark.parametrize(
    ("directive", "kind", "words"),
    [
        ("[[quota]]", "quota", ["quota is used up", "You exceeded your current quota."]),
        ("[[status=400]]", "bad_request", ["answered 400", "Failing with 400"]),
        ("[[status=401]]", "bad_request", ["answered 401", "OPENAI_API_KEY"]),
        ("[[status=403]]", "bad_request", ["answered 403", "may not use this model"]),
        ("[[status=404]]", "bad_request", ["answered 404", "model's name", "/v1"]),
        ("[[html]]", "bad_body", ["/v1/chat/completions", "web page, not JSON"]),
        ("[[broken_json]]", "bad_body", ["broken JSON"]),
        ("[[error_200]]", "bad_body", ["The model is overloaded."]),
        ("[[no_choices]]", "bad_body", ["no choices"]),
        ("[[null_content]]", "no_answer", ["no text"]),
        ("[[empty]]", "no_answer", ["no text"]),
        ("[[refusal]]", "refused", ["refused", "I can't help with that."]),
        ("[[filter]]", "refused", ["the answer was filtered", "content_filter"]),
        ("[[null_content length]]", "truncated", ["all tokens were spent", "length"]),
        ('[[tool=f length]] answer={"a": [1,', "truncated", ["arguments", "cut off"]),
        ("[[typo]]", "bad_request", ["answered 400", "typo"]),
    ],
)
def test_asked_once_and_failed(server, directive, kind, words):
    """What waiting does not cure is one attempt and a failure whose sentence says what it was."""
    failure = ask(server.base_url, f"hi {directive}")

    assert isinstance(failure, Failure)
    assert failure.kind == kind
    assert all(word in failure.message for word in words), failure.message
    assert failure.n_attempts == 1
    assert failure.latency_s is None
    assert n_requests(server, directive) == 1


@pytest.mark.parametrize(
    ("directive", "kind", "words"),
    [
        ("[[no_choices]]", "no_answer", ["no text"]),
        ("[[null_content]]", "no_answer", ["no text"]),
        ("[[empty]]", "no_answer", ["no text"]),
        ("[[refusal]]", "refused", ["refused", "I can't help with that."]),
        ("[[filter]]", "refused", ["the answer was filtered", "content_filter"]),
        ("[[null_content length]]", "truncated", ["all tokens were spent", "length"]),
        ('[[tool=f length]] answer={"a": [1,', "truncated", ["arguments", "cut off"]),
        ("[[error_200]]", "bad_body", ["The model is overloaded."]),
        ("[[broken_json]]", "bad_body", ["broken JSON"]),
        ("[[html]]", "bad_body", ["/v1/responses", "web page, not JSON"]),
        ("[[quota]]", "quota", ["quota is used up"]),
    ],
)
def test_the_responses_endpoint_fails_alike(server, directive, kind, words):
    """The same trouble has the same name at both endpoints, and what was answered was billed."""
    failure = ask(server.base_url, f"hi {directive}", api="openai-responses", prices=PRICES)

    assert failure.kind == kind
    assert all(word in failure.message for word in words), failure.message
    assert failure.n_attempts == 1
    assert (failure.usage is None) == (kind in ("bad_body", "quota"))


@pytest.mark.parametrize("api", ["openai", "openai-responses"])
@pytest.mark.parametrize("is_streamed", [False, True])
def test_structured_output_that_was_cut_off(server, api, is_streamed):
    """Half a JSON is no answer, and its tokens were billed."""
    parameters = {"json_schema": {"type": "object"}, "stream": is_streamed}

    failure = ask(
        server.base_url,
        'answer={"team": "bil [[length]]',
        api=api,
        parameters=parameters,
        prices=PRICES,
    )

    assert failure.kind == "truncated"
    assert failure.message == "the JSON was cut off (finish_reason length)"
    assert failure.cost_usd > 0
    assert failure.n_attempts == 1


@pytest.mark.parametrize("header", ["retry_after=1", "retry_after_ms=300", "retry_after_date=1"])
def test_a_wait_in_every_notation(server, header):
    """Seconds, milliseconds and a date are waited for; the shortest back-off is half a second."""
    answer = ask(server.base_url, f"answer=yes [[status=429 {header} times=1]]")

    assert answer.output == "yes"
    assert answer.n_attempts == 2
    least = 0.29 if "ms" in header else 0.9
    assert least < answer.total_s < 4


@pytest.mark.parametrize("directive", ["retry_after_ms=600000", "retry_after_date=600"])
def test_a_long_wait_in_every_notation(server, directive):
    """Ten minutes are not waited for, however they are written."""
    failure = ask(server.base_url, f"hi [[status=429 {directive}]]")

    assert failure.kind == "rate_limited"
    assert re.search(r"the server asks for (599|600|601) s$", failure.message)
    assert failure.n_attempts == 1


def test_a_body_that_is_cut(server):
    """A body that ends too early is a broken connection, asked again."""
    failure = ask(server.base_url, "answer=yes [[cut]]", retries=1)
    answer = ask(server.base_url, "answer=yes [[cut times=1]]")

    assert failure.kind == "connection"
    assert failure.n_attempts == 2
    assert failure.latency_s is None
    assert (answer.output, answer.n_attempts) == ("yes", 2)


@pytest.mark.parametrize("directive", ["[[quota]]", "[[status=401]]"])
@pytest.mark.parametrize("is_adaptive", [True, False])
def test_what_no_further_call_can_cure_is_asked_no_further(directive, is_adaptive):
    """Only the calls in flight are made; the other cases fail with the same sentence, unasked."""
    n_cases, n_at_once = 40, 4

    async def main(base_url):
        own = Settings(base_url=base_url, transport=TRANSPORT)
        model = make_model("openai:m", own)
        engine = Engine(Settings(concurrency=n_at_once, is_adaptive=is_adaptive))
        gate = asyncio.Semaphore(n_at_once)

        async def one(number):
            async with gate:
                return await engine.predict(model, f"{number} {directive}")

        try:
            return await asyncio.gather(*map(one, range(n_cases)))
        finally:
            await model.close()

    with fake_server.running(latency_s=0.1) as server:
        failures = asyncio.run(main(server.base_url))
        n_asked = server.stats()["n_requests"]

    assert n_asked == n_at_once
    assert [failure.n_attempts for failure in failures].count(0) == n_cases - n_at_once
    assert len({failure.message for failure in failures}) == 1
    assert len({failure.kind for failure in failures}) == 1
    assert {failure.cost_usd for failure in failures} == {0}


@pytest.mark.parametrize(
    ("status", "kind"), [(429, "rate_limited"), (500, "server_error"), (503, "server_error")]
)
def test_asked_again_and_failed(server, status, kind):
    """What may pass is asked as often as the retries allow, then failed."""
    directive = f"[[status={status} retry_after=0]]"

    failure = ask(server.base_url, f"hi {directive}", retries=2)

    assert failure.kind == kind
    assert f"answered {status}" in failure.message
    assert failure.n_attempts == 3
    assert n_requests(server, directive) == 3


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
def test_failed_once_and_then_answered(server, status):
    """After an answer at last the clock shows the good attempt, and the attempts are counted."""
    directive = f"[[status={status} retry_after=0.2 times=1]]"

    answer = ask(server.base_url, f"answer=yes {directive}")

    assert answer.output == "yes"
    assert answer.n_attempts == 2
    assert answer.total_s >= 0.19 + answer.latency_s


def test_a_long_retry_after_is_told_and_not_waited_for(server):
    """A server that asks for ten minutes is not asked again, and the failure says so."""
    directive = "[[status=429 retry_after=600]]"

    failure = ask(server.base_url, f"hi {directive}")

    assert failure.kind == "rate_limited"
    assert "the server asks for 600 s" in failure.message
    assert failure.n_attempts == 1
    assert n_requests(server, directive) == 1


def test_a_reset_connection_and_then_an_answer(server):
    """A connection that breaks is opened again."""
    answer = ask(server.base_url, "answer=yes [[reset times=1]]")

    assert answer.output == "yes"
    assert answer.n_attempts == 2


def test_a_connection_that_is_always_reset(server):
    """It is a failure that names the address."""
    failure = ask(server.base_url, "hi [[reset]]", retries=0)

    assert failure.kind == "connection"
    assert f"no connection to {server.base_url}" in failure.message


def test_nobody_listens():
    """A refused connection is a failure that names the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    failure = ask(f"http://127.0.0.1:{port}/v1", "hi", retries=0)

    assert failure.kind == "connection"
    assert f"127.0.0.1:{port}" in failure.message


def test_an_address_without_v1(server):
    """An address that lacks /v1 is not found, and the message has the likely cause."""
    failure = ask(server.base_url.removesuffix("/v1"), "hi")

    assert failure.kind == "bad_request"
    assert "base_url (it usually ends in /v1)" in failure.message


def test_a_server_that_hangs(server):
    """A call that never ends is a time-out, with the time-out as its latency."""
    failure = ask(server.base_url, "hi [[hang]]", timeout_s=0.3)

    assert failure.kind == "timeout"
    assert "no answer within 0.3 s" in failure.message
    assert failure.latency_s == 0.3
    assert failure.n_attempts == 1


def test_usage_and_cost(server):
    """Tokens are the server's, cached ones among them, and the price is the user's."""
    answer = ask(server.base_url, "answer=three words here [[cached=2]]", prices=PRICES)

    assert answer.usage == Usage(input_tokens=4, output_tokens=3, cached_input_tokens=2)
    assert answer.cost_usd == pytest.approx((4 * 1.0 + 3 * 2.0) / 1e6)
    assert answer.cost_source == "model_eval_prices"
    assert answer.model == "m"


@pytest.mark.parametrize("directive", ["[[no_usage]]", "[[string_usage]]"])
def test_usage_that_is_none(server, directive):
    """Without counts that are numbers usage and cost are unknown, also where there is a price."""
    answer = ask(server.base_url, f"answer=yes {directive}", prices=PRICES)

    assert answer.output == "yes"
    assert answer.usage is None
    assert answer.cost_usd is None


def test_a_server_of_ones_own_has_no_public_price(server):
    """A model on this machine costs what nobody knows, not what its namesake costs."""
    answer = ask(server.base_url, "answer=yes")

    assert answer.usage is not None
    assert answer.cost_usd is None


def test_failures_that_cost_nothing(server):
    """A request that was turned away was not billed."""
    assert ask(server.base_url, "[[status=401]]", prices=PRICES).cost_usd == 0
    assert ask(server.base_url, "[[quota]]", prices=PRICES).cost_usd == 0


@pytest.mark.parametrize("directive", ["[[refusal]]", "[[null_content]]"])
def test_failures_that_were_billed(server, directive):
    """An answer that is none has been paid for: its tokens are known, and so is its cost."""
    failure = ask(server.base_url, f"one two {directive}", prices=PRICES)

    assert failure.cost_usd is not None
    assert failure.cost_usd > 0


def test_failures_of_unknown_cost(server):
    """Nobody knows whether a call that timed out was billed."""
    failure = ask(server.base_url, "[[hang]]", prices=PRICES, timeout_s=0.2)

    assert failure.cost_usd is None


def test_half_an_emoji(server):
    """A lone surrogate is replaced where the text arrives."""
    answer = ask(server.base_url, "answer=yes [[surrogate]]")

    assert answer.output.startswith("yes")
    assert answer.output.endswith("\ufffd")
    answer.output.encode()


def test_an_answer_that_was_cut_off(server):
    """It is an answer, and says why it ended."""
    answer = ask(server.base_url, "answer=yes [[length]]")

    assert (answer.output, answer.finish_reason) == ("yes", "length")


def test_close_ends_the_calls_in_flight(server):
    """A closed engine leaves no connection at the server."""
    model = make_model("openai:m", Settings(base_url=server.base_url, transport=TRANSPORT))
    prefetcher = Prefetcher(Engine(Settings()), concurrency=4)
    prefetcher.start()
    prefetcher.plan(
        Ask(key=str(number), model=model, input=f"closing {number} [[hang]]") for number in range(4)
    )
    assert until(lambda: n_requests(server, "closing") == 4)

    prefetcher.close()

    assert until(lambda: server.stats()["n_connections"] == 0)


def until(condition):
    """Wait until something is so, and say whether it became so."""
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_a_server_that_answers_nobody_is_given_up():
    """After the retries of five cases no more are asked, and each of them says why."""
    with contextlib.closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    url = f"http://127.0.0.1:{port}/v1"

    async def main():
        model = make_model("openai:m", Settings(base_url=url, transport=TRANSPORT))
        engine = Engine(Settings(retries=0))
        try:
            return [await engine.predict(model, f"case {index}") for index in range(8)]
        finally:
            await model.close()

    failures = asyncio.run(main())

    assert [failure.kind for failure in failures] == ["connection"] * 8
    assert [failure.n_attempts for failure in failures] == [1] * 5 + [0] * 3
