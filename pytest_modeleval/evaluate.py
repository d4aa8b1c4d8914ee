"""``evaluate_model(model, test_set)``: the engine, the summaries and the gate without pytest.

It asks every case, compares, keeps latency and cost, and answers with accuracy, p95 latency,
average cost and the failures.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core import gates
from pytest_modeleval.core.cases import count_tags
from pytest_modeleval.core.judgements import Coverage
from pytest_modeleval.core.metrics import usual_metrics
from pytest_modeleval.core.predictions import Failure, Prediction
from pytest_modeleval.core.records import Record, Score, make_record
from pytest_modeleval.core.scores import why_missed
from pytest_modeleval.core.summaries import group_records
from pytest_modeleval.core.thresholds import parse_duration, parse_threshold
from pytest_modeleval.engine.engine import Engine
from pytest_modeleval.engine.prefetch import Ask, Prefetcher
from pytest_modeleval.errors import PreflightError, Unscored, UsageError
from pytest_modeleval.models.base import describe, short
from pytest_modeleval.models.function import is_async
from pytest_modeleval.models.names import make_model
from pytest_modeleval.scorers import check_cases, gravest, make_scorers, score_all
from pytest_modeleval.scorers.asks import ScoredAhead, ScorerModels, score_ahead
from pytest_modeleval.scorers.trials import try_judges
from pytest_modeleval.settings import CONCURRENCY, RETRIES, TIMEOUT_S, Settings, parse_prices
from pytest_modeleval.suites import load_cases

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from os import PathLike

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.judgements import Verdict
    from pytest_modeleval.core.preflights import Preflight
    from pytest_modeleval.core.records import Outcome
    from pytest_modeleval.core.summaries import Summary
    from pytest_modeleval.scorers.asks import Put

__all__ = ["Report", "evaluate_model"]

_ASYNC_COMPARE = (
    "compare is async and would have to be awaited; give a function that returns True, False or a "
    "score in [0, 1]"
)


class Report(dict[str, Any]):
    """What ``evaluate_model`` answers: a dictionary, and the objects behind its numbers.

    Keys: ``model``; the counts ``n``, ``n_passed``, ``n_missed``, ``n_errored``, ``n_unscored``,
    ``n_skipped``; ``accuracy``, ``mean_score``, ``error_rate`` (rates in [0, 1]);
    ``p50_latency``, ``p90_latency``, ``p95_latency``, ``p99_latency``, ``max_latency`` (seconds);
    ``avg_cost``, ``total_cost``, ``judge_cost`` (US dollars); ``intervals`` (95 %, by metric); ``notes`` (what a
    reader has to know of a metric); ``slices`` (a dictionary for each tag: its counts and its
    metrics, the worst first); ``classification`` (precision, recall and F1 of each label, macro-F1
    and the confusion matrix; None with the reason in ``no_classification`` where the expected
    answers are no labels); ``agreements`` (how far each judge agrees with the column ``human``);
    ``preflight`` (how the judges were tried; None where there are none); ``failures`` (a dictionary for each case that was not passed: id, input,
    expected, output, outcome, reason, ...); ``verdict`` and ``thresholds``. What is not known is
    None, never 0.

    Attributes:
        summary: The numbers with counts and intervals.
        records: A record for each case, in the order of the test set.
        verdict: The verdict on the thresholds.
    """

    def __init__(
        self,
        summary: Summary,
        records: Sequence[Record],
        verdict: Verdict,
        preflight: Preflight | None = None,
    ) -> None:
        metrics = {name: summary.metric(name) for name in usual_metrics("report")}
        counts = ("n", "n_passed", "n_missed", "n_errored", "n_unscored", "n_skipped")
        super().__init__(
            model=summary.model,
            **{name: getattr(summary, name) for name in counts},
            **{name: metric.value for name, metric in metrics.items()},
            judge_cost=summary.metric("judge_cost").value,
            intervals={name: (metric.low, metric.high) for name, metric in metrics.items()},
            notes={name: metric.note for name, metric in metrics.items() if metric.note},
            **summary.parts_to_dict(),
            preflight=preflight.to_dict() if preflight else None,
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
    scorers: Any = None,
    min_score: float | None = None,
    judge: str | None = None,
    thresholds: str | Sequence[str] = (),
    concurrency: int | None = None,
    timeout: str | float = TIMEOUT_S,
    retries: int = RETRIES,
    base_url: str | None = None,
    system: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    prices: str | Sequence[str] = (),
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
        compare: Sync function of (case, prediction) that says whether the answer is right: True,
            False, or a score in [0, 1] of which 1 is right. By default the output has to equal
            what is expected. It may raise ``Unscored``; anything else that it raises or returns
            is an error of that case.
        scorers: Instead of ``compare``, what a suite names as its scorers, one or several:
            ``"exact"``, ``{"contains": "refund"}``, a function of (case, prediction),
            ``{"judge": {"rubric": "...", "model": "openai:gpt-5-mini"}}``, ... An answer is right
            where each score reaches its ``min_score``.
        min_score: The mark, from 0 to 1, that the weighted mean of a case's scores has to reach,
            instead of each its own.
        judge: Model of the judges that name none.
        thresholds: A line such as ``accuracy >= 90%``, or several; the report holds the verdict
            on them.
        concurrency: Calls in flight at once; by default as many as help, from 8 up to 64.
        timeout: Time-out of one attempt: ``"800ms"``, ``"60s"``, or seconds.
        retries: Attempts after the first, on connection errors and 408, 409, 429, 5xx.
        base_url: Server of ``openai:`` models.
        system: Instructions before every case, for ``openai:`` models.
        parameters: What else each request of theirs says, by the API's names.
        prices: Prices per million tokens, as in ``model_eval_prices``: a line such as
            ``gpt-5-mini input=0.25 output=2 cached_input=0.025``, or several.
        columns: For a field of a case the column of the dataset that holds it.

    Raises:
        UsageError: The model, the test set or a setting can't be used.
        PreflightError: A judge got golden answers wrong.
    """
    _check_compare(compare)
    if scorers is not None and compare is not None:
        raise UsageError("compare or scorers, not both")
    _check_min_score(min_score, has_scorers=scorers is not None)
    settings = _settings(
        thresholds=thresholds,
        concurrency=concurrency,
        timeout=timeout,
        retries=retries,
        base_url=base_url,
        prices=prices,
        judge=judge,
    )
    cases = load_cases(test_set, columns=columns)
    coverage = Coverage(
        suite="test_set",
        n_total=len(cases),
        n_selected=len(cases),
        tags={tag: (n, n) for tag, n in count_tags(cases).items()},
    )
    gates.check_scopes(settings.thresholds, [coverage], is_partial=False)
    asked = make_model(model, settings, system=system, parameters=parameters)
    judging = _Scoring(scorers, cases, settings, min_score) if scorers is not None else None
    records = []
    prefetcher = Prefetcher(Engine(settings), concurrency=settings.concurrency)
    prefetcher.start()
    try:
        preflight = judging.try_judges(prefetcher) if judging else None
        then = [judging.then(case) if judging else None for case in cases]
        asks = [
            Ask(key=case.id, model=asked, input=case.input, then=after)
            for case, after in zip(cases, then, strict=True)
        ]
        prefetcher.plan(asks)
        for case, ask in zip(cases, asks, strict=True):
            answer, ahead = prefetcher.result_and_after(ask)
            if judging is not None:
                records.append(judging.record(case, answer, ahead, asked.name))
            else:
                records.append(_judge_answer(case, answer, asked.name, compare))
    finally:
        prefetcher.close()
    verdict = gates.judge(records, [coverage], settings.thresholds)
    return Report(group_records(records)[0], records, verdict, preflight)


