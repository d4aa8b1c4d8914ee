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


def merge_asked(parts: Iterable[Asked], *, are_at_once: bool = True) -> list[Asked]:
    """What was asked in several parts, a line for each model; the worst lag counts.

    Args:
        parts: How each part was asked.
        are_at_once: They were asked at the same time, by several processes, so that what was in
            flight adds up; otherwise one after the other.
    """
    by_model: dict[str, list[Asked]] = {}
    for part in parts:
        by_model.setdefault(part.model, []).append(part)
    merged = []
    for model, own in by_model.items():
        lags = [part.event_loop_lag_s for part in own if part.event_loop_lag_s is not None]
        together = sum if are_at_once else max
        merged.append(
            Asked(
                model=model,
                cap=together(part.cap for part in own),
                max_in_flight=together(part.max_in_flight for part in own),
                concurrency=together(part.concurrency for part in own),
                is_adaptive=any(part.is_adaptive for part in own),
                n_attempts=sum(part.n_attempts for part in own),
                n_rejected=sum(part.n_rejected for part in own),
                event_loop_lag_s=max(lags, default=None),
            )
        )
    return merged
