"""The section ``model eval`` in the terminal: the numbers, the failures, the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pytest_modeleval.reports.numbers import NOT_AVAILABLE, bound_text, interval_text, value_text
from pytest_modeleval.reports.texts import cut, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_modeleval.core.gates import Coverage, Judgement, Status, Verdict
    from pytest_modeleval.core.records import Record
    from pytest_modeleval.core.summaries import Metric, Summary

__all__ = ["Line", "Shown", "Terminal", "header", "render", "write"]

_ROWS = ("accuracy", "p50_latency", "p95_latency", "avg_cost", "total_cost", "error_rate")
_MAX_FAILURES = 20
_COLORS: dict[Status, str] = {
    "met": "green",
    "not met": "red",
    "invalid": "red",
    "not judged": "yellow",
}


class Terminal(Protocol):
    """What we need of pytest's terminal reporter."""

    def section(self, title: str, sep: str = "=", **kw: bool) -> None:
        """A line across the terminal with a title in it."""

    def write_line(self, line: str, **markup: bool) -> None:
        """A line of text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line, and its colour where it has one."""

    text: str = ""
    color: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the section shows.

    Attributes:
        verdict: The verdict, with the summaries it was judged on.
        coverages: How much of each suite was meant to run.
        folder: Folder of the run, as it is shown; None where nothing is on disk.
        trouble: Sentences on what could not be written.
        verbosity: pytest's verbosity: below 0 the verdict alone, from 2 on every case.
        has_thresholds: Whether the user set any.
        width: Columns of the terminal.
    """

    verdict: Verdict
    coverages: Sequence[Coverage] = ()
    folder: str | None = None
    trouble: Sequence[str] = ()
    verbosity: int = 0
    has_thresholds: bool = True
    width: int = 80


def header(*, model: str | None, n_cases: int | None, concurrency: int, n_workers: int = 0) -> str:
    """The line that says what is asked, how often, and how many at once."""
    parts = [model or "model named by the suites"]
    if n_cases is not None:
        parts.append(f"{n_cases} case{'s' if n_cases != 1 else ''}")
    at_once = f"{concurrency} at once" if concurrency > 1 else "one at a time"
    if n_workers:
        at_once += f" over {n_workers} worker{'s' if n_workers != 1 else ''}"
    return "model eval: " + ", ".join([*parts, at_once])


def write(terminal: Terminal, shown: Shown) -> None:
    """Print the section."""
    terminal.section("model eval")
    for line in render(shown):
        terminal.write_line(line.text, **({line.color: True} if line.color else {}))


def render(shown: Shown) -> Iterator[Line]:
    """The section's lines."""
    for summary in shown.verdict.summaries:
        yield from _short(summary) if shown.verbosity < 0 else _table(summary, shown)
    if shown.verbosity >= 0:
        yield from _pooled(shown.verdict)
        yield from _failures(shown)
    if shown.verbosity > 1:
        yield from _all_cases(shown)
    yield from _gate(shown)
    for sentence in shown.trouble:
        yield Line(text=f"warning: {sentence}", color="yellow")
    if shown.folder is not None and shown.verbosity >= 0:
        yield Line(text=f"records: {shown.folder}/records.jsonl")


def _short(summary: Summary) -> Iterator[Line]:
    """A suite on one line, for ``-q``."""
    parts = [
        f"{label} {_value(summary.metric(name))}"
        for name, label in (
            ("accuracy", "accuracy"),
            ("p95_latency", "p95"),
            ("avg_cost", "avg cost"),
            ("error_rate", "errors"),
        )
    ]
    yield Line(text=f"{summary.title}: {', '.join(parts)} (n={summary.n})")


