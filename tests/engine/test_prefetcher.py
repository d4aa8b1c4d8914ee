"""The prefetcher: asks ahead, within bounds, each case once, and ends cleanly."""

import asyncio
import contextlib
import contextvars
import os
import select
import selectors
import socket
import threading
import time

import pytest

from pytest_modeleval import EngineError, Failure, Prediction
from pytest_modeleval.engine.engine import Engine
from pytest_modeleval.engine.prefetch import Ask, Prefetcher, _Selector
from pytest_modeleval.models.base import AttemptError
from pytest_modeleval.models.function import as_model
from pytest_modeleval.settings import Settings

pytestmark = pytest.mark.filterwarnings("error")

WAIT_S = 10  # how long a test waits for what should come at once


@contextlib.contextmanager
def prefetching(*, timeout_s=60.0, concurrency=4, **kwargs):
    """A started prefetcher, closed when the block is left."""
    engine = Engine(Settings(timeout_s=timeout_s, retries=0))
    prefetcher = Prefetcher(engine, concurrency=concurrency, **kwargs)
    prefetcher.start()
    try:
        yield prefetcher
    finally:
        prefetcher.close()


class Asked:
    """An async model that answers with its input, and notes what it was asked.

    Args:
        is_open: Whether it answers at once; else it waits for ``open()``.

    Attributes:
        started: Inputs in the order in which their calls began.
        most: Most calls that were ever under way at once.
    """

    def __init__(self, *, is_open=True):
        self.started = []
        self.now = self.most = 0
        self.cancelled = []
        self._gate = threading.Event()
        if is_open:
            self.open()

    def open(self):
        self._gate.set()

    async def predict(self, text):
        self.started.append(text)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0.002)
            while not self._gate.is_set():  # noqa: ASYNC110  (opened from another thread)
                await asyncio.sleep(0.002)
        except asyncio.CancelledError:
            self.cancelled.append(text)
            raise
        finally:
            self.now -= 1
        return text


def asks_of(model, texts, **limits):
    """An ask for each text, its key the text itself."""
    model = as_model(model, **limits) if not hasattr(model, "close") else model
    return [Ask(key=text, model=model, input=text) for text in texts]


def get(prefetcher, ask):
    """The answer to an ask; a hang is a failed test and not a hung session."""
    answer = prefetcher.ask(ask).result(WAIT_S)
    prefetcher.discard(ask.key)
    return answer


def until(condition):
    """Wait until something is so, and say whether it became so."""
    deadline = time.monotonic() + WAIT_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.002)
    return condition()


