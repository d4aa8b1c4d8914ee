"""Lags: how late the engine's event loop is, since a late loop measures itself and not the model."""

from __future__ import annotations

import asyncio
import time

__all__ = ["LoopLag"]

_LOOK_S = 0.02
_FEW = 50  # looks, a second of calls: the first ones only see the clients being made


class LoopLag:
    """Looks at the clock again and again, and notes by how much each look comes too late.

    Attributes:
        recent_s: Seconds that the loop is late by at present.
    """

    def __init__(self) -> None:
        self.recent_s = 0.0
        self._sum_s = 0.0
        self._n = 0
        self._due_s = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_on = False

    @property
    def mean_s(self) -> float | None:
        """Seconds that the loop was late by on average; None where there was too little to see."""
        return self._sum_s / self._n if self._n >= _FEW else None

    def resume(self) -> None:
        """Look from now on; calls are in flight."""
        if self._is_on:
            return
        self._is_on = True
        self._loop = asyncio.get_running_loop()
        self._look_again()

    def pause(self) -> None:
        """Look no more; nothing is in flight."""
        self._is_on = False

    def _look_again(self) -> None:
        assert self._loop is not None
        self._due_s = time.perf_counter() + _LOOK_S
        self._loop.call_later(_LOOK_S, self._look)

    def _look(self) -> None:
        if not self._is_on:
            return
        late_s = max(time.perf_counter() - self._due_s, 0.0)
        self._sum_s += late_s
        self._n += 1
        self.recent_s += (late_s - self.recent_s) / 16
        self._look_again()