def _table(summary: Summary, shown: Shown) -> Iterator[Line]:
    """A suite's numbers, a line each, with interval, count, threshold and verdict."""
    yield Line(text=_suite_title(summary, shown))
    yield Line(text=_row("", "value", "95 % interval", "n", "threshold", ""))
    judged = [
        item
        for item in shown.verdict.judgements
        if (item.suite, item.model) == (summary.title, summary.model)
    ]
    extra = [item.threshold.metric for item in judged if item.threshold.metric not in _ROWS]
    scores = [f"score({name})" for name in summary.score_names]
    names = [*_ROWS[:1], *dict.fromkeys([*scores, *extra]), *_ROWS[1:]]
    notes = []
    for name in names:
        if name == "unscored_rate" and not summary.n_unscored:
            continue
        metric = summary.metric(name)
        own = [item for item in judged if item.threshold.metric == name]
        whole = [item for item in own if item.threshold.tag is None]
        yield from _metric_lines(name, metric, whole)
        for item in own:
            if item.threshold.tag is not None:
                label = f"{name} [{item.threshold.tag}]"
                yield from _metric_lines(label, item.metric, [item])
        if metric.note and metric.value is not None:
            notes.append(f"{_label(name)}: {metric.note}")
    for note in notes:
        yield Line(text=f"  {note}", color="yellow")
    yield Line()


def _suite_title(summary: Summary, shown: Shown) -> str:
    """``test_routes_ticket, router:predict, 60 of 64 cases: 55 passed, 5 missed``."""
    n_total = sum(
        coverage.n_total
        for coverage in shown.coverages
        if (coverage.suite, coverage.variant) == (summary.suite, summary.variant)
    )
    n = summary.n_asked + summary.n_skipped
    cases = f"{n} of {n_total} cases" if n_total > n else f"{n} case{'s' if n != 1 else ''}"
    counts = [
        f"{number} {word}"
        for word, number in (
            ("passed", summary.n_passed),
            ("missed", summary.n_missed),
            ("errored", summary.n_errored),
            ("unscored", summary.n_unscored),
            ("skipped", summary.n_skipped),
        )
        if number
    ]
    head = [summary.title, *([summary.model] if summary.model else []), cases]
    return f"{one_line(', '.join(head))}: {', '.join(counts)}"


def _metric_lines(name: str, metric: Metric | None, judged: Sequence[Judgement]) -> Iterator[Line]:
    """A metric with each of its thresholds; the number itself is written once."""
    interval = interval_text(metric) if metric else ""
    n = str(metric.n) if metric and metric.n else ""
    bounds = [item.threshold.bound for item in judged]
    value = NOT_AVAILABLE
    if metric is not None:
        value = value_text(metric.value, metric.unit, bound=bounds[0] if bounds else None)
    if not judged:
        yield Line(text=_row(_label(name), value, interval, n, "", ""))
    for index, item in enumerate(judged):
        verdict = item.status + (", uncertain" if item.is_uncertain else "")
        bound = bound_text(item.threshold)
        first = (_label(name), value, interval, n) if index == 0 else ("", "", "", "")
        color = _COLORS[item.status]
        if item.status == "met" and item.is_uncertain and not item.is_implied:
            color = "yellow"
        show_color = None if item.is_implied and item.status == "met" else color
        yield Line(text=_row(*first, bound, verdict), color=show_color)


def _row(name: str, value: str, interval: str, n: str, bound: str, verdict: str) -> str:
    text = f"  {name:<12}{value:>10}  {interval:<20}{n:>6}  {bound:<10} {verdict}"
    return text.rstrip()


def _label(name: str) -> str:
    names = {"error_rate": "errors", "unscored_rate": "unscored"}
    return names.get(name, name.replace("_", " "))


def _pooled(verdict: Verdict) -> Iterator[Line]:
    """The thresholds over all suites together, and those of suites that are not there."""
    pooled = [item for item in verdict.judgements if item.suite is None and item.metric]
    if pooled:
        yield Line(text="all suites together")
        for item in pooled:
            tag = f" [{item.threshold.tag}]" if item.threshold.tag else ""
            yield from _metric_lines(item.threshold.metric + tag, item.metric, [item])
        yield Line()


def _failures(shown: Shown) -> Iterator[Line]:
    """The cases that were not passed: what was asked, expected and got, and why it counts so."""
    records = [
        record
        for record in _records(shown.verdict)
        if record.outcome in ("errored", "missed", "unscored")
    ]
    if not records:
        return
    order = {"errored": 0, "unscored": 1, "missed": 2}
    records.sort(key=lambda record: order[record.outcome])
    limit = _MAX_FAILURES if shown.verbosity < 1 else len(records)
    many = len(shown.verdict.summaries) > 1
    for record in records[:limit]:
        yield from _failure(record, shown.width, many=many)
    if len(records) > limit:
        yield Line(text=f"... and {len(records) - limit} more; -v shows them all")
        yield Line()


