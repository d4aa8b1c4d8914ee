"""A pool of daemon threads for callables that block.

Unlike ``ThreadPoolExecutor`` nothing joins these threads when the process ends, so a call that
hangs can't keep it alive.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ThreadPool"]


class _Job:
    """One call: what to call, and the future on the event loop that waits for it."""

    __slots__ = ("argument", "function", "future")

    def __init__(
        self,
        function: Callable[[Any], Any],
        argument: Any,
        future: asyncio.Future[tuple[Any, float]],
    ) -> None:
        self.function = function
        self.argument = argument
        self.future = future


class ThreadPool:
    """Runs blocking calls beside one event loop.

    Args:
        size: How many calls run at once. A call that was given up does not count, so a hanging
            one takes no place away from the others.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._n_threads = 0
        self._n_idle = 0
        self._n_given_up = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: deque[tuple[_Job, Any, BaseException | None, float]] = deque()
        self._is_waking = False

    async def call(self, function: Callable[[Any], Any], argument: Any) -> tuple[Any, float]:
        """``function(argument)`` in a thread: what it returned, and the seconds it took there."""
        self._loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[Any, float]] = self._loop.create_future()
        job = _Job(function, argument, future)
        with self._lock:
            if not self._n_idle and self._n_threads - self._n_given_up < self._size:
                self._n_threads += 1
                threading.Thread(target=self._work, name="modeleval-call", daemon=True).start()
        self._jobs.put(job)
        try:
            return await future
        except asyncio.CancelledError:
            with self._lock:
                self._n_given_up += 1
            job.future = future  # the thread finds it cancelled and takes its place back
            raise

    def close(self) -> None:
        """Let the idle threads end; those in a call end when it does."""
        for _ in range(self._n_threads):
            self._jobs.put(None)

    def _work(self) -> None:
        while True:
            with self._lock:
                self._n_idle += 1
            job = self._jobs.get()
            with self._lock:
                self._n_idle -= 1
            if job is None:
                break
            if not job.future.cancelled():
                self._run(job)
            if job.future.cancelled():
                with self._lock:
                    self._n_given_up -= 1
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
        self._done.append((job, value, error, time.perf_counter() - started))
        with self._lock:
            if self._is_waking:
                return
            self._is_waking = True
        try:
            assert self._loop is not None
            self._loop.call_soon_threadsafe(self._deliver)
        except RuntimeError:
            pass  # the loop was closed meanwhile: nobody waits for this answer any more

    def _deliver(self) -> None:
        """On the loop: hand over all calls that ended since it was last here."""
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


def _raisable(error: BaseException) -> BaseException:
    """What a future can carry: it refuses StopIteration, and SystemExit would end the loop."""
    if isinstance(error, StopIteration | SystemExit | KeyboardInterrupt | GeneratorExit):
        wrapped = RuntimeError(f"{type(error).__name__}: {error}")
        wrapped.__cause__ = error
        return wrapped
    return error
