"""Cases: everything that a run knows of one case, for the terminal, no text cut."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.words import counted, titled
from pytest_modeleval.reports.failures import calls_of
from pytest_modeleval.reports.numbers import value_text
from pytest_modeleval.reports.tables import Line
from pytest_modeleval.reports.texts import inert, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_modeleval.core.records import Record

__all__ = ["repeats_answer", "whole_case"]

_COLORS = {"errored": "red", "missed": "yellow", "unscored": "yellow", "passed": "green"}
_ROOM = 12


def whole_case(record: Record) -> Iterator[Line]:
    """The lines on one record; none holds what a terminal or a CI would act on."""
    for line in _lines(record):
        yield replace(line, text=inert(visible(line.text)))


def _lines(record: Record) -> Iterator[Line]:
    suite = titled(record.suite, record.variant)
    title = ", ".join(filter(None, [suite, record.model]))
    repeat = f" (time {record.repeat + 1})" if record.repeat else ""
    yield Line(text=f"{title}: {record.case_id}{repeat}")
    color = _COLORS.get(record.outcome)
    kind = f" ({record.error_kind})" if record.error_kind else ""
    yield Line(text=f"  {'outcome':<{_ROOM}}{record.outcome}{kind}", color=color)
    for label, value in _fields(record):
        yield from _field(label, value)
    for name, score in record.scores.items():
        yield from _field(f"score {name}", _score(score))
    yield Line()


def repeats_answer(record: Record) -> bool:
    """Whether the reason only says again what was expected and got."""
    if len(record.scores) == 1 and record.reason == "score exact is 0, below 1":
        return True
    got, expected = repr(record.output), repr(record.expected)
    return record.reason in (f"assert {got} == {expected}", f"assert {expected} == {got}")


def _fields(record: Record) -> Iterator[tuple[str, Any]]:
    """What is known, in the order that one asks for it."""
    yield "input", record.input
    yield "expected", record.expected
    yield "got", record.output
    yield "tool calls", calls_of(record)
    yield "why", record.reason
    yield "latency", _time(record.latency_s)
    if (record.n_attempts or 1) > 1:
        attempts = f"{_time(record.total_s)}, {counted(record.n_attempts or 0, 'attempt')}"
        yield "with retries", attempts
    yield "first token", _time(record.ttft_s)
    if record.cost_usd is not None:
        source = f" ({record.cost_source})" if record.cost_source else ""
        yield "cost", value_text(record.cost_usd, "dollars") + source
    if record.judge_cost_usd is not None:
        yield "judging", value_text(record.judge_cost_usd, "dollars")
    if record.usage:
        yield "tokens", ", ".join(f"{name} {n}" for name, n in record.usage.items() if n)
    yield "served by", record.served_model
    yield "stopped for", record.finish_reason
    yield "measured in", record.measured_in
    yield "tags", ", ".join(record.tags) or None
    yield "cluster", record.cluster
    yield "metadata", dict(record.metadata) or None
    yield "source", record.source
    yield "test", record.nodeid or None


def _field(label: str, value: Any) -> Iterator[Line]:
    """A field: its name before the first line, the others below it."""
    if value is None:
        return
    is_text = isinstance(value, str)
    text = value if is_text else json.dumps(value, ensure_ascii=False, indent=2, default=str)
    first, *others = text.replace("\r\n", "\n").split("\n")
    if len(label) >= _ROOM:
        yield Line(text=f"  {label}")
        label = ""
    yield Line(text=f"  {label:<{_ROOM}}{first}".rstrip())
    for other in others:
        yield Line(text=f"  {'':<{_ROOM}}{other}".rstrip())


def _score(score: Mapping[str, Any]) -> str:
    bound = f" (wanted at least {score['min_score']:g})" if "min_score" in score else ""
    reason = f": {score['reason']}" if score.get("reason") else ""
    return f"{float(score['value']):g}{bound}{reason}"


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else value_text(seconds, "seconds")
