"""Limits: how many calls of one model may be in flight, and how many may begin in a minute.

What a model takes is found out while it is asked: more calls at once as long as that helps, fewer
where the server says that there are too many.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING

from pytest_modeleval.core.asked import MAX_LAG_SHARE

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modeleval.settings import RateLimit

__all__ = ["FIRST_SIZE", "Limit", "Pace"]

FIRST_SIZE = 8
"""Calls in flight that an adaptive limit begins with."""

_FEW = 12  # answers that a step is judged by, at least; fewer say too little
_TOLERATED = 8  # of so many calls one may be rejected without a consequence
_MIN_GAIN = 0.4  # of the throughput that a step up promises, what it has to bring
_FIRST_PATIENCE = 30  # steps until what did not go well is tried again; doubled each time


class Limit:
    """What one model may be asked at once, and when its next call may begin.

    The size grows in steps. A step has gone well when as many calls as it allows were answered;
    then the next one has twice the size, or lies halfway to a size that did not go well. A step
    does not help when latency grows nearly as much as the size: the calls only queue elsewhere.

    Args:
        cap: The most calls in flight.
        is_adaptive: Begin low and find out; otherwise it is the cap throughout.
        rate_limit: What may begin in a minute.
        name: Name of the model.
        is_timed_on_loop: Its latency is measured on our event loop, and spoilt where that is late.
        clock: Monotonic seconds.

    Attributes:
        size: Calls that may be in flight now.
        max_in_flight: The most calls that were in flight.
        n_attempts: Requests sent.
        n_rejected: Those that were too many for the server.
    """

    def __init__(
        self,
        cap: int,
        *,
        is_adaptive: bool,
        rate_limit: RateLimit,
        name: str = "",
        is_timed_on_loop: bool = True,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.cap = cap
        self.name = name
        self.is_timed_on_loop = is_timed_on_loop
        self.is_adaptive = is_adaptive
        self.size = min(FIRST_SIZE, cap) if is_adaptive else cap
        self.max_in_flight = self.n_attempts = self.n_rejected = 0
        self._clock = clock
        self._n_in_flight = 0
        self._step = 0
        self._latencies: list[float] = []
        self._n_begun = self._n_rejected_in_step = 0  # in this step
        self._was_full = False
        self._good: tuple[int, float] | None = None  # a size that went well, its usual latency
        self._bad: int | None = None  # a size that did not
        self._patience = self._n_until_retry = _FIRST_PATIENCE
        self._not_before_s = 0.0
        self._requests = Pace(rate_limit.requests, clock) if rate_limit.requests else None
        self._tokens = Pace(rate_limit.tokens, clock) if rate_limit.tokens else None

    @property
    def is_slowed(self) -> bool:
        """Whether a request may have to wait before it is sent."""
        return self._not_before_s > 0 or self._requests is not None or self._tokens is not None

    @property
    def is_indifferent(self) -> bool:
        """Whether the limit learns nothing from an answer."""
        return self._tokens is None and not self.is_adaptive

    async def turn(self, n_tokens: float) -> None:
        """Wait until a request of about so many tokens may be sent."""
        waits = []
        if self._requests is not None:
            waits.append(self._requests.reserve(1))
        if self._tokens is not None:
            waits.append(self._tokens.reserve(n_tokens))
        if waits and max(waits) > 0:
            await asyncio.sleep(max(waits))
        while (wait_s := self._not_before_s - self._clock()) > 0:  # noqa: ASYNC110  (the time may move)
            await asyncio.sleep(wait_s)

    def begin(self) -> int:
        """A request is sent; gives the step that it counts for."""
        self.n_attempts += 1
        self._n_begun += 1
        self._n_in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self._n_in_flight)
        self._was_full = self._was_full or self._n_in_flight >= self.size
        return self._step

    def end(self) -> None:
        """A request has ended, one way or another."""
        self._n_in_flight -= 1

    def answered(self, step: int, latency_s: float, *, lag_s: float, n_tokens: float) -> None:
        """A request that began in ``step`` was answered.

        Args:
            step: What ``begin`` gave.
            latency_s: Seconds that it took.
            lag_s: Seconds that our event loop is late by.
            n_tokens: By how many tokens the guess was too low.
        """
        if self._tokens is not None:
            self._tokens.correct(n_tokens)
        if not self.is_adaptive or step != self._step:
            return
        self._latencies.append(latency_s)
        if len(self._latencies) >= max(self.size, _FEW):
            self._judge_step(lag_s)

    def rejected(self, step: int, *, is_repeated: bool = False) -> None:
        """A request that began in ``step`` was one too many.

        A few may have other reasons, unless they are rejected again. The others end the step: back
        to a smaller size that went well, or else to half the size, which may grow again where this
        one had gone well before.

        Args:
            step: What ``begin`` gave.
            is_repeated: It was not the first attempt of its case.
        """
        self.n_rejected += 1
        if not self.is_adaptive or step != self._step:
            return
        self._n_rejected_in_step += 1
        n_tolerated = 0 if is_repeated else max(self._n_begun // _TOLERATED, 2)
        if self._n_rejected_in_step <= n_tolerated:
            return
        had_gone_well = self._good is not None and self._good[0] >= self.size
        if had_gone_well:
            self._good = None
        if is_repeated or not had_gone_well:
            self._bad = min(self.size, self._bad or self.size)
        self._next_step(self._good[0] if self._good else max(self.size // 2, 1))

    def wait(self, seconds: float) -> None:
        """Nobody sends anything for so long: the server asks for it."""
        self._not_before_s = max(self._not_before_s, self._clock() + seconds)

    def _judge_step(self, lag_s: float) -> None:
        """Choose the next size, now that this one has been seen."""
        usual_s = _middle(self._latencies)
        if not self._was_full or lag_s > MAX_LAG_SHARE * usual_s:
            self._next_step(self.size)
            return
        if not self._has_helped(usual_s):
            assert self._good is not None
            self._bad = self._good[0] + 1  # nothing between the two is worth finding out
            self._next_step(self._good[0])
            return
        if self._good is None or self._good[0] <= self.size:
            self._good = (self.size, usual_s)
        if self._bad is not None and self._bad <= self.size:
            self._bad = None
        self._next_step(self._larger())

    def _has_helped(self, usual_s: float) -> bool:
        """Whether this size brings more answers a second than the one that went well before."""
        if self._good is None or self._good[0] >= self.size or usual_s <= 0:
            return True
        size, before_s = self._good
        more_calls = self.size / size
        gain = more_calls * before_s / usual_s
        return gain >= 1 + _MIN_GAIN * (more_calls - 1)

    def _larger(self) -> int:
        """The next size to try."""
        if self._good is not None and self._good[0] > self.size:
            return self._good[0]
        if self._bad is None:
            return self.size * 2
        gap = self._bad - self.size
        if gap > max(self.size // 4, 1):
            return self.size + gap // 2
        self._n_until_retry -= 1
        if self._n_until_retry > 0:
            return self.size
        self._patience *= 2
        self._n_until_retry = self._patience
        return self.size + max(self.size // 2, 1)

    def _next_step(self, size: int) -> None:
        self.size = min(size, self.cap)
        self._step += 1
        self._latencies.clear()
        self._n_begun = self._n_rejected_in_step = 0  # in this step
        self._was_full = False


def _middle(latencies: list[float]) -> float:
    """The mean of the middle half: slow calls don't move it, nor does it jump as a median does."""
    n_aside = len(latencies) // 4
    return statistics.fmean(sorted(latencies)[n_aside : len(latencies) - n_aside])


class Pace:
    """Spreads amounts over time, so that no minute holds more than the limit.

    About a second's worth may go at once; the rate that is left for the rest makes up for it.

    Args:
        per_minute: The limit.
        clock: Monotonic seconds.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.perf_counter) -> None:
        burst = max(per_minute / 60, 1.0)
        self._each_s = 60 / max(per_minute - burst + 1, 1e-9)
        self._ahead_s = (burst - 1) * self._each_s
        self._next_s = 0.0
        self._clock = clock

    def reserve(self, amount: float) -> float:
        """Seconds to wait before so much may be used; it counts as used."""
        now = self._clock()
        wait_s = max(self._next_s - self._ahead_s - now, 0.0)
        self._next_s = max(self._next_s, now) + amount * self._each_s
        return wait_s

    def correct(self, amount: float) -> None:
        """So much more was used than reserved; less, where it is below 0."""
        self._next_s += amount * self._each_s
