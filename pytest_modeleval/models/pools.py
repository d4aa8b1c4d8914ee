"""A pool of daemon threads for callables that block.

Unlike ``ThreadPoolExecutor`` nothing joins these threads when the process ends, so a call that
hangs can't keep it alive. The pool holds its own queue and its own time-out, so that the clock of
a call starts when the call does.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_modeleval.models.base import AttemptError, describe, time_out

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CallError", "ThreadPool"]

_LOOK_S = 0.005  # how often the pool looks whether one more thread would help
_QUICK_S = 0.001  # calls quicker than this on average gain nothing from a second thread
_SELDOM_S = 0.25  # how often it looks, at least, where there is nothing but time-outs to see
_LONG_S = 0.02  # a call that takes this long is not quick, whatever the others were


class CallError(Exception):
    """A call that raised. It also carries what a future can't: what would end the event loop.

    Attributes:
        error: What the function raised.
        seconds: How long the call took.
    """

    def __init__(self, error: BaseException, seconds: float) -> None:
        super().__init__(describe(error))
        self.error = error
        self.seconds = seconds


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
        self.started_s = 0.0
        self.is_given_up = False


class ThreadPool:
    """Runs blocking calls beside one event loop at a time.

    It begins with one thread, since very quick calls only get in each other's way, and has
    ``size`` of them as soon as calls take a millisecond.

    Args:
        size: How many calls run at once.
        timeout_s: Seconds that a call may take, from its own beginning.
        is_strict: Never run more than ``size`` calls, not even while one that was given up still
            runs; what waits behind it is given up a time-out later. Otherwise such a call takes
            no place away from the others.
    """

    def __init__(self, size: int, *, timeout_s: float, is_strict: bool = False) -> None:
        self._size = size
        self._timeout_s = timeout_s
        self._is_strict = is_strict
        self._lock = threading.Lock()
        self._has_jobs = threading.Condition(self._lock)
        self._jobs: deque[_Job] = deque()
        self._running: dict[int, _Job] = {}
        self._n_idle = 0
        self._average_s = 0.0
        self._blocked_since_s: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: deque[tuple[_Job, Any, BaseException | None, float]] = deque()
        self._next_look: asyncio.TimerHandle | None = None
        self._is_looking_seldom = False
        self._is_waking = self._is_closed = False

    async def call(self, function: Callable[[Any], Any], argument: Any) -> tuple[Any, float]:
        """``function(argument)`` in a thread: what it returned, and the seconds it took there.

        Raises:
            CallError: It raised.
            AttemptError: It took longer than the time-out, or raised one itself.
        """
        loop = asyncio.get_running_loop()
        run: Any = contextvars.copy_context().run  # a metered client finds its case there
        function = functools.partial(run, function)
        job = _Job(function, argument, loop.create_future())
        with self._lock:
            if loop is not self._loop or self._is_closed:
                self._open(loop)
            if not self._n_idle and not self._running:
                self._add_thread()
            self._jobs.append(job)
            self._has_jobs.notify()
        if self._next_look is None:
            self._look_in(_LOOK_S)
        elif self._is_looking_seldom and not self._n_idle:
            self._next_look.cancel()
            self._look_in(_LOOK_S)
        return await job.future

    def resize(self, size: int) -> None:
        """Run so many calls at once from now on; those that run go on."""
        with self._lock:
            self._size = size
            self._has_jobs.notify_all()

    def close(self) -> None:
        """Let the idle threads end; those in a call end when it does. A later call reopens."""
        with self._lock:
            self._is_closed = True
            dropped = list(self._jobs)
            self._jobs.clear()
            self._has_jobs.notify_all()
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None
        for job in dropped:
            job.future.cancel()

    def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Under the lock: serve this event loop from now on."""
        self._loop = loop
        self._done.clear()
        self._next_look = self._blocked_since_s = None
        self._is_waking = self._is_closed = False

    # On the event loop:

    def _look_in(self, seconds: float) -> None:
        assert self._loop is not None
        self._is_looking_seldom = seconds > _LOOK_S
        self._next_look = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """Give up calls that take too long, and add threads where calls wait for one."""
        now = time.perf_counter()
        with self._lock:
            late = self._late(now) + self._blocked(now)
            if late:
                self._has_jobs.notify_all()  # their places are free
            self._add_threads(now)
            n_waiting, is_busy = len(self._jobs), bool(self._running)
        for job in late:
            if not job.future.done():
                job.future.set_exception(time_out(self._timeout_s))
        if n_waiting:
            self._look_in(_LOOK_S)
        elif is_busy:
            # Nothing but time-outs is left to look for where no call waits for a thread.
            self._look_in(min(max(self._timeout_s / 50, _LOOK_S), _SELDOM_S))
        else:
            self._next_look = None

    def _late(self, now: float) -> list[_Job]:
        """Under the lock: the running calls to give up now, since nobody waits for them longer."""
        late = [
            job
            for job in self._running.values()
            if not job.is_given_up
            and (now - job.started_s > self._timeout_s or job.future.cancelled())
        ]
        for job in late:
            job.is_given_up = True
        return late

    def _add_threads(self, now: float) -> None:
        """Under the lock: as many threads as there are calls that one of them would help."""
        n_more = len(self._jobs) - self._n_idle
        running = self._running.values()
        in_use = self._n_in_use()
        is_alone = not in_use and not self._n_idle  # with calls that were given up
        is_slow = any(now - job.started_s > _LONG_S for job in running)
        if n_more <= 0 or not (is_alone or is_slow or self._average_s > _QUICK_S):
            return
        with suppress(RuntimeError):  # the machine has no thread left: those there are will do
            for _ in range(min(n_more, self._size - in_use - self._n_idle)):
                self._add_thread()

    def _n_in_use(self) -> int:
        """Under the lock: calls that take a place."""
        return sum(self._is_strict or not job.is_given_up for job in self._running.values())

    def _has_room(self) -> bool:
        """Under the lock: whether one more call may run."""
        return len(self._running) < self._size or self._n_in_use() < self._size

    def _blocked(self, now: float) -> list[_Job]:
        """Under the lock: the calls that wait for nothing but calls that do not come back."""
        given_up = sum(job.is_given_up for job in self._running.values())
        if not self._is_strict or given_up < self._size:
            self._blocked_since_s = None
            return []
        if self._blocked_since_s is None:
            self._blocked_since_s = now
        if now - self._blocked_since_s <= self._timeout_s:
            return []
        blocked = list(self._jobs)
        self._jobs.clear()
        return blocked

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
            elif isinstance(error, AttemptError):
                job.future.set_exception(error)
            else:
                job.future.set_exception(CallError(error, seconds))

    # In the threads:

    def _add_thread(self) -> None:
        """Under the lock: one more thread, which counts as idle until it has a call."""
        threading.Thread(target=self._work, name="modeleval-call", daemon=True).start()
        self._n_idle += 1

    def _work(self) -> None:
        own = threading.get_ident()
        while True:
            with self._lock:
                while not self._is_closed and not (self._jobs and self._has_room()):
                    self._has_jobs.wait()
                self._n_idle -= 1
                if not self._jobs:
                    return
                job = self._jobs.popleft()
                job.started_s = time.perf_counter()
                self._running[own] = job
            if not job.future.done():
                self._run(job)
            with self._lock:
                del self._running[own]
                if job.is_given_up and not self._is_strict:
                    return  # another thread has taken this one's place
                self._n_idle += 1
            del job

    def _run(self, job: _Job) -> None:
        error: BaseException | None = None
        value: Any = None
        started = time.perf_counter()
        try:
            value = job.function(job.argument)
        except BaseException as caught:  # noqa: BLE001  (it belongs to the case, not to the thread)
            error = caught
        seconds = time.perf_counter() - started
        with self._lock:
            if job.future.get_loop() is not self._loop:
                return  # that loop has ended, and nobody waits any more
            self._average_s += (seconds - self._average_s) / 8
            self._done.append((job, value, error, seconds))
            if self._is_waking:
                return
            self._is_waking = True
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
            job.future.get_loop().call_soon_threadsafe(self._deliver)
