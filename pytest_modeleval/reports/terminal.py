"""The section ``model eval`` in the terminal: the failures, the numbers, the verdict.

A terminal is read from its end: what decides stands there, and its title says it once more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from pytest_modeleval.core.cases import question_of
from pytest_modeleval.core.pasts import case_key
from pytest_modeleval.core.summaries import records_of
from pytest_modeleval.core.thresholds import POOLED
from pytest_modeleval.core.words import counted, listed, out_of, titled
from pytest_modeleval.reports.cases import repeats_answer
from pytest_modeleval.reports.compared import compared
from pytest_modeleval.reports.failures import calls_of, scores_shown
from pytest_modeleval.reports.judges import agreement_lines, preflight_lines
from pytest_modeleval.reports.labels import by_label
from pytest_modeleval.reports.numbers import bound_text, value_text
from pytest_modeleval.reports.pasts import counts_text, past_text
from pytest_modeleval.reports.rows import (
    COLORS,
    goes_without,
    label_of,
    metrics_shown,
    rows_of,
    telling,
)
from pytest_modeleval.reports.side_by_side import side_by_side
from pytest_modeleval.reports.slices import slice_table
from pytest_modeleval.reports.steps import next_step
from pytest_modeleval.reports.tables import Line, Row, aligned, fitted
from pytest_modeleval.reports.texts import (
    columns,
    cut,
    encodable,
    inert,
    one_line,
    visible,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_modeleval.core.asked import Asked
    from pytest_modeleval.core.comparisons import Comparison
    from pytest_modeleval.core.judgements import Coverage, Judgement, Status, Verdict
    from pytest_modeleval.core.pasts import CaseKey, Past
    from pytest_modeleval.core.preflights import Preflight
    from pytest_modeleval.core.records import Outcome, Record
    from pytest_modeleval.core.summaries import Summary

__all__ = ["Line", "Shown", "Terminal", "failures_shown", "header", "render", "write"]

_OVER = {
    "error_rate": "errors are over the allowed rate",
    "unscored_rate": "unscored cases are over the allowed rate",
}
_NOT_PASSED: tuple[Outcome, ...] = ("errored", "unscored", "missed")  # in the order they are shown
_MAX_FAILURES = 20
_MIN_ALIKE = 3  # cases that one reason has to hit to be said once for all
_MAX_ALIKE = 5
_MAX_REASON = 500
_MAX_FLAKY = 10
_MIN_TITLE = 12  # columns that a suite's name has in a quiet line, whatever else is there


class Terminal(Protocol):
    """What we need of pytest's terminal reporter."""

    def write_sep(self, sep: str, title: str | None = None, **markup: bool) -> None:
        """A line across the terminal with a title in it."""

    def write_line(self, line: str, **markup: bool) -> None:
        """A line of text."""


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
        asked: How each model was asked.
        baseline: What the run is compared with, as it is shown; None for nothing.
        comparisons: What changed since then.
        preflight: What came of trying the judges; None where there are none.
        saved: What became of making this run the baseline; None where nobody wanted it.
        replayed_from: Id of the run whose answers were judged again; None where models were asked.
        reports: Files that reports were written to, as they are shown.
        can_save: Nothing keeps this run from being a baseline, and there is none.
        has_failed: pytest counts a failure of its own.
        is_cut_off: The run has no end: its process was killed.
        run_id: The run; None where nothing of it is on disk.
        program: What pytest was started as.
        arguments: The arguments it was given.
        show: The command that shows this run.
        pasts: What earlier runs say of the cases that were not passed.
        n_unreadable: Earlier runs that nothing could be learnt from.
        width: Columns of the terminal.
        encoding: Of the terminal; None where it takes any character.
    """

    verdict: Verdict
    coverages: Sequence[Coverage] = ()
    folder: str | None = None
    trouble: Sequence[str] = ()
    verbosity: int = 0
    has_thresholds: bool = True
    asked: Sequence[Asked] = ()
    baseline: str | None = None
    comparisons: Sequence[Comparison] = ()
    preflight: Preflight | None = None
    saved: str | None = None
    reports: Sequence[str] = ()
    can_save: bool = False
    has_failed: bool = False
    is_cut_off: bool = False
    run_id: str | None = None
    program: Sequence[str] = ("pytest",)
    arguments: Sequence[str] = ("--model-eval",)
    show: Sequence[str] = ("modeleval", "show")
    pasts: Mapping[CaseKey, Past] = field(default_factory=dict)
    n_unreadable: int = 0
    replayed_from: str | None = None
    width: int = 80
    encoding: str | None = None


def header(
    *,
    model: str | None,
    n_cases: int | None,
    concurrency: int,
    n_times: int = 0,
    first: int | None = None,
    n_workers: int = 0,
    replayed_from: str | None = None,
    kept: str | None = None,
) -> str:
    """The line that says what is asked, how often, and how many at once.

    Args:
        model: Name of the model; None where the suites name theirs.
        n_cases: Number of cases; None where it is not known yet.
        concurrency: The most calls at once.
        n_times: How often they are asked in all, where that is more.
        first: Calls at once in the beginning, where they grow as far as that helps.
        n_workers: Processes that share the calls; 0 for this one alone.
        replayed_from: Id of the run whose answers are judged again, so that nothing is asked.
        kept: How many answers of an earlier run are there already, and of which.
    """
    parts = [model or "model named by the suites"]
    if n_cases is not None:
        often = f" asked {n_times} times" if n_times > n_cases else ""
        parts.append(counted(n_cases, "case") + often)
    if replayed_from is not None:
        return f"model eval: {', '.join(parts)}, replayed from run {replayed_from}"
    if kept is not None:
        parts.append(kept)
    at_once = f"{concurrency} at once" if concurrency > 1 else "one at a time"
    if first is not None and first < concurrency:
        at_once = f"{first} to {at_once}"
    if n_workers:
        at_once += f" over {counted(n_workers, 'worker')}"
    return "model eval: " + ", ".join([*parts, at_once])


def write(terminal: Terminal, shown: Shown) -> None:
    """Print the section."""
    status = _status(shown)
    color = COLORS[shown.verdict.status] if status else None
    title = f"model eval: {status}" if status else "model eval"
    terminal.write_sep("=", title, **({color: True, "bold": True} if color else {}))
    for line in render(shown):
        terminal.write_line(line.text, **({line.color: True} if line.color else {}))


def render(shown: Shown) -> Iterator[Line]:
    """The section's lines; none holds what a terminal or a CI would act on."""
    for line in _blocks(shown):
        yield replace(line, text=inert(encodable(visible(line.text), shown.encoding)))


