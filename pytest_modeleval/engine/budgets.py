"""Budgets: a run stops before the call that could bring its cost above what it may cost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Budget", "BudgetError"]


class BudgetError(Exception):
    """A call was not made, since the budget does not hold it; the message says so."""


class Budget:
    """What a run may cost, what it has cost, and what its calls in flight are likely to.

    A call is likely to cost what the dearest one of its model did. Before the first of them is
    priced, a guess from its tokens will do; where there is none, the first call goes alone.

    Args:
        max_usd: US dollars that the run may cost.

    Attributes:
        spent_usd: US dollars that are known to be spent.
        refusal: Why no further call is made; None while there is room.
        n_refused: Cases that were not asked for that reason.
    """

    def __init__(self, max_usd: float) -> None:
        self.max_usd = max_usd
        self.spent_usd = 0.0
        self.refusal: str | None = None
        self.n_refused = 0
        self._reserved_usd = 0.0
        self._dearest_usd: dict[Hashable, float] = {}
        self._first: dict[Hashable, asyncio.Event] = {}

    async def reserve(self, key: Hashable, guess_usd: float | None) -> float:
        """Set aside what the next call of a model may cost, and give the amount.

        Raises:
            BudgetError: The budget does not hold it.
        """
        likely_usd = self._likely(key, guess_usd)
        while likely_usd is None and self.refusal is None:
            first = self._first.get(key)
            if first is None:  # this one finds out
                self._first[key] = asyncio.Event()
                likely_usd = 0.0
                break
            await first.wait()
            likely_usd = self._likely(key, guess_usd)
        if self.refusal is None and likely_usd is not None:
            would_be = self.spent_usd + self._reserved_usd + likely_usd
            if would_be > self.max_usd * (1 + 1e-9):
                self.refusal = (
                    f"model_eval_max_cost: {_dollars(self.spent_usd)} of {_dollars(self.max_usd)} "
                    f"is spent, {_dollars(self._reserved_usd)} is in flight, and the next call "
                    f"is likely to cost {_dollars(likely_usd)}"
                )
        if self.refusal is not None or likely_usd is None:
            self.n_refused += 1
            raise BudgetError(self.refusal)
        self._reserved_usd += likely_usd
        return likely_usd

    def settle(self, key: Hashable, reserved_usd: float, cost_usd: float | None, name: str) -> None:
        """A call has ended and cost so much; of unknown cost, no budget can be kept."""
        self._reserved_usd -= reserved_usd
        self.spend(cost_usd, name)
        if cost_usd is not None:
            self._dearest_usd[key] = max(self._dearest_usd.get(key, 0.0), cost_usd)
        if key in self._first:
            self._first[key].set()

    def spend(self, cost_usd: float | None, name: str) -> None:
        """So much was spent on something; None for an unknown amount."""
        if cost_usd is None:
            self.refusal = self.refusal or (
                f"model_eval_max_cost can't be kept: what {name} costs is unknown; add its price "
                "to model_eval_prices, or report cost_usd"
            )
            return
        self.spent_usd += cost_usd
        if self.spent_usd > self.max_usd and self.refusal is None:
            self.refusal = (
                f"model_eval_max_cost: {_dollars(self.spent_usd)} is spent, more than "
                f"{_dollars(self.max_usd)}"
            )

    def _likely(self, key: Hashable, guess_usd: float | None) -> float | None:
        seen = self._dearest_usd.get(key)
        return seen if seen is not None else guess_usd


def _dollars(amount: float) -> str:
    return f"${amount:.2f}" if amount >= 1 or amount == 0 else f"${amount:.2g}"
