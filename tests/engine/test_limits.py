"""Limits: how many calls are in flight, how many begin in a minute, and what that waiting is."""

import asyncio
import contextlib
import itertools
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modeleval import Failure, Prediction, Usage
from pytest_modeleval.core.asked import Asked, merge_asked
from pytest_modeleval.engine.engine import Engine
from pytest_modeleval.engine.limits import FIRST_SIZE, Limit, Pace
from pytest_modeleval.engine.prefetch import Ask, Prefetcher
from pytest_modeleval.models.base import AttemptError
from pytest_modeleval.models.function import as_model
from pytest_modeleval.settings import RateLimit, Settings

pytestmark = pytest.mark.filterwarnings("error")

MINUTE_S = 60


class Clock:
    """A clock that shows what it is set to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def adaptive(cap=64, **kwargs):
    """An adaptive limit on a clock that stands still."""
    limit = {"is_adaptive": True, "rate_limit": RateLimit(), "clock": Clock()} | kwargs
    return Limit(cap, **limit)


def run_step(limit, latency_s=1.0, *, lag_s=0.0):
    """Keep as many calls in flight as the limit allows until that many, or a few more, ended."""
    n = max(limit.size, 12)
    steps = [limit.begin() for _ in range(n)]
    for step in steps:
        limit.end()
        limit.answered(step, latency_s, lag_s=lag_s, n_tokens=0)


def sizes(limit, latency_of, n=10):
    """The sizes that a limit goes through where a call takes so long at each of them."""
    seen = [limit.size]
    for _ in range(n):
        run_step(limit, latency_of(limit.size))
        seen.append(limit.size)
    return seen


# How many at once


def test_it_grows_while_that_helps_up_to_the_cap():
    """From 8, as long as calls take no longer for being more."""
    seen = sizes(adaptive(cap=50), lambda _: 1.0)

    assert seen[0] == FIRST_SIZE == 8
    assert seen == sorted(seen)
    assert seen[-1] == max(seen) == 50


def test_a_cap_below_the_first_size():
    """Is where it begins, and stays."""
    assert set(sizes(adaptive(cap=3), lambda _: 1.0)) == {3}


def test_it_stays_where_latency_grows_with_the_size():
    """A server with 8 places answers no more a second for being asked more at once."""
    seen = sizes(adaptive(), lambda size: max(size / 8, 1.0), n=8)

    assert max(seen) <= 16
    assert seen[-1] <= 9


def test_a_rejection_halves_once_in_an_episode():
    """Those that were sent before say nothing new; two of eight may have other reasons."""
    limit = adaptive()
    steps = [limit.begin() for _ in range(8)]

    for step in steps[:2]:
        limit.rejected(step)
    assert limit.size == 8
    for step in steps[2:]:
        limit.rejected(step)
    assert limit.size == 4

    limit.rejected(limit.begin(), is_repeated=True)
    assert limit.size == 2
    assert limit.n_rejected == 9


def test_it_is_never_below_one():
    """Whatever the server rejects."""
    limit = adaptive()

    for _ in range(20):
        limit.rejected(limit.begin())

    assert limit.size == 1


def test_it_grows_again_after_a_rejection():
    """One bad moment is not for ever."""
    limit = adaptive(cap=64)
    limit.rejected(limit.begin())

    assert sizes(limit, lambda _: 1.0, n=60)[-1] > 8


def test_it_does_not_grow_while_the_event_loop_is_late():
    """What is measured then is ourselves."""
    limit = adaptive()

    for _ in range(5):
        run_step(limit, 1.0, lag_s=0.2)
    assert limit.size == 8

    run_step(limit, 1.0, lag_s=0.01)
    assert limit.size == 16


def test_it_does_not_grow_while_it_is_not_used_up():
    """A few calls at a time say nothing about many."""
    limit = adaptive()

    for _ in range(100):
        step = limit.begin()
        limit.end()
        limit.answered(step, 1.0, lag_s=0.0, n_tokens=0)

    assert limit.size == 8


def test_answers_of_an_earlier_step_do_not_count():
    """They were asked under other circumstances."""
    limit = adaptive()
    old = [limit.begin() for _ in range(8)]
    for step in old[:3]:
        limit.rejected(step)

    for step in old * 10:
        limit.answered(step, 1.0, lag_s=0.0, n_tokens=0)

    assert limit.size == 4


def test_a_fixed_number_stays_fixed():
    """Whatever happens."""
    limit = adaptive(cap=20, is_adaptive=False)

    run_step(limit, 1.0)
    limit.rejected(limit.begin())
    run_step(limit, 100.0)

    assert limit.size == 20


def test_a_models_own_maximum_holds():
    """A function that takes two calls at once gets no third, and the settings' number if lower."""

    def answer(text):
        return text

    answer.model_eval_concurrency = 2
    engine, narrow = Engine(Settings()), Engine(Settings(concurrency=1, is_adaptive=False))

    assert (engine.limit_of(as_model(answer)).size, engine.limit_of(as_model(answer)).cap) == (2, 2)
    assert not engine.limit_of(as_model(answer)).is_adaptive
    assert narrow.limit_of(as_model(answer)).size == 1


