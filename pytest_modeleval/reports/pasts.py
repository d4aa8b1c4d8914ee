"""Pasts: what became of a case in earlier runs, in a few words or run by run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pytest_modeleval.core.cases import question_of
from pytest_modeleval.core.pasts import Past, appearances, case_key
from pytest_modeleval.core.words import counted, titled
from pytest_modeleval.reports.numbers import value_text
from pytest_modeleval.reports.tables import Line
from pytest_modeleval.reports.texts import columns, cut, one_line, padded, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modeleval.core.pasts import CaseKey, CaseRun
    from pytest_modeleval.core.records import Outcome, Record

__all__ = ["case_history", "counts_text", "past_text"]

_COLORS = {"errored": "red", "missed": "yellow", "unscored": "yellow"}


def past_text(past: Past, outcome: Outcome) -> str | None:
    """``missed in 3 of the last 10 runs, on and off``; None where there was no run before.

    Flaky is said only where it is proven: both in one run, or at one commit. A change of outcome
    from one commit to another may have a reason.

    Args:
        past: The case over its runs.
        outcome: What it counted as in this one.
    """
    happened = past.happened(outcome)
    if outcome not in past.now.outcomes:  # this answer is a replay, and others of the case are not
        return None
    if len(happened) == 1:
        return _first(past)
    is_mixed = any(len(set(item.outcomes)) > 1 for item in (*past.earlier, past.now))
    word = f"{outcome} at least once" if is_mixed else outcome
    if sum(happened) == 1:
        text = f"{outcome} for the first time in {len(happened)} runs"
    elif outcome == "missed" and past.is_flaky:
        text = f"{word} in {sum(happened)} of the last {len(happened)} runs"
    else:
        text = _often(happened, word)
    if outcome != "missed":
        return text
    if past.n_errored:
        text += f", errored in {past.n_errored} more"
    return f"{_flaky(past)}: {text}" if past.is_flaky else text


def _flaky(past: Past) -> str:
    return "flaky" + (f" at commit {past.flaky_commit[:7]}" if past.flaky_commit else "")


def counts_text(counts: Counter[Outcome]) -> str:
    """``2 passed, 1 missed``."""
    return ", ".join(f"{n} {outcome}" for outcome, n in counts.most_common())


def _often(happened: list[bool], word: str) -> str:
    """In how many runs, and since when where that says it all."""
    n_runs, n_times = len(happened), sum(happened)
    if n_times == n_runs:
        return f"{word} in each of the last {n_runs} runs"
    if happened[::-1].index(False) == n_times:
        return f"{word} in the last {n_times} runs, not in the {n_runs - n_times} before"
    return f"{word} in {n_times} of the last {n_runs} runs, on and off"


def _first(past: Past) -> str | None:
    """Why there is no earlier run to hold this one against."""
    if past.earlier:
        return f"no answer to be right or wrong in the {counted(len(past.earlier), 'run')} before"
    if past.has_changed:
        return "first run since question or expectation changed"
    return "first run of this case" if past.is_new else None


def case_history(
    runs: Sequence[CaseRun], *, n_unreadable: int = 0, width: int = 80
) -> Iterator[Line]:
    """A block for each suite and model that has the case: how it went, then a line for each run.

    Args:
        runs: The runs that have the case, the oldest first.
        n_unreadable: Runs that can't be read.
        width: Columns of the terminal.
    """
    keys = dict.fromkeys(case_key(record) for run in runs for record in run.records)
    for key in keys:
        own = [(run, [item for item in run.records if case_key(item) == key]) for run in runs]
        for line in _block(key, [(run, records) for run, records in own if records]):
            yield Line(text=cut(visible(line.text), width).rstrip(), color=line.color)
        yield Line()
    if any(run.is_dirty for run in runs):
        yield Line(text="+ with changes that were not committed")
    if n_unreadable:
        text = f"{counted(n_unreadable, 'run')} can't be read, and count nowhere"
        yield Line(text=text, color="yellow")


def _block(key: CaseKey, rows: Sequence[tuple[CaseRun, Sequence[Record]]]) -> Iterator[Line]:
    """One case of one suite and model."""
    suite, variant, model, case_id = key
    title = titled(suite, variant)
    yield Line(text=one_line(": ".join([", ".join(filter(None, [title, model])), case_id])))
    last = rows[-1][1][-1]
    same = [row for row in rows if row[1][-1].content_hash == last.content_hash]
    yield from _overall(key, same, since="" if len(same) == len(rows) else " of this content")
    yield Line(text=f"  input    {one_line(question_of(last.input))}")
    if last.expected is not None:
        yield Line(text=f"  expected {one_line(last.expected)}")
    room = max(columns(name) for name in ("run", *(run.run_id for run, _ in rows)))
    yield Line(text=f"  {padded('run', room)}  commit   outcome     latency  got")
    content = rows[0][1][-1].content_hash
    for run, records in rows:
        if records[-1].content_hash != content:
            content = records[-1].content_hash
            yield Line(text="  here question or expectation changed")
        yield from _run_lines(run, records, room)


def _overall(
    key: CaseKey, rows: Sequence[tuple[CaseRun, Sequence[Record]]], *, since: str
) -> Iterator[Line]:
    """``8 runs: 5 passed, 3 missed``, and whether it is flaky, of answers that are no replays."""
    found = [
        appearances(records, commit=run.commit if run.is_dirty is False else None).get(key)
        for run, records in rows
    ]
    measured = [item for item in found if item is not None]
    if not measured:
        return
    counts = Counter(outcome for item in measured for outcome in item.outcomes)
    n_answers = counts.total()
    answers = f", {counted(n_answers, 'answer')}" if n_answers > len(measured) else ""
    yield Line(text=f"  {counted(len(measured), 'run')}{since}{answers}: {counts_text(counts)}")
    *earlier, now = measured
    past = Past(now=now, earlier=tuple(earlier))
    if past.is_flaky:
        commit = past.flaky_commit
        where = f"at commit {commit[:7]}" if commit else "in one run"
        yield Line(text=f"  flaky: passed and missed {where}", color="yellow")


def _run_lines(run: CaseRun, records: Sequence[Record], room: int) -> Iterator[Line]:
    """A line for each answer; the run is named once."""
    commit = (run.commit or "")[:7] + ("+" if run.is_dirty else "")
    head = f"  {padded(run.run_id, room)}  {commit:<8} "
    for record in records:
        latency = "replayed" if record.measured_in else value_text(record.latency_s, "seconds")
        got = record.reason if record.output is None else record.output
        text = f"{record.outcome:<9} {latency:>9}  {one_line(got or '')}"
        yield Line(text=head + text, color=_COLORS.get(record.outcome))
        head = " " * columns(head)
