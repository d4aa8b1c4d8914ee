"""Asked: under which circumstances the models were asked, which a latency means little without."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MAX_LAG_SHARE", "Asked", "merge_asked"]

MAX_LAG_SHARE = 0.05
"""Share of the median latency above which our own lateness spoils it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How one model was asked.

    Attributes:
        model: Name of the model.
        cap: The most calls that could have been in flight.
        max_in_flight: The most that were.
        concurrency: Those that were allowed at the end.
        is_adaptive: That number was found out on the way.
        n_attempts: Requests sent.
        n_rejected: Those that were too many for the server.
        event_loop_lag_s: Seconds that our event loop was late by on average; None where the
            latency was not measured on it.
    """

    model: str
    cap: int
    max_in_flight: int
    concurrency: int
    is_adaptive: bool
    n_attempts: int
    n_rejected: int
    event_loop_lag_s: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)

    def is_late(self, median_latency_s: float | None) -> bool:
        """Whether the event loop was so late that it is seen in the latencies."""
        if self.event_loop_lag_s is None or median_latency_s is None:
            return False
        return self.event_loop_lag_s > MAX_LAG_SHARE * median_latency_s


def merge_asked(parts: Iterable[Asked]) -> list[Asked]:
    """What several processes asked, a line for each model: numbers add up, the worst lag counts."""
    by_model: dict[str, list[Asked]] = {}
    for part in parts:
        by_model.setdefault(part.model, []).append(part)
    merged = []
    for model, own in by_model.items():
        lags = [part.event_loop_lag_s for part in own if part.event_loop_lag_s is not None]
        names = ("cap", "max_in_flight", "concurrency", "n_attempts", "n_rejected")
        sums = {name: sum(getattr(part, name) for part in own) for name in names}
        merged.append(
            Asked(
                model=model,
                is_adaptive=any(part.is_adaptive for part in own),
                event_loop_lag_s=max(lags, default=None),
                **sums,
            )
        )
    return merged