EVENTS = st.one_of(
    st.tuples(st.just("begin"), st.just(0.0)),
    st.tuples(st.just("reject"), st.just(0.0)),
    st.tuples(st.just("answer"), st.floats(0, 100)),
    st.tuples(st.just("lag"), st.floats(0, 1)),
    st.tuples(st.just("step"), st.floats(0.001, 100)),
)


@given(cap=st.integers(1, 200), events=st.lists(EVENTS, max_size=150))
def test_the_size_is_between_one_and_the_cap(cap, events):
    """Whatever the sequence of events."""
    limit, open_steps, lag_s = adaptive(cap=cap), [], 0.0

    for kind, value in events:
        if kind == "lag":
            lag_s = value
        elif kind == "step":
            run_step(limit, value, lag_s=lag_s)
        elif kind == "begin" or not open_steps:
            open_steps.append(limit.begin())
        else:
            limit.end()
            if kind == "reject":
                limit.rejected(open_steps.pop(0))
            else:
                limit.answered(open_steps.pop(0), value, lag_s=lag_s, n_tokens=0)
        assert 1 <= limit.size <= cap
        assert limit.max_in_flight <= cap


# How many in a minute


def starts(pace, clock, uses):
    """When each of these (gap before it, amount) may begin."""
    found = []
    for gap_s, amount in uses:
        clock.now += gap_s
        found.append((clock.now + pace.reserve(amount), amount))
    return found


@given(
    limit=st.integers(1, 10_000),
    uses=st.lists(
        st.tuples(st.one_of(st.just(0.0), st.floats(0, 90)), st.integers(1, 3_000)), max_size=60
    ),
)
def test_no_minute_holds_more_than_the_limit(limit, uses):
    """Except what is more by itself, which goes alone."""
    clock = Clock()
    begun = starts(Pace(limit, clock), clock, uses)

    for first, (start_s, _) in enumerate(begun):
        window = list(
            itertools.takewhile(lambda use, end_s=start_s + 60: use[0] < end_s, begun[first:])
        )
        assert sum(amount for _, amount in window) <= limit or len(window) == 1


@settings(max_examples=30, deadline=None)
@given(limit=st.integers(1, 10_000))
def test_no_minute_holds_more_requests_than_the_limit(limit):
    """Where they are asked as fast as they may be."""
    clock = Clock()
    times = [start_s for start_s, _ in starts(Pace(limit, clock), clock, [(0.0, 1)] * (limit + 20))]

    assert times == sorted(times)
    for first, last in zip(times, times[limit:], strict=False):
        assert last - first >= MINUTE_S


@settings(max_examples=30, deadline=None)
@given(limit=st.integers(1, 10_000))
def test_the_limit_is_used(limit):
    """Three minutes' worth takes hardly longer than that."""
    clock = Clock()
    *_, (last_s, _) = starts(Pace(limit, clock), clock, [(0.0, 1)] * (3 * limit + 1))

    assert 3 * MINUTE_S <= last_s <= 3.1 * MINUTE_S


@pytest.mark.parametrize(("limit", "n"), [(500, 8), (3_000, 48), (10_000, 160)])
def test_a_small_suite_is_not_held_back(limit, n):
    """A second's worth goes at once."""
    clock = Clock()

    assert {start_s for start_s, _ in starts(Pace(limit, clock), clock, [(0.0, 1)] * n)} == {0.0}