class _Scoring:
    """Scores the answers of a test set.

    Args:
        specs: What names the scorers.
        cases: The cases, all of which they have to be able to score.
        settings: For the models that they ask.
        min_score: Mark that the weighted mean of a case's scores has to reach; None where each
            score has its own.

    Raises:
        UsageError: A scorer can't be used, or can't score a case.
    """

    def __init__(
        self, specs: Any, cases: Sequence[Case], settings: Settings, min_score: float | None
    ) -> None:
        self._min_score = min_score
        self._models = ScorerModels(settings)
        self._scorers = self._models.resolve(make_scorers(specs, where="scorers"))
        check_cases(self._scorers, cases)

    def try_judges(self, prefetcher: Prefetcher) -> Preflight | None:
        """Try the judges; None where there are none.

        Raises:
            PreflightError: One got golden answers wrong.
        """
        if not any(scorer.is_judge for scorer in self._scorers):
            return None
        tried = prefetcher.run(
            lambda: try_judges(self._scorers, models=self._models, put=prefetcher.ask_beside)
        )
        if tried.failure is not None:
            raise PreflightError("\n".join([tried.failure, *map(str, tried.mistakes)]))
        return tried

    def then(self, case: Case) -> Callable[[Any, Any], Awaitable[Any]] | None:
        """What is done with the answer to a case as soon as it is there; None for nothing."""
        if not any(scorer.asks for scorer in self._scorers):
            return None

        def baseline(_case: Case) -> str:
            raise Unscored("evaluate_model has no baseline to compare with")

        async def score(answer: Prediction | Failure, put: Put) -> ScoredAhead:
            return await score_ahead(
                self._scorers, case, answer, models=self._models, put=put, baseline=baseline
            )

        return score

    def record(
        self, case: Case, answer: Prediction | Failure, ahead: ScoredAhead | None, model: str
    ) -> Record:
        """The record of one case."""
        ahead = ahead or ScoredAhead()
        scores = list(ahead.scores)
        error = ahead.error
        if isinstance(answer, Prediction):
            more, raised = score_all(self._scorers, case, answer)
            scores += more
            error = gravest(error, raised)
            if self._min_score is not None:  # their own marks decide nothing
                scores = [replace(score, min_score=None) for score in scores]
        outcome, known = _outcome(answer, scores, error, self._min_score)
        return make_record(
            case,
            suite="test_set",
            model=model,
            outcome=outcome,
            answer=answer,
            scores=scores,
            judge_cost_usd=ahead.cost_usd,
            **known,
        )


