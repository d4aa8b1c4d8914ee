"""The engine proper: asks a model one case, with time-out, retries, clocks and price.

Whatever happens, the answer is a ``Prediction`` or a ``Failure``; only cancellation passes through.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.asked import Asked
from pytest_modeleval.core.predictions import Failure, Prediction, Usage
from pytest_modeleval.engine.budgets import Budget, BudgetError
from pytest_modeleval.engine.lags import LoopLag
from pytest_modeleval.engine.limits import Limit
from pytest_modeleval.engine.retry import MAX_WAIT_S, read_error, wait_s
from pytest_modeleval.models.base import AttemptError, time_out
from pytest_modeleval.models.meters import Ledger, add_up, entered_in, is_metering
from pytest_modeleval.models.pools import CallError
from pytest_modeleval.models.prices import Cost, price_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    import tenacity

    from pytest_modeleval.models.base import Model
    from pytest_modeleval.settings import Price, Settings

__all__ = ["Engine"]

_CHARACTERS_PER_TOKEN = 3  # of English it is about 4; a guess should rather be too high
_USUAL_OUTPUT = 256  # tokens of an answer that nobody has seen yet


class Engine:
    """Asks models, one case at a time and as many at once as its callers like.

    Args:
        settings: Time-out, retries and prices.
        clock: Monotonic seconds.
        rng: Source of the jitter between attempts; its own, since test plugins reseed the global
            one.

    Attributes:
        timeout_s: Seconds that one attempt may take.
        lag: How late the event loop is that the engine lives on; fed by who owns the loop.
        budget: What the run may cost; None for as much as it does.
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
        self._clock = self.clock = clock
        self.lag = LoopLag()
        self.budget = None if settings.max_cost_usd is None else Budget(settings.max_cost_usd)
        self._limits: dict[Hashable, Limit] = {}
        self._rng = rng or random.Random()  # noqa: S311  (jitter, not a secret)
        self._final: dict[int, Failure] = {}

    def limit_of(self, model: Model) -> Limit:
        """What holds the calls of a model back; models of one server and name share it."""
        limit = self._limits.get(model.limit_key)
        if limit is None:
            own = model.max_concurrency
            limit = self._limits[model.limit_key] = Limit(
                min(self._settings.concurrency, own or self._settings.concurrency),
                is_adaptive=self._settings.is_adaptive and own is None,
                rate_limit=self._settings.rate_limit,
                name=model.name,
                is_timed_on_loop=not model.queues_itself,
                clock=self._clock,
            )
        return limit

    def asked(self) -> list[Asked]:
        """How each model was asked so far."""
        return [
            Asked(
                model=limit.name,
                cap=limit.cap,
                max_in_flight=limit.max_in_flight,
                concurrency=limit.size,
                is_adaptive=limit.is_adaptive,
                n_attempts=limit.n_attempts,
                n_rejected=limit.n_rejected,
                event_loop_lag_s=self.lag.mean_s if limit.is_timed_on_loop else None,
            )
            for limit in self._limits.values()
            if limit.n_attempts
        ]

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
        call = _Call(self, model, model_input, self.limit_of(model), on_attempt)
        if self.budget is None:
            return await self._answer(call, handed_over_s)
        try:
            reserved_usd = await self.budget.reserve(model.limit_key, self._guess_usd(call))
        except BudgetError as error:
            return Failure(kind="not_asked", message=str(error), n_attempts=0)
        cost_usd: float | None = 0.0  # of a call that is called off, nobody will know
        try:
            answer = await self._answer(call, handed_over_s)
            cost_usd = answer.cost_usd
        finally:
            self.budget.settle(model.limit_key, reserved_usd, cost_usd, model.name)
        return answer

    async def _answer(self, call: _Call, handed_over_s: float | None) -> Prediction | Failure:
        """What all attempts together come to, with its clocks and its price."""
        model = call.model
        answer: Prediction | Failure
        try:
            try:
                answer = await call.attempt()
            except AttemptError as error:
                answer = await self._try_again(call.attempt, error)
            billed = call.metered(self._settings.prices)
            if billed is None or answer.cost_usd is not None:
                billed = answer  # what the application reports itself comes first
            else:
                answer = replace(answer, usage=billed.usage, model=billed.model or answer.model)
            cost = self._price(model, billed)
        except AttemptError as error:
            answer = error.failure
            if error.is_final:
                self._final[id(model)] = replace(answer, n_attempts=0, total_s=None, queue_s=None)
            cost = Cost(usd=answer.cost_usd)
            billed = call.metered(self._settings.prices) or error.billed
            if billed is not None:
                cost = self._price(model, billed)
                answer = replace(
                    answer,
                    usage=billed.usage,
                    model=billed.model,
                    finish_reason=billed.finish_reason,
                )
        is_alone = model.queues_itself and call.n_attempts == 1
        total_s, queue_s = self._clocks(
            call.first_s, handed_over_s, answer.latency_s if is_alone else None
        )
        return replace(
            answer,
            cost_usd=cost.usd,
            cost_source=cost.source,
            unit_prices=cost.unit_prices,
            total_s=total_s,
            queue_s=queue_s,
            n_attempts=call.n_attempts,
        )

    def _price(self, model: Model, answer: Prediction) -> Cost:
        return price_of(
            answer,
            asked_model=model.billed_as,
            price_list_url=model.price_list_url,
            prices=self._settings.prices,
        )

    def _guess_usd(self, call: _Call) -> float | None:
        """What a call may cost that nobody has made yet, by its tokens; None where unknown."""
        n_input = call.n_tokens - _USUAL_OUTPUT
        usage = Usage(input_tokens=int(n_input), output_tokens=_USUAL_OUTPUT)
        return self._price(call.model, Prediction(output="", usage=usage)).usd

    def _clocks(
        self, started: float | None, handed_over_s: float | None, call_s: float | None
    ) -> tuple[float, float]:
        """Seconds from the first attempt to the answer, and those before the first attempt.

        ``call_s`` is the only call's own time where the model queues itself, else None: the call
        then is the total, and what else went by was queueing, be it in the engine or in the model.
        """
        now = self._clock()
        started = now if started is None else started
        total_s = now - started if call_s is None else call_s
        waited_s = now - total_s - (started if handed_over_s is None else handed_over_s)
        return total_s, max(waited_s, 0.0)

    async def attempt(self, model: Model, model_input: Any, started: float) -> Prediction:
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


