"""Views: the numbers of a run as the template shows them, every text still unescaped.

The template escapes; nothing here makes markup.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.classifications import Classification, NoLabels
from pytest_modeleval.core.comparisons import compare_models
from pytest_modeleval.core.paired import LEVEL
from pytest_modeleval.core.summaries import records_of
from pytest_modeleval.core.thresholds import POOLED
from pytest_modeleval.reports.compared import percent_text, points_text
from pytest_modeleval.reports.html.charts import Histogram, histogram, interval_range, trend
from pytest_modeleval.reports.numbers import NOT_AVAILABLE, bound_text, interval_text, value_text
from pytest_modeleval.reports.rows import goes_without, label_of, metrics_shown, telling
from pytest_modeleval.reports.texts import one_line
from pytest_modeleval.reports.titles import WORST_FIRST, has_no_gate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_modeleval.core.comparisons import Comparison
    from pytest_modeleval.core.judgements import Judgement, Status, Verdict
    from pytest_modeleval.core.metrics import Metric
    from pytest_modeleval.core.summaries import Summary
    from pytest_modeleval.core.thresholds import Unit
    from pytest_modeleval.reports.base import Report

__all__ = ["page_view"]

_TONES: Mapping[Status, str] = {
    "met": "good",
    "not met": "bad",
    "invalid": "bad",
    "not judged": "unsure",
    "inconclusive": "unsure",
}
_HEADLINES: Mapping[Status, str] = {
    "met": "Met",
    "not met": "Not met",
    "invalid": "Invalid",
    "not judged": "Not judged",
    "inconclusive": "Inconclusive",
}
_SIDE_METRICS = ("accuracy", "p50_latency", "p95_latency", "avg_cost", "total_cost", "error_rate")
_SLICE_METRICS = ("accuracy", "p95_latency", "avg_cost", "error_rate")
_UNCERTAIN = "the interval holds the bound, so another run may turn out otherwise"
_MAX_RUNS = 30
_MAX_CONFUSIONS = 12
_TREND_METRICS: tuple[tuple[str, Unit], ...] = (
    ("accuracy", "rate"),
    ("p95_latency", "seconds"),
    ("avg_cost", "dollars"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chart:
    """A histogram and what it is called."""

    title: str
    chart: Histogram


def page_view(report: Report) -> dict[str, Any]:
    """Everything that the template names."""
    verdict = report.verdict
    has_models = len({item.model for item in verdict.summaries if item.model}) > 1
    judged = sorted(telling(verdict.judgements), key=lambda item: WORST_FIRST.index(item.status))
    suites: dict[str, list[Summary]] = {}
    for summary in verdict.summaries:
        suites.setdefault(summary.title, []).append(summary)
    return {
        "headline": _headline(verdict),
        "tone": "plain" if has_no_gate(verdict) else _TONES[verdict.status],
        "sentence": _sentence(verdict, judged),
        "facts": list(_facts(report)),
        "run_id": report.run_id,
        "thresholds": [_threshold(item, has_models=has_models) for item in judged],
        "suites": [_suite(title, own, report) for title, own in suites.items()],
        "history": list(_history(report)),
        "trouble": list(report.trouble),
        "baseline": report.baseline,
    }


# The decision


def _headline(verdict: Verdict) -> str:
    return "No thresholds" if has_no_gate(verdict) else _HEADLINES[verdict.status]


def _sentence(verdict: Verdict, judged: Sequence[Judgement]) -> str:
    if verdict.reason:
        return verdict.reason
    if has_no_gate(verdict):
        return "This run was measured and not judged: no thresholds are set."
    counts = Counter(item.status for item in judged)
    said = [f"{counts[status]} {status}" for status in WORST_FIRST if counts[status]]
    return f"Thresholds: {', '.join(said)}." if said else ""


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    """What was run, when, and of which code."""
    manifest = report.manifest
    yield "run", report.run_id
    if started := manifest.get("started"):
        yield "started", str(started).replace("T", " ").replace("+00:00", " UTC")
    if seconds := report.summary.get("seconds"):
        yield "took", value_text(float(seconds), "seconds")
    if commit := manifest.get("git_commit"):
        dirty = ", with changes that were not committed" if manifest.get("git_is_dirty") else ""
        yield "commit", str(commit)[:10] + dirty
    models = dict.fromkeys(item.model for item in report.verdict.summaries if item.model)
    if models:
        yield "model" if len(models) == 1 else "models", ", ".join(models)
    if report.baseline:
        yield "compared with", report.baseline
    if command := manifest.get("command"):
        yield "command", "pytest " + " ".join(map(str, command))
    versions = manifest.get("versions") or {}
    if versions:
        yield "versions", ", ".join(f"{name} {number}" for name, number in versions.items())


def _threshold(item: Judgement, *, has_models: bool) -> dict[str, Any]:
    """One row of the table of thresholds."""
    threshold, metric = item.threshold, item.metric
    place = item.suite or ("all suites" if threshold.suite == POOLED else "")
    model = item.model if has_models else None
    text = threshold.text.partition(":")[2].strip() if threshold.suite or threshold.tag else ""
    return {
        "status": item.status,
        "tone": _tone(item),
        "uncertain": item.is_uncertain,
        "text": text or threshold.text,
        "place": ", ".join(filter(None, [place, f"[{threshold.tag}]" if threshold.tag else ""])),
        "model": model,
        "value": value_text(metric.value, metric.unit, bound=threshold.bound) if metric else "",
        "interval": interval_text(metric) if metric else "",
        "n": metric.n if metric else None,
        "why": item.reason or (_UNCERTAIN if item.is_uncertain else ""),
    }


def _tone(item: Judgement) -> str:
    if item.status == "met":
        return "unsure" if item.is_uncertain else "good"
    return _TONES[item.status]


# The suites


def _suite(title: str, own: Sequence[Summary], report: Report) -> dict[str, Any]:
    return {
        "title": title,
        "models": [_model(summary, report) for summary in own],
        "side_by_side": _side_by_side(own, report) if len(own) > 1 else None,
    }


def _model(summary: Summary, report: Report) -> dict[str, Any]:
    """One suite asked of one model."""
    judged = [
        item
        for item in report.verdict.judgements
        if (item.suite, item.model) == (summary.title, summary.model) and not goes_without(item)
    ]
    absolute = [item for item in judged if not item.threshold.is_regression]
    whole = [item for item in absolute if item.threshold.tag is None]
    return {
        "name": summary.model,
        "n": summary.n_asked + summary.n_skipped,
        "counts": [
            (word, number)
            for word, number in (
                ("passed", summary.n_passed),
                ("missed", summary.n_missed),
                ("errored", summary.n_errored),
                ("unscored", summary.n_unscored),
                ("skipped", summary.n_skipped),
            )
            if number
        ],
        "metrics": [
            _metric_row(summary.metric(name), whole) for name in metrics_shown(summary, whole)
        ],
        "compared": _compared(summary, report, judged),
        "charts": list(_charts(summary, whole)),
        "slices": _slices(summary, absolute),
        "labels": _labels(summary),
    }


def _metric_row(metric: Metric, judged: Sequence[Judgement]) -> dict[str, Any]:
    own = [item for item in judged if item.threshold.metric == metric.name]
    bounds = [item.threshold.bound for item in own]
    return {
        "label": label_of(metric.name),
        "value": value_text(metric.value, metric.unit, bound=bounds),
        "interval": interval_text(metric),
        "range": interval_range(metric, bounds),
        "n": metric.n or "",
        "note": metric.note,
        "judged": [
            {
                "bound": bound_text(item.threshold),
                "status": item.status,
                "tone": _tone(item),
                "uncertain": item.is_uncertain,
            }
            for item in own
        ],
    }


def _charts(summary: Summary, judged: Sequence[Judgement]) -> Iterator[_Chart]:
    """Latency, cost, and each score."""
    asked = [record for record in summary.records if record.outcome != "skipped"]
    latencies = [r.latency_s for r in asked if r.latency_s is not None]
    costs = [r.cost_usd for r in asked if r.cost_usd is not None]
    found = [
        ("latency", histogram(latencies, "seconds", _marks(summary, judged, "latency"))),
        ("cost of a case", histogram(costs, "dollars", _marks(summary, judged, "cost"))),
    ]
    for name in summary.score_names:
        values = [float(r.scores[name]["value"]) for r in asked if name in r.scores]
        mean = summary.metric(f"score({name})").value
        marks = [("mean", mean, "mark")] if mean is not None else []
        found.append((f"score {one_line(name)}", histogram(values, "rate", marks)))
    for title, chart in found:
        if chart is not None:
            yield _Chart(title=title, chart=chart)


def _marks(
    summary: Summary, judged: Sequence[Judgement], kind: str
) -> list[tuple[str, float, str]]:
    """The numbers to mark, then the bounds on them."""
    names = ["p50_latency", "p95_latency"] if kind == "latency" else ["avg_cost"]
    known = [(name, summary.metric(name).value) for name in names]
    marks = [
        (label_of(name).removesuffix(" latency").replace("avg cost", "mean"), value, "mark")
        for name, value in known
        if value is not None
    ]
    bounds = {item.threshold.bound for item in judged if item.threshold.metric in names}
    return [*marks, *(("threshold", bound, "bound") for bound in sorted(bounds))]


def _compared(
    summary: Summary, report: Report, judged: Sequence[Judgement]
) -> dict[str, Any] | None:
    """What changed since the baseline; None where it does not have this suite."""
    for item in report.comparisons:
        if (item.suite, item.variant, item.model) == (
            summary.suite,
            summary.variant,
            summary.model,
        ):
            break
    else:
        return None
    return {
        "n": len(item.pairs),
        "model": item.baseline_model if item.baseline_model != item.model else None,
        "rows": list(_changes(item)),
        "broke": len(item.broke),
        "mended": len(item.mended),
        "others": [
            (word, len(ids))
            for word, ids in (
                ("added", item.added),
                ("removed", item.removed),
                ("changed, so not compared", item.changed),
            )
            if ids
        ],
        "judged": [
            {"text": judgement.threshold.text, "status": judgement.status, "tone": _tone(judgement)}
            for judgement in judged
            if judgement.threshold.is_regression
        ],
    }


def _changes(item: Comparison) -> Iterator[dict[str, str]]:
    """The change of each number, in words."""
    both, change = item.accuracies, item.accuracy
    if both is not None and change is not None:
        before, after = (value_text(rate, "rate") for rate in both)
        word = ""
        if change.value:
            word = "better" if change.value > 0 else "worse"
            is_sure = change.p is not None and change.p < LEVEL
            word += ", and hardly by chance" if is_sure else ", which may well be chance"
        text = f"{before} → {after}: {points_text(change)}"
        yield {"label": "accuracy", "text": text, "word": word}
    if item.score is not None:
        yield {"label": "score", "text": points_text(item.score), "word": ""}
    for label, ratio in (("latency", item.latency), ("cost", item.cost)):
        if ratio is not None:
            yield {"label": label, "text": percent_text(ratio), "word": ""}


def _slices(summary: Summary, judged: Sequence[Judgement]) -> list[dict[str, Any]]:
    """A row for each tag, the surely worst first."""
    rows = []
    for part in summary.slices:
        own = [item for item in judged if item.threshold.tag == part.tag]
        metrics = [part.metric(name) for name in _SLICE_METRICS]
        accuracy = metrics[0]
        bounds = [i.threshold.bound for i in own if i.threshold.metric == "accuracy"]
        rows.append(
            {
                "tag": part.tag,
                "n": accuracy.n,
                "accuracy": value_text(accuracy.value, "rate", bound=bounds),
                "interval": interval_text(accuracy),
                "range": interval_range(accuracy, bounds),
                "others": [(label_of(m.name), value_text(m.value, m.unit)) for m in metrics[1:]],
                "judged": [
                    {
                        "text": f"{label_of(item.threshold.metric)} {bound_text(item.threshold)}",
                        "status": item.status,
                        "tone": _tone(item),
                        "uncertain": item.is_uncertain,
                    }
                    for item in own
                ],
            }
        )
    return rows


def _labels(summary: Summary) -> dict[str, Any] | None:
    """Precision, recall and F1 of each label with the confusion matrix; None where there is none."""
    found = summary.classification
    if isinstance(found, NoLabels) or found.unclear:
        return None
    labels = sorted(found.labels, key=lambda label: (label.f1.worst_first, label.name))
    return {
        "rows": [
            {
                "name": label.name,
                "n": label.recall.n,
                "said": label.precision.n,
                "cells": [value_text(m.value, "rate") for m in (label.precision, label.recall)],
                "f1": value_text(label.f1.value, "rate"),
                "interval": interval_text(label.f1),
                "range": interval_range(label.f1, ()),
                "never": not label.precision.n,
            }
            for label in labels
        ],
        "macro_f1": value_text(found.macro_f1.value, "rate"),
        "macro_interval": interval_text(found.macro_f1),
        "n": found.n,
        "confusions": [
            (item.expected, item.answer, f"{item.n:.3g}")
            for item in found.confusions[:_MAX_CONFUSIONS]
        ],
        "n_more": max(len(found.confusions) - _MAX_CONFUSIONS, 0),
        "ignores_case": found.ignores_case,
        "matrix": _matrix(found),
    }


def _matrix(found: Classification) -> dict[str, Any]:
    """The confusion matrix: a row for each label, a column for each answer that occurs."""
    n_labels = len(found.labels)
    extra = [
        (n_labels + index, name)
        for index, name in enumerate(("other", "none"))
        if any(row[n_labels + index] for row in found.counts)
    ]
    names = [label.name for label in found.labels]
    taken = [*range(n_labels), *(column for column, _ in extra)]
    most = max(max(row) for row in found.counts) or 1
    return {
        "heads": [*names, *(name for _, name in extra)],
        "rows": [
            (
                name,
                [
                    {
                        "text": f"{row[column]:.3g}" if row[column] else "",
                        "shade": -(-int(row[column] * 4) // max(int(most), 1)),
                        "is_right": index == column,
                    }
                    for column in taken
                ],
            )
            for index, (name, row) in enumerate(zip(names, found.counts, strict=True))
        ],
    }


# Side by side


def _side_by_side(own: Sequence[Summary], report: Report) -> dict[str, Any]:
    """Several models over the same cases, and what each changes against the first."""
    changes = {
        (item.suite, item.variant, item.model): item for item in compare_models(records_of(own))
    }
    names = [name for name in _SIDE_METRICS if any(s.metric(name).value is not None for s in own)]
    scores = dict.fromkeys(name for summary in own for name in summary.score_names)
    names[1:1] = [f"score({name})" for name in scores]
    return {
        "heads": [label_of(name) for name in names],
        "rows": [
            {
                "model": summary.model,
                "cells": [_cell(summary.metric(name)) for name in names],
                "n": summary.metric("accuracy").n,
                "judged": _judged(summary, report.verdict),
                "against": _against(changes.get((summary.suite, summary.variant, summary.model))),
            }
            for summary in own
        ],
        "first": own[0].model,
    }


def _cell(metric: Metric) -> tuple[str, str]:
    return value_text(metric.value, metric.unit), interval_text(metric)


def _judged(summary: Summary, verdict: Verdict) -> tuple[str, str]:
    """What became of the thresholds of one model, the worst of it, and its tone."""
    own = [
        item
        for item in verdict.explicit
        if (item.suite, item.model) == (summary.title, summary.model)
    ]
    for status in WORST_FIRST:
        n = sum(item.status == status for item in own)
        if n:
            is_all = status == "met" or len(own) == 1
            return status if is_all else f"{n} {status}", _TONES[status]
    return "", "plain"


def _against(item: Comparison | None) -> dict[str, Any] | None:
    """What a model changes against the first one."""
    if item is None:
        return None
    change = item.accuracy
    sure = ""
    if change is not None and change.value and change.p is not None:
        sure = "hardly by chance" if change.p < LEVEL else "may well be chance"
    return {
        "accuracy": points_text(change) if change else NOT_AVAILABLE,
        "sure": sure,
        "latency": percent_text(item.latency) if item.latency else NOT_AVAILABLE,
        "cost": percent_text(item.cost) if item.cost else NOT_AVAILABLE,
        "better": len(item.mended),
        "worse": len(item.broke),
    }


# History


def _history(report: Report) -> Iterator[dict[str, Any]]:
    """The last runs of each suite and model of this run, the oldest first."""
    wanted = [(summary.title, summary.model or "") for summary in report.verdict.summaries]
    for title, model in wanted:
        rows = [
            (run, suite)
            for run in report.history
            for suite in run.get("suites", ())
            if (str(suite.get("suite")), str(suite.get("model") or "")) == (title, model)
        ][-_MAX_RUNS:]
        if len(rows) < 2:
            continue
        yield {
            "title": title,
            "model": model,
            "charts": [
                (label_of(name), chart)
                for name, unit in _TREND_METRICS
                if (chart := trend(_values(rows, name), unit)) is not None
            ],
            "rows": [_history_row(run, suite, report.run_id) for run, suite in reversed(rows)],
        }


def _values(
    rows: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]], name: str
) -> list[tuple[float | None, str, bool]]:
    """A number of each run; a partial run has none that could be held against a whole one.

    Times and costs of a run that was replayed are those of an earlier one, which is there already.
    """
    return [
        (
            suite.get(name)
            if run.get("is_whole") and (name == "accuracy" or not run.get("replayed_from"))
            else None,
            _moment(run) + (", replayed" if run.get("replayed_from") else ""),
            run.get("verdict") in ("not met", "invalid"),
        )
        for run, suite in rows
    ]


def _history_row(run: Mapping[str, Any], suite: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    status = str(run.get("verdict", ""))
    commit = str(run.get("git_commit") or "")[:7] + ("+" if run.get("git_is_dirty") else "")
    return {
        "moment": _moment(run),
        "commit": commit,
        "cells": [value_text(suite.get(name), unit) for name, unit in _TREND_METRICS],
        "n": suite.get("n", ""),
        "status": (status if run.get("is_whole") else "partial")
        + (", replayed" if run.get("replayed_from") else ""),
        "tone": dict(_TONES).get(status, "plain") if run.get("is_whole") else "unsure",  # type: ignore[call-overload]
        "is_this": run.get("run_id") == run_id,
    }


def _moment(run: Mapping[str, Any]) -> str:
    return str(run.get("started", ""))[:16].replace("T", " ")
