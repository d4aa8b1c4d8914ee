"""Budgets: a run stops before the call that could bring its cost above what it may cost."""

from __future__ import annotations

import asyncio
import math
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Budget", "BudgetError"]

_ROUNDING = 1 + 1e-9  # sums of dollars are not exact


class BudgetError(Exception):
    """A call was not made, since the budget does not hold it; the message says so."""


class Budget:
    """What a run may cost, what it has cost, and what its calls in flight are likely to.

    A call is likely to cost what the dearest one of its kind did. The first goes alone, and so
    does each after it until one is answered, since a guess from tokens may be far too low.

    Calls of models are reserved on the engine's event loop, and what tests spend in theirs.

    Args:
        max_usd: US dollars that the run may cost.

    Attributes:
        spent_usd: US dollars that are spent; for a call that failed at an unknown cost, those it
            was likely to cost.
        refusal: Why no further call is made; None while there is room.
        n_refused: Cases that were not asked for that reason.
    """

    def __init__(self, max_usd: float) -> None:
        self.max_usd = max_usd
        self.spent_usd = 0.0
        self.refusal: str | None = None
        if max_usd == 0:
            self.refusal = "model_eval_max_cost: the share of a worker that died counts as spent"
        self.n_refused = 0
        self._lock = threading.Lock()
        self._reserved_usd = 0.0
        self._dearest_usd: dict[Hashable, float] = {}
        self._alone: dict[Hashable, asyncio.Event] = {}

    async def reserve(self, kind: Hashable, guess_usd: float | None = None) -> float:
        """Set aside what the next call of a kind may cost, and give the amount.

        Args:
            kind: What has similar costs: the model.
            guess_usd: What the call may cost by its tokens; None where nobody knows.

        Raises:
            BudgetError: The budget does not hold it.
        """
        while kind in self._alone and self.refusal is None:
            await self._alone[kind].wait()
        reserved_usd = self.reserve_now(kind, guess_usd)
        if kind not in self._dearest_usd:
            self._alone[kind] = asyncio.Event()
        return reserved_usd

    def reserve_now(
        self, kind: Hashable, guess_usd: float | None = None, *, is_begun: bool = False
    ) -> float:
        """The same for a call that has no other of its kind beside it.

        Args:
            kind: As above.
            guess_usd: As above.
            is_begun: It belongs to a case that was paid for, which is finished if it is held.

        Raises:
            BudgetError: The budget does not hold it.
        """
        with self._lock:
            likely_usd = self._dearest_usd.get(kind, guess_usd or 0.0)
            would_be_usd = self.spent_usd + self._reserved_usd + likely_usd
            is_held = not likely_usd or would_be_usd <= self.max_usd * _ROUNDING
            if not is_held:
                self.refusal = self.refusal or (
                    f"model_eval_max_cost: {_dollars(self.spent_usd)} of {_dollars(self.max_usd)} "
                    f"is spent, {_dollars(self._reserved_usd)} is in flight, and the next call "
                    f"is likely to cost {_dollars(likely_usd)}"
                )
            if self.refusal is not None and not (is_held and is_begun):
                self.n_refused += 1
                raise BudgetError(self.refusal)
            self._reserved_usd += likely_usd
            return likely_usd

    def settle(
        self,
        kind: Hashable,
        reserved_usd: float,
        cost_usd: float | None,
        name: str,
        *,
        is_answered: bool = True,
    ) -> None:
        """A call has ended.

        Args:
            kind: What it was reserved as.
            reserved_usd: What was set aside for it.
            cost_usd: What it cost; None where that is unknown.
            name: What it was a call of, for the message.
            is_answered: Otherwise what it cost says nothing about the next one, and an unknown
                cost is taken for the one that was likely, where there is one.
        """
        with self._lock:
            self._reserved_usd -= reserved_usd
            if is_answered:
                known_usd = math.inf if cost_usd is None else cost_usd
                self._dearest_usd[kind] = max(self._dearest_usd.get(kind, 0.0), known_usd)
            elif cost_usd is None:
                cost_usd = reserved_usd or None
            self._spend(cost_usd, name)
        alone = self._alone.pop(kind, None)
        if alone is not None:
            alone.set()

    def _spend(self, cost_usd: float | None, name: str) -> None:
        """Under the lock: so much is gone; of unknown cost, no budget can be kept."""
        if cost_usd is None:
            self.refusal = self.refusal or (
                f"model_eval_max_cost can't be kept: what {name} costs is unknown; add its price "
                "to model_eval_prices, or report cost_usd"
            )
            return
        self.spent_usd += cost_usd
        if self.spent_usd > self.max_usd * _ROUNDING and self.refusal is None:
            self.refusal = (
                f"model_eval_max_cost: {_dollars(self.spent_usd)} is spent, more than "
                f"{_dollars(self.max_usd)}"
            )


def _dollars(amount: float) -> str:
    """Cents, and two digits of what is less."""
    if amount == 0 or amount >= 0.1:
        return f"${amount:.2f}"
    return "$" + (f"{amount:.2g}" if amount >= 1e-4 else f"{amount:.7f}".rstrip("0"))
