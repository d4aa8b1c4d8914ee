"""Meters: the calls of an application's own OpenAI clients are counted, for the case they serve."""

import asyncio
import contextvars
import threading

import fake_server
import openai
import pydantic
import pytest

from pytest_modeleval import Prediction, UsageError, meter
from pytest_modeleval.engine.engine import Engine
from pytest_modeleval.models.function import as_model
from pytest_modeleval.models.meters import Ledger, add_up, entered_in, metered_test, take_strays
from pytest_modeleval.settings import Price, Settings

pytestmark = pytest.mark.filterwarnings("error")

MESSAGES = [{"role": "user", "content": "one two three answer=four five"}]
PRICES = {
    "fake": Price(input=1.0, output=10.0),
    "other": Price(input=100.0, output=1000.0),
    "embedder": Price(input=2.0, output=0.0),
}


@pytest.fixture(scope="module")
def url():
    """The address of a server that answers at once."""
    with fake_server.running() as server:
        yield server.base_url


@pytest.fixture(autouse=True)
def no_strays():
    """No test begins with the calls of another."""
    take_strays()


def client(url, **kwargs):
    """A metered client."""
    return meter(openai.OpenAI(base_url=url, api_key="none", max_retries=0), **kwargs)


def async_client(url, **kwargs):
    """A metered async client."""
    return meter(openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0), **kwargs)


def messages(text):
    return [{"role": "user", "content": text}]


def counted(call):
    """The calls that are entered while a function runs."""
    ledger = Ledger()
    with entered_in(ledger):
        call()
    return ledger.of(is_judge=False)


def counted_async(url, call):
    """The same of an async function of an async client."""

    async def main():
        async with async_client(url) as own:
            await call(own)

    return counted(lambda: asyncio.run(main()))


def chat(client, text="one two three answer=four five", **kwargs):
    return client.chat.completions.create(model="fake", messages=messages(text), **kwargs)


def read(stream):
    for _ in stream:
        pass


async def read_async(stream):
    async for _ in stream:
        pass


def test_a_chat_completion(url):
    """Tokens and model as the server says them; the client works as before."""
    answers = []

    (call,) = counted(lambda: answers.append(chat(client(url))))

    usage = answers[0].usage
    assert answers[0].choices[0].message.content == "four five"
    assert (call.usage.input_tokens, call.usage.output_tokens) == (
        usage.prompt_tokens,
        usage.completion_tokens,
    )
    assert call.model == "fake"
    assert add_up([call], PRICES).cost_usd == pytest.approx(
        (usage.prompt_tokens + 10 * usage.completion_tokens) / 1e6
    )


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: chat(c),
        lambda c: c.responses.create(model="fake", input="one answer=four five"),
        lambda c: read(chat(c, stream=True, stream_options={"include_usage": True})),
        lambda c: read(c.responses.create(model="fake", input="a answer=b c", stream=True)),
        lambda c: chat(c.with_options(timeout=5)),
        lambda c: chat(c.copy()),
        lambda c: c.chat.completions.with_raw_response.create(model="fake", messages=MESSAGES),
        lambda c: c.responses.with_raw_response.create(model="fake", input="a").parse(),
    ],
    ids=["chat", "responses", "stream", "responses-stream", "options", "copy", "raw", "raw2"],
)
def test_ways_to_ask(url, ask):
    """Each is one call with its tokens."""
    (call,) = counted(lambda: ask(client(url)))

    assert call.model == "fake"
    assert call.usage.input_tokens > 0
    assert call.usage.output_tokens > 0


async def stream_async(own):
    await read_async(await chat(own, stream=True, stream_options={"include_usage": True}))


async def respond_async(own):
    await read_async(await own.responses.create(model="fake", input="a answer=b", stream=True))


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: chat(c),
        lambda c: c.responses.create(model="fake", input="one answer=four five"),
        lambda c: chat(c.with_options(timeout=5)),
        lambda c: c.chat.completions.with_raw_response.create(model="fake", messages=MESSAGES),
        stream_async,
        respond_async,
    ],
    ids=["chat", "responses", "options", "raw", "stream", "responses-stream"],
)
def test_ways_to_ask_async(url, ask):
    """The same for an async client."""
    (call,) = counted_async(url, ask)

    assert call.model == "fake"
    assert call.usage.output_tokens > 0


