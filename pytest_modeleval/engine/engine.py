"""The engine proper: asks a model one case, with time-out, retries, clocks and price.

Whatever happens, the answer is a ``Prediction`` or a ``Failure``; only cancellation passes through.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_modeleval.engine.retry import MAX_WAIT_S, read_error, wait_s
from pytest_modeleval.models.base import AttemptError, time_out
from pytest_modeleval.models.pools import CallError
from pytest_modeleval.models.prices import price_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import tenacity

    from pytest_modeleval.core.predictions import Failure, Prediction
    from pytest_modeleval.models.base import Model
    from pytest_modeleval.settings import Settings

__all__ = ["Engine"]


class Engine:
    """Asks models, one case at a time and as many at once as its callers like.

    Args:
        settings: Time-out, retries and prices.
        clock: Monotonic seconds.
        rng: Source of the jitter between attempts; its own, since test plugins reseed the global
            one.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.perf_counter,
        rng: random.Random | None = None,
    ) -> None:
        self._settings = settings
        self.timeout_s = settings.timeout_s
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311  (jitter, not a secret)
        self._final: dict[int, Failure] = {}

    async def predict(
        self,
        model: Model,
        model_input: Any,
        *,
        handed_over_s: float | None = None,
        on_attempt: Callable[[float | None], None] | None = None,
    ) -> Prediction | Failure:
        """What the model says, or why it says nothing.

        Args:
            model: The model to ask.
            model_input: The case's input.
            handed_over_s: The clock when the case was handed to the engine; now by default.
            on_attempt: Called with the clock when an attempt begins, and with None when it ended.
        """
        final = self._final.get(id(model))
        if final is not None:
            return final
        started = self._clock()
        n_attempts = 0

        async def attempt() -> Prediction:
            nonlocal n_attempts
            n_attempts += 1
            attempt_s = started if n_attempts == 1 else self._clock()
            if on_attempt is None:
                return await self._attempt(model, model_input, attempt_s)
            on_attempt(attempt_s)
            try:
                return await self._attempt(model, model_input, attempt_s)
            finally:
                on_attempt(None)

        try:
            try:
                answer = await attempt()
            except AttemptError as error:
                answer = await self._try_again(attempt, error)
        except AttemptError as error:
            failure = error.failure
            if error.is_final:
                self._final[id(model)] = replace(failure, n_attempts=0)
            if error.billed is not None:
                failure = replace(failure, cost_usd=self._price(model, error.billed)[0])
            call_s = failure.latency_s if model.queues_itself and n_attempts == 1 else None
            total_s, queue_s = self._clocks(started, handed_over_s, call_s)
            return failure.timed(total_s=total_s, queue_s=queue_s, n_attempts=n_attempts)
        call_s = answer.latency_s if model.queues_itself and n_attempts == 1 else None
        total_s, queue_s = self._clocks(started, handed_over_s, call_s)
        cost, source = self._price(model, answer)
        return replace(
            answer,
            cost_usd=cost,
            cost_source=source,
            total_s=total_s,
            queue_s=queue_s,
            n_attempts=n_attempts,
        )

    def _price(self, model: Model, answer: Prediction) -> tuple[float | None, str | None]:
        return price_of(
            answer,
            asked_model=model.name.removeprefix("openai:"),
            price_list_url=model.price_list_url,
            prices=self._settings.prices,
        )

    def _clocks(
        self, started: float, handed_over_s: float | None, call_s: float | None
    ) -> tuple[float, float]:
        """Seconds from the first attempt to the answer, and those before the first attempt.

        ``call_s`` is the only call's own time where the model queues itself, else None: the call
        then is the total, and what else went by was queueing, be it in the engine or in the model.
        """
        now = self._clock()
        total_s = now - started if call_s is None else call_s
        waited_s = now - total_s - (started if handed_over_s is None else handed_over_s)
        return total_s, max(waited_s, 0.0)

    async def _attempt(self, model: Model, model_input: Any, started: float) -> Prediction:
        """One attempt within its time-out; ``started`` is the clock when it began.

        Raises:
            AttemptError: It brought no answer.
            CancelledError: The engine itself was told to stop.
        """
        limit: asyncio.Timeout | None = None
        try:
            if model.queues_itself:  # its clock starts when the call does
                return await model.predict(model_input)
            async with asyncio.timeout(self.timeout_s) as limit:
                return await model.predict(model_input)
        except BaseException as error:
            # Whatever a model raises is its case's, SystemExit and pytest.fail included; only a
            # cancellation that somebody asked of this very task passes through.
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            if limit is not None and limit.expired():
                raise time_out(self.timeout_s) from None
            raise _failed(error, self._clock() - started) from None

    async def _try_again(self, attempt: Callable[[], Any], first: AttemptError) -> Prediction:
        """The attempts after a first one that failed with ``first``.

        Raises:
            AttemptError: The last attempt failed, or another would not do better.
        """
        if not self._can_retry(first):
            raise self._last_word(first)
        import tenacity

        failures = [first]

        # The library is only met where something failed, since it costs more than a quick call;
        # it then has to hear of the failure first, to wait as long as that one asks for.
        async def first_or_next() -> Prediction:
            if failures:
                raise failures.pop()
            answer: Prediction = await attempt()
            return answer

        retrying = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(self._settings.retries + 1),
            wait=self._wait,
            retry=tenacity.retry_if_exception(self._can_retry),
            reraise=True,
        )
        try:
            return await retrying(first_or_next)
        except AttemptError as error:
            raise self._last_word(error) from error

    def _wait(self, state: tenacity.RetryCallState) -> float:
        return wait_s(state, self._rng)

    def _can_retry(self, error: BaseException) -> bool:
        if not isinstance(error, AttemptError) or not error.can_retry:
            return False
        return error.retry_after_s is None or error.retry_after_s <= MAX_WAIT_S

    def _last_word(self, error: AttemptError) -> AttemptError:
        """The error with the reason why there is no further attempt, where that is not plain."""
        if error.can_retry and error.retry_after_s is not None and error.retry_after_s > MAX_WAIT_S:
            message = f"{error.failure.message}; the server asks for {error.retry_after_s:.0f} s"
            error.failure = replace(error.failure, message=message)
        return error


def _failed(error: BaseException, took_s: float) -> AttemptError:
    """What an attempt raised after so many seconds, which are the latency of a time-out.

    Leaving it out would flatter the percentiles, be it a time-out of the model's own code or of
    its client.
    """
    if isinstance(error, CallError):
        took_s = error.seconds
        error = error.error
    failed = read_error(error)
    if failed.failure.kind == "timeout" and failed.failure.latency_s is None:
        failed.failure = failed.failure.timed(latency_s=took_s)
    return failed