def test_after_a_pause_a_seconds_worth_goes_at_once_again():
    """And no more: what was not used is not saved up."""
    clock = Clock()
    pace = Pace(600, clock)
    starts(pace, clock, [(0.0, 1)] * 100)

    begun = starts(pace, clock, [(200.0, 1)] + [(0.0, 1)] * 15)

    assert [start_s for start_s, _ in begun][:9] == [begun[0][0]] * 9
    assert begun[-1][0] > begun[0][0]


@pytest.mark.parametrize("amount", [1_000, 1_000_000])
def test_a_first_amount_of_any_size_does_not_wait(amount):
    """Waiting would not make it smaller."""
    assert Pace(100, Clock()).reserve(amount) == 0


def test_more_tokens_than_guessed_hold_the_next_back():
    """Corrected once the answer says what it took; less lets it go earlier."""
    clock = Clock()
    plain, corrected, cheap = (Pace(60_000, clock) for _ in range(3))
    for pace in (plain, corrected, cheap):
        pace.reserve(10_000)
    corrected.correct(20_000)
    cheap.correct(-9_900)

    waits = [pace.reserve(100) for pace in (plain, corrected, cheap)]

    assert waits[2] == 0 < waits[0] < waits[1]
    assert waits[1] == pytest.approx(waits[0] + 20, rel=0.05)


# Through a prefetcher


class Served:
    """An async model behind a server with a name, which counts its calls.

    Args:
        key: Models of the same one share a limit.
        seconds: What a call takes.
        places: More calls than this at once are rejected.
        retry_after_s: What it then asks to wait.
    """

    billed_as = name = "served"
    max_concurrency = price_list_url = None
    queues_itself = False
    is_contained = False

    def __init__(self, key="key", *, seconds=0.02, places=10_000, retry_after_s=None):
        self.limit_key = key
        self.now = self.most = self.n_rejected = 0
        self.begun_s = []
        self.most_since_rejected = 0
        self._seconds, self._places, self._retry_after_s = seconds, places, retry_after_s

    async def predict(self, text):
        self.begun_s.append(time.perf_counter())
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if self.now > self._places:
                self.n_rejected += 1
                raise AttemptError(
                    "rate_limited",
                    "too many",
                    can_retry=True,
                    is_overload=True,
                    retry_after_s=self._retry_after_s,
                    cost_usd=0.0,
                )
            await asyncio.sleep(self._seconds)
        finally:
            self.now -= 1
        return Prediction(output=text, latency_s=self._seconds)

    def resize(self, _):
        pass

    async def close(self):
        pass


@contextlib.contextmanager
def prefetching(**values):
    """A started prefetcher and its engine."""
    engine = Engine(Settings(**values))
    prefetcher = Prefetcher(engine, concurrency=engine._settings.concurrency)
    prefetcher.start()
    try:
        yield prefetcher, engine
    finally:
        prefetcher.close()


def answers(models, n, **values):
    """The answers to so many asks, divided among the models, and how they were asked."""
    cycle = itertools.cycle(models)
    asks = [Ask(key=str(i), model=next(cycle), input=str(i)) for i in range(n)]
    with prefetching(**values) as (prefetcher, engine):
        prefetcher.plan(asks)
        found = [prefetcher.ask(ask).result(60) for ask in asks]
        return found, engine.asked()


def test_no_more_calls_are_in_flight_than_the_limits_size():
    """At any time, while it grows."""
    limits = []

    class Watching(Served):
        async def predict(self, text):
            assert self.now < limits[0].size
            return await super().predict(text)

    model = Watching()
    with prefetching() as (prefetcher, engine):
        limits.append(engine.limit_of(model))
        asks = [Ask(key=str(i), model=model, input=str(i)) for i in range(300)]
        prefetcher.plan(asks)
        found = [prefetcher.ask(ask).result(60) for ask in asks]

    assert all(isinstance(answer, Prediction) for answer in found)
    assert 8 < model.most <= 64


def test_a_fixed_number_of_calls():
    """Is reached and never passed."""
    model = Served()

    _, asked = answers([model], 40, concurrency=10, is_adaptive=False)

    assert model.most == 10
    assert (asked[0].max_in_flight, asked[0].cap, asked[0].concurrency) == (10, 10, 10)


