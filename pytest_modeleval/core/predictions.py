"""Predictions and failures: what came of asking a model one case, once.

The two are different types. A failure to answer is never a bad answer, and no reader of a
prediction has to ask whether there is one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Failure", "FailureKind", "Prediction", "Usage", "filled_in", "total_cost"]

FailureKind = Literal[
    "timeout",  # no answer within the time-out of an attempt
    "connection",  # the server could not be reached, or hung up
    "rate_limited",  # 429 after all retries
    "quota",  # 429 that waiting does not cure
    "server_error",  # 5xx, 408 or 409 after all retries
    "bad_request",  # any other 4xx: key, model name, parameters
    "bad_body",  # the server answered something that is no completion
    "refused",  # the model declined to answer, or a filter did for it
    "truncated",  # the answer was cut off where half of it is none
    "no_answer",  # the model answered nothing (None, an empty completion)
    "bad_answer",  # the model answered something that JSON cannot hold
    "raised",  # the model's own code raised
    "crashed",  # the process that asked died
    "not_asked",  # the budget did not hold the call
    "not_replayed",  # the run that is replayed has no answer to it
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one answer, as the provider counts them.

    Attributes:
        input_tokens: All tokens of the question, cached ones included.
        output_tokens: All tokens of the answer, reasoning included.
        cached_input_tokens: Those of ``input_tokens`` billed at the cached rate.
        reasoning_tokens: Those of ``output_tokens`` spent on reasoning.
    """

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            count = getattr(self, name)
            if type(count) is int and count >= 0:  # asking Integral takes ten times as long
                continue
            if isinstance(count, bool) or not isinstance(count, Integral) or count < 0:
                raise ValueError(f"Usage.{name} is a count of tokens, not {count!r}")
            object.__setattr__(self, name, int(count))  # numpy's integers become Python's


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Prediction:
    """What a model said to one case, once.

    A prediction compares by its output: ``assert prediction == case.expected``.

    Attributes:
        output: The answer: text or any value that JSON holds.
        latency_s: Seconds of the successful attempt, request sent to body read. A model may give
            its own clock; None lets the engine take the time.
        cost_usd: US dollars, or None where no price is known; never a guessed 0.
        usage: Tokens, or None where the model does not count them.
        model: Name of the model that served the answer, or None.
        service_tier: The tier that it was served and is billed at, or None for the usual one.
        cost_source: Where ``cost_usd`` comes from: ``reported``, or the price table's name.
        unit_prices: The prices that ``cost_usd`` was reckoned with, in US dollars per million
            tokens: ``input``, ``output`` and ``cached_input``; None where nothing was reckoned.
        tool_calls: The calls that the model asks for, each ``{"name": ..., "arguments": ...}``;
            None for none.
        ttft_s: Seconds from the request sent to the first piece of a streamed answer; None where
            it was not streamed.
        total_s: Seconds from the first attempt sent to the answer, back-off included.
        queue_s: Seconds from being handed to the engine to the first attempt sent.
        n_attempts: Attempts it took.
        finish_reason: Why the model stopped, where it says so.
        measured_in: Id of the earlier run that the answer, its clocks and its cost are of, where
            that one is replayed or resumed; None for this run.
    """

    output: Any
    latency_s: float | None = None
    cost_usd: float | None = None
    usage: Usage | None = None
    model: str | None = None
    service_tier: str | None = None
    cost_source: str | None = None
    unit_prices: Mapping[str, float] | None = None
    tool_calls: tuple[Mapping[str, Any], ...] | None = None
    ttft_s: float | None = None
    total_s: float | None = None
    queue_s: float | None = None
    n_attempts: int = 1
    finish_reason: str | None = None
    measured_in: str | None = None

    def __post_init__(self) -> None:
        for name in ("latency_s", "cost_usd", "ttft_s"):
            _require_amount(f"Prediction.{name}", getattr(self, name))
        if self.usage is not None and not isinstance(self.usage, Usage):
            raise ValueError(f"Prediction.usage is a Usage or None, not {self.usage!r}")

    def __eq__(self, other: object) -> bool:
        return bool(self.output == (other.output if isinstance(other, Prediction) else other))

    __hash__ = None  # type: ignore[assignment]  # equal to its output, which may be a list

    def __repr__(self) -> str:
        # This is what a failing assert shows, so it is the answer and nothing else.
        return repr(self.output)

    def __str__(self) -> str:
        return str(self.output)

    def __contains__(self, item: object) -> bool:
        return item in self.output


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a model gave no answer to one case.

    Attributes:
        kind: What went wrong, as a word to count by.
        message: The sentence for the user.
        latency_s: For a time-out the time-out, since leaving it out would flatter the p95; None
            for every other failure.
        total_s: Seconds from the first attempt sent to giving up.
        queue_s: Seconds from being handed to the engine to the first attempt sent.
        n_attempts: Attempts made.
        cost_usd: US dollars that the failed attempts were billed, where known.
        cost_source: Where ``cost_usd`` comes from, as in ``Prediction``.
        unit_prices: As in ``Prediction``.
        usage: Tokens of an answer that is none but was billed, or None.
        model: Name of the model that served it, or None.
        finish_reason: Why the model stopped, where it says so.
        measured_in: As in ``Prediction``.
    """

    kind: FailureKind
    message: str
    latency_s: float | None = None
    total_s: float | None = None
    queue_s: float | None = None
    n_attempts: int = 1
    cost_usd: float | None = None
    cost_source: str | None = None
    unit_prices: Mapping[str, float] | None = None
    usage: Usage | None = None
    model: str | None = None
    finish_reason: str | None = None
    measured_in: str | None = None

    def timed(self, **clocks: Any) -> Failure:
        """The same failure with its clocks and attempts filled in."""
        return filled_in(self, **clocks)


_Answer = TypeVar("_Answer", bound="Prediction | Failure")


def filled_in(answer: _Answer, **fields: Any) -> _Answer:
    """The same answer with these fields, which are known to be right.

    ``dataclasses.replace`` checks them, and takes three times as long.
    """
    same = object.__new__(type(answer))
    for name in answer.__slots__:
        object.__setattr__(same, name, fields[name] if name in fields else getattr(answer, name))
    return same


def total_cost(costs: list[float | None]) -> float | None:
    """Sum of what several calls cost; None as soon as one of them is unknown."""
    known = [cost for cost in costs if cost is not None]
    return math.fsum(known) if costs and len(known) == len(costs) else None


def _require_amount(name: str, value: object) -> None:
    """A number of seconds or dollars: finite and not negative, or None for unknown."""
    if value is None or (type(value) is float and 0 <= value < math.inf):
        return
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < math.inf:
        raise ValueError(f"{name} is a finite number of at least 0 or None, not {value!r}")
