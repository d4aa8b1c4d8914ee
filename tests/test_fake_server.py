"""The fake server is what other tests believe, so it is tested with the real client."""

import asyncio
import email.utils
import http.client
import json
import os
import signal
import subprocess
import sys
import time

import fake_answers
import fake_server
import openai
import pydantic
import pytest
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent


@pytest.fixture(scope="module")
def server():
    with fake_server.running() as server:
        yield server


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=server.base_url, api_key="sk-1", max_retries=0) as client:
        yield client


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


def says(prompt):
    return {"model": "fake-1", "messages": [{"role": "user", "content": prompt}]}


def post(server, path, **body):
    """Status, headers and text of an answer, as they come without a client that knows better."""
    connection = http.client.HTTPConnection(server.base_url.split("/")[2], timeout=5)
    try:
        connection.request("POST", path, json.dumps(body), {"authorization": "Bearer Sk-X"})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def read(stream):
    """What a stream yields, and the exception that ends it, if one does."""
    events = []
    try:
        for event in stream:
            events.append(event)
    except openai.OpenAIError as exc:
        return events, exc
    return events, None


def post_chat(server, prompt, **more):
    return post(server, "/v1/chat/completions", **says(prompt), **more)


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
        ("[[cut]]", openai.APIConnectionError, None),
        ("[[broken_json]]", json.JSONDecodeError, None),
        ("[[typo]]", openai.BadRequestError, None),
        ("[[latency=soon]]", openai.BadRequestError, None),
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
        ("[[filter]]", None),
        ("[[surrogate]]", "x\ud83d"),
    ],
)
def test_odd_contents(server, directive, expected):
    """What a model may say instead of an answer passes the client unchanged."""
    (completion,) = ask(server, f"x {directive}")

    assert text_of(completion) == expected
    finish = {"[[length]]": "length", "[[filter]]": "content_filter"}.get(directive, "stop")
    assert completion.choices[0].finish_reason == finish
    assert bool(completion.choices[0].message.refusal) == ("refusal" in directive)


def test_directives_may_be_combined(server):
    """A model that reasons until its tokens are used up says nothing and is cut off."""
    (completion,) = ask(server, "x [[length null_content reasoning=7]] [[cached=1]]")

    assert completion.choices[0].finish_reason == "length"
    assert text_of(completion) is None
    assert completion.usage.completion_tokens_details.reasoning_tokens == 7
    assert completion.usage.prompt_tokens_details.cached_tokens == 1


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


def test_answers_are_of_the_real_shape(server):
    """Every answer passes the strict check of the client's own types, which the client omits."""
    for directives in ("", "[[tool=f]] answer={}", "[[refusal]]", "[[filter]]", "[[length]]"):
        prompt = f"x {directives} [[reasoning=7]]"
        _, _, chat = post_chat(server, prompt)
        _, _, response = post(server, "/v1/responses", model="m", input=prompt)
        ChatCompletion.model_validate_json(chat)
        Response.model_validate_json(response)
    _, _, embeddings = post(server, "/v1/embeddings", model="m", input=["a", "b"])
    CreateEmbeddingResponse.model_validate_json(embeddings)


def test_responses(client):
    """A response says the same as a completion would, with counts of its own names."""
    response = client.responses.create(
        model="fake-1", input="one two answer=three [[cached=2 reasoning=7]]", instructions="Be."
    )

    assert response.output_text == "three"
    assert (response.status, response.model) == ("completed", "fake-1")
    assert response.instructions == "Be."
    assert response.usage.input_tokens == 3
    assert response.usage.input_tokens_details.cached_tokens == 2
    assert response.usage.output_tokens == 8
    assert response.usage.output_tokens_details.reasoning_tokens == 7
    assert [item.type for item in response.output] == ["reasoning", "message"]


def test_responses_read_the_last_user_message(client):
    """Input may be a list of messages, with a text or parts."""
    parts = [{"type": "input_text", "text": "second"}]
    messages = [{"role": "user", "content": "first"}, {"role": "user", "content": parts}]

    assert client.responses.create(model="m", input=messages).output_text == "second"