def _blocks(shown: Shown) -> Iterator[Line]:
    if shown.verbosity < 0:
        for summary in shown.verdict.summaries:
            yield from _short(summary, shown)
        yield from _earlier(shown)
    else:
        if shown.verbosity > 1:
            yield from _all_cases(shown)
        yield from _failures(shown)
        yield from _tables(shown)
        yield from side_by_side(shown.verdict, width=shown.width, is_verbose=shown.verbosity > 0)
        yield from _earlier(shown)
        yield from _asked(shown)
        if shown.baseline is not None:
            yield from compared(
                shown.comparisons,
                shown.verdict.judgements,
                baseline=shown.baseline,
                width=shown.width,
                is_verbose=shown.verbosity > 0,
            )
    yield from _broken(preflight_lines(shown.preflight, verbosity=shown.verbosity), shown.width)
    yield from _broken(_gate(shown), shown.width)
    warnings = [f"warning: {one}" for one in dict.fromkeys((*shown.trouble, *_late(shown)))]
    yield from _broken((Line(text=text, color="yellow") for text in warnings), shown.width)
    if shown.saved is not None:
        is_saved = shown.saved.startswith("baseline saved")
        yield from _broken([Line(text=shown.saved, color=None if is_saved else "red")], shown.width)
    if shown.folder is not None and shown.verbosity >= 0 and records_of(shown.verdict.summaries):
        yield Line(text=f"records: {shown.folder}/records.jsonl")
    for path in shown.reports:
        yield Line(text=f"report: {path}")
    if shown.verbosity >= 0 and (step := next_step(shown)) is not None:
        yield Line(text=f"Next: {step}")


def _broken(lines: Iterable[Line], width: int) -> Iterator[Line]:
    """Sentences in lines that fit, so that the terminal breaks none inside a word."""
    for line in lines:
        for text in wrapped(visible(line.text), width):
            yield replace(line, text=text)


# The numbers


