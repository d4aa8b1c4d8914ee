"""A pool of daemon threads for callables that block.

Unlike ``ThreadPoolExecutor`` nothing joins these threads when the process ends, so a call that
hangs can't keep it alive. The pool holds its own queue and its own time-out, so that the clock of
a call starts when the call does.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ThreadPool"]

_LOOK_S = 0.005  # how often the pool looks whether one more thread would help
_QUICK_S = 0.001  # calls quicker than this on average gain nothing from a second thread
_LONG_S = 0.02  # a call that takes this long is not quick, whatever the others were


class _Job:
    """One call: what to call, when it began, and the future on the event loop that waits for it."""

    __slots__ = ("argument", "function", "future", "is_given_up", "started_s")

    def __init__(
        self,
        function: Callable[[Any], Any],
        argument: Any,
        future: asyncio.Future[tuple[Any, float]],
    ) -> None:
        self.function = function
        self.argument = argument
        self.future = future
        self.started_s: float | None = None
        self.is_given_up = False


class ThreadPool:
    """Runs blocking calls beside one event loop.

    It begins with one thread, since very quick calls only get in each other's way, and has
    ``size`` of them as soon as calls take a millisecond.

    Args:
        size: How many calls run at once. One that was given up does not count, so a hanging call
            takes no place away from the others.
        timeout_s: Seconds that a call may take, from its own beginning.
    """

    def __init__(self, size: int, *, timeout_s: float) -> None:
        self._size = size
        self._timeout_s = timeout_s
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running: dict[int, _Job] = {}
        self._n_threads = 0
        self._n_idle = 0
        self._average_s = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: deque[tuple[_Job, Any, BaseException | None, float]] = deque()
        self._is_waking = False
        self._is_looking = False

    async def call(self, function: Callable[[Any], Any], argument: Any) -> tuple[Any, float]:
        """``function(argument)`` in a thread: what it returned, and the seconds it took there.

        Raises:
            TimeoutError: It took longer than the time-out.
        """
        self._loop = asyncio.get_running_loop()
        job = _Job(function, argument, self._loop.create_future())
        if not self._n_threads:
            self._add_thread()
        self._jobs.put(job)
        if not self._is_looking:
            self._is_looking = True
            self._loop.call_later(_LOOK_S, self._look)
        return await job.future

    def close(self) -> None:
        """Let the idle threads end; those in a call end when it does."""
        for _ in range(self._n_threads):
            self._jobs.put(None)

    # On the event loop:

    def _look(self) -> None:
        """Give up calls that take too long, and add threads where calls wait for one."""
        assert self._loop is not None
        now = time.perf_counter()
        with self._lock:
            running = [(job, now - (job.started_s or now)) for job in self._running.values()]
        for job, age_s in running:
            if age_s > self._timeout_s and not job.future.done():
                job.future.set_exception(TimeoutError())
            if job.future.done() and not job.is_given_up and age_s > self._timeout_s:
                job.is_given_up = True
        n_waiting = self._jobs.qsize()
        in_use = sum(not job.is_given_up for job, _ in running)
        is_slow = self._average_s > _QUICK_S or any(age_s > _LONG_S for _, age_s in running)
        if n_waiting and not self._n_idle and is_slow:
            for _ in range(min(n_waiting, self._size - in_use)):
                self._add_thread()
        if n_waiting or running:
            # Nothing but time-outs is left to look for where no call waits for a thread.
            pause_s = _LOOK_S if n_waiting else min(max(self._timeout_s / 50, _LOOK_S), 0.25)
            self._loop.call_later(pause_s, self._look)
        else:
            self._is_looking = False

    def _deliver(self) -> None:
        """Hand over all calls that ended since the loop was last here."""
        with self._lock:
            self._is_waking = False
        while self._done:
            job, value, error, seconds = self._done.popleft()
            if job.future.done():
                continue
            if error is None:
                job.future.set_result((value, seconds))
            else:
                job.future.set_exception(_raisable(error))

    # In the threads:

    def _add_thread(self) -> None:
        with self._lock:
            self._n_threads += 1
        threading.Thread(target=self._work, name="modeleval-call", daemon=True).start()

    def _work(self) -> None:
        own = threading.get_ident()
        while True:
            with self._lock:
                self._n_idle += 1
            job = self._jobs.get()
            with self._lock:
                self._n_idle -= 1
                if job is not None:
                    job.started_s = time.perf_counter()
                    self._running[own] = job
            if job is None:
                break
            if not job.future.done():
                self._run(job)
            with self._lock:
                del self._running[own]
            if job.is_given_up:
                break  # another thread has taken this one's place
            del job
        with self._lock:
            self._n_threads -= 1

    def _run(self, job: _Job) -> None:
        error: BaseException | None = None
        value: Any = None
        started = time.perf_counter()
        try:
            value = job.function(job.argument)
        except BaseException as caught:  # noqa: BLE001  (it belongs to the case, not to the thread)
            error = caught
        seconds = time.perf_counter() - started
        self._average_s += (seconds - self._average_s) / 8
        self._done.append((job, value, error, seconds))
        with self._lock:
            if self._is_waking:
                return
            self._is_waking = True
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
            self._loop.call_soon_threadsafe(self._deliver)


def _raisable(error: BaseException) -> BaseException:
    """What a future can carry: it refuses StopIteration, and SystemExit would end the loop."""
    if isinstance(error, StopIteration | SystemExit | KeyboardInterrupt | GeneratorExit):
        wrapped = RuntimeError(f"{type(error).__name__}: {error}")
        wrapped.__cause__ = error
        return wrapped
    return error