def threads():
    """The threads of ours that are alive."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("modeleval")]


@pytest.fixture(autouse=True)
def no_threads_left():
    """Whatever a test does, no thread of ours outlives it."""
    yield
    assert until(lambda: not threads()), threads()


def test_answers_in_any_order():
    """Answers are fetched by key, in whatever order."""
    asks = asks_of(Asked(), "abcdef")

    with prefetching() as prefetcher:
        prefetcher.plan(asks)
        answers = [prefetcher.result(ask).output for ask in reversed(asks)]

    assert answers == list("fedcba")


def test_nothing_is_asked_twice():
    """Planned again, waited for and fetched, each case was asked once."""
    model = Asked()
    asks = asks_of(model, "abcdef")

    with prefetching() as prefetcher:
        prefetcher.plan(asks)
        prefetcher.plan(asks)
        for ask in asks:
            prefetcher.wait(ask.key)
            prefetcher.result(ask)

    assert sorted(model.started) == list("abcdef")


def test_a_case_needed_by_two_is_asked_once():
    """Two threads that want the same answer get the same one."""
    model = Asked(is_open=False)
    (ask,) = asks_of(model, "a")

    with prefetching() as prefetcher:
        futures = [prefetcher.ask(ask), prefetcher.ask(ask)]
        model.open()
        answers = [future.result(WAIT_S) for future in futures]

    assert answers[0] is answers[1]
    assert model.started == ["a"]


def test_an_answer_is_handed_out_once():
    """A re-run that fetches the same case again gets a fresh answer."""
    model = Asked()
    (ask,) = asks_of(model, "a")

    with prefetching() as prefetcher:
        first, second = prefetcher.result(ask), prefetcher.result(ask)

    assert first is not second
    assert model.started == ["a", "a"]


def test_unplanned_is_asked_when_wanted():
    """An ask that was never planned is asked when it is fetched."""
    model = Asked()
    (ask,) = asks_of(model, "a")

    with prefetching() as prefetcher:
        answer = prefetcher.result(ask)

    assert answer.output == "a"


def test_waiting_for_what_is_not_planned():
    """It returns at once, and asks nothing."""
    model = Asked()

    with prefetching() as prefetcher:
        prefetcher.wait("a")

    assert model.started == []


def test_asked_in_the_order_of_the_plan():
    """One at a time, they are asked as they stand in the plan."""
    model = Asked()
    asks = asks_of(model, "qwertz")

    with prefetching(concurrency=1) as prefetcher:
        prefetcher.plan(asks)
        for ask in asks:
            prefetcher.result(ask)

    assert model.started == list("qwertz")


def test_the_whole_plan_is_asked_ahead():
    """Without a look-ahead everything is asked before anyone fetches."""
    model = Asked()

    with prefetching(concurrency=2) as prefetcher:
        prefetcher.plan(asks_of(model, "abcdefgh"))
        is_done = until(lambda: prefetcher.progress().n_done == 8)

    assert is_done
    assert model.most == 2


def test_what_is_needed_now_jumps_the_queue():
    """An item that waits for its answer is asked before those planned earlier."""
    model = Asked(is_open=False)
    asks = asks_of(model, "abcde")

    with prefetching(concurrency=1) as prefetcher:
        prefetcher.plan(asks)
        assert until(lambda: model.started == ["a"])
        future = prefetcher.ask(asks[4])
        model.open()
        future.result(WAIT_S)
        for ask in asks:
            prefetcher.result(ask)

    assert model.started == list("aebcd")


def test_the_order_of_the_plan_holds_over_all_models():
    """Cases of two models in turn are asked in turn: so they are needed."""
    started = []

    async def model(text):
        started.append(text)
        return text

    first, second = as_model(model), as_model(model)
    asks = [
        Ask(key=text, model=first if number % 2 else second, input=text)
        for number, text in enumerate("abcdef")
    ]

    with prefetching(concurrency=1) as prefetcher:
        prefetcher.plan(asks)
        for ask in asks:
            prefetcher.result(ask)

    assert started == list("abcdef")


def test_what_is_needed_now_jumps_the_queue_of_another_model():
    """An item that waits for its answer is asked before cases of other models too."""
    model, other = Asked(is_open=False), Asked()
    asks = asks_of(model, "abcde")
    (needed,) = asks_of(other, "z")

    with prefetching(concurrency=1) as prefetcher:
        prefetcher.plan([*asks, needed])
        assert until(lambda: model.started == ["a"])
        future = prefetcher.ask(needed)
        model.open()
        future.result(WAIT_S)
        started_before = list(model.started)

    assert len(started_before) <= 2  # the one in flight, and at most one begun after the needed


@pytest.mark.parametrize("is_sync", [False, True], ids=["async", "sync"])
def test_the_concurrency_bound(is_sync):
    """It is reached, and never passed, by async and by sync models."""
    now, most, lock = [0], [0], threading.Lock()

    def begin():
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])

    def end():
        with lock:
            now[0] -= 1

    def sync_model(text):
        begin()
        time.sleep(0.02)
        end()
        return text

    async def async_model(text):
        begin()
        await asyncio.sleep(0.02)
        end()
        return text

    asks = asks_of(as_model(sync_model if is_sync else async_model), map(str, range(24)))

    with prefetching(concurrency=4) as prefetcher:
        prefetcher.plan(asks)
        for ask in asks:
            prefetcher.result(ask)

    assert most[0] <= 4
    assert most[0] > 1


def test_the_bound_holds_over_all_models():
    """Two models share the calls in flight."""
    most, now = [0], [0]

    async def model(text):
        now[0] += 1
        most[0] = max(most[0], now[0])
        await asyncio.sleep(0.01)
        now[0] -= 1
        return text

    asks = asks_of(as_model(model), "abcdef") + asks_of(as_model(model), "ghijkl")

    with prefetching(concurrency=3) as prefetcher:
        prefetcher.plan(asks)
        for ask in asks:
            prefetcher.result(ask)

    assert most[0] == 3


def test_one_at_a_time():
    """A callable that says so is never called in parallel, whatever the concurrency is."""
    now, most = [0], [0]

    def model(text):
        now[0] += 1
        most[0] = max(most[0], now[0])
        time.sleep(0.005)
        now[0] -= 1
        return text

    model.model_eval_concurrency = 1
    asks = asks_of(as_model(model), map(str, range(10)))

    with prefetching(concurrency=8) as prefetcher:
        prefetcher.plan(asks)
        answers = [prefetcher.result(ask).output for ask in asks]

    assert answers == [str(number) for number in range(10)]
    assert most == [1]


def test_one_at_a_time_also_after_a_time_out():
    """A call that is late is still a call: the next one does not run beside it."""
    now, most, release = [0], [0], threading.Event()

    def model(text):
        now[0] += 1
        most[0] = max(most[0], now[0])
        if text == "late":
            release.wait(2)
        now[0] -= 1
        return text

    model.model_eval_concurrency = 1
    late, other = asks_of(model, ["late", "other"], timeout_s=0.1)

    with prefetching(timeout_s=0.1) as prefetcher:
        prefetcher.plan([late, other])
        answers = [prefetcher.result(late), prefetcher.result(other)]
        release.set()

    assert [answer.kind for answer in answers] == ["timeout"] * 2
    assert most == [1]


@pytest.mark.parametrize("kind", ["async", "awaitable", "deaf"])
def test_one_at_a_time_where_it_has_to_be_awaited(kind):
    """Async callables and those that return an awaitable keep their promise too, also when late."""
    now, most, release = [0], [0], threading.Event()

    async def model(text):
        now[0] += 1
        most[0] = max(most[0], now[0])
        while text == "late" and not release.is_set():
            try:
                await asyncio.sleep(0.02)
            except asyncio.CancelledError:
                if kind != "deaf":
                    now[0] -= 1
                    raise
        await asyncio.sleep(0.01)
        now[0] -= 1
        return text

    def returns_awaitable(text):
        return model(text)

    function = returns_awaitable if kind == "awaitable" else model
    function.model_eval_concurrency = 1
    asks = asks_of(function, ["a", "b", "late", "c", "d"], timeout_s=0.2)

    with prefetching(timeout_s=0.2) as prefetcher:
        prefetcher.plan(asks)
        answers = [get(prefetcher, ask) for ask in asks]
        release.set()

    assert [answer.output for answer in answers[:2]] == ["a", "b"]
    assert answers[2].kind == "timeout"
    kinds = [getattr(answer, "kind", None) for answer in answers[3:]]
    assert kinds == (["timeout"] * 2 if kind == "deaf" else [None] * 2)
    assert most == [1]


def test_a_slow_model_does_not_hold_up_another():
    """While one model of concurrency 1 is busy, the other is asked."""
    slow, quick = Asked(is_open=False), Asked()
    slow.model_eval_concurrency = 1
    slow_asks = [Ask(key=f"slow {ask.key}", model=ask.model, input=ask.input)
                 for ask in asks_of(slow, "abc")]  # fmt: skip
    quick_asks = asks_of(quick, "abc")

    with prefetching(concurrency=4) as prefetcher:
        prefetcher.plan(slow_asks + quick_asks)
        answers = [get(prefetcher, ask).output for ask in quick_asks]
        n_slow = len(slow.started)
        slow.open()

    assert answers == list("abc")
    assert n_slow == 1


def test_a_hung_call_takes_no_place_from_the_others():
    """A sync call that never returns times out, and the others are answered as if it was not."""
    release = threading.Event()

    def model(text):
        if text == "hang":
            release.wait(60)
        return text

    asks = asks_of(model, ["hang", *map(str, range(12))], concurrency=2, timeout_s=0.5)

    with prefetching(concurrency=2, timeout_s=0.5) as prefetcher:
        prefetcher.plan(asks)
        answers = [get(prefetcher, ask) for ask in asks]
    release.set()

    assert answers[0].kind == "timeout"
    assert [answer.output for answer in answers[1:]] == [str(number) for number in range(12)]


def test_more_hung_calls_than_places():
    """However many calls hang, those after them get a thread."""
    release = threading.Event()

    def model(text):
        if text.startswith("hang"):
            release.wait(60)
        return text

    texts = ["hang 1", "hang 2", "hang 3", "hang 4", "a", "b"]
    asks = asks_of(model, texts, concurrency=2, timeout_s=0.3)

    with prefetching(concurrency=2, timeout_s=0.3) as prefetcher:
        prefetcher.plan(asks)
        answers = [get(prefetcher, ask) for ask in asks]
    release.set()

    assert [answer.kind for answer in answers[:4]] == ["timeout"] * 4
    assert [answer.output for answer in answers[4:]] == ["a", "b"]


@pytest.mark.parametrize("is_fetched", [True, False], ids=["needed", "discarded"])
def test_an_async_call_that_does_not_end_when_cancelled(is_fetched):
    """It is timed out all the same, makes room for the others, and does not hold up the close."""
    release, started = threading.Event(), threading.Event()

    async def model(text):
        while text == "hang" and not release.is_set():
            started.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.02)
        return text

    asks = asks_of(model, ["hang", "a"])

    with prefetching(concurrency=1, timeout_s=0.1) as prefetcher:
        prefetcher.plan(asks)
        assert started.wait(WAIT_S)
        if is_fetched:
            assert get(prefetcher, asks[0]).kind == "timeout"
        else:
            prefetcher.discard("hang")
        answer = get(prefetcher, asks[1])
        began = time.monotonic()
        prefetcher.close()
        seconds = time.monotonic() - began
        release.set()

    assert answer.output == "a"
    assert seconds < 1


def test_waiting_before_another_attempt_is_no_hang():
    """A model that is asked again after longer than a time-out is not given up meanwhile."""
    ends = [
        AttemptError("rate_limited", "slow down", can_retry=True, retry_after_s=2.5),
        Prediction(output="a"),
    ]

    async def model(_):
        end = ends.pop(0)
        if isinstance(end, AttemptError):
            raise end
        return end

    prefetcher = Prefetcher(Engine(Settings(timeout_s=0.1, retries=1)), concurrency=1)
    prefetcher.start()
    try:
        answer = get(prefetcher, asks_of(model, "a")[0])
    finally:
        prefetcher.close()

    assert isinstance(answer, Prediction)
    assert answer.n_attempts == 2


def test_a_model_that_cancels_its_own_task():
    """It is a failure of that case, whose place is free again."""

    async def model(text):
        if text == "bad":
            asyncio.current_task().cancel()
            await asyncio.sleep(1)
        return text

    asks = asks_of(model, ["bad", "a"])

    with prefetching(concurrency=1) as prefetcher:
        prefetcher.plan(asks)
        answers = [get(prefetcher, ask) for ask in asks]

    assert answers[0].kind == "raised"
    assert answers[1].output == "a"


def test_who_waited_has_cancelled():
    """An answer that nobody waits for any more is kept, and its place is free again."""
    model, kept = Asked(is_open=False), []
    asks = asks_of(model, "ab")

    with prefetching(
        concurrency=1, on_answers=lambda pairs: kept.extend(ask.key for ask, _ in pairs)
    ) as prefetcher:
        prefetcher.ask(asks[0]).cancel()
        assert until(lambda: model.started == ["a"])
        model.open()
        answer = get(prefetcher, asks[1])

    assert answer.output == "b"
    assert kept == ["a", "b"]


def test_the_look_ahead_bound():
    """No more answers lie ready or are under way, beyond those fetched, than was said."""
    n_started, n_fetched, most_ahead = [0], [0], [0]

    async def model(text):
        n_started[0] += 1
        most_ahead[0] = max(most_ahead[0], n_started[0] - n_fetched[0])
        return text

    asks = asks_of(as_model(model), map(str, range(20)))

    with prefetching(concurrency=8, look_ahead=3) as prefetcher:
        prefetcher.plan(asks)
        assert until(lambda: prefetcher.progress().n_done == 3)
        for ask in asks:
            n_fetched[0] += 1
            prefetcher.result(ask)

    assert n_started == [20]
    assert most_ahead == [3]


def test_a_full_look_ahead_lets_the_needed_one_through():
    """What is wanted now is asked also while the look-ahead is full of what is not."""
    asks = asks_of(Asked(), "abcdef")

    with prefetching(look_ahead=2) as prefetcher:
        prefetcher.plan(asks)
        assert until(lambda: prefetcher.progress().n_done == 2)
        answer = get(prefetcher, asks[5])

    assert answer.output == "f"


def test_a_full_look_ahead_lets_a_rerun_through():
    """A case asked again comes through while the look-ahead is full of later ones."""
    asks = asks_of(Asked(), "abcdef")

    with prefetching(look_ahead=2) as prefetcher:
        prefetcher.plan(asks)
        get(prefetcher, asks[0])
        assert until(lambda: prefetcher.progress().n_done == 3)
        again = get(prefetcher, asks[0])

    assert again.output == "a"


def test_discarding_what_is_in_flight_makes_room():
    """Cases that are given up while they are asked do not fill the look-ahead for ever."""
    model = Asked(is_open=False)
    asks = asks_of(model, "abcdef")

    with prefetching(look_ahead=2) as prefetcher:
        prefetcher.plan(asks)
        assert until(lambda: len(model.started) == 2)
        prefetcher.discard("a")
        prefetcher.discard("b")
        model.open()
        is_asked = until(lambda: len(model.started) >= 4)

    assert is_asked


def test_discarding_what_waits():
    """A planned case that nobody will fetch is not asked any more."""
    model = Asked(is_open=False)
    asks = asks_of(model, "abc")

    with prefetching(concurrency=1) as prefetcher:
        prefetcher.plan(asks)
        assert until(lambda: model.started == ["a"])
        prefetcher.discard("b")
        model.open()
        get(prefetcher, asks[2])

    assert model.started == ["a", "c"]


def test_discarded_and_wanted_again():
    """A case that was given up before its turn is asked once when it is wanted after all."""
    model = Asked(is_open=False)
    asks = asks_of(model, "abc")

    with prefetching(concurrency=1) as prefetcher:
        prefetcher.plan(asks)
        assert until(lambda: model.started == ["a"])
        prefetcher.discard("b")
        prefetcher.plan(asks)
        model.open()
        answers = [get(prefetcher, ask).output for ask in asks]

    assert answers == ["a", "b", "c"]
    assert sorted(model.started) == ["a", "b", "c"]


def test_a_full_look_ahead_serves_all_models():
    """Cases of two models in turn come through in turn, however narrow the look-ahead is."""
    first, second = as_model(Asked()), as_model(Asked())
    asks = [
        Ask(key=f"{text}{number}", model=model, input=text)
        for text in "abcdef"
        for number, model in enumerate([first, second])
    ]

    with prefetching(look_ahead=2) as prefetcher:
        prefetcher.plan(asks)
        answers = [get(prefetcher, ask).output for ask in asks]

    assert answers == list("aabbccddeeff")


def test_answers_that_are_there_already():
    """What is handed in is fetched and never asked, also with a look-ahead."""
    model = Asked()
    asks = asks_of(model, "abcdef")

    with prefetching(look_ahead=2) as prefetcher:
        for ask in asks[:4]:
            prefetcher.put(ask, Prediction(output="old"))
        prefetcher.plan(asks)
        progress = prefetcher.progress()
        is_planned = prefetcher.is_planned(asks[0].key)
        answers = [get(prefetcher, ask).output for ask in asks]
        is_planned_still = prefetcher.is_planned(asks[0].key)

    assert answers == ["old"] * 4 + ["e", "f"]
    assert model.started == ["e", "f"]
    assert (progress.n_planned, progress.n_handed_in) == (6, 4)
    assert (is_planned, is_planned_still) == (True, False)


def test_old_answers_do_not_stop_new_ones():
    """Many answers handed in leave the look-ahead to what has to be asked."""
    model = Asked()
    asks = asks_of(model, "abcdef")

    with prefetching(look_ahead=2) as prefetcher:
        for ask in asks[:4]:
            prefetcher.put(ask, Prediction(output="old"))
        prefetcher.plan(asks)
        is_asked = until(lambda: model.started == ["e", "f"])

    assert is_asked


def test_answers_are_kept_before_they_can_be_fetched():
    """``on_answers`` has ended when anyone gets the answer: it has been paid for."""
    kept = []

    def keep(pairs):
        time.sleep(0.02)
        kept.extend((ask.key, answer) for ask, answer in pairs)

    asks = asks_of(Asked(), "abc")

    with prefetching(on_answers=keep) as prefetcher:
        prefetcher.plan(asks)
        for ask in asks:
            answer = prefetcher.result(ask)
            assert any(key == ask.key and one is answer for key, one in kept)


def test_failures_are_kept_too():
    """What could not be answered is handed over in the same way."""
    kept = []

    def model(_):
        raise ValueError("no")

    with prefetching(
        on_answers=lambda pairs: kept.extend(answer for _, answer in pairs)
    ) as prefetcher:
        failure = prefetcher.result(asks_of(as_model(model), "a")[0])

    assert kept == [failure]
    assert isinstance(failure, Failure)


def test_trouble_in_keeping_belongs_to_its_case():
    """What ``on_answers`` raises reaches who waits for these answers, and nobody else."""

    def keep(pairs):
        if any(ask.key == "b" for ask, _ in pairs):
            raise ValueError("no room")

    asks = asks_of(Asked(), "abc")

    with prefetching(concurrency=1, on_answers=keep) as prefetcher:
        prefetcher.plan(asks)
        with pytest.raises(ValueError, match="no room"):
            prefetcher.result(asks[1])
        answers = [prefetcher.result(ask).output for ask in (asks[0], asks[2])]

    assert answers == ["a", "c"]


def test_progress():
    """It tells what is planned, under way and done."""
    model = Asked(is_open=False)

    with prefetching(concurrency=2) as prefetcher:
        prefetcher.plan(asks_of(model, "abcde"))
        assert until(lambda: len(model.started) == 2)
        before = prefetcher.progress()
        model.open()
        is_done = until(lambda: prefetcher.progress().n_done == 5)
        after = prefetcher.progress()

    assert (before.n_planned, before.n_in_flight, before.n_done) == (5, 2, 0)
    assert is_done
    assert (after.n_planned, after.n_in_flight, after.n_done) == (5, 0, 5)


def test_cancel_ends_what_is_in_flight():
    """Calls under way are cancelled, who waits gets an error, and nothing more is asked."""
    model = Asked(is_open=False)
    asks = asks_of(model, "abcd")

    with prefetching(concurrency=2) as prefetcher:
        prefetcher.plan(asks)
        assert until(lambda: len(model.started) == 2)
        futures = [prefetcher.ask(ask) for ask in asks]
        prefetcher.cancel()
        for future in futures:
            with pytest.raises(EngineError, match="stopped before the model had answered"):
                prefetcher.block_on(future)

    assert model.started == ["a", "b"]
    assert model.cancelled == ["a", "b"]


def test_cancel_keeps_what_is_there():
    """Answers that had arrived can still be fetched."""
    asks = asks_of(Asked(), "ab")

    with prefetching() as prefetcher:
        prefetcher.plan(asks)
        assert until(lambda: prefetcher.progress().n_done == 2)
        prefetcher.cancel()
        answers = [prefetcher.result(ask).output for ask in asks]

    assert answers == ["a", "b"]


@pytest.mark.parametrize("is_planned", [True, False], ids=["planned", "unplanned"])
def test_asking_after_close(is_planned):
    """It is an error at once, and not a wait."""
    model = Asked(is_open=False)
    asks = asks_of(model, "abc")

    with prefetching(concurrency=1) as prefetcher:
        if is_planned:
            prefetcher.plan(asks)

    with pytest.raises(EngineError):
        prefetcher.result(asks[2])


def test_close_with_sync_calls_in_flight():
    """Closing does not wait for a thread that is in a call, and idle ones end."""
    release, started = threading.Event(), threading.Event()

    def model(_):
        started.set()
        release.wait(60)

    with prefetching() as prefetcher:
        prefetcher.plan(asks_of(as_model(model), "ab"))
        assert started.wait(WAIT_S)
    names = {thread.name for thread in threads()}
    release.set()

    assert "modeleval-engine" not in names


def test_close_closes_each_model_once():
    """Clients are closed on the loop that used them, also where one of them can't be."""
    closed = []

    class Closing(Asked):
        name = "closing"
        billed_as = "scripted"
        limit_key = "scripted"
        max_concurrency = None
        price_list_url = None
        queues_itself = False
        is_contained = False

        async def predict(self, text):
            return Prediction(output=text)

        def resize(self, _):
            pass

        async def close(self):
            closed.append(threading.current_thread().name)
            raise RuntimeError("no")

    first, second = Closing(), Closing()

    with prefetching() as prefetcher:
        for ask in asks_of(first, "ab") + asks_of(second, "cd"):
            prefetcher.result(ask)

    assert closed == ["modeleval-engine"] * 2


