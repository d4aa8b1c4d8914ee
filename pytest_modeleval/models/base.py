"""The role of a model, and what one attempt at asking it can end in.

A model makes one attempt. Time-outs, retries, clocks of the whole and prices are the engine's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pytest_modeleval.core.plain import clean_text
from pytest_modeleval.core.predictions import Failure, FailureKind, Prediction

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = [
    "AttemptError",
    "Model",
    "describe",
    "short",
    "time_out",
]


_LONGEST = 20_000  # characters of a message; no secret is as long


class Model(Protocol):
    """Something that answers.

    Attributes:
        name: The name it is known by in records and reports.
        billed_as: The name that price tables know it by.
        max_concurrency: How many calls it takes at once, or None for as many as the settings say.
        price_list_url: Address by which public price lists know the server that answers, or None.
        queues_itself: The model holds calls back that are too many for it, and times each from
            its own beginning; a few may then wait there instead of in the engine.
        is_contained: Asking it leaves no trace in the task that asks, such as a context variable,
            so that the task may ask it again for another case.
    """

    name: str
    billed_as: str
    max_concurrency: int | None
    price_list_url: str | None
    queues_itself: bool
    is_contained: bool

    @property
    def limit_key(self) -> Hashable:
        """What its limits are shared by: models of the same server and name have one."""

    async def predict(self, model_input: Any) -> Prediction:
        """One attempt at answering.

        Raises:
            AttemptError: There is no answer; the error says whether to try again.
            Exception: Whatever the model's own code raises.
        """

    def resize(self, concurrency: int) -> None:
        """So many calls will be in flight at once from now on, where no limit of its own is lower."""

    async def close(self) -> None:
        """Give back sockets and threads."""


class AttemptError(Exception):
    """One attempt ended without an answer.

    Attributes:
        failure: What it is recorded as if it is the last one.
        can_retry: Whether another attempt may do better.
        retry_after_s: Seconds that the server asks to wait, or None.
        is_overload: There were too many calls, so that fewer at once may do.
        billed: Usage and model of an answer that is none but was billed all the same, or None.
        is_final: No further call to this model can do better: the key or the quota is at fault.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        can_retry: bool = False,
        retry_after_s: float | None = None,
        is_overload: bool = False,
        cost_usd: float | None = None,
        billed: Prediction | None = None,
        is_final: bool = False,
    ) -> None:
        super().__init__(message)
        self.failure = Failure(kind=kind, message=message, cost_usd=cost_usd)
        self.can_retry = can_retry
        self.retry_after_s = retry_after_s
        self.is_overload = is_overload
        self.billed = billed
        self.is_final = is_final


def time_out(timeout_s: float) -> AttemptError:
    """The failure of an attempt that took longer than its time-out, which is its latency."""
    late = AttemptError("timeout", f"no answer within {timeout_s:g} s")
    late.failure = late.failure.timed(latency_s=timeout_s)
    return late


def describe(error: BaseException) -> str:
    """An exception on one line: its type, and what it says if it says anything."""
    return f"{type(error).__name__}: {short(error)}".removesuffix(": ")


def short(value: object) -> str:
    """A text on one line, for a message.

    It is cut where it is shown and not here, since half a secret can't be told from other text.
    """
    try:
        text = " ".join(clean_text(str(value)).split())
    except Exception:  # noqa: BLE001  (an exception of a user's class that can't even be shown)
        text = f"a {type(value).__name__} that can't be shown"
    return text if len(text) <= _LONGEST else text[:_LONGEST].rpartition(" ")[0] + " ..."