def _failure(record: Record, width: int, *, many: bool) -> Iterator[Line]:
    where = f" ({record.suite})" if many else ""
    title = cut(f"{record.outcome}: {one_line(record.case_id)}{where}", width)
    yield Line(text=title, color="red" if record.outcome == "errored" else "yellow")
    fields: list[tuple[str, Any]] = []
    if record.input is not None:
        fields.append(("input", record.input))
    if record.expected is not None:
        fields.append(("expected", record.expected))
    if record.output is not None:
        fields.append(("got", record.output))
    if record.reason:
        fields.append(("why", record.reason))
    for label, value in fields:
        yield Line(text=f"  {label:<9}{cut(one_line(value), width - 11)}")
    yield Line()


def _all_cases(shown: Shown) -> Iterator[Line]:
    """Every case on a line, for ``-vv``."""
    for record in _records(shown.verdict):
        clocks = [value_text(record.latency_s, "seconds"), value_text(record.cost_usd, "dollars")]
        got = "" if record.output is None else one_line(record.output)
        text = f"{record.outcome:<9}{clocks[0]:>9} {clocks[1]:>10}  {one_line(record.case_id)}"
        yield Line(text=cut(f"{text}: {got}" if got else text, shown.width))
    yield Line()


def _records(verdict: Verdict) -> list[Record]:
    """Each record once, though one of an unknown model stands in several summaries."""
    found = {id(record): record for summary in verdict.summaries for record in summary.records}
    return list(found.values())


def _gate(shown: Shown) -> Iterator[Line]:
    """The verdict, and a sentence for each threshold that is not met."""
    verdict = shown.verdict
    for item in verdict.judgements:
        if item.status == "not met" or (item.status == "invalid" and not item.is_implied):
            yield Line(text=_sentence(item), color="red")
    invalid = [item for item in verdict.judgements if item.status == "invalid"]
    if invalid and all(item.is_implied for item in invalid):
        for text in dict.fromkeys(_sentence(item, with_metric=False) for item in invalid):
            yield Line(text=text, color="red")
    partial = dict.fromkeys(
        f"not judged: {_place(item)}{item.reason}"
        for item in verdict.explicit
        if item.status == "not judged"
    )
    for text in partial:
        yield Line(text=text, color="yellow")
    yield Line(text=_last_line(shown), color=_COLORS[verdict.status])


def _sentence(item: Judgement, *, with_metric: bool = True) -> str:
    """``not met: test_routes_ticket: accuracy is 92.2 %, wanted >= 95% (n=64)``."""
    place = _place(item)
    name = item.threshold.metric
    if item.status == "invalid":
        what = f"{item.threshold.text}: " if with_metric else ""
        return f"invalid: {place}{what}{item.reason}"
    metric = item.metric
    assert metric is not None
    value = value_text(metric.value, metric.unit, bound=item.threshold.bound)
    tag = f" of [{item.threshold.tag}]" if item.threshold.tag else ""
    bound = bound_text(item.threshold)
    return f"not met: {place}{_label(name)}{tag} is {value}, wanted {bound} (n={metric.n})"


def _place(item: Judgement) -> str:
    return f"{item.suite}: " if item.suite else "all suites: " if item.metric else ""


def _last_line(shown: Shown) -> str:
    verdict = shown.verdict
    counts = _count(item.status for item in verdict.explicit)
    if verdict.reason:
        return f"gate: {verdict.status}: {verdict.reason}"
    if not shown.has_thresholds and verdict.status == "met":
        return "gate: no thresholds are set (model_eval_thresholds)"
    detail = ", ".join(f"{n} {status}" for status, n in counts.items())
    return f"gate: {verdict.status}" + (f" (thresholds: {detail})" if detail else "")


def _count(statuses: Iterable[Status]) -> dict[Status, int]:
    counts: dict[Status, int] = {}
    for status in statuses:
        counts[status] = counts.get(status, 0) + 1
    return counts


def _value(metric: Metric) -> str:
    return value_text(metric.value, metric.unit)