def _short(summary: Summary, shown: Shown) -> Iterator[Line]:
    """A suite on one line, for ``-q``."""
    parts = []
    for name, label in (
        ("accuracy", "accuracy"),
        ("p95_latency", "p95"),
        ("avg_cost", "avg cost"),
        ("error_rate", "errors"),
    ):
        metric = summary.metric(name)
        bounds = [item.threshold.bound for item in shown.verdict.of(summary, name)]
        parts.append(f"{label} {value_text(metric.value, metric.unit, bound=bounds)}")
    title = summary.title
    if summary.model and _has_models(shown.verdict):
        title += f", {summary.model}"
    numbers = f": {', '.join(parts)} (n={summary.n})"
    if columns(title + numbers) <= shown.width:
        yield Line(text=title + numbers)
    else:
        yield Line(text=f"{title}:")
        yield Line(text=f"  {numbers.removeprefix(': ')}")


def _tables(shown: Shown) -> Iterator[Line]:
    """A table for each suite and model, and one for the thresholds over all of them."""
    tables = [_table(summary, shown) for summary in shown.verdict.summaries]
    tables += [_pooled(shown.verdict)]
    all_rows = [row for table in tables for row in (*table.rows, *table.slices)]
    widths = fitted(all_rows, shown.width)
    for table in tables:
        if table.rows:
            yield Line(text=table.title)
            yield from aligned(table.rows, widths, shown.width)
            yield from (Line(text=f"  {note}", color="yellow") for note in table.notes)
            yield from aligned(table.slices, widths, shown.width)
            yield from table.more
            yield Line()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """One suite's numbers: rows and what is noted of them, its slices, and the lines after those."""

    title: str
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    slices: Sequence[Row] = ()
    more: Sequence[Line] = ()


def _table(summary: Summary, shown: Shown) -> _Table:
    """Each number with interval, count, thresholds and verdicts; then by tag and by label."""
    judged = [
        item
        for item in shown.verdict.judgements
        if (item.suite, item.model) == (summary.title, summary.model)
        and not (goes_without(item) or item.threshold.is_regression)
    ]
    whole = [item for item in judged if item.threshold.tag is None]
    rows: list[Row] = []
    notes = []
    for name in metrics_shown(summary, whole):
        metric = summary.metric(name)
        own = [item for item in whole if item.threshold.metric == name]
        rows += rows_of(label_of(name), metric, own)
        if metric.note and metric.value is not None:
            notes.append(f"{label_of(name)}: {metric.note}")
    is_verbose = shown.verbosity > 0
    tagged = [item for item in judged if item.threshold.tag is not None]
    slices, slice_notes = slice_table(summary, tagged, is_verbose=is_verbose)
    labels = by_label(
        summary.classification,
        width=shown.width,
        is_verbose=is_verbose,
        is_wanted=any(item.threshold.metric == "macro_f1" for item in whole),
    )
    head = Row(
        value="value",
        interval="95 % interval",
        n="n",
        bound="threshold" if any(row.bound for row in (*rows, *slices)) else "",
    )
    return _Table(
        title=_suite_title(summary, shown),
        rows=[head, *rows],
        notes=notes,
        slices=slices,
        more=[
            *(Line(text=cut(f"    {note}", shown.width)) for note in slice_notes),
            *_clusters(summary),
            *labels,
            *agreement_lines(summary.agreements),
        ],
    )


def _clusters(summary: Summary) -> Iterator[Line]:
    """Why intervals are wider than the number of cases lets expect."""
    cases = {record.case_id: record.cluster for record in summary.records}
    n_clusters = len({name for name in cases.values() if name is not None})
    n_alone = sum(name is None for name in cases.values())
    if n_clusters:
        alone = f" and {counted(n_alone, 'case')} of none" if n_alone else ""
        yield Line(text=f"  {counted(n_clusters, 'cluster')}{alone}: cases of one count as related")


def _pooled(verdict: Verdict) -> _Table:
    """The same of the thresholds over all suites together; no rows where there are none."""
    pooled = [item for item in verdict.judgements if item.suite is None and item.metric]
    rows: list[Row] = []
    for name, tag in dict.fromkeys((item.threshold.metric, item.threshold.tag) for item in pooled):
        own = [
            item for item in pooled if (item.threshold.metric, item.threshold.tag) == (name, tag)
        ]
        rows += rows_of(label_of(name) + (f" [{tag}]" if tag else ""), own[0].metric, own)
    return _Table(title="all suites together", rows=rows)