def test_embeddings(url):
    """They have input tokens alone."""
    own = client(url)

    (call,) = counted(lambda: own.embeddings.create(model="embedder", input="one two three"))

    assert (call.usage.input_tokens, call.usage.output_tokens) == (3, 0)
    assert add_up([call], PRICES).cost_usd == pytest.approx(6e-6)


def stream_helper(own):
    with own.chat.completions.stream(
        model="fake", messages=MESSAGES, stream_options={"include_usage": True}
    ) as stream:
        read(stream)


def responses_helper(own):
    with own.responses.stream(model="fake", input="one answer=two") as stream:
        read(stream)


class Answer(pydantic.BaseModel):
    """What the model shall say."""

    team: str


def parse_helper(own):
    own.chat.completions.parse(
        model="fake", messages=messages('a answer={"team": "b"}'), response_format=Answer
    )


@pytest.mark.parametrize("ask", [stream_helper, responses_helper, parse_helper])
def test_helpers_of_the_sdk(url, ask):
    """They end in the same calls."""
    (call,) = counted(lambda: ask(client(url)))

    assert call.usage.output_tokens > 0


def streaming_response(own):
    create = own.chat.completions.with_streaming_response.create
    with create(model="fake", messages=MESSAGES) as response:
        response.parse()


def raw_stream(own):
    raw = own.chat.completions.with_raw_response.create(
        model="fake", messages=MESSAGES, stream=True
    )
    read(raw.parse())


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: read(chat(c, stream=True)),
        lambda c: chat(c, "[[no_usage]] a"),
        lambda c: chat(c, "[[string_usage]] a"),
        lambda c: chat(c, stream=True, stream_options={"include_usage": True}).close(),
        streaming_response,
        raw_stream,
    ],
    ids=["stream", "no-usage", "string-usage", "not-read", "streaming-response", "raw-stream"],
)
def test_tokens_that_nobody_said(url, ask):
    """The cost is unknown and never 0, also of the sum with a call that is known."""
    own = client(url)

    (call,) = counted(lambda: ask(own))
    (known,) = counted(lambda: chat(own))

    assert call.usage is None
    for calls in ([call], [call, known], [known, call]):
        total = add_up(calls, PRICES)
        assert (total.cost_usd, total.usage, total.cost_source) == (None, None, None)


def test_a_price_that_is_unknown(url):
    """Neither is the sum with one that is known."""
    own = client(url)
    calls = counted(
        lambda: (chat(own), own.chat.completions.create(model="odd", messages=MESSAGES))
    )

    total = add_up(calls, PRICES)

    assert total.cost_usd is None
    assert total.usage.input_tokens > 0
    assert total.model == "fake, odd"


def test_several_models_are_priced_each_by_its_own(url):
    """And there is no one unit price."""
    own = client(url)
    calls = counted(
        lambda: (chat(own), own.chat.completions.create(model="other", messages=MESSAGES))
    )

    one, other = (add_up([call], PRICES).cost_usd for call in calls)
    total = add_up(calls, PRICES)

    assert other == pytest.approx(100 * one)
    assert total.cost_usd == pytest.approx(one + other)
    assert total.unit_prices is None
    assert total.cost_source == "model_eval_prices"


def test_no_calls():
    """Are no cost, and not a cost of 0."""
    assert add_up([], PRICES) is None


@pytest.mark.parametrize("status", [400, 429, 500])
def test_an_error_is_not_billed(url, status):
    """The application gets the SDK's own error, and nothing is entered."""
    own = client(url)

    def ask():
        with pytest.raises(openai.APIStatusError):
            chat(own, f"[[status={status}]] a")

    assert counted(ask) == []