def test_two_models_of_one_key_share_the_limit():
    """It is one server that answers both."""
    models = [Served("same"), Served("same")]

    _, asked = answers(models, 40, concurrency=4, is_adaptive=False)

    assert models[0].most + models[1].most <= 8
    assert len(asked) == 1
    assert (asked[0].max_in_flight, asked[0].n_attempts) == (4, 40)


def test_models_of_different_keys_have_limits_of_their_own():
    """A slow one leaves the other its places."""
    models = [Served("a"), Served("b")]

    answers(models, 80)

    assert min(model.most for model in models) >= 8


def test_a_server_with_few_places_is_found_out():
    """All are answered, and few of the calls were too many."""
    model = Served(places=6, retry_after_s=0.01)

    found, asked = answers([model], 200)

    assert not [answer for answer in found if isinstance(answer, Failure)]
    assert asked[0].n_rejected == model.n_rejected
    assert model.n_rejected < 40


def test_those_that_are_asked_again_keep_the_halved_size():
    """They wait until those that were not rejected have made room."""
    model = Served(places=4, seconds=0.4, retry_after_s=0.05)

    found, asked = answers([model], 16)

    assert not [answer for answer in found if isinstance(answer, Failure)]
    assert model.n_rejected <= 6
    assert asked[0].concurrency >= 2


def test_retry_after_holds_everybody_back_and_only_as_long_as_asked():
    """Nothing is sent in between, and what comes then is not late."""
    model = Served(places=2, seconds=0.01, retry_after_s=0.4)

    answers([model], 12, concurrency=4, is_adaptive=False)

    gaps = [late - early for early, late in itertools.pairwise(model.begun_s)]
    assert 0.38 <= max(gaps) < 0.7


def test_a_limit_waits_as_long_as_the_longest_wish():
    """A shorter one that comes later does not shorten it."""
    clock = Clock()
    limit = adaptive(clock=clock)
    limit.wait(5)
    limit.wait(1)

    assert limit.is_slowed
    assert limit._not_before_s == 5


def test_a_sync_models_threads_follow_a_rejection():
    """Fewer run at once as soon as a call was one too many."""
    seen, now = Counter(), []

    class TooManyError(Exception):
        status_code = 429
        response = type("Response", (), {"headers": {"retry-after": "0.01"}})

    def answer(text):
        now.append(text)
        try:
            seen[len(now)] += 1
            if len(now) > 3:
                raise TooManyError
            time.sleep(0.02)
        finally:
            now.remove(text)
        return text

    found, asked = answers([as_model(answer)], 120, retries=10)

    assert not [answer for answer in found if isinstance(answer, Failure)]
    assert asked[0].max_in_flight <= 8
    assert sum(n for size, n in seen.items() if size > 3) < 40


def test_a_sync_model_is_not_said_to_have_been_asked_more_than_it_was():
    """What waits for a thread is not in flight."""
    _, asked = answers([as_model(lambda text: time.sleep(0.005) or text)], 40, concurrency=2)

    assert asked[0].max_in_flight == 2


def test_requests_per_minute_hold_for_a_model_however_many_suites_ask_it():
    """1200 a minute are 20 a second, of both together."""
    models = [Served("same", seconds=0), Served("same", seconds=0)]

    began = time.perf_counter()
    answers(models, 40, rate_limit=RateLimit(requests=1200))
    seconds = time.perf_counter() - began

    assert 0.9 < seconds < 2


def test_tokens_per_minute_hold_what_is_left_back():
    """An answer that took more than was guessed is reckoned with."""

    class Long(Served):
        async def predict(self, text):
            usage = Usage(input_tokens=2_000, output_tokens=0)
            return Prediction(output=text, latency_s=0.0, usage=usage)

    began = time.perf_counter()
    answers([Long()], 9, concurrency=1, is_adaptive=False, rate_limit=RateLimit(tokens=600_000))
    seconds = time.perf_counter() - began

    assert 0.5 < seconds < 2


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_workers_share_what_may_be_asked_in_a_minute(n):
    """Together they keep the limit."""
    whole = Settings(rate_limit=RateLimit(requests=500, tokens=100_000), max_cost_usd=6.0)
    parts = [whole.share(n, concurrency=4) for _ in range(n)]

    assert sum(part.rate_limit.requests for part in parts) == pytest.approx(500)
    assert sum(part.rate_limit.tokens for part in parts) == pytest.approx(100_000)
    assert sum(part.max_cost_usd for part in parts) == pytest.approx(6)
    assert {part.concurrency for part in parts} == {4}


