"""Failures: a case that was not passed, as the terminal shows it in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.cases import question_of
from pytest_modeleval.core.thresholds import is_equal
from pytest_modeleval.reports.texts import cut, inert, one_line, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_modeleval.core.records import Record

__all__ = ["calls_of", "failure_text", "scores_shown"]

_WIDTH = 500
_LABEL = 9


def failure_text(record: Record) -> str:
    """What was asked, expected and got, and each score: what pytest shows of a wrong answer.

    Args:
        record: The record, without secrets.
    """
    rows: list[tuple[str, Any]] = [
        ("input", question_of(record.input)),
        ("expected", record.expected),
        ("got", record.output),
        ("calls", calls_of(record)),
        *(("score", text) for text in scores_shown(record)),
    ]
    lines = [
        f"  {label:<{_LABEL}}{cut(one_line(value), _WIDTH)}"
        for label, value in rows
        if value is not None
    ]
    place = f"{record.source}: " if record.source else ""
    why = "\n  ".join(visible(line) for line in f"{place}{record.reason}".splitlines())
    return inert("\n".join([why, *lines]))


def calls_of(record: Record) -> list[Any] | None:
    """The calls that the model asked for, where the answer itself does not hold them."""
    calls = list(record.tool_calls)
    return calls if calls and record.output != calls else None


def scores_shown(record: Record) -> Iterator[str]:
    """``tone 0.4, below 0.7: too curt`` for each score of a record, the decisive ones first."""
    scores = sorted(record.scores.items(), key=lambda pair: not _is_below(pair[1]))
    for name, score in scores:
        mark = score.get("min_score")
        held = ""
        if mark is not None:
            held = f", below {mark:g}" if _is_below(score) else f" (at least {mark:g})"
        why = f": {score['reason']}" if score.get("reason") else ""
        yield f"{name} {score['value']:g}{held}{why}"


def _is_below(score: Mapping[str, Any]) -> bool:
    mark = score.get("min_score")
    return mark is not None and score["value"] < mark and not is_equal(score["value"], mark)