@pytest.mark.parametrize(
    ("directive", "reason", "contents"),
    [
        ("[[length]]", "max_output_tokens", [{"type": "output_text", "text": "x"}]),
        ("[[filter]]", "content_filter", None),
        ("[[null_content]]", None, None),
        ("[[empty]]", None, [{"type": "output_text", "text": ""}]),
        ("[[refusal]]", None, [{"type": "refusal", "refusal": "I can't help with that."}]),
    ],
)
def test_odd_responses(client, directive, reason, contents):
    """What is no plain answer has the status, the reason and the parts that OpenAI gives it."""
    response = client.responses.create(model="m", input=f"x {directive} [[no_usage]]")

    assert response.status == ("incomplete" if reason else "completed")
    assert (response.incomplete_details and response.incomplete_details.reason) == reason
    assert response.usage is None
    if contents is None:
        assert response.output == []
    else:
        keys = contents[0].keys()
        (message,) = response.output
        assert [part.model_dump(include=keys) for part in message.content] == contents


def test_embeddings(client):
    """A vector per text, the same in both encodings, near where words are shared."""
    texts = ["card lost [[latency=0.01]]", "my card is lost", "weather"]
    packed = client.embeddings.create(model="e", input=texts)
    plain = client.embeddings.create(model="e", input=texts, encoding_format="float")
    (alone,) = client.embeddings.create(model="e", input="card lost", dimensions=8).data
    lost, mine, weather = (data.embedding for data in plain.data)

    def likeness(one, other):
        return sum(a * b for a, b in zip(one, other, strict=True))

    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding)
    assert likeness(lost, lost) == pytest.approx(1)
    assert likeness(lost, mine) > likeness(lost, weather)
    assert len(alone.embedding) == 8
    assert plain.usage.prompt_tokens == 7
    with pytest.raises(openai.InternalServerError):
        client.embeddings.create(model="e", input=["a", "b [[status=500]]"])


def test_streams_chat(server, client):
    """A role, pieces of the text, a reason to finish, and the counts if they are wanted."""
    prompt, wanted = "answer=the card is lost", {"include_usage": True}
    chunks = list(
        client.chat.completions.create(**says(prompt), stream=True, stream_options=wanted)
    )
    first, *middle, last, counts = chunks
    _, headers, text = post_chat(server, prompt, stream=True)
    *events, done, rest = text.split("\n\n")

    assert first.choices[0].delta.role == "assistant"
    assert first.choices[0].delta.content == ""
    assert len(middle) > 1
    assert "".join(chunk.choices[0].delta.content for chunk in middle) == "the card is lost"
    assert last.choices[0].finish_reason == "stop"
    assert (counts.choices, counts.usage.completion_tokens) == ([], 4)
    assert headers["content-type"].startswith("text/event-stream")
    assert (done, rest) == ("data: [DONE]", "")
    for event in events:
        chunk = ChatCompletionChunk.model_validate_json(event.removeprefix("data: "))
        assert chunk.usage is None


@pytest.mark.parametrize(
    "directive", ["", "[[tool=f]]", "[[refusal]]", "[[empty]]", "[[null_content]]", "[[length]]"]
)
def test_a_stream_adds_up_to_the_whole_answer(client, directive):
    """The client puts the same answer together from a stream as it gets in one piece."""
    prompt = f'{directive} answer={{"team": "cards"}} [[reasoning=1]]'
    whole = client.chat.completions.create(**says(prompt)).choices[0]
    with client.responses.stream(model="m", input=prompt) as stream:
        stream.until_done()  # fails if the events don't fit together
    whole_response = client.responses.create(model="m", input=prompt)
    *_, last = client.responses.create(model="m", input=prompt, stream=True)
    content, refusal, arguments, finish = "", "", "", None
    for chunk in client.chat.completions.create(**says(prompt), stream=True):
        (choice,) = chunk.choices
        content += choice.delta.content or ""
        refusal += choice.delta.refusal or ""
        for call in choice.delta.tool_calls or ():
            arguments += call.function.arguments
        finish = choice.finish_reason or finish

    assert finish == whole.finish_reason
    assert content == (whole.message.content or "")
    assert refusal == (whole.message.refusal or "")
    assert arguments == "".join(call.function.arguments for call in whole.message.tool_calls or ())
    assert last.type == f"response.{whole_response.status}"
    assert last.response.output_text == whole_response.output_text
    assert [item.type for item in last.response.output] == [
        item.type for item in whole_response.output
    ]


@pytest.mark.parametrize("directive", ["", "[[tool=f]]", "[[refusal]]", "[[reasoning=3]]"])
def test_streams_responses(server, directive):
    """Every event is of the real shape, named, and numbered in order."""
    prompt = f"answer=card lost {directive}"
    _, _, text = post(server, "/v1/responses", model="m", input=prompt, stream=True)
    *events, rest = text.split("\n\n")
    parsed = []
    for number, event in enumerate(events):
        name, data = event.split("\n")
        parsed.append(json.loads(data.removeprefix("data: ")))
        pydantic.TypeAdapter(ResponseStreamEvent).validate_python(parsed[-1])
        assert name == f"event: {parsed[-1]['type']}"
        assert parsed[-1]["sequence_number"] == number

    assert rest == ""
    assert parsed[0]["type"] == "response.created"
    assert parsed[-1]["type"] == "response.completed"
    assert parsed[-1]["response"]["usage"]["input_tokens"] == 2
    deltas = [event["delta"] for event in parsed if event["type"].endswith(".delta")]
    assert len(deltas) > 1 or "tool" in directive


