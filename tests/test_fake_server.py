"""The fake server is what other tests believe, so it is tested with the real client."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time

import fake_server
import openai
import pytest


@pytest.fixture(scope="module")
def server():
    with fake_server.running() as server:
        yield server


@pytest.fixture
def strict_server():
    """A server of its own for a test that counts."""
    with fake_server.running(latency_s=0.2, max_in_flight=2) as server:
        yield server


def ask(server, *prompts, timeout=5.0):
    """The completions of these prompts, asked at once, or the exceptions instead of them."""

    async def main():
        async with openai.AsyncOpenAI(
            base_url=server.base_url, api_key="none", max_retries=0, timeout=timeout
        ) as client:
            calls = [
                client.chat.completions.create(
                    model="fake-1", messages=[{"role": "user", "content": prompt}]
                )
                for prompt in prompts
            ]
            return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(main())


def text_of(completion):
    return completion.choices[0].message.content


def test_answers_with_what_the_prompt_says(server):
    """The answer is the text after the last ``answer=``, or the prompt without directives."""
    given, echoed = ask(server, "answer=no answer=card lost", "hello there [[latency=0.01]]")

    assert text_of(given) == "card lost"
    assert text_of(echoed) == "hello there"
    assert given.model == "fake-1"


def test_counts_words_as_tokens(server):
    """Usage holds words of prompt and answer, and the cached ones inside."""
    (completion,) = ask(server, "one two answer=three four [[cached=2]]")

    assert completion.usage.prompt_tokens == 4
    assert completion.usage.completion_tokens == 2
    assert completion.usage.prompt_tokens_details.cached_tokens == 2


def test_reads_the_last_user_message_and_its_parts(server):
    """Other roles and earlier turns are passed over; a message may be a list of parts."""
    messages = [
        {"role": "user", "content": "first"},
        {"role": "user", "content": [{"type": "text", "text": "second"}]},
        {"role": "assistant", "content": "third"},
    ]
    with openai.OpenAI(base_url=server.base_url, api_key="none") as client:
        completion = client.chat.completions.create(model="m", messages=messages)
        models = client.models.list()

    assert text_of(completion) == "second"
    assert [model.id for model in models] == ["fake"]


@pytest.mark.parametrize(
    ("directive", "error", "code"),
    [
        ("[[status=500]]", openai.InternalServerError, None),
        ("[[status=429]]", openai.RateLimitError, "rate_limit_exceeded"),
        ("[[quota]]", openai.RateLimitError, "insufficient_quota"),
        ("[[reset]]", openai.APIConnectionError, None),
        ("[[broken_json]]", json.JSONDecodeError, None),
        ("[[typo]]", openai.BadRequestError, None),
        ("[[latency=1]]", openai.APITimeoutError, None),
        ("[[hang]]", openai.APITimeoutError, None),
    ],
)
def test_fails_as_asked(server, directive, error, code):
    """Each failure arrives at the client as the exception that a real one would raise."""
    (result,) = ask(server, f"x {directive}", timeout=0.5)

    assert type(result) is error
    assert getattr(result, "code", None) == code


@pytest.mark.parametrize(
    ("directive", "expected"),
    [
        ("[[null_content]]", None),
        ("[[refusal]]", None),
        ("[[empty]]", ""),
        ("[[length]]", "x"),
        ("[[surrogate]]", "x\ud83d"),
    ],
)
def test_odd_contents(server, directive, expected):
    """What a model may say instead of an answer passes the client unchanged."""
    (completion,) = ask(server, f"x {directive}")

    assert text_of(completion) == expected
    assert completion.choices[0].finish_reason == ("length" if "length" in directive else "stop")
    assert bool(completion.choices[0].message.refusal) == ("refusal" in directive)


def test_odd_bodies(server):
    """A web page, an error, no choices and odd usage all come with status 200."""
    html, error, empty, uncounted, worded = ask(
        server, "[[html]]", "[[error_200]]", "[[no_choices]]", "[[no_usage]]", "[[string_usage]] a"
    )

    assert html.startswith("<!doctype html>")
    assert error.error["code"] == "overloaded"
    assert empty.choices == []
    assert uncounted.usage is None
    assert worded.usage.prompt_tokens == "1 tokens"


def test_fails_the_first_times_only(server):
    """With ``times`` the same prompt works later, and Retry-After says when."""
    prompt = "answer=yes [[status=429 retry_after=0.2 times=1]]"
    (first,), (second,) = ask(server, prompt), ask(server, prompt)

    assert first.response.headers["retry-after"] == "0.2"
    assert text_of(second) == "yes"


def test_counts_what_it_saw(strict_server):
    """Stats hold requests by prompt, the most in flight, the refused ones and the aborted."""
    answers = ask(strict_server, "a", "a", "b")
    ask(strict_server, "[[hang]]", timeout=0.2)
    deadline = time.monotonic() + 5
    while (stats := strict_server.stats())["n_connections"] and time.monotonic() < deadline:
        time.sleep(0.01)

    assert [type(answer) for answer in answers].count(openai.RateLimitError) == 1
    assert stats["n_requests"] == 4
    assert stats["prompts"] == {"a": 2, "b": 1, "[[hang]]": 1}
    assert stats["n_refused"] == 1
    assert stats["n_aborted"] == 1
    assert stats["n_in_flight"] == 0
    assert stats["n_connections"] == 0
    assert stats["last_answer_at"] - stats["first_request_at"] >= 0.2


def test_every_nth_request_is_slow():
    """``slow_every`` and ``slow_latency_s`` make a long tail."""
    with fake_server.running(slow_every=3, slow_latency_s=0.2) as server:
        ask(server, *"abcdef")
        stats = server.stats()

    assert stats["latency_sum_s"] == pytest.approx(0.4)
    assert stats["max_latency_s"] == 0.2


@pytest.mark.parametrize("end", ["input", "SIGTERM"])
def test_ends_with_who_started_it(end):
    """It exits by itself with status 0 when its standard input closes, and on SIGTERM."""
    with subprocess.Popen(
        [sys.executable, fake_server.__file__, "--port", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        if end == "SIGTERM":
            os.kill(process.pid, signal.SIGTERM)
            process.wait(timeout=5)
        _, stderr = process.communicate(timeout=5)

    assert process.returncode == 0
    assert stderr == ""
