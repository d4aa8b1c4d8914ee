"""What is shown of judges: how they were tried, and how far people agree with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modeleval.core.words import counted
from pytest_modeleval.reports.numbers import value_text
from pytest_modeleval.reports.tables import Line
from pytest_modeleval.reports.texts import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modeleval.core.agreements import Agreement, Kappa
    from pytest_modeleval.core.preflights import Preflight

__all__ = ["agreement_lines", "preflight_lines"]


def agreement_lines(agreements: Sequence[Agreement]) -> Iterator[Line]:
    """How far each judge agrees with people, and which way it errs."""
    for item in agreements:
        for text in _agreement_texts(item):
            yield Line(text=f"  {one_line(text)}")


def _agreement_texts(item: Agreement) -> Iterator[str]:
    if item.n:
        share, interval, kappa = value_text(item.accuracy, "rate"), item.interval, item.kappa
        between = f" ({_between(interval.low, interval.high)} %)" if interval else ""
        yield (
            f"{item.scorer} agrees with people in {item.n_agreed} of "
            f"{counted(item.n, 'answer')}: {share}{between}"
        )
        shown = f"{kappa.value:.2f}{_around(kappa)}" if kappa else "n/a, all verdicts are the same"
        wrong = (
            f"; it passes {item.n_passed_by_judge} that people fail, and fails "
            f"{item.n_failed_by_judge} that they pass"
        )
        yield f"  Cohen's kappa {shown}" + (wrong if item.n_agreed < item.n else "")
    if item.n_unreadable:
        n = counted(item.n_unreadable, "label")
        yield f"{n} in the column human can't be read; write pass, fail or a number from 0 to 1"


def _around(kappa: Kappa) -> str:
    if kappa.low is None or kappa.high is None:
        return ""
    return f" ({kappa.low:.2f} to {kappa.high:.2f})"


def _between(low: float | None, high: float | None) -> str:
    return " to ".join("n/a" if end is None else f"{end * 100:.1f}" for end in (low, high))


def preflight_lines(preflight: Preflight | None, *, verbosity: int) -> Iterator[Line]:
    """What was tried and what it cost, then each golden answer that was judged wrong."""
    if preflight is None:
        return
    if preflight.judges and (preflight.mistakes or verbosity >= 0):
        n = counted(preflight.n_golden, "golden answer")
        who = counted(len(preflight.judges), "judge")
        right = f"{len(preflight.mistakes)} of them wrong" if preflight.mistakes else "all right"
        cost = value_text(preflight.cost_usd, "dollars")
        calls = counted(preflight.n_calls, "call")
        text = f"preflight: {n} for {who}, {right} ({calls}, cost {cost})"
        yield Line(text=text, color="red" if preflight.mistakes else None)
    for mistake in preflight.mistakes:
        yield Line(text=f"  {one_line(str(mistake))}", color="red")
    if preflight.untried:
        names = ", ".join(preflight.untried)
        yield Line(text=f"preflight: not made for {names} (preflight: false)", color="yellow")