@pytest.mark.parametrize(
    ("directive", "error"),
    [("[[cut]]", openai.APIConnectionError), ("[[stream_error]]", openai.APIError)],
)
def test_streams_break(client, directive, error):
    """Part of the text arrives, and then the failure."""
    text = "the card is lost"
    prompt = f"{directive} answer={text}"
    chunks, chat_error = read(client.chat.completions.create(**says(prompt), stream=True))
    events, response_error = read(client.responses.create(model="m", input=prompt, stream=True))
    received = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

    assert type(chat_error) is type(response_error) is error
    assert 0 < len(received) < len(text)
    assert text.startswith(received)
    assert "".join(getattr(event, "delta", "") for event in events) == received


def test_streams_have_comments_and_line_ends_as_asked(server, client):
    """Both are part of the format, and the client reads over them."""
    prompt = "[[keepalive=2]] [[crlf]] answer=yes"
    _, _, text = post_chat(server, prompt, stream=True)
    chunks = client.chat.completions.create(**says(prompt), stream=True)

    assert text.count(": ping\r\n\r\n") == 2
    assert "\n" not in text.replace("\r\n", "")
    assert text.index(": ping") < text.index('"content": "y"')
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "yes"


def test_a_stream_takes_its_time(server):
    """The text starts after ``ttft`` seconds and goes on evenly until the latency is over."""
    started = time.monotonic()
    post_chat(server, "[[ttft=0.1 latency=0.2]] answer=yes", stream=True)
    assert time.monotonic() - started >= 0.2

    directives = {"ttft": "0.5", "keepalive": "2"}
    asked = fake_answers.Asked(
        endpoint="chat/completions",
        head=b"",
        body=b"",
        request={"model": "m", "stream": True},
        prompt="answer=yes",
        directives=directives,
        number=1,
        latency_s=1.0,
    )
    reply = fake_answers.reply_to(asked)
    assert [at_s for at_s, _ in reply.parts] == [0.0, 0.25, 0.5, 0.75, 1.0]
    del directives["ttft"]
    del directives["keepalive"]
    assert [at_s for at_s, _ in fake_answers.reply_to(asked).parts] == [0.0, 1.0]


def test_calls_a_tool(client):
    """The text after ``answer=`` is its arguments, and without it there are none."""
    prompt = '[[tool=route]] answer={"team": "cards"}'
    (choice,) = client.chat.completions.create(**says(prompt)).choices
    (call,) = choice.message.tool_calls
    (item,) = client.responses.create(model="m", input="[[tool=route]] go").output
    first, *_ = client.chat.completions.create(**says(prompt), stream=True)
    (begun,) = first.choices[0].delta.tool_calls

    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert (call.function.name, call.function.arguments) == ("route", '{"team": "cards"}')
    assert (item.type, item.name, item.arguments) == ("function_call", "route", "{}")
    assert item.call_id
    assert (begun.function.name, begun.function.arguments) == ("route", "")


def test_repeats_what_it_was_sent(server, client):
    """Parameters and headers can be looked at, and a secret comes back in an error."""
    body = text_of(client.chat.completions.create(**says("[[echo]]"), temperature=0.5))
    headers = client.responses.create(model="m", input="[[echo_headers]]").output_text
    status, _, error = post_chat(server, "[[echo_error]]")

    assert json.loads(body) == {**says("[[echo]]"), "temperature": 0.5}
    assert json.loads(headers)["authorization"] == "Bearer sk-1"
    assert status == 400
    assert "Bearer Sk-X" in json.loads(error)["error"]["message"]


def test_who_served_it(client):
    """The model and its tier are those asked for, or others; no tier is no field."""
    plain = client.chat.completions.create(**says("x"))
    flex = client.chat.completions.create(**says("x"), service_tier="flex")
    other = client.responses.create(
        model="gpt-5-mini", input="[[served=gpt-5-mini-2026 tier=default]]", service_tier="flex"
    )

    assert "service_tier" not in plain.model_fields_set
    assert flex.service_tier == "flex"
    assert (other.model, other.service_tier) == ("gpt-5-mini-2026", "default")