def test_what_an_async_model_leaves_in_its_context():
    """It is not there when the next case is asked: each has a context of its own."""
    seen = contextvars.ContextVar("seen", default="nothing")
    found = []

    async def model(text):
        found.append(seen.get())
        seen.set(text)
        await asyncio.sleep(0)
        return text

    with prefetching(concurrency=1) as prefetcher:
        asks = asks_of(model, "abc")
        prefetcher.plan(asks)
        answers = [get(prefetcher, ask).output for ask in asks]

    assert answers == ["a", "b", "c"]
    assert found == ["nothing"] * 3


def test_one_task_asks_a_contained_model_again_and_again():
    """The next question leaves when an answer is there, not when all that came with it are read."""
    tasks = []

    class Contained(Asked):
        name = billed_as = limit_key = "contained"
        max_concurrency = price_list_url = None
        queues_itself = False
        is_contained = True

        async def predict(self, text):
            tasks.append(asyncio.current_task())
            return Prediction(output=await super().predict(text))

        def resize(self, _):
            pass

        async def close(self):
            pass

    with prefetching(concurrency=2) as prefetcher:
        asks = asks_of(Contained(), "abcdefgh")
        prefetcher.plan(asks)
        answers = [get(prefetcher, ask).output for ask in asks]

    assert answers == [*"abcdefgh"]
    assert len(set(tasks)) == 2