def test_a_call_that_came_too_late_may_have_been_billed(url):
    """Its cost is unknown."""
    own = client(url).with_options(timeout=0.1)

    def ask():
        with pytest.raises(openai.APITimeoutError):
            chat(own, "[[hang]] a")

    (call,) = counted(ask)

    assert call.usage is None


def test_a_call_that_is_cancelled_may_have_been_billed(url):
    """Its cost is unknown too."""

    async def ask(own):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(chat(own, "[[hang]] a"), 0.1)

    (call,) = counted_async(url, ask)

    assert call.usage is None


def test_what_is_no_call_of_a_model(url):
    """A list of models costs nothing."""
    own = client(url)

    assert counted(lambda: list(own.models.list())) == []


def test_azure(url):
    """A client derived from OpenAI's stays what it is, and so does what it is copied to."""
    azure = openai.AzureOpenAI(
        base_url=url, api_key="none", api_version="2025-01-01", max_retries=0
    )

    assert meter(azure) is azure
    assert isinstance(azure, openai.AzureOpenAI)
    assert type(azure).__name__ == "AzureOpenAI"
    assert isinstance(azure.with_options(timeout=3), openai.AzureOpenAI)
    (call,) = counted(lambda: chat(azure.with_options(timeout=3)))
    assert call.usage.output_tokens > 0


def test_a_class_derived_from_a_metered_one(url):
    """Calls itself once."""
    own = client(url)
    derived = type("Own", (type(own),), {})(base_url=url, api_key="none")

    assert len(counted(lambda: chat(derived))) == 1


def test_metered_twice(url):
    """Is counted once, and the last word on judges holds."""
    own = meter(client(url), judge=True)
    ledger = Ledger()

    with entered_in(ledger):
        chat(own)

    assert len(ledger.of(is_judge=True)) == 1
    assert ledger.of(is_judge=False) == []


@pytest.mark.parametrize("value", [None, "client", object(), openai, openai.OpenAI])
def test_what_is_no_client(value):
    """Is refused with a sentence."""
    with pytest.raises(UsageError, match=r"^meter: an? \w+ is no client of the openai SDK"):
        meter(value)


# Whose they are


def cost_of(n):
    """What so many calls of ``chat`` cost that ask and answer a word each."""
    return n * (1 + 10) / 1e6


def three_calls(own, text):
    """An application that makes three calls for a case, and says nothing of them."""
    for _ in range(3):
        answer = chat(own, text)
    return answer.choices[0].message.content


def ask_all(model, texts):
    """The answers of a model to all of these at once."""

    async def main():
        engine = Engine(Settings(prices=PRICES))
        try:
            return await asyncio.gather(*(engine.predict(model, text) for text in texts))
        finally:
            await model.close()

    return asyncio.run(main())


def test_fifty_cases_at_once_do_not_mix_in_threads(url):
    """Case i has i words, three times over."""
    own = client(url)

    answers = ask_all(as_model(lambda text: three_calls(own, text)), texts := words())

    assert [answer.usage.input_tokens for answer in answers] == [3 * len(t.split()) for t in texts]
    assert not take_strays()
    assert [answer.cost_usd for answer in answers] == pytest.approx(
        [cost_of(3) * len(t.split()) for t in texts]
    )


def words():
    return [" ".join(["word"] * n) for n in range(1, 51)]


def test_fifty_cases_at_once_do_not_mix_in_tasks(url):
    """The same for an async model, whose calls are in tasks of its own."""

    async def model(text):
        async with async_client(url) as own:
            answers = await asyncio.gather(*(chat(own, text) for _ in range(3)))
        return answers[0].choices[0].message.content

    answers = ask_all(as_model(model), texts := words())

    assert [answer.usage.input_tokens for answer in answers] == [3 * len(t.split()) for t in texts]
    assert not take_strays()


def test_a_client_that_is_made_in_the_first_call(url):
    """Counts from that call on."""
    made = []

    def model(text):
        if not made:
            made.append(client(url))
        return three_calls(made[0], text)

    (answer,) = ask_all(as_model(model), ["word"])

    assert answer.cost_usd == pytest.approx(cost_of(3))


