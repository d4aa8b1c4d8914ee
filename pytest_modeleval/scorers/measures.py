"""Measures: what an answer took and cost, as a score of its case.

Both are 1 or 0. A score that falls slowly would depend on two more numbers that nobody has; how
fast and how dear the answers of a suite are is what its metrics and thresholds are for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pytest_modeleval.core.thresholds import is_equal
from pytest_modeleval.errors import Unscored
from pytest_modeleval.scorers.rules import Rule

if TYPE_CHECKING:
    from pytest_modeleval.core.predictions import Prediction

__all__ = ["make_cost", "make_latency"]


def make_latency(*, at_most: float, clock: Literal["latency", "total", "ttft"] = "latency") -> Rule:
    """The answer came in time: in at most so many seconds, of the clock of that name.

    An answer that was not timed is unscored.
    """

    def score(_: None, prediction: Prediction) -> Any:
        seconds: float | None = getattr(prediction, f"{clock}_s")
        if seconds is None:
            raise Unscored(f"the {clock} of the answer is not known")
        is_met = seconds <= at_most or is_equal(seconds, at_most)
        return is_met, None if is_met else f"{seconds:.3g} s, above {at_most:g} s"

    return Rule(score)


def make_cost(*, at_most: float) -> Rule:
    """The answer cost at most so many US dollars; one of unknown cost is unscored, never free."""

    def score(_: None, prediction: Prediction) -> Any:
        cost_usd = prediction.cost_usd
        if cost_usd is None:
            raise Unscored(
                "the cost of the answer is not known; add its model to model_eval_prices"
            )
        is_met = cost_usd <= at_most or is_equal(cost_usd, at_most)
        return is_met, None if is_met else f"${cost_usd:.3g}, above ${at_most:g}"

    return Rule(score)