def test_close_twice_and_without_asks():
    """Closing what has nothing to do, and again, is nothing."""
    with prefetching() as prefetcher:
        prefetcher.close()


def test_close_before_start():
    """A prefetcher that was never started has nothing to close."""
    Prefetcher(Engine(Settings()), concurrency=1).close()


@pytest.mark.parametrize("is_sync", [True, False], ids=["sync", "async"])
@pytest.mark.parametrize(
    "error",
    [
        AssertionError("no"),
        StopIteration("no"),
        SystemExit("no"),
        KeyboardInterrupt("no"),
        asyncio.CancelledError("no"),
        pytest.skip.Exception("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_model_raises_ends_nothing(error, is_sync):
    """It is a failure of that case; the others are answered."""

    def sync_model(text):
        if text == "bad":
            raise error
        return text

    async def async_model(text):
        return sync_model(text)

    asks = asks_of(as_model(sync_model if is_sync else async_model), ["bad", "a", "b"])

    with prefetching(concurrency=1) as prefetcher:
        prefetcher.plan(asks)
        answers = [get(prefetcher, ask) for ask in asks]

    assert isinstance(answers[0], Failure)
    assert answers[0].kind == "raised"
    assert [answer.output for answer in answers[1:]] == ["a", "b"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process.*fork:DeprecationWarning")
def test_a_forked_process():
    """An engine does not live in a fork: asking there is an error, closing is nothing."""
    (ask,) = asks_of(Asked(), "a")

    with prefetching() as prefetcher:
        pid = os.fork()
        if not pid:
            status = 1
            try:
                prefetcher.close()
                prefetcher.result(ask)
            except EngineError:
                status = 0
            finally:
                os._exit(status)
        _, status = os.waitpid(pid, 0)
        answer = prefetcher.result(ask)

    assert os.waitstatus_to_exitcode(status) == 0
    assert answer.output == "a"


def test_who_wants_an_answer_lets_the_loop_do_first_what_it_can(monkeypatch):
    """A test begins when the loop has nothing left to do, however many steps that takes."""
    monkeypatch.setattr("pytest_modeleval.engine.prefetch._GIVE_WAY_S", WAIT_S)
    is_busy, is_called = threading.Event(), threading.Event()
    order = []

    async def busy(text):
        is_busy.set()
        is_called.wait(WAIT_S)
        for _ in range(2000):
            await asyncio.sleep(0)
        order.append("loop")
        return text

    with prefetching() as prefetcher:
        prefetcher.plan(asks_of(busy, ["first"]))
        assert is_busy.wait(WAIT_S)
        is_called.set()
        prefetcher.wait("nobody planned this")
        order.append("test")

    assert order == ["loop", "test"]


def test_a_loop_that_is_blocked_does_not_hold_up_what_is_answered_already():
    """Who has an answer goes on after a moment, though the model of another blocks the loop."""
    let_go = threading.Event()

    async def blocking(text):
        if text == "second":
            let_go.wait(WAIT_S)
        return text

    first, second = asks_of(blocking, ["first", "second"])
    with prefetching() as prefetcher:
        assert get(prefetcher, first).output == "first"
        prefetcher.plan([second])
        prefetcher.wait("nobody planned this")
        is_blocked = not prefetcher.ask(second).done()
        let_go.set()
        assert is_blocked
        assert get(prefetcher, second).output == "second"


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="only epoll tells it")
def test_a_loop_that_sleeps_though_something_came_in_is_overdue():
    """It waits for the interpreter, which the thread that runs tests has to let go of."""
    left, right = socket.socketpair()
    is_idle = threading.Event()
    with left, right, _Selector(is_idle) as selector:
        selector.register(left, selectors.EVENT_READ)
        is_idle.set()
        assert not selector.is_overdue()

        right.send(b"x")
        assert selector.is_overdue()

        left.recv(1)
        assert not selector.is_overdue()
