"""Models that are Python code: callables and objects with ``predict``."""

import asyncio
import functools
import gc
import threading
import time
import unittest.mock

import pytest

from pytest_modeleval import Prediction, UsageError
from pytest_modeleval.models.base import AttemptError
from pytest_modeleval.models.function import as_model
from pytest_modeleval.models.pools import CallError

WAIT_S = 10  # how long a test waits for what should come at once


def until(condition):
    """Wait until something is so, and say whether it became so."""
    deadline = time.monotonic() + WAIT_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def pool_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("modeleval-call")]


def ask(model, *inputs):
    """The predictions of these inputs, all asked at once."""

    async def main():
        try:
            return await asyncio.gather(*map(model.predict, inputs))
        finally:
            await model.close()

    return asyncio.run(main())


def upper(text):
    return text.upper()


async def upper_later(text):
    await asyncio.sleep(0)
    return text.upper()


class Shouter:
    """A model as users write them."""

    def predict(self, text):
        return text.upper()


class AsyncShouter:
    async def predict(self, text):
        return text.upper()


class CallableShouter:
    def __call__(self, text):
        return text.upper()


class AsyncCallableShouter:
    async def __call__(self, text):
        return text.upper()


def upper_with(mark, text):
    return text.upper() + mark


async def upper_later_with(mark, text):
    return text.upper() + mark


@pytest.mark.parametrize(
    "value",
    [
        upper,
        upper_later,
        Shouter(),
        Shouter,
        AsyncShouter(),
        CallableShouter(),
        AsyncCallableShouter(),
        Shouter().predict,
        str.upper,
        functools.partial(upper_with, ""),
        functools.partial(upper_later_with, ""),
        lambda text: upper_later(text),
    ],
    ids=[
        *("function", "async function", "object", "class", "async predict", "callable object"),
        *("async callable object", "method", "builtin", "partial", "async partial", "awaitable"),
    ],
)
def test_all_that_can_be_called_is_a_model(value):
    """Sync or async, function or object: asked with the input, it answers."""
    (prediction,) = ask(as_model(value), "hi")

    assert prediction.output == "HI"
    assert prediction.latency_s >= 0


@pytest.mark.parametrize("value", [42, None, "text", {"predict": upper}, pytest])
def test_what_cannot_be_called(value):
    """The message names the type and says what a model is."""
    with pytest.raises(UsageError) as caught:
        as_model(value, name="router:team")

    assert f"model: router:team: a {type(value).__name__} can't be called" in str(caught.value)
    assert "a callable or an object with predict(input)" in str(caught.value)


def test_a_class_that_wants_arguments():
    """A class is instantiated; one that can't be is a usage error that says what to name."""

    class Router(Shouter):
        def __init__(self, weights):
            self.weights = weights

    with pytest.raises(UsageError, match=r"can't be made without arguments .*weights.*instance"):
        as_model(Router)


def test_a_class_that_fails_to_start():
    """Whatever the constructor raises is a usage error with that reason, not a traceback."""

    class Router(Shouter):
        def __init__(self):
            raise FileNotFoundError("weights.npz is missing")

    with pytest.raises(UsageError, match=r"Router.*weights\.npz is missing"):
        as_model(Router)


def test_names():
    """A model is known by the given name, its own, or where its code stands."""
    named = Shouter()
    named.name = "shouter-2"

    assert as_model(upper, name="tickets:upper").name == "tickets:upper"
    assert as_model(named).name == "shouter-2"
    assert as_model(upper).name == f"{__name__}:upper"
    assert as_model(Shouter()).name == f"{__name__}:Shouter"
    assert as_model(functools.partial(upper)).name == "functools:partial"


def test_a_sync_callable_is_concurrent():
    """Calls that wait for each other all get a thread at once."""
    barrier = threading.Barrier(8)

    def meet(text):
        barrier.wait(WAIT_S)
        return text

    assert ask(as_model(meet), *"abcdefgh") == list("abcdefgh")


def test_latency_is_the_call_alone():
    """The time that an answer waits for the event loop is not the model's."""

    async def main():
        model = as_model(upper)
        task = asyncio.ensure_future(model.predict("a"))
        await asyncio.sleep(0)
        threading.Event().wait(0.3)  # blocks the loop while the thread has long answered
        prediction = await task
        await model.close()
        return prediction

    assert asyncio.run(main()).latency_s < 0.3


@pytest.mark.parametrize(
    "error", [RuntimeError("no"), SystemExit("no"), asyncio.CancelledError("no")]
)
def test_what_an_awaitable_raises(error):
    """It arrives as what it is, and ends neither the loop nor the pool."""

    async def fail(text):
        if text == "bad":
            raise error
        return text

    async def main():
        model = as_model(lambda text: fail(text))
        try:
            with pytest.raises(CallError) as caught:
                await model.predict("bad")
            return caught.value.error, (await model.predict("good")).output
        finally:
            await model.close()

    assert asyncio.run(main()) == (error, "good")


@pytest.mark.filterwarnings("error")
def test_an_awaitable_that_takes_too_long():
    """It is cancelled after the time-out, which is its latency."""
    cancelled = []

    async def hang(_):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    with pytest.raises(AttemptError) as caught:
        ask(as_model(lambda text: hang(text), timeout_s=0.1), "a")

    assert (caught.value.failure.kind, caught.value.failure.latency_s) == ("timeout", 0.1)
    assert until(lambda: cancelled)


@pytest.mark.filterwarnings("error")
def test_an_awaitable_that_comes_when_the_loop_has_ended():
    """Nobody awaits it any more, which is no warning."""
    release = threading.Event()

    async def answer(text):
        return text

    def late(text):
        release.wait(WAIT_S)
        return answer(text)

    async def main():
        model = as_model(late)
        task = asyncio.ensure_future(model.predict("a"))
        await asyncio.sleep(0.05)
        task.cancel()
        await model.close()

    asyncio.run(main())
    release.set()

    assert until(lambda: not pool_threads())
    gc.collect()


def test_a_callable_that_seems_to_wrap_another_for_ever():
    """A mock, which has every attribute, is a callable like any other."""
    mock = unittest.mock.Mock(spec=["func"], return_value="HI", name="mock")

    (prediction,) = ask(as_model(mock), "hi")

    assert prediction.output == "HI"


def test_a_clock_of_its_own():
    """A model that gives a latency keeps it."""
    (prediction,) = ask(as_model(lambda text: Prediction(output=text, latency_s=1.5)), "a")

    assert prediction.latency_s == 1.5


@pytest.mark.parametrize("number", [1, 7])
def test_concurrency_of_its_own(number):
    """A function, an object and a method say how many calls they take at once."""

    def function(text):
        return text

    function.model_eval_concurrency = number
    thing = Shouter()
    thing.model_eval_concurrency = number

    assert as_model(function).max_concurrency == number
    assert as_model(thing).max_concurrency == number
    assert as_model(upper).max_concurrency is None


@pytest.mark.parametrize("number", [0, -1, True, 1.5, "2"])
def test_concurrency_that_is_none(number):
    """Anything but a whole number of at least 1 is refused, and shown."""
    thing = Shouter()
    thing.model_eval_concurrency = number

    with pytest.raises(UsageError) as caught:
        as_model(thing)

    assert "model_eval_concurrency is a whole number of at least 1" in str(caught.value)
    assert repr(number) in str(caught.value)
