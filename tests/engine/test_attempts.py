"""One case asked: attempts, time-out, retries, clocks, and what errors are recorded as."""

import asyncio
import re
import time

import pytest

from pytest_modeleval import Failure, Prediction, Usage
from pytest_modeleval.engine.engine import Engine
from pytest_modeleval.models.base import AttemptError
from pytest_modeleval.models.function import as_model
from pytest_modeleval.settings import Price, Settings

pytestmark = pytest.mark.filterwarnings("error")


class Scripted:
    """A model whose attempts end as listed: a prediction, or an error to raise."""

    name = "scripted"
    billed_as = "scripted"
    limit_key = "scripted"
    max_concurrency = None
    price_list_url = None
    queues_itself = False
    is_contained = False

    def __init__(self, *ends):
        self.ends = list(ends)

    async def predict(self, _):
        end = self.ends.pop(0)
        if isinstance(end, BaseException):
            raise end
        return end

    def resize(self, _):
        pass

    async def close(self):
        pass


class StatusError(Exception):
    """What SDKs raise: an error with a status, and maybe a response."""

    def __init__(self, status, headers=None, body=None):
        super().__init__(f"status {status}")
        self.status_code = status
        self.body = body
        if headers is not None:
            self.response = type("Response", (), {"headers": headers})


def ask(model, *, handed_over_s=None, clock=time.perf_counter, **settings):
    """What the engine makes of asking this model once."""

    async def main():
        try:
            engine = Engine(Settings(**settings), clock=clock)
            return await engine.predict(model, "hi", handed_over_s=handed_over_s)
        finally:
            await model.close()

    return asyncio.run(main())


def raising(error):
    """A sync model that raises this error."""

    def model(_):
        raise error

    return as_model(model)


def raising_async(error):
    """An async model that raises this error."""

    async def model(_):
        raise error

    return as_model(model)


def soon(kind="server_error", message="busy"):
    """An error after which the server asks to come again at once."""
    return AttemptError(kind, message, can_retry=True, retry_after_s=0.0)


def test_an_answer():
    """One attempt that answers is one prediction with its clocks."""
    answer = ask(Scripted(Prediction(output="a", latency_s=0.25)))

    assert answer.output == "a"
    assert answer.latency_s == 0.25
    assert answer.n_attempts == 1
    assert answer.total_s >= 0
    assert answer.queue_s == 0


class Clock:
    """A clock that shows 3 s, and 7.5 s once an attempt has ended."""

    def __init__(self, model):
        self._model = model

    def __call__(self):
        return 3.0 if self._model.ends else 7.5


def test_clocks():
    """Queue runs from the hand-over to the first attempt, total from there to the answer."""
    model = Scripted(Prediction(output="a", latency_s=0.25))

    answer = ask(model, handed_over_s=1.0, clock=Clock(model))

    assert (answer.queue_s, answer.total_s, answer.latency_s) == (2.0, 4.5, 0.25)


def test_clocks_of_a_failure():
    """A failure has the same clocks, and no latency."""
    model = Scripted(AttemptError("refused", "no"))

    failure = ask(model, handed_over_s=1.0, clock=Clock(model))

    assert (failure.queue_s, failure.total_s, failure.latency_s) == (2.0, 4.5, None)


def test_clocks_of_a_model_that_queues_itself():
    """Only its call is the attempt: what else went by was queueing."""
    model = Scripted(Prediction(output="a", latency_s=0.25))
    model.queues_itself = True

    answer = ask(model, handed_over_s=1.0, clock=Clock(model))

    assert (answer.queue_s, answer.total_s, answer.latency_s) == (6.25, 0.25, 0.25)


def test_a_second_attempt():
    """After an error that may pass the same case is asked again, and counted."""
    model = Scripted(soon(), soon(), Prediction(output="a", latency_s=0.25))

    answer = ask(model)

    assert answer.output == "a"
    assert answer.n_attempts == 3
    assert answer.latency_s == 0.25


def test_retries_are_bounded():
    """With two retries there are three attempts, and the last error is the failure."""
    model = Scripted(soon(), soon(), soon(message="still busy"), Prediction(output="a"))

    failure = ask(model, retries=2)

    assert isinstance(failure, Failure)
    assert (failure.kind, failure.message, failure.n_attempts) == ("server_error", "still busy", 3)
    assert len(model.ends) == 1