def _suite_title(summary: Summary, shown: Shown) -> str:
    """``test_routes_ticket, router:predict, 60 of 64 cases: 55 passed, 5 missed``."""
    own = [
        coverage
        for coverage in shown.coverages
        if (coverage.suite, coverage.variant) == (summary.suite, summary.variant)
    ]
    n_repeats = max((coverage.n_repeats for coverage in own), default=1)
    n_total = sum(coverage.n_total // coverage.n_models for coverage in own)
    n = summary.n_asked + summary.n_skipped
    cases = out_of(n, n_total, "case") if n_total > n else counted(n, "case")
    if n_repeats > 1:
        n_cases = counted(n_total // n_repeats, "case")
        cases = f"{n_cases} {n_repeats} times" if n_total == n else out_of(n, n_total, "answer")
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


# How they came about


def _asked(shown: Shown) -> Iterator[Line]:
    """``asked up to 32 at once, 2012 requests, 12 rejected``, for a model that was asked so."""
    lines = []
    for asked in shown.asked:
        if asked.max_in_flight < 2:
            continue
        whom = f" {asked.model}" if len(shown.asked) > 1 else ""
        parts = [
            f"asked{whom} up to {asked.max_in_flight} at once",
            counted(asked.n_attempts, "request"),
            *([f"{asked.n_rejected} rejected as too many"] if asked.n_rejected else []),
        ]
        lines.append(Line(text=cut(one_line(", ".join(parts)), shown.width)))
    yield from lines
    if lines:
        yield Line()


def _earlier(shown: Shown) -> Iterator[Line]:
    """What of the answers an earlier run has measured, and was paid for there."""
    records = records_of(shown.verdict.summaries)
    counts = Counter(record.measured_in for record in records if record.measured_in)
    if shown.replayed_from is not None:
        run_id = shown.replayed_from
        yield Line(text=f"replayed: answers, latency and cost are of run {run_id}")
    elif counts:
        n = out_of(sum(counts.values()), len(records), "answer")
        runs = " and ".join(f"run {run_id}" for run_id in sorted(filter(None, counts)))
        yield Line(text=f"resumed: {n}, with latency and cost, are of {runs}")
    else:
        return
    if shown.verbosity >= 0:
        yield Line()


def _late(shown: Shown) -> Iterator[str]:
    """A sentence for each model whose latencies are partly our own lateness."""
    for asked in shown.asked:
        medians = [
            summary.metric("p50_latency").value
            for summary in shown.verdict.summaries
            if summary.model == asked.model
        ]
        median_s = min((value for value in medians if value is not None), default=None)
        if asked.is_late(median_s):
            lag, median = (value_text(v, "seconds") for v in (asked.event_loop_lag_s, median_s))
            yield (
                f"this process was late by {lag} on average, which is in the latencies of "
                f"{asked.model} (median {median}); ask fewer at once (model_eval_concurrency)"
            )


# The cases


def failures_shown(summaries: Sequence[Summary], *, verbosity: int) -> list[Record]:
    """The cases that were not passed, as far as each is shown by itself, with its first failure.

    Args:
        summaries: The summaries of the run.
        verbosity: pytest's verbosity.
    """
    if verbosity < 0:
        return []
    blocks, _ = _blocks_of_failures(summaries, verbosity)
    return [block[0] for block in blocks if len(block) == 1]


def _blocks_of_failures(
    summaries: Sequence[Summary], verbosity: int
) -> tuple[list[list[Record]], int]:
    """The failures to show, and how many cases are not: those of one reason are one block."""
    worst: dict[CaseKey, Record] = {}  # in the order of the cases, whichever repeat was not passed
    for record in records_of(summaries):
        so_far = worst.setdefault(case_key(record), record)
        if _rank(record) < _rank(so_far):
            worst[case_key(record)] = record
    failed = [record for record in worst.values() if record.outcome in _NOT_PASSED]
    alike: dict[object, list[Record]] = defaultdict(list)
    for record in sorted(failed, key=_rank):
        no_answer = record.outcome != "missed" and record.reason
        alike[(record.outcome, record.reason) if no_answer else id(record)].append(record)
    blocks: list[list[Record]] = []
    for block in alike.values():
        blocks += [block] if len(block) >= _MIN_ALIKE else [[record] for record in block]
    shown = blocks if verbosity > 0 else blocks[:_MAX_FAILURES]
    return shown, len(failed) - sum(map(len, shown))


def _rank(record: Record) -> int:
    """What one has to see first."""
    return _NOT_PASSED.index(record.outcome) if record.outcome in _NOT_PASSED else len(_NOT_PASSED)


def _failures(shown: Shown) -> Iterator[Line]:
    """The cases that were not passed: what was asked, expected and got, and why it counts so."""
    outcomes: dict[CaseKey, Counter[Outcome]] = defaultdict(Counter)
    for record in records_of(shown.verdict.summaries):
        if record.outcome != "skipped":
            outcomes[case_key(record)][record.outcome] += 1
    blocks, n_more = _blocks_of_failures(shown.verdict.summaries, shown.verbosity)
    for block in blocks:
        if len(block) > 1:
            yield from _alike(block, shown)
        else:
            yield from _failure(block[0], shown, outcomes[case_key(block[0])])
    if n_more:
        yield Line(text=f"... and {n_more} more; -v shows them all")
        yield Line()
    if shown.n_unreadable:
        runs = counted(shown.n_unreadable, "earlier run")
        yield Line(text=f"past: {runs} can't be read, and count nowhere", color="yellow")
        yield Line()
    yield from _flaky(shown, outcomes)


def _flaky(shown: Shown, outcomes: Mapping[CaseKey, Counter[Outcome]]) -> Iterator[Line]:
    """The cases that were passed at one time and not at another."""
    first = {case_key(record): record for record in reversed(records_of(shown.verdict.summaries))}
    names = [
        f"{_name(first[key], shown.verdict)}: {counts_text(own)}"
        for key, own in outcomes.items()
        if 0 < own["passed"] < own.total()
    ]
    if not names:
        return
    title = f"flaky: {out_of(len(names), len(outcomes), 'case')} passed and failed"
    yield Line(text=title, color="yellow")
    limit = _MAX_FLAKY if shown.verbosity < 1 else len(names)
    for name in names[:limit]:
        yield Line(text=cut(f"  {name}", shown.width))
    if len(names) > limit:
        yield Line(text=f"  ... and {len(names) - limit} more; -v shows them all")
    yield Line()


def _failure(record: Record, shown: Shown, outcomes: Counter[Outcome]) -> Iterator[Line]:
    often = f" ({outcomes[record.outcome]} of {outcomes.total()} times)"
    title = (
        f"{record.outcome}: {_name(record, shown.verdict)}{often if outcomes.total() > 1 else ''}"
    )
    color = "red" if record.outcome == "errored" else "yellow"
    yield Line(text=cut(title, shown.width), color=color)
    why = None if repeats_answer(record) else record.reason or None
    for label, value in (
        ("input", question_of(record.input)),
        ("expected", record.expected),
        ("got", record.output),
        ("calls", calls_of(record)),
        ("why", why),
        *(("score", text) for text in scores_shown(record) if len(record.scores) > 1),
        ("past", _past(record, shown)),
    ):
        if value is not None:
            yield Line(text=f"  {label:<9}{cut(one_line(value), shown.width - 11)}")
    yield Line()


def _alike(block: Sequence[Record], shown: Shown) -> Iterator[Line]:
    """``errored: 37 cases: timeout: no answer within 60 s``, and which."""
    first = block[0]
    why = cut(one_line(first.reason), _MAX_REASON)
    title = f"{first.outcome}: {counted(len(block), 'case')}: {why}"
    color = "red" if first.outcome == "errored" else "yellow"
    yield from _broken([Line(text=title, color=color)], shown.width)
    names = [_name(record, shown.verdict) for record in block]
    n_shown = len(block) if shown.verbosity > 0 else _MAX_ALIKE
    more = "; -v names them all" if len(block) > n_shown + 1 else ""
    yield from _broken([Line(text=f"  {listed(names, n_shown)}{more}")], shown.width)
    yield Line()


def _past(record: Record, shown: Shown) -> str | None:
    past = shown.pasts.get(case_key(record))
    return past_text(past, record.outcome) if past is not None else None


def _all_cases(shown: Shown) -> Iterator[Line]:
    """Every case on a line, for ``-vv``."""
    for record in records_of(shown.verdict.summaries):
        latency = value_text(record.latency_s, "seconds")
        cost = value_text(record.cost_usd, "dollars")
        got = "" if record.output is None else f": {one_line(record.output)}"
        text = f"{record.outcome:<9}{latency:>9} {cost:>10}  {_name(record, shown.verdict)}{got}"
        yield Line(text=cut(text, shown.width))
    yield Line()


def _name(record: Record, verdict: Verdict) -> str:
    """The case's id, with suite and model where there are several that it may be of."""
    own = []
    if len({summary.title for summary in verdict.summaries}) > 1:
        own.append(titled(record.suite, record.variant))
    if record.model and _has_models(verdict):
        own.append(record.model)
    return one_line(f"{record.case_id} ({', '.join(own)})" if own else record.case_id)


def _has_models(verdict: Verdict) -> bool:
    """Whether several models were asked, so that a name has to be said."""
    return len({summary.model for summary in verdict.summaries if summary.model}) > 1


# The gate


def _gate(shown: Shown) -> Iterator[Line]:
    """A sentence for each threshold that is not met, and the verdict as the last line."""
    verdict = shown.verdict
    sentences = [
        _sentence(item, verdict)
        for item in telling(verdict.judgements)
        if item.status in ("not met", "invalid")
    ]
    for text in dict.fromkeys(sentences):
        yield Line(text=text, color="red")
    partial = [
        f"{item.status}: {_place(item, verdict)}{_asking(item)}{item.reason}"
        for item in verdict.explicit
        if item.status in ("not judged", "inconclusive")
    ]
    for text in dict.fromkeys(partial):
        yield Line(text=text, color="yellow")
    yield Line(text=_last_line(shown), color=COLORS[verdict.status])


def _sentence(item: Judgement, verdict: Verdict) -> str:
    """``not met: test_routes_ticket: accuracy is 92.2 %, wanted >= 95% (n=64)``."""
    threshold, metric = item.threshold, item.metric
    place = _place(item, verdict)
    if threshold.is_regression:
        return f"{item.status}: {place}{threshold.text}: {item.reason}"
    bound = bound_text(threshold)
    if item.status == "invalid" or metric is None:
        what = "" if item.is_implied else f"{threshold.metric} {bound}: "
        return f"{item.status}: {place}{what}{item.reason}"
    names = {"error_rate": "errors are", "unscored_rate": "unscored cases are"}
    name = names.get(threshold.metric, f"{label_of(threshold.metric)} is")
    value = value_text(metric.value, metric.unit, bound=threshold.bound)
    why = f", {item.reason}" if item.reason else ""
    return f"not met: {place}{name} {value}, wanted {bound}{why} (n={metric.n})"


def _asking(item: Judgement) -> str:
    """The threshold itself, where the reason alone would not say which one it is about."""
    return f"{item.threshold.text}: " if item.threshold.is_regression else ""


def _place(item: Judgement, verdict: Verdict) -> str:
    """``tickets [angry], router:predict: ``, as far as there is something to say."""
    model = item.model if _has_models(verdict) else None
    place = item.suite or ("all suites" if item.threshold.suite == POOLED else "")
    if not place:
        return ""
    tag = f" [{item.threshold.tag}]" if item.threshold.tag else ""
    return f"{place}{tag}{f', {model}' if model else ''}: "


def _status(shown: Shown) -> Status | None:
    """The verdict; None where nobody has asked for one."""
    verdict = shown.verdict
    is_unasked = not (shown.has_thresholds or verdict.reason)
    return None if is_unasked and verdict.status in ("met", "not judged") else verdict.status


def _last_line(shown: Shown) -> str:
    """The verdict, and what of it no sentence on a threshold says."""
    verdict = shown.verdict
    if verdict.reason:
        return f"gate: {verdict.status}: {verdict.reason}"
    if _status(shown) is None:
        return "gate: no thresholds are set (model_eval_thresholds)"
    details = list(dict.fromkeys(_implied_causes(verdict)))
    counts = _count(item.status for item in verdict.explicit)
    if counts:
        detail = ", ".join(f"{n} {status}" for status, n in counts.items())
        details.append(f"thresholds: {detail}")
    return f"gate: {verdict.status}" + (f" ({'; '.join(details)})" if details else "")


def _implied_causes(verdict: Verdict) -> Iterator[str]:
    """What the settings' bounds have to do with a verdict that no threshold accounts for."""
    if any(item.status == verdict.status for item in verdict.explicit):
        return
    for item in verdict.judgements:
        if item.status == "not met":
            yield _OVER[item.threshold.metric]
        elif item.status == "invalid" and verdict.explicit:
            yield str(item.reason)  # without thresholds, the sentence above says it already


def _count(statuses: Iterable[Status]) -> dict[Status, int]:
    counts: dict[Status, int] = {}
    for status in statuses:
        counts[status] = counts.get(status, 0) + 1
    return counts
