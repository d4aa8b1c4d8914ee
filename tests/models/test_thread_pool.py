"""The pool of daemon threads that sync callables run in."""

import asyncio
import threading
import time

import pytest

from pytest_modeleval.models.base import AttemptError
from pytest_modeleval.models.pools import ThreadPool

WAIT_S = 10  # how long a test waits for what should come at once


class Overlap:
    """A callable that notes how many of its calls were ever under way at once."""

    def __init__(self):
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, value):
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.01)
        with self._lock:
            self.now -= 1
        return value


def run(size, use, *, timeout_s=60.0, is_strict=False):
    """What the coroutine function ``use`` makes of a pool of this size."""

    async def main():
        pool = ThreadPool(size, timeout_s=timeout_s, is_strict=is_strict)
        try:
            return await use(pool)
        finally:
            pool.close()

    return asyncio.run(main())


def until(condition):
    """Wait until something is so, and say whether it became so."""
    deadline = time.monotonic() + WAIT_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def pool_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("modeleval-call")]


async def give_up(pool, function):
    """Call a function and give it up once it runs; it has to set ``function.started``."""
    task = asyncio.ensure_future(pool.call(function, None))
    assert await asyncio.to_thread(function.started.wait, WAIT_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class Hanging:
    """A callable that hangs until it is released."""

    def __init__(self):
        self.started, self.release = threading.Event(), threading.Event()

    def __call__(self, _):
        self.started.set()
        self.release.wait(WAIT_S)


def test_value_and_seconds():
    """A call gives what the function returned and the time that it took in its thread."""
    value, seconds = run(1, lambda pool: pool.call(lambda x: (x, threading.get_ident()), "a"))

    assert value[0] == "a"
    assert value[1] != threading.get_ident()
    assert seconds >= 0


def test_never_more_than_its_size():
    """Twenty calls at once in a pool of three run three at a time."""
    overlap = Overlap()

    async def use(pool):
        return await asyncio.gather(*(pool.call(overlap, number) for number in range(20)))

    answers = run(3, use)

    assert [value for value, _ in answers] == list(range(20))
    assert overlap.most <= 3


def test_waiting_calls_get_threads_beside_idle_ones():
    """Calls handed in together run together, also where an earlier call left an idle thread."""
    barrier = threading.Barrier(8)

    def meet(_):
        barrier.wait(3)

    async def use(pool):
        await pool.call(str, 1)
        await asyncio.sleep(0.02)  # lets that thread become idle, which is where it went wrong
        await asyncio.gather(*(pool.call(meet, None) for _ in range(8)))

    run(8, use)


def test_a_call_given_up_takes_no_place():
    """While a call hangs that nobody waits for, the pool's one place is free."""
    hanging = Hanging()

    async def use(pool):
        await give_up(pool, hanging)
        return await asyncio.wait_for(pool.call(str, 1), WAIT_S)

    try:
        value, _ = run(1, use)
    finally:
        hanging.release.set()

    assert value == "1"


def test_a_late_return_adds_no_place():
    """When a call that was given up returns after all, the pool is as large as it was."""
    hanging, overlap = Hanging(), Overlap()

    async def use(pool):
        await give_up(pool, hanging)
        await pool.call(str, 1)
        hanging.release.set()
        for _ in range(5):
            await asyncio.sleep(0.01)
            await asyncio.gather(*(pool.call(overlap, None) for _ in range(3)))

    run(1, use)

    assert overlap.most == 1


def test_calls_given_up_before_they_ran():
    """A call that is cancelled while it waits for a thread never runs, and frees nothing twice."""
    hanging, overlap, ran = Hanging(), Overlap(), []

    async def use(pool):
        first = asyncio.ensure_future(pool.call(hanging, None))
        assert await asyncio.to_thread(hanging.started.wait, WAIT_S)
        waiting = [asyncio.ensure_future(pool.call(ran.append, number)) for number in range(3)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        later = [asyncio.ensure_future(pool.call(overlap, number)) for number in range(3)]
        await asyncio.sleep(0.05)
        ran_beside_it = overlap.most
        hanging.release.set()
        await first
        await asyncio.gather(*later)
        return ran_beside_it

    assert run(1, use) == 0
    assert ran == []
    assert overlap.most == 1


@pytest.mark.parametrize(
    "error",
    [ValueError("no"), StopIteration("no"), SystemExit(3), KeyboardInterrupt(), GeneratorExit()],
)
def test_errors_are_ordinary_exceptions(error):
    """What ends loops and threads elsewhere arrives as an exception that says what it was."""

    def fail(_):
        raise error

    async def use(pool):
        with pytest.raises(Exception) as caught:
            await pool.call(fail, None)
        return caught.value, await pool.call(str, 1)

    seen, (value, _) = run(1, use)

    assert type(error).__name__ in f"{type(seen).__name__}: {seen}"
    assert value == "1"


def test_a_cancelled_error_of_the_function_gives_up_nothing():
    """A function that raises CancelledError frees no second place."""
    overlap = Overlap()

    def fail(_):
        raise asyncio.CancelledError

    async def use(pool):
        for _ in range(3):
            with pytest.raises((asyncio.CancelledError, Exception)):
                await pool.call(fail, None)
        await asyncio.gather(*(pool.call(overlap, None) for _ in range(5)))

    run(1, use)

    assert overlap.most == 1


def test_a_time_out():
    """A call that takes longer is given up after its own time, however long it had waited."""
    hanging = Hanging()

    async def use(pool):
        first = asyncio.ensure_future(pool.call(time.sleep, 0.1))
        with pytest.raises(AttemptError) as caught:
            await pool.call(hanging, None)
        return caught.value.failure, (await first)[1]

    try:
        failure, seconds = run(1, use, timeout_s=0.2)
    finally:
        hanging.release.set()

    assert (failure.kind, failure.message) == ("timeout", "no answer within 0.2 s")
    assert failure.latency_s == 0.2
    assert seconds >= 0.1


def test_waiting_in_the_queue_is_no_time_out():
    """Calls in turn that take long together are all answered, since each has its own clock."""

    async def use(pool):
        return await asyncio.gather(*(pool.call(time.sleep, 0.1) for _ in range(5)))

    assert len(run(1, use, timeout_s=0.3)) == 5


def test_a_strict_pool_is_never_larger():
    """What waits behind a call that hangs is given up a time-out later, and never runs."""
    hanging, ran = Hanging(), []

    async def use(pool):
        calls = [pool.call(hanging, None), *(pool.call(ran.append, text) for text in "ab")]
        began = time.monotonic()
        ends = await asyncio.gather(*calls, return_exceptions=True)
        return ends, time.monotonic() - began

    try:
        ends, seconds = run(1, use, timeout_s=0.2, is_strict=True)
    finally:
        hanging.release.set()

    assert [end.failure.kind for end in ends] == ["timeout"] * 3
    assert 0.4 <= seconds < 2
    assert ran == []


def test_a_strict_pool_goes_on_after_a_late_return():
    """A call that ends after its time-out makes way for those that waited behind it."""

    async def use(pool):
        late = asyncio.ensure_future(pool.call(time.sleep, 0.4))
        value, _ = await pool.call(str, 1)
        with pytest.raises(AttemptError):
            await late
        return value

    assert run(1, use, timeout_s=0.3, is_strict=True) == "1"


def test_a_late_return_after_the_loop_has_ended():
    """A pool that serves another event loop by then is not disturbed by it."""
    hanging, pool = Hanging(), ThreadPool(2, timeout_s=60.0)

    async def first():
        await give_up(pool, hanging)

    async def second():
        call = asyncio.ensure_future(pool.call(time.sleep, 0.1))
        await asyncio.sleep(0.02)
        hanging.release.set()
        await asyncio.wait_for(call, WAIT_S)
        value, _ = await asyncio.wait_for(pool.call(str, 1), WAIT_S)
        pool.close()
        return value

    asyncio.run(first())

    assert asyncio.run(second()) == "1"


def test_a_call_that_comes_late_gets_its_thread_at_once():
    """A pool in which one long call runs, and which has nothing to do else, still looks up."""
    hanging = Hanging()

    async def use(pool):
        first = asyncio.ensure_future(pool.call(hanging, None))
        await asyncio.sleep(0.1)
        began = time.perf_counter()
        await pool.call(str, 1)
        seconds = time.perf_counter() - began
        hanging.release.set()
        await first
        return seconds

    assert run(2, use) < 0.15


def test_close_ends_the_threads():
    """After close no thread is left, also none that returns from a late call."""
    assert until(lambda: not pool_threads())
    hanging = Hanging()

    async def use(pool):
        await asyncio.gather(*(pool.call(str, number) for number in range(5)))
        await give_up(pool, hanging)

    run(5, use)
    hanging.release.set()

    assert until(lambda: not pool_threads())


def test_threads_do_not_keep_the_process_alive():
    """Every thread is a daemon."""
    is_daemon, _ = run(1, lambda pool: pool.call(lambda _: threading.current_thread().daemon, 0))

    assert is_daemon