def test_workers_share_nothing_where_nothing_is_limited():
    """None stays None."""
    part = Settings().share(4, concurrency=2)

    assert part.rate_limit == RateLimit()
    assert part.max_cost_usd is None


# What the waiting is


def test_waiting_for_the_rate_limit_is_queueing():
    """Before the first attempt, and never latency."""
    model = Served(seconds=0.01)

    found, _ = answers([model], 3, rate_limit=RateLimit(requests=120))

    last = max(found, key=lambda answer: answer.queue_s)
    assert last.queue_s > 0.25
    assert last.latency_s == 0.01
    assert last.total_s < 0.2


def test_waiting_of_a_model_that_queues_itself_is_queueing_too():
    """The same, though its calls are timed in threads."""
    found, _ = answers([as_model(lambda text: text)], 3, rate_limit=RateLimit(requests=120))

    last = max(found, key=lambda answer: answer.queue_s)
    assert last.queue_s > 0.25
    assert last.latency_s < 0.1
    assert last.total_s < 0.1


def test_waiting_for_another_attempt_is_in_the_total():
    """Retry-After is no latency, and no queueing of the call that was rejected."""
    model = Served(seconds=0.01, retry_after_s=0.3)
    model._places = 0

    async def main():
        engine = Engine(Settings())
        task = asyncio.create_task(engine.predict(model, "a"))
        await asyncio.sleep(0.05)
        model._places = 10
        late = await engine.predict(model, "b", handed_over_s=time.perf_counter())
        return await task, late

    first, late = asyncio.run(main())

    assert (first.n_attempts, first.latency_s) == (2, 0.01)
    assert first.total_s >= 0.3
    assert first.queue_s < 0.05
    assert (late.n_attempts, late.latency_s) == (1, 0.01)
    assert late.queue_s >= 0.2
    assert late.total_s < 0.2


def test_waiting_is_no_time_out():
    """The time-out is that of an attempt."""
    found, _ = answers([Served()], 3, timeout_s=0.1, rate_limit=RateLimit(requests=120))

    assert all(isinstance(answer, Prediction) for answer in found)


# What is told of it


def part(**kwargs):
    """How a model was asked, with these differences from the usual."""
    usual = {"model": "m", "cap": 8, "max_in_flight": 8, "concurrency": 8, "is_adaptive": True}
    return Asked(**usual | {"n_attempts": 10, "n_rejected": 1} | kwargs)


def test_what_workers_asked_adds_up():
    """They ask at the same time; the worst lag counts."""
    merged = merge_asked([part(event_loop_lag_s=0.1), part(event_loop_lag_s=0.3), part(model="n")])

    assert [asked.model for asked in merged] == ["m", "n"]
    assert (merged[0].cap, merged[0].max_in_flight, merged[0].n_attempts) == (16, 16, 20)
    assert merged[0].event_loop_lag_s == 0.3
    assert merged[1].event_loop_lag_s is None


def test_a_model_made_anew_for_each_case_is_one_model():
    """Three that are asked one after the other were not three at once."""

    def answer(text):
        return text

    with prefetching() as (prefetcher, engine):
        for text in "abc":
            prefetcher.result(Ask(key=text, model=as_model(answer), input=text))
        (asked,) = engine.asked()

    assert (asked.max_in_flight, asked.n_attempts, asked.cap) == (1, 3, 64)


@pytest.mark.parametrize(
    ("lag_s", "median_s", "is_late"),
    [(0.06, 1.0, True), (0.05, 1.0, False), (None, 1.0, False), (0.06, None, False)],
)
def test_a_late_event_loop(lag_s, median_s, is_late):
    """Above 5 % of the median it is in the latencies."""
    assert part(event_loop_lag_s=lag_s).is_late(median_s) is is_late