def test_a_cost_that_the_application_reports_comes_first(url):
    """It knows better than a meter."""
    own = client(url)

    def model(text):
        return Prediction(output=three_calls(own, text), cost_usd=0.5)

    (answer,) = ask_all(as_model(model), ["word"])

    assert (answer.cost_usd, answer.cost_source) == (0.5, "reported")


def test_one_call_of_unknown_tokens_makes_the_case_unknown(url):
    """Though the others are priced."""
    own = client(url)

    def model(text):
        read(chat(own, text, stream=True))
        return three_calls(own, text)

    (answer,) = ask_all(as_model(model), ["word"])

    assert (answer.cost_usd, answer.usage) == (None, None)


def test_attempts_that_are_made_again_are_billed(url):
    """What the first attempt has cost counts, be it in vain."""
    own, tries = client(url), []

    def model(text):
        answer = three_calls(own, text)
        tries.append(text)
        if len(tries) == 1:
            raise ConnectionResetError
        return answer

    (answer,) = ask_all(as_model(model), ["word"])

    assert answer.n_attempts == 2
    assert answer.cost_usd == pytest.approx(cost_of(6))


def test_a_failure_that_was_metered(url):
    """It has cost what was asked before it."""
    own = client(url)

    def model(text):
        three_calls(own, text)
        raise ValueError("no")

    (answer,) = ask_all(as_model(model), ["word"])

    assert answer.kind == "raised"
    assert answer.cost_usd == pytest.approx(cost_of(3))


def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def test_a_thread_of_the_applications_own_is_a_stray(url):
    """Unless it is given the context."""
    own = client(url)

    def model(text):
        in_thread(lambda: chat(own, text))
        context = contextvars.copy_context()
        in_thread(lambda: context.run(chat, own, text))
        return "done"

    (answer,) = ask_all(as_model(model), ["word"])

    assert answer.cost_usd == pytest.approx(cost_of(1))
    assert len(take_strays()) == 1
    assert not take_strays()


def test_a_context_that_outlives_its_test(url):
    """An event loop that serves many tests has the context of the first; the present one counts."""
    own, first, second = client(url), Ledger(), Ledger()
    with metered_test(first, has_all=False):
        context = contextvars.copy_context()
        context.run(chat, own)
    with metered_test(second, has_all=False):
        context.run(chat, own)
        in_thread(lambda: context.run(chat, own))
        contextvars.Context().run(chat, own)
        in_thread(lambda: chat(own))
    context.run(chat, own)

    assert (len(first.calls), len(second.calls)) == (1, 3)
    assert len(take_strays()) == 2


def test_a_test_that_has_all(url):
    """Where nothing else runs, a thread of the application's own is the test's."""
    own, ledger = client(url), Ledger()

    with metered_test(ledger, has_all=True):
        in_thread(lambda: chat(own))

    assert len(ledger.calls) == 1
    assert not take_strays()


class Wanted(pydantic.BaseModel):
    """What no answer of the fake is."""

    team: str


@pytest.mark.parametrize("directive", ["[[length]]", "[[broken_json]]", "[[html]]", ""])
def test_an_answer_that_the_application_cannot_use_was_billed(url, directive):
    """Whatever raises after the server has answered: the call cost something, known or not."""
    own = client(url)

    def ask():
        with pytest.raises(Exception):  # noqa: B017
            own.chat.completions.parse(
                model="fake",
                messages=messages(f"one two answer=no json {directive}"),
                response_format=Wanted,
            )

    (call,) = counted(ask)
    cost = add_up([call], PRICES).cost_usd
    assert cost is None or cost > 0


def test_an_answer_that_is_taken_as_it_came(url):
    """An untyped result has its usage all the same."""
    own = client(url)

    (call,) = counted(
        lambda: own.post(
            "/chat/completions", cast_to=object, body={"model": "fake", "messages": MESSAGES}
        )
    )

    assert call.usage is not None