def test_no_retries():
    """With none the first error is the failure."""
    model = Scripted(soon(), Prediction(output="a"))

    failure = ask(model, retries=0)

    assert failure.n_attempts == 1
    assert len(model.ends) == 1


def test_an_error_that_stays():
    """What another attempt can't cure is not tried again."""
    model = Scripted(AttemptError("quota", "used up"), Prediction(output="a"))

    failure = ask(model)

    assert (failure.kind, failure.n_attempts) == ("quota", 1)


def test_an_error_that_stays_after_one_that_may_pass():
    """The kinds of attempts are told apart each time."""
    failure = ask(Scripted(soon(), AttemptError("refused", "no"), Prediction(output="a")))

    assert (failure.kind, failure.n_attempts) == ("refused", 2)


def test_a_server_that_asks_for_too_long():
    """A wait of more than a minute is not waited for, and the failure says how long it was."""
    error = AttemptError("rate_limited", "slow down", can_retry=True, retry_after_s=600)

    failure = ask(Scripted(error, Prediction(output="a")))

    assert failure.message == "slow down; the server asks for 600 s"
    assert failure.n_attempts == 1


def test_a_time_out():
    """A call that does not end is a failure whose latency is the time-out's value."""

    async def hang(_):
        await asyncio.Event().wait()

    failure = ask(as_model(hang), timeout_s=0.05)

    assert (failure.kind, failure.message) == ("timeout", "no answer within 0.05 s")
    assert failure.latency_s == 0.05
    assert failure.n_attempts == 1
    assert failure.total_s >= 0.05


def test_a_time_out_of_one_attempt():
    """The time-out holds for each attempt: waiting between them does not count."""
    error = AttemptError("rate_limited", "slow down", can_retry=True, retry_after_s=0.3)

    answer = ask(Scripted(error, Prediction(output="a")), timeout_s=0.2)

    assert answer.output == "a"
    assert answer.total_s >= 0.29


@pytest.mark.parametrize("make", [raising, raising_async], ids=["sync", "async"])
@pytest.mark.parametrize(
    "error",
    [
        AssertionError("no"),
        ValueError("no"),
        StopIteration("no"),
        SystemExit("no"),
        KeyboardInterrupt("no"),
        GeneratorExit("no"),
        asyncio.CancelledError("no"),
        pytest.skip.Exception("no"),
        BaseExceptionGroup("no", [KeyboardInterrupt()]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_the_models_code_raises(make, error):
    """Whatever it raises is a failure of the case that names the error, and nothing dies of it."""
    try:
        failure = ask(make(error))
    except BaseException as escaped:
        pytest.fail(f"{type(escaped).__name__} left the engine: {escaped}")

    assert failure.kind == "raised"
    assert type(error).__name__ in failure.message
    assert "no" in failure.message or isinstance(error, StopIteration)  # Python drops its text


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), StopIteration(1)])
def test_the_message_begins_with_what_was_raised(error):
    """No wrapping of ours is shown before the user's own error."""
    assert ask(raising(error)).message.startswith(type(error).__name__)


def test_an_error_without_words():
    """An error without a message is its type and its place, with no colon between them."""
    message = ask(raising(AssertionError())).message

    assert re.fullmatch(r"AssertionError \(test_attempts\.py:\d+\)", message)


def test_an_error_of_many_lines():
    """A long message becomes one line; it is cut where it is shown, after secrets are out."""
    message = ask(raising(ValueError("a\nb " * 1000))).message

    assert message.startswith("ValueError: a b a b")
    assert "\n" not in message
    assert message.count("b") == 1000