class _Call:
    """One case on its way to an answer: its attempts, and the limit that they keep.

    Args:
        engine: Makes the attempts.
        model: The model.
        model_input: The case's input.
        limit: What holds the attempts back.
        on_attempt: Called with the clock when an attempt begins, and with None when it ended.

    Attributes:
        n_attempts: Attempts so far.
        first_s: The clock when the first of them began; None before it.
    """

    def __init__(
        self,
        engine: Engine,
        model: Model,
        model_input: Any,
        limit: Limit,
        on_attempt: Callable[[float | None], None] | None,
    ) -> None:
        self.model = model
        self.n_attempts = 0
        self.first_s: float | None = None
        self._engine = engine
        self._input = model_input
        self._limit = limit
        self._on_attempt = on_attempt
        self._ledger: Ledger | None = None

    @cached_property
    def n_tokens(self) -> float:
        """About how many tokens question and answer have."""
        text = self._input if isinstance(self._input, str) else repr(self._input)
        return len(text) / _CHARACTERS_PER_TOKEN + _USUAL_OUTPUT

    async def attempt(self) -> Prediction:
        """One attempt, when its turn has come.

        Raises:
            AttemptError: It brought no answer.
        """
        limit = self._limit
        if limit.is_slowed:
            await limit.turn(self.n_tokens)
        self.n_attempts += 1
        started = self._engine.clock()
        if self.first_s is None:
            self.first_s = started
        step = limit.begin()
        if self._on_attempt is not None:
            self._on_attempt(started)
        try:
            answer = await self._ask(started)
        except AttemptError as error:
            if error.is_overload:
                limit.rejected(step, is_repeated=self.n_attempts > 1)
            if error.retry_after_s is not None and error.retry_after_s <= MAX_WAIT_S:
                limit.wait(error.retry_after_s)
            raise
        finally:
            limit.end()
            if self._on_attempt is not None:
                self._on_attempt(None)
        self._note(answer, step)
        return answer

    async def _ask(self, started: float) -> Prediction:
        """The attempt itself; what metered clients are asked meanwhile is this case's."""
        if not is_metering():
            return await self._engine.attempt(self.model, self._input, started)
        if self._ledger is None:
            self._ledger = Ledger()
        with entered_in(self._ledger):
            return await self._engine.attempt(self.model, self._input, started)

    def metered(self, prices: Mapping[str, Price]) -> Prediction | None:
        """What metered clients have cost in all attempts; None where none was asked."""
        if self._ledger is None:
            return None
        return add_up(self._ledger.of(is_judge=False), prices)

    def _note(self, answer: Prediction, step: int) -> None:
        """Let the limit know how an attempt went."""
        limit = self._limit
        if limit.is_indifferent:
            return
        usage = answer.usage
        n_more = 0.0 if usage is None else usage.input_tokens + usage.output_tokens - self.n_tokens
        lag_s = 0.0 if self.model.queues_itself else self._engine.lag.recent_s
        size = limit.size
        limit.answered(step, answer.latency_s or 0.0, lag_s=lag_s, n_tokens=n_more)
        if limit.size != size:
            self.model.resize(limit.size)


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