def _outcome(
    answer: Prediction | Failure,
    scores: Sequence[Score],
    error: Exception | None,
    min_score: float | None,
) -> tuple[Outcome, dict[str, Any]]:
    """What a case counts as by its scores, and why."""
    if isinstance(answer, Failure):
        return "errored", {}
    if isinstance(error, Unscored):
        return "unscored", {"reason": str(error)}
    if error is not None:
        is_ours = isinstance(error, UsageError)
        reason = str(error) if is_ours else f"a scorer raised {describe(error)}"
        return "errored", {"reason": reason, "error_kind": "raised"}
    why = why_missed(scores, min_score)
    return ("passed", {}) if why is None else ("missed", {"reason": why})


def _check_compare(compare: Any) -> None:
    """Refuse what can't be called, and what would have to be awaited.

    Raises:
        UsageError: It is one of these.
    """
    if compare is None:
        return
    if not callable(compare):
        raise UsageError(
            f"compare: {compare!r} can't be called; it is a function of (case, prediction) that "
            "returns True, False or a score in [0, 1]"
        )
    if is_async(compare):
        raise UsageError(_ASYNC_COMPARE)


def _check_min_score(min_score: Any, *, has_scorers: bool) -> None:
    """Refuse a mark that is none, and one that nothing is held against.

    Raises:
        UsageError: It is one of these.
    """
    if min_score is None:
        return
    if isinstance(min_score, bool) or not isinstance(min_score, int | float):
        raise UsageError(f"min_score is a number from 0 to 1, not {min_score!r}")
    if not 0 <= min_score <= 1:
        raise UsageError(f"min_score is a number from 0 to 1, not {min_score!r}")
    if not has_scorers:
        raise UsageError("min_score is the mark of scorers; name some")


