"""The engine proper: asks a model one case, with time-out, retries, clocks and price.

Whatever happens, the answer is a ``Prediction`` or a ``Failure``; only cancellation passes through.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.asked import Asked, merge_asked
from pytest_modeleval.core.predictions import Failure, Prediction, Usage, filled_in
from pytest_modeleval.engine.budgets import Budget, BudgetError
from pytest_modeleval.engine.lags import LoopLag
from pytest_modeleval.engine.limits import Limit
from pytest_modeleval.engine.retry import MAX_WAIT_S, read_error, wait_s
from pytest_modeleval.models.base import AttemptError, time_out
from pytest_modeleval.models.meters import Ledger, add_up, entered_in
from pytest_modeleval.models.pools import CallError
from pytest_modeleval.models.prices import Cost, price_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    import tenacity

    from pytest_modeleval.models.base import Model
    from pytest_modeleval.settings import Price, Settings

__all__ = ["Engine", "guess_usage"]

_CHARACTERS_PER_TOKEN = 3  # of English it is about 4; a guess should rather be too high
_USUAL_OUTPUT = 256  # tokens of an answer that nobody has seen yet


_OF_SERVERS = ("connection", "rate_limited", "server_error")
_HOPELESS = 5  # cases after all of whose retries a server that has answered nobody is given up


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
        self._final: dict[Hashable, Failure] = {}
        self._answered: set[Hashable] = set()
        self._n_in_vain: Counter[Hashable] = Counter()

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
                timeout_s=self.timeout_s,
                clock=self._clock,
            )
        return limit

    def asked(self) -> list[Asked]:
        """How each model was asked so far."""
        parts = [
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
        return merge_asked(parts, are_at_once=False)  # one made anew for each case is one model

    async def predict(
        self,
        model: Model,
        model_input: Any,
        *,
        handed_over_s: float | None = None,
        on_attempt: Callable[[float | None], None] | None = None,
        is_budgeted: bool = True,
        is_judge: bool = False,
    ) -> Prediction | Failure:
        """What the model says, or why it says nothing.

        Args:
            model: The model to ask.
            model_input: The case's input.
            handed_over_s: The clock when the case was handed to the engine; now by default.
            on_attempt: Called with the clock when an attempt begins, and with None when it ended.
            is_budgeted: It counts against the budget; part of another call is counted with that.
            is_judge: It is asked about an answer, so that what its code has metered as a judge's
                is what it cost.
        """
        final = self.final_of(model)
        if final is not None:
            return final
        call = _Call(self, model, model_input, self.limit_of(model), on_attempt, is_judge=is_judge)
        if self.budget is None or not is_budgeted:
            return await self._answer(call, handed_over_s)
        try:
            reserved_usd = await self.budget.reserve(model.limit_key, self._guess_usd(call))
        except BudgetError as error:
            return Failure(kind="not_asked", message=str(error), n_attempts=0)
        answer: Prediction | Failure | None = None  # it stays that where the call is called off
        try:
            answer = await self._answer(call, handed_over_s)
        finally:
            self.budget.settle(
                model.limit_key,
                reserved_usd,
                reserved_usd if answer is None else answer.cost_usd,
                model.name,
                is_answered=isinstance(answer, Prediction),
            )
        return answer

    def final_of(self, model: Model) -> Failure | None:
        """Why this model's server is not asked any more: a key that is not accepted, say."""
        return self._final.get(model.limit_key)

    def _is_hopeless(self, model: Model, failure: Failure) -> bool:
        """Whether a server has answered nobody, and its first cases have used up their retries."""
        key = model.limit_key
        if key in self._answered or failure.kind not in _OF_SERVERS or model.queues_itself:
            return False
        self._n_in_vain[key] += 1
        return self._n_in_vain[key] >= _HOPELESS

    async def _answer(self, call: _Call, handed_over_s: float | None) -> Prediction | Failure:
        """What all attempts together come to, with its clocks and its price."""
        model = call.model
        answer: Prediction | Failure
        try:
            try:
                answer = await call.attempt()
            except AttemptError as error:
                answer = await self._try_again(call.attempt, error)
            self._answered.add(model.limit_key)
            billed = call.metered(self._settings.prices)
            if billed is None or answer.cost_usd is not None:
                cost = self._price(model, answer)  # what the application reports comes first
            else:
                answer = replace(answer, usage=billed.usage, model=billed.model or answer.model)
                cost = _known_cost(billed)
        except AttemptError as error:
            answer = error.failure
            if error.is_final or self._is_hopeless(model, answer):
                final = replace(answer, n_attempts=0, total_s=None, queue_s=None)
                self._final[model.limit_key] = final
            cost = Cost(usd=answer.cost_usd)
            metered = call.metered(self._settings.prices)
            billed = metered or error.billed
            if billed is not None:
                cost = self._price(model, billed) if metered is None else _known_cost(metered)
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
        return filled_in(
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
        most = getattr(getattr(call.model, "requests", None), "max_output_tokens", None)
        if most is not None:
            usage = replace(call.guess, output_tokens=most)
            return self._price(call.model, Prediction(output="", usage=usage)).usd
        return self._price(call.model, Prediction(output="", usage=call.guess)).usd

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
        is_judge: What is metered as a judge's is its own cost too.

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
        *,
        is_judge: bool,
    ) -> None:
        self.model = model
        self.n_attempts = 0
        self.first_s: float | None = None
        self._engine = engine
        self._input = model_input
        self._limit = limit
        self._on_attempt = on_attempt
        self._is_judge = is_judge
        self._ledger = Ledger()

    @cached_property
    def guess(self) -> Usage:
        """About how many tokens question and answer have."""
        return guess_usage(self._input)

    async def attempt(self) -> Prediction:
        """One attempt, when its turn has come.

        Raises:
            AttemptError: It brought no answer.
        """
        limit = self._limit
        if limit.is_slowed:
            await limit.turn(_n_tokens(self.guess))
            final = self._engine.final_of(self.model)
            if final is not None:  # another call has found out meanwhile
                raise AttemptError(final.kind, final.message, cost_usd=0.0, is_final=True)
        self.n_attempts += 1
        started = self._engine.clock()
        if self.first_s is None:
            self.first_s = started
        step, size = limit.begin(), limit.size
        if self._on_attempt is not None:
            self._on_attempt(started)
        try:
            answer = await self._ask(started)
            self._note(answer, step)
        except AttemptError as error:
            if error.is_overload:
                limit.rejected(step, is_repeated=self.n_attempts > 1)
            if error.retry_after_s is not None and error.retry_after_s <= MAX_WAIT_S:
                limit.wait(error.retry_after_s)
            raise
        finally:
            limit.end()
            if limit.size != size:
                self.model.resize(limit.size)
            if self._on_attempt is not None:
                self._on_attempt(None)
        return answer

    async def _ask(self, started: float) -> Prediction:
        """The attempt itself; what metered clients are asked meanwhile is this case's."""
        with entered_in(self._ledger):
            return await self._engine.attempt(self.model, self._input, started)

    def metered(self, prices: Mapping[str, Price]) -> Prediction | None:
        """What metered clients have cost in all attempts; None where none was asked."""
        if not self._ledger.calls:
            return None
        calls = self._ledger.of(is_judge=False)
        if self._is_judge:
            calls += self._ledger.of(is_judge=True)
        return add_up(calls, prices)

    def _note(self, answer: Prediction, step: int) -> None:
        """Let the limit know how an attempt went."""
        limit = self._limit
        if limit.is_indifferent:
            return
        usage = answer.usage
        n_more = 0 if usage is None else _n_tokens(usage) - _n_tokens(self.guess)
        lag_s = 0.0 if self.model.queues_itself else self._engine.lag.recent_s
        limit.answered(step, answer.latency_s or 0.0, lag_s=lag_s, n_tokens=n_more)


def _known_cost(metered: Prediction) -> Cost:
    """What metered calls have cost; each was priced by itself, so their sum is not."""
    return Cost(usd=metered.cost_usd, source=metered.cost_source, unit_prices=metered.unit_prices)


def guess_usage(model_input: Any) -> Usage:
    """About how many tokens a question and an answer have that nobody has seen."""
    text = model_input if isinstance(model_input, str) else repr(model_input)
    return Usage(input_tokens=len(text) // _CHARACTERS_PER_TOKEN + 1, output_tokens=_USUAL_OUTPUT)


def _n_tokens(usage: Usage) -> int:
    return usage.input_tokens + usage.output_tokens


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
