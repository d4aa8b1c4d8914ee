"""``evaluate_model(model, test_set)``: the engine, the summaries and the gate without pytest.

It asks every case, compares, keeps latency and cost, and answers with accuracy, p95 latency,
average cost and the failures.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.gates import Coverage, judge
from pytest_modeleval.core.predictions import Failure, Prediction
from pytest_modeleval.core.records import Record, Score, make_record
from pytest_modeleval.core.summaries import group_records
from pytest_modeleval.core.thresholds import parse_duration, parse_threshold
from pytest_modeleval.engine.engine import Engine
from pytest_modeleval.engine.prefetch import Ask, Prefetcher
from pytest_modeleval.errors import Unscored, UsageError
from pytest_modeleval.models.names import make_model
from pytest_modeleval.settings import Settings
from pytest_modeleval.suites import load_cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from os import PathLike

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.gates import Verdict
    from pytest_modeleval.core.summaries import Summary

__all__ = ["Report", "evaluate_model"]

_METRICS = (
    "accuracy",
    "mean_score",
    "p50_latency",
    "p90_latency",
    "p95_latency",
    "p99_latency",
    "max_latency",
    "avg_cost",
    "total_cost",
    "error_rate",
)


class Report(dict[str, Any]):
    """What ``evaluate_model`` answers: a dictionary, and the objects behind its numbers.

    Keys: ``model``; the counts ``n``, ``n_passed``, ``n_missed``, ``n_errored``, ``n_unscored``,
    ``n_skipped``; ``accuracy``, ``mean_score``, ``error_rate`` (rates in [0, 1]);
    ``p50_latency``, ``p90_latency``, ``p95_latency``, ``p99_latency``, ``max_latency`` (seconds);
    ``avg_cost``, ``total_cost`` (US dollars); ``intervals`` (95 %, by metric); ``notes`` (what a
    reader has to know of a metric); ``failures`` (a dictionary for each case that was not passed:
    id, input, expected, output, outcome, reason, ...); ``verdict`` and ``thresholds``. What is
    not known is None, never 0.

    Attributes:
        summary: The numbers with counts and intervals.
        records: A record for each case, in the order of the test set.
        verdict: The verdict on the thresholds.
    """

    def __init__(self, summary: Summary, records: Sequence[Record], verdict: Verdict) -> None:
        metrics = {name: summary.metric(name) for name in _METRICS}
        counts = ("n", "n_passed", "n_missed", "n_errored", "n_unscored", "n_skipped")
        super().__init__(
            model=summary.model,
            **{name: getattr(summary, name) for name in counts},
            **{name: metric.value for name, metric in metrics.items()},
            intervals={name: (metric.low, metric.high) for name, metric in metrics.items()},
            notes={name: metric.note for name, metric in metrics.items() if metric.note},
            failures=[_failure(record) for record in records if record.outcome != "passed"],
            verdict=verdict.status,
            thresholds=[item.to_dict() for item in verdict.explicit],
        )
        self.summary = summary
        self.records = tuple(records)
        self.verdict = verdict


def evaluate_model(
    model: Any,
    test_set: str | PathLike[str] | Iterable[Case | Mapping[str, Any]],
    *,
    compare: Callable[[Case, Prediction], bool | float] | None = None,
    thresholds: Sequence[str] = (),
    concurrency: int = 16,
    timeout: str | float = "60s",
    retries: int = 4,
    base_url: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Report:
    """Ask a model every case of a test set, and sum up.

    Works in scripts and notebooks alike, also where an event loop is running. It blocks until
    the last answer is there.

    Args:
        model: A callable (sync or async), an object with ``predict(input)``, or a spec such as
            ``openai:gpt-5-mini`` or ``module:callable``.
        test_set: Path of a dataset, or an iterable of cases or mappings with ``input``,
            ``expected`` and, where there is one, ``id``.
        compare: Function of (case, prediction) that says whether the answer is right: True,
            False, or a score in [0, 1] of which 1 is right. By default the output has to equal
            what is expected. It may raise ``Unscored``.
        thresholds: Lines such as ``accuracy >= 90%``; the report holds the verdict on them.
        concurrency: Calls in flight at once.
        timeout: Time-out of one attempt: ``"800ms"``, ``"60s"``, or seconds.
        retries: Attempts after the first, on connection errors and 408, 409, 429, 5xx.
        base_url: Server of ``openai:`` models.
        columns: For a field of a case the column of the dataset that holds it.

    Raises:
        UsageError: The model, the test set or a setting can't be used.
    """
    settings = _settings(thresholds, concurrency, timeout, retries, base_url)
    cases = load_cases(test_set, columns=columns)
    asked = make_model(model, settings)
    records = []
    prefetcher = Prefetcher(Engine(settings), concurrency=settings.concurrency)
    prefetcher.start()
    try:
        asks = [Ask(key=case.id, model=asked, input=case.input) for case in cases]
        prefetcher.plan(asks)
        for case, ask in zip(cases, asks, strict=True):
            records.append(_judge_answer(case, prefetcher.result(ask), asked.name, compare))
    finally:
        prefetcher.close()
    coverage = Coverage(
        suite="test_set", n_total=len(cases), n_selected=len(cases), tags=_tags(cases)
    )
    verdict = judge(records, [coverage], settings.thresholds)
    return Report(group_records(records)[0], records, verdict)


def _settings(
    thresholds: Sequence[str],
    concurrency: int,
    timeout: str | float,
    retries: int,
    base_url: str | None,
) -> Settings:
    """The arguments as settings, checked."""
    if isinstance(thresholds, str):
        thresholds = [thresholds]
    for name, number, low in (("concurrency", concurrency, 1), ("retries", retries, 0)):
        if isinstance(number, bool) or not isinstance(number, int) or number < low:
            raise UsageError(f"{name} is a whole number of at least {low}, not {number!r}")
    seconds = parse_duration(timeout, "timeout") if isinstance(timeout, str) else float(timeout)
    if not 0 < seconds < float("inf"):
        raise UsageError(f"timeout is more than 0 s, not {timeout!r}")
    return replace(
        Settings(),
        thresholds=tuple(parse_threshold(line, where="thresholds") for line in thresholds),
        concurrency=concurrency,
        timeout_s=seconds,
        retries=retries,
        base_url=base_url,
    )


def _judge_answer(
    case: Case,
    answer: Prediction | Failure,
    model: str,
    compare: Callable[[Case, Prediction], bool | float] | None,
) -> Record:
    """The record of one case: whether its answer is right."""
    suite = "test_set"
    if isinstance(answer, Failure):
        return make_record(case, suite=suite, outcome="errored", answer=answer, model=model)
    try:
        score = float(answer == case.expected if compare is None else compare(case, answer))
        if not 0 <= score <= 1:
            raise ValueError(f"compare returned {score!r}, which is not in [0, 1]")  # noqa: TRY301
    except Unscored as error:
        return make_record(
            case, suite=suite, outcome="unscored", answer=answer, model=model, reason=str(error)
        )
    except Exception as error:  # noqa: BLE001  (it belongs to the case, as in a test)
        reason = f"compare raised {type(error).__name__}: {error}"
        return make_record(
            case,
            suite=suite,
            outcome="errored",
            answer=answer,
            model=model,
            reason=reason,
            error_kind="raised",
        )
    is_right = score == 1
    return make_record(
        case,
        suite=suite,
        outcome="passed" if is_right else "missed",
        answer=answer,
        model=model,
        reason=None if is_right else f"expected {case.expected!r}, got {answer.output!r}",
        scores=[] if compare is None else [Score(name="compare", value=score, min_score=1.0)],
    )


def _failure(record: Record) -> dict[str, Any]:
    """A case that was not passed, as a reader wants it."""
    names = ("input", "expected", "output", "outcome", "reason", "latency_s", "cost_usd")
    return {"id": record.case_id} | {name: getattr(record, name) for name in names}


def _tags(cases: Sequence[Case]) -> dict[str, tuple[int, int]]:
    tags = [tag for case in cases for tag in case.tags]
    return {tag: (tags.count(tag), tags.count(tag)) for tag in set(tags)}