def test_an_error_that_cannot_be_shown():
    """An error whose own text raises is a failure like any other."""

    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    failure = ask(raising(Mute()))

    assert failure.kind == "raised"
    assert "Mute" in failure.message


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_statuses_of_an_sdk_that_pass(status):
    """Errors of whatever SDK the model's code uses are read by their status, and retried."""
    errors = [StatusError(status, {"retry-after": "0"}), Prediction(output="a")]

    answer = ask(Scripted(*errors))

    assert answer.output == "a"
    assert answer.n_attempts == 2


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (StatusError(400), "bad_request"),
        (StatusError(401, {}), "bad_request"),
        (StatusError(404), "bad_request"),
        (StatusError(422), "bad_request"),
        (StatusError(429, {}, {"code": "insufficient_quota", "message": "pay"}), "quota"),
        (StatusError(503, {"retry-after": "3600"}), "server_error"),
    ],
)
def test_statuses_of_an_sdk_that_stay(error, kind):
    """What waiting does not cure is not tried again."""
    failure = ask(Scripted(error, Prediction(output="a")))

    assert (failure.kind, failure.n_attempts) == (kind, 1)


def test_a_lost_connection_in_the_models_code():
    """A ConnectionError is tried again after a short wait."""
    answer = ask(Scripted(ConnectionResetError("gone"), Prediction(output="a")))

    assert answer.n_attempts == 2


def test_a_time_out_of_the_models_own():
    """A TimeoutError of the model's code is a time-out that lasted as long as it did."""

    def slow(_):
        time.sleep(0.05)
        raise TimeoutError("own limit")

    failure = ask(as_model(slow))

    assert failure.kind == "timeout"
    assert "own limit" in failure.message
    assert failure.latency_s is not None, "a time-out enters the percentiles"
    assert failure.latency_s >= 0.04


def test_a_time_out_of_the_models_client():
    """A client's own time-out enters the percentiles too, as long as it took."""
    late = type("APITimeoutError", (Exception,), {})("slow")

    async def model(_):
        await asyncio.sleep(0.05)
        raise late

    failure = ask(as_model(model))

    assert failure.kind == "timeout"
    assert failure.latency_s >= 0.04


def test_a_cancellation_turned_into_another_error():
    """A client that says in its own words that it was cancelled for being late is late."""

    async def model(_):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise RuntimeError("gone") from None

    failure = ask(as_model(model), timeout_s=0.05)

    assert (failure.kind, failure.message) == ("timeout", "no answer within 0.05 s")


def test_a_failure_that_is_final():
    """After a key or quota at fault the model is not asked again, and every case says why."""
    model = Scripted(
        AttemptError("quota", "used up", cost_usd=0.0, is_final=True), Prediction(output="a")
    )

    async def main():
        engine = Engine(Settings())
        return [await engine.predict(model, "hi") for _ in range(2)]

    first, second = asyncio.run(main())

    assert (first.kind, first.message, first.n_attempts) == ("quota", "used up", 1)
    assert (second.kind, second.message, second.n_attempts) == ("quota", "used up", 0)
    assert len(model.ends) == 1


def test_a_failure_that_was_billed():
    """A refusal costs what its tokens cost."""
    billed = Prediction(output="", usage=Usage(input_tokens=1000, output_tokens=0))
    prices = {"scripted": Price(input=1.0, output=1.0)}

    failure = ask(Scripted(AttemptError("refused", "no", billed=billed)), prices=prices)

    assert failure.cost_usd == pytest.approx(0.001)


def test_none_is_a_failure():
    """A model that returns None has not answered."""
    failure = ask(as_model(lambda _: None))

    assert failure.kind == "no_answer"
    assert failure.n_attempts == 1


def test_the_callers_cancellation_passes_through():
    """A cancelled caller is cancelled, and the model's call with it."""
    seen = []

    async def hang(_):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def main():
        task = asyncio.create_task(Engine(Settings()).predict(as_model(hang), "hi"))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert seen == ["cancelled"]


def test_cost_of_a_function_with_usage():
    """An answer with usage is priced by the user's table."""
    usage = Usage(input_tokens=1000, output_tokens=0)
    prices = {"scripted": Price(input=1.0, output=1.0)}

    answer = ask(Scripted(Prediction(output="a", usage=usage)), prices=prices)

    assert answer.cost_usd == pytest.approx(0.001)
    assert answer.cost_source == "model_eval_prices"


def test_cost_of_a_function_without_usage():
    """Nobody guesses what it cost."""
    answer = ask(as_model(lambda text: text))

    assert answer.cost_usd is None
    assert answer.cost_source is None
