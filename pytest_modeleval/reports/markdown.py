"""Markdown: the run as a comment on a pull request or the summary of a job, within their sizes.

The decision comes first and the worst cases before the others; what does not fit is left out by
whole cases, and counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.words import counted
from pytest_modeleval.reports.cases import repeats_answer
from pytest_modeleval.reports.compared import percent_text, points_text
from pytest_modeleval.reports.failures import calls_of
from pytest_modeleval.reports.marked import block, code, html_code, text_of
from pytest_modeleval.reports.numbers import interval_text, value_text
from pytest_modeleval.reports.rows import label_of, metrics_shown
from pytest_modeleval.reports.texts import one_line
from pytest_modeleval.reports.titles import title_of, worst_first

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_modeleval.core.comparisons import CaseNumbers, CasePair, Comparison
    from pytest_modeleval.core.judgements import Judgement
    from pytest_modeleval.core.metrics import Metric
    from pytest_modeleval.core.records import Outcome, Record
    from pytest_modeleval.core.summaries import Summary
    from pytest_modeleval.reports.base import Report

__all__ = ["MARKER", "MAX_COMMENT_BYTES", "MAX_SUMMARY_BYTES", "render"]

MARKER = "<!-- pytest-modeleval -->"
"""The first line, by which a workflow finds the comment that it wrote before."""

MAX_COMMENT_BYTES = 65_536
"""What a comment may take. GitHub counts characters; bytes are never fewer."""

MAX_SUMMARY_BYTES = 1024 * 1024
"""What the summary of a step may take."""

_NOTE_BYTES = 200  # kept free in each section for the sentence on what is left out
_MAX_LINE = 200  # characters of an answer that stands on a line
_RANKS: Mapping[Outcome, int] = {"errored": 0, "unscored": 1, "missed": 2}
_UNCERTAIN = "the interval holds the bound, so another run may turn out otherwise"

_Key = tuple[str, str, str | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """A part of the text.

    Attributes:
        opening: What comes first.
        items: What may be left out from some item on.
        noun: What an item is.
        closing: What comes last.
        share: How much of the room that is left its items may take.
    """

    opening: str
    items: Iterable[str] = ()
    noun: str = "row"
    closing: str = "\n"
    share: float = 1.0


def render(report: Report, *, max_bytes: int = MAX_COMMENT_BYTES) -> Iterator[str]:
    """The pieces of the file, of at most so many bytes altogether; nothing where that is too few."""
    footer = _footer(report)
    room = max_bytes - _size(footer) - _size(_lost_sections(9, report))
    n_lost_sections = 0
    for index, section in enumerate(_sections(report)):
        frame = _size(section.opening) + _size(section.closing) + _NOTE_BYTES
        if frame > room:
            if index == 0:  # the decision
                return
            n_lost_sections += 1
            continue
        room -= frame
        yield section.opening
        budget = int(room * section.share)
        items = iter(section.items)
        for item in items:
            if _size(item) > budget:
                n_lost = 1 + sum(1 for _ in items)
                yield f"\n{_rest(n_lost, section.noun, report)}\n"
                break
            budget -= _size(item)
            room -= _size(item)
            yield item
        else:
            room += _NOTE_BYTES
        yield section.closing
    if n_lost_sections:
        yield _lost_sections(n_lost_sections, report)
    yield footer


def _lost_sections(n: int, report: Report) -> str:
    return f"\n{_rest(n, 'section', report)}\n\n"


def _rest(n: int, noun: str, report: Report) -> str:
    """How much is left out, and where it is."""
    verb = "is" if n == 1 else "are"
    return (
        f"{counted(n, noun)} more {verb} left out for want of room: "
        f"{code('modeleval report ' + report.run_id + ' -o report.html')} has all."
    )


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _sections(report: Report) -> Iterator[_Section]:
    yield _Section(opening=f"{MARKER}\n## {title_of(report.verdict, code)}\n")
    for sentence in report.trouble:
        yield _Section(opening=f"Note: {code(sentence, 400)}\n")
    if judged := worst_first(report.verdict):
        head = _table(
            ["verdict", "threshold", "suite", "model", "value", "95 % interval", "n", "why"]
        )
        rows = map(_threshold, judged)
        yield _Section(opening=head, items=rows, noun="threshold", share=0.5)
    if report.baseline is not None:
        yield _Section(opening=f"Compared with {code(report.baseline)}.\n")
    changes = {(item.suite, item.variant, item.model): item for item in report.comparisons}
    suites = (
        _suite(summary, changes.get((summary.suite, summary.variant, summary.model)), report)
        for summary in report.verdict.summaries
    )
    yield _Section(opening="", items=suites, noun="suite", share=0.5)
    for word in ("broke", "mended"):
        pairs = [(item, pair) for item in report.comparisons for pair in getattr(item, word)]
        if pairs:
            yield _changed(word, pairs)
    if failed := _failed(report):
        has_models = len({item.model for item in report.verdict.summaries if item.model}) > 1
        title = f"{counted(len(failed), 'answer')} not passed, the worst first"
        cases = (_case(record, has_models=has_models) for record in failed)
        yield _details(title, cases, noun="answer")


# The decision and the numbers


def _threshold(item: Judgement) -> str:
    metric = item.metric
    word = f"**{item.status}**" if item.status in ("not met", "invalid") else item.status
    why = code(item.reason, 300) if item.reason else _UNCERTAIN if item.is_uncertain else ""
    return _row(
        word + (", uncertain" if item.is_uncertain else ""),
        code(item.threshold.text),
        code(item.suite) if item.suite else "all",
        code(item.model) if item.model else "",
        value_text(metric.value, metric.unit, bound=item.threshold.bound) if metric else "",
        interval_text(metric) if metric else "",
        metric.n if metric else "",
        why,
    )


def _suite(summary: Summary, change: Comparison | None, report: Report) -> str:
    """The numbers of one suite and model."""
    names = (summary.title, summary.model)
    counts = [
        f"{n} {word}"
        for word in ("passed", "missed", "errored", "unscored", "skipped")
        if (n := getattr(summary, f"n_{word}"))
    ]
    title = ", ".join(code(name) for name in names if name)
    judged = [i for i in report.verdict.judgements if (i.suite, i.model) == names]
    whole = [i for i in judged if i.threshold.tag is None and not i.threshold.is_regression]
    head = ["metric", "value", "95 % interval", "n"]
    changes = _changes(change) if change is not None else {}
    head += ["since the baseline"] if change is not None else []
    rows = [
        _metric(summary.metric(name), whole, changes if change is not None else None)
        for name in metrics_shown(summary, whole)
    ]
    count = ", ".join(counts) or "no case was asked"
    return f"### {title}\n\n{count}\n\n{_table(head)}{''.join(rows)}{_others(change)}\n"


def _metric(metric: Metric, judged: Sequence[Judgement], changes: Mapping[str, str] | None) -> str:
    bounds = [item.threshold.bound for item in judged if item.threshold.metric == metric.name]
    name = metric.name
    cells = [
        code(name) if name.startswith("score(") else label_of(name),
        value_text(metric.value, metric.unit, bound=bounds),
        interval_text(metric),
        metric.n or "",
    ]
    return _row(*cells, *([] if changes is None else [changes.get(name, "")]))


def _changes(item: Comparison) -> dict[str, str]:
    """The change of each metric that is compared, over the cases of both runs."""
    found = {}
    if item.accuracy is not None and item.accuracies is not None:
        before, after = (value_text(rate, "rate") for rate in item.accuracies)
        found["accuracy"] = f"{before} → {after}: {points_text(item.accuracy)}"
    if item.latency is not None:
        found["p50_latency"] = f"a case's latency {percent_text(item.latency)}"
    if item.cost is not None:
        found["avg_cost"] = f"a case's cost {percent_text(item.cost)}"
    if item.score is not None:
        found["mean_score"] = points_text(item.score)
    return found


def _others(item: Comparison | None) -> str:
    """What of a suite is compared, and what is not."""
    if item is None:
        return ""
    counts = [(len(item.pairs), "compared"), (len(item.broke), "broke")]
    counts += [(len(item.mended), "mended"), (len(item.added), "added")]
    counts += [(len(item.removed), "removed"), (len(item.changed), "changed, so not compared")]
    said = [f"{n} {word}" for n, word in counts if n]
    return f"\nCases: {', '.join(said)}.\n" if said else ""


# The cases


def _changed(word: str, pairs: Sequence[tuple[Comparison, CasePair]]) -> _Section:
    """The cases that became worse, or better."""
    rows = (
        _row(code(item.suite), code(pair.after.case_id), _said(pair.before), _said(pair.after))
        for item, pair in pairs
    )
    head = _table(["suite", "case", "before", "after"])
    title = f"{counted(len(pairs), 'case')} {word}"
    return _details(title, rows, noun="case", head=head, share=0.3)


def _said(case: CaseNumbers) -> str:
    return code(case.output, 80) if case.output is not None else case.outcome


def _failed(report: Report) -> list[Record]:
    """The answers that were not passed: none before wrong ones, what broke before the rest."""
    broke = {
        (item.suite, item.variant, item.model, pair.after.case_id)
        for item in report.comparisons
        for pair in item.broke
    }
    found = [record for record in report.records if record.outcome in _RANKS]
    return sorted(found, key=lambda r: (_RANKS[r.outcome], _key(r) not in broke, _score(r)))


def _key(record: Record) -> _Key:
    return record.suite, record.variant, record.model, record.case_id


def _score(record: Record) -> float:
    return min((float(score["value"]) for score in record.scores.values()), default=0.0)


def _case(record: Record, *, has_models: bool) -> str:
    """Everything on one answer that helps to see what went wrong."""
    names = [record.suite, record.variant, record.case_id, record.model if has_models else None]
    title = ", ".join(code(name) for name in names if name)
    repeat = f" (time {record.repeat + 1})" if record.repeat else ""
    kind = f" ({code(record.error_kind)})" if record.error_kind else ""
    parts = [f"**{record.outcome}**{kind}: {title}{repeat}\n\n"]
    fields = [("input", record.input), ("expected", record.expected), ("got", record.output)]
    fields.append(("tool calls", calls_of(record)))
    if record.reason and not repeats_answer(record):
        fields.append(("why", record.reason))
    parts += [_field(label, value) for label, value in fields if value is not None]
    for name, score in record.scores.items():
        reason = f": {code(score['reason'], 300)}" if score.get("reason") else ""
        parts.append(f"score {code(name)} {float(score['value']):g}{reason}\n\n")
    return "".join(parts) + "---\n\n"


def _field(label: str, value: Any) -> str:
    """A text that stays what it is on one line stands there, any other in a block."""
    text = text_of(value)
    if len(text) <= _MAX_LINE and "|" not in text and text and text == one_line(text):
        return f"{label}: {code(text, _MAX_LINE)}\n\n"
    return f"{label}:\n\n{block(text)}\n"


def _footer(report: Report) -> str:
    """Which run of which code it was."""
    parts = [f"run {html_code(report.run_id)}"]
    if commit := report.manifest.get("git_commit"):
        dirty = (
            ", with changes that were not committed" if report.manifest.get("git_is_dirty") else ""
        )
        parts.append(f"commit {html_code(str(commit)[:10])}{dirty}")
    if report.folder:
        parts.append(f"records {html_code(report.folder + '/records.jsonl')}")
    return f"<sub>{', '.join(parts)}</sub>\n"


# Markup of our own


def _details(
    title: str, items: Iterable[str], *, noun: str, head: str = "", share: float = 1.0
) -> _Section:
    opening = f"<details>\n<summary>{title}</summary>\n\n{head}"
    closing = "\n</details>\n\n"
    return _Section(opening=opening, items=items, noun=noun, closing=closing, share=share)


def _table(heads: Sequence[str]) -> str:
    return _row(*heads) + "|" + " --- |" * len(heads) + "\n"


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |\n"