def _settings(
    *,
    thresholds: str | Sequence[str],
    concurrency: int | None,
    timeout: str | float,
    retries: int,
    base_url: str | None,
    prices: str | Sequence[str],
    judge: str | None,
) -> Settings:
    """The arguments as settings, checked."""
    n_calls = CONCURRENCY if concurrency is None else concurrency
    for name, number, low in (("concurrency", n_calls, 1), ("retries", retries, 0)):
        if isinstance(number, bool) or not isinstance(number, int) or number < low:
            raise UsageError(f"{name} is a whole number of at least {low}, not {number!r}")
    bounds = [
        parse_threshold(line, where="thresholds") for line in _lines("thresholds", thresholds)
    ]
    return replace(
        Settings(),
        thresholds=tuple(bounds),
        concurrency=n_calls,
        is_adaptive=concurrency is None,
        timeout_s=_seconds(timeout),
        retries=retries,
        base_url=base_url,
        judge=judge,
        prices=parse_prices(_lines("prices", prices), where="prices"),
    )


def _lines(name: str, value: Any) -> list[str]:
    """One line of text or several, as a list."""
    lines = [value] if isinstance(value, str) else value
    if not isinstance(lines, list | tuple) or not all(isinstance(line, str) for line in lines):
        raise UsageError(f"{name} is a line of text or a list of them, not {value!r}")
    return list(lines)


def _seconds(timeout: Any) -> float:
    if isinstance(timeout, str):
        return parse_duration(timeout, "timeout")
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise UsageError(f"timeout is a time such as '60s', or seconds, not {timeout!r}")
    if not 0 < timeout < float("inf"):
        raise UsageError(f"timeout is more than 0 s, not {timeout!r}")
    return float(timeout)


def _judge_answer(
    case: Case,
    answer: Prediction | Failure,
    model: str,
    compare: Callable[[Case, Prediction], bool | float] | None,
) -> Record:
    """The record of one case: whether its answer is right.

    Raises:
        UsageError: ``compare`` has to be awaited.
    """

    def record(outcome: Outcome, **more: Any) -> Record:
        return make_record(
            case, suite="test_set", model=model, outcome=outcome, answer=answer, **more
        )

    if isinstance(answer, Failure):
        return record("errored")
    if compare is None:
        if answer == case.expected:
            return record("passed")
        return record("missed", reason=_difference(case, answer))
    try:
        returned = compare(case, answer)
        score = _score(returned)
    except Unscored as error:
        return record("unscored", reason=str(error))
    except _ScoreError as error:
        return record("errored", reason=str(error), error_kind="raised")
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001  (it belongs to the case, as in a test)
        return record("errored", reason=f"compare raised {describe(error)}", error_kind="raised")
    scores = [Score(name="compare", value=score, min_score=1.0)]
    if score == 1:
        return record("passed", scores=scores)
    reason = _difference(case, answer) if score == 0 else f"compare gave {score:g}; 1 is right"
    return record("missed", reason=reason, scores=scores)


def _difference(case: Case, answer: Prediction) -> str:
    return f"expected {case.expected!r}, got {answer.output!r}"


class _ScoreError(Exception):
    """``compare`` returned what is no score; the message says what."""


def _score(returned: Any) -> float:
    """What ``compare`` returned, as a score in [0, 1].

    Raises:
        UsageError: It is an awaitable.
        _ScoreError: It is none.
    """
    if inspect.isawaitable(returned):
        if inspect.iscoroutine(returned):
            returned.close()  # else Python warns that nobody awaited it
        raise UsageError(_ASYNC_COMPARE)
    # Scalars of numpy stand for Python's, without importing numpy to see it.
    value = returned.item() if hasattr(returned, "dtype") and returned.ndim == 0 else returned
    if not isinstance(value, int | float):
        raise _ScoreError(
            f"compare returned {short(repr(value))}; return True, False or a score in [0, 1]"
        )
    if not 0 <= value <= 1:
        raise _ScoreError(f"compare returned {value!r}, which is not in [0, 1]")
    return float(value)


def _failure(record: Record) -> dict[str, Any]:
    """A case that was not passed, as a reader wants it."""
    names = ("input", "expected", "output", "outcome", "reason", "latency_s", "cost_usd")
    scores = {name: score["value"] for name, score in record.scores.items()}
    failure = {"id": record.case_id} | {name: getattr(record, name) for name in names}
    return failure | ({"scores": scores} if scores else {})
