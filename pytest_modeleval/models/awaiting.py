"""Waiting in a thread for what an event loop makes of an awaitable.

The thread is the place that the call takes: it waits until the call has really ended, also where
that is long after its time-out, because it does not heed its cancellation.
"""

from __future__ import annotations

import inspect
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_modeleval.models.base import time_out

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable

__all__ = ["wait_for"]

_POLL_S = 1.0  # how often the thread looks whether there still is a loop


def wait_for(awaitable: Awaitable[Any], loop: asyncio.AbstractEventLoop, timeout_s: float) -> Any:
    """What an awaitable gives, awaited on ``loop``, which runs in another thread.

    Raises:
        AttemptError: It took longer than the time-out, or the loop ended. By now so has it.
        BaseException: Whatever it raises.
    """
    call = _Call(awaitable, loop)
    is_late = True
    with suppress(RuntimeError):  # the loop was closed
        loop.call_soon_threadsafe(call.begin)
        is_late = not call.wait(timeout_s)
        if is_late:
            loop.call_soon_threadsafe(call.cancel)
            call.wait(None)
    if is_late or not call.has_begun:
        call.drop()
        raise time_out(timeout_s)
    return call.result()


class _Call:
    """An awaitable, and the task that awaits it.

    Attributes:
        has_begun: It was awaited; a task that is cancelled early enough never gets to that.
    """

    def __init__(self, awaitable: Awaitable[Any], loop: asyncio.AbstractEventLoop) -> None:
        self.has_begun = False
        self._awaitable = awaitable
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        self._has_ended = threading.Event()
        self._value: Any = None
        self._error: BaseException | None = None

    # On the event loop:

    def begin(self) -> None:
        self._task = self._loop.create_task(self._run())
        self._task.add_done_callback(lambda _: self._has_ended.set())

    async def _run(self) -> None:
        self.has_begun = True
        try:
            self._value = await self._awaitable
        except BaseException as error:  # noqa: BLE001  (a task that raises SystemExit ends the loop)
            self._error = error

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    # In the thread:

    def wait(self, seconds: float | None) -> bool:
        """Whether it ends within so many seconds, or ever, while there is a loop."""
        while seconds is None or seconds > 0:
            if self._has_ended.wait(_POLL_S if seconds is None else min(seconds, _POLL_S)):
                return True
            if self._loop.is_closed():
                break
            if seconds is not None:
                seconds -= _POLL_S
        return False

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value

    def drop(self) -> None:
        """Close a coroutine that never began, else Python warns that nobody awaited it."""
        coroutine = self._awaitable
        if (
            inspect.iscoroutine(coroutine)
            and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
        ):
            coroutine.close()
