"""The engine proper: asks a model one case, with time-out, retries, clocks and price.

Whatever happens, the answer is a ``Prediction`` or a ``Failure``; only cancellation passes through.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.predictions import Failure, Prediction
from pytest_modeleval.engine.retry import MAX_WAIT_S, read_error, wait_s
from pytest_modeleval.models.base import AttemptError, Model
from pytest_modeleval.models.prices import price_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import tenacity

    from pytest_modeleval.settings import Settings

__all__ = ["Engine", "time_out"]


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
        on_attempt: Callable[[], None] | None = None,
    ) -> Prediction | Failure:
        """What the model says, or why it says nothing.

        Args:
            model: The model to ask.
            model_input: The case's input.
            handed_over_s: The clock when the case was handed to the engine; now by default.
            on_attempt: Called when an attempt begins.
        """
        final = self._final.get(id(model))
        if final is not None:
            return final
        started = self._clock()
        n_attempts = 0

        async def attempt() -> Prediction:
            nonlocal n_attempts
            n_attempts += 1
            if on_attempt is not None:
                on_attempt()
            return await self._attempt(model, model_input)

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
            total_s, queue_s = self._clocks(started, handed_over_s, failure.latency_s, n_attempts)
            return failure.timed(total_s=total_s, queue_s=queue_s, n_attempts=n_attempts)
        total_s, queue_s = self._clocks(started, handed_over_s, answer.latency_s, n_attempts)
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
        self, started: float, handed_over_s: float | None, latency_s: float | None, n_attempts: int
    ) -> tuple[float, float]:
        """Seconds from the first attempt to the answer, and those before the first attempt.

        With one attempt the total is the latency, and what else went by was queueing, be it in
        the engine or in a model that queues itself.
        """
        now = self._clock()
        total_s = latency_s if n_attempts == 1 and latency_s is not None else now - started
        waited_s = now - total_s - (started if handed_over_s is None else handed_over_s)
        return total_s, max(waited_s, 0.0)

    async def _attempt(self, model: Model, model_input: Any) -> Prediction:
        """One attempt within its time-out.

        Raises:
            AttemptError: It brought no answer.
            CancelledError: The engine itself was told to stop.
        """
        timeout_s = self._settings.timeout_s
        started = self._clock()
        try:
            if model.queues_itself:  # its clock starts when the call does
                return await model.predict(model_input)
            async with asyncio.timeout(timeout_s):
                return await model.predict(model_input)
        except TimeoutError as error:
            took_s = self._clock() - started
            if took_s < timeout_s:  # the model's own, be it of its code or of its client
                late = read_error(error)
                late.failure = late.failure.timed(latency_s=took_s)
                raise late from error
            raise time_out(timeout_s) from None
        except BaseException as error:
            # Whatever a model raises is its case's, SystemExit and pytest.fail included; only a
            # cancellation that somebody asked of this very task passes through.
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            raise read_error(error) from error

    async def _try_again(self, attempt: Callable[[], Any], first: AttemptError) -> Prediction:
        """The attempts after a first one that failed with ``first``.

        Raises:
            AttemptError: The last attempt failed, or another would not do better.
        """
        if not self._can_retry(first):
            raise self._last_word(first)
        import tenacity

        failed: AttemptError | None = first

        # The library is only met where something failed, since it costs more than a quick call;
        # it then has to hear of the failure first, to wait as long as that one asks for.
        async def first_or_next() -> Prediction:
            nonlocal failed
            if failed is not None:
                failed, error = None, failed
                raise error
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


def time_out(timeout_s: float) -> AttemptError:
    """The failure of an attempt that took longer than its time-out, which is its latency."""
    late = AttemptError("timeout", f"no answer within {timeout_s:g} s")
    late.failure = late.failure.timed(latency_s=timeout_s)
    return late