def test_says_when_to_try_again(server):
    """In seconds, in milliseconds, or as a date that is not too early."""
    now = time.time()
    _, milliseconds, _ = post_chat(server, "[[status=429 retry_after_ms=300]]")
    _, date, _ = post_chat(server, "[[quota]] [[retry_after_date=2]]")

    assert milliseconds["retry-after-ms"] == "300"
    assert email.utils.parsedate_to_datetime(date["retry-after"]).timestamp() >= now + 2


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/chat/completions", 200),
        ("/openai/v1/chat/completions?api-version=preview", 200),
        ("/openai/v1/deployments/x/chat/completions", 200),
        ("/api/v1/chat/completions", 200),
        ("/v2/chat/completions", 404),
        ("/chat/completions", 404),
        ("/v1/completions", 404),
    ],
)
def test_paths(server, path, status):
    """The API may be mounted where Azure, OpenRouter and others have it, and nowhere else."""
    assert post(server, path, **says("x"))[0] == status


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
    assert stats["n_answered"] == sum(stats["prompts_answered"].values()) == 2
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


def test_latencies_of_a_lognormal():
    """They are the same in every run, around the median, and kept."""
    runs = []
    for _ in range(2):
        with fake_server.running(lognormal_median_s=0.001, lognormal_sigma=0.5, seed=7) as server:
            for prompt in "abcde":
                ask(server, prompt)
            runs.append(server.stats())
    first, second = runs

    assert len(set(first["latencies"])) == 5
    assert first["latencies"] == second["latencies"]
    assert first["latency_sum_s"] == pytest.approx(sum(first["latencies"]))


def test_a_share_of_the_prompts_fails_once():
    """Which ones and how depends on the prompt alone; the second time all are answered."""
    rates = {"rate_429_once": 0.2, "rate_500_once": 0.2, "rate_reset_once": 0.2}
    options = fake_server.Options(**rates)
    prompts = [f"prompt {number}" for number in range(100)]
    with fake_server.running(**rates, retry_after_s=1.5) as server:
        first, second = ask(server, *prompts), ask(server, *prompts)
        stats = server.stats()

    kinds = (openai.RateLimitError, openai.InternalServerError, openai.APIConnectionError)
    for kind in kinds:
        assert 8 <= [type(result) for result in first].count(kind) <= 32
    for prompt, result in zip(prompts, first, strict=True):
        assert isinstance(result, Exception) == bool(fake_server.failure_once(prompt, options))
        if isinstance(result, openai.RateLimitError):
            assert result.response.headers["retry-after"] == "1.5"
    assert [text_of(result) for result in second] == prompts
    assert stats["n_answered"] == 200 - sum(isinstance(result, Exception) for result in first)
    assert set(stats["prompts_answered"]) == set(prompts)


def test_so_many_a_minute():
    """What is above the limit is told how long to wait, and can pass a minute after the oldest."""
    with fake_server.running(max_per_minute=2) as server:
        *_, refused = (ask(server, "x")[0] for _ in range(3))
        stats = server.stats()
    limit = fake_server.PerMinute(2)

    assert 0 < int(refused.response.headers["retry-after"]) <= 60
    assert (stats["n_answered"], stats["n_refused"]) == (2, 1)
    assert len(stats["request_times"]) == 3
    assert [limit.wait_s(now) for now in (0, 10, 20, 59, 60, 69)] == [0, 0, 40, 1, 0, 1]


def test_says_how_long_to_wait_if_there_are_too_many_at_once():
    """``retry_after_s`` goes along with the 429s of ``max_in_flight``."""
    with fake_server.running(latency_s=0.2, max_in_flight=1, retry_after_s=0.3) as server:
        results = ask(server, "a", "b")

    (refused,) = (result for result in results if isinstance(result, openai.RateLimitError))
    assert refused.response.headers["retry-after"] == "0.3"


def test_workers_take_one_request_after_the_other():
    """The others wait in the server; a worker whose client went away is free again."""
    with fake_server.running(latency_s=0.1, workers=1) as server:
        completions = ask(server, "a", "b", "c")
        stats = server.stats()
        (hung,) = ask(server, "[[hang]]", timeout=0.2)
        (after,) = ask(server, "d")

    assert [text_of(completion) for completion in completions] == ["a", "b", "c"]
    assert stats["last_answer_at"] - stats["first_request_at"] >= 0.3
    assert stats["max_in_flight"] == 3
    assert isinstance(hung, openai.APITimeoutError)
    assert text_of(after) == "d"


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
