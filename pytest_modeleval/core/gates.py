"""Gates: the thresholds of a run held against its numbers, in one place.

Terminal, files, JUnit and exit status all read the one verdict that ``judge`` gives. A threshold
that cannot be judged honestly is never met.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from pytest_modeleval.core.judgements import Coverage, GateMode, Judgement, Status, Verdict
from pytest_modeleval.core.metrics import AT_LEAST, NOTHING_SCORED, PERCENTS, Metric
from pytest_modeleval.core.regressions import judge_regressions
from pytest_modeleval.core.stats import smallest_n_with_upper_bound
from pytest_modeleval.core.summaries import Summary, group_records, records_of, summarize
from pytest_modeleval.core.thresholds import POOLED, Threshold
from pytest_modeleval.core.words import counted, out_of
from pytest_modeleval.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from pytest_modeleval.core.comparisons import Comparison
    from pytest_modeleval.core.records import Record

__all__ = ["check_scopes", "judge", "undecidable"]

_SURE = 0.9
"""Level of the interval that a confident mode holds against a bound: each of its ends is a one-sided
95 % bound, and a threshold asks for one of them."""

_ORDER: tuple[Status, ...] = get_args(Status)  # from the best to the worst


def check_scopes(
    thresholds: Iterable[Threshold], coverages: Sequence[Coverage], *, is_partial: bool
) -> None:
    """Refuse a threshold whose scope matches no case, since it would never be judged.

    Args:
        thresholds: The thresholds of the run; those of markers stand in the coverages and are
            checked too.
        coverages: The suites that were collected, whether or not any of their cases will run.
        is_partial: Only some of the project's files or cases were picked, so that a suite which
            is not among them may well exist, as may a tag of no suite by name.

    Raises:
        UsageError: A scope matches nothing; the message names what there is.
    """
    if not coverages:
        return
    suites = sorted({coverage.suite for coverage in coverages})
    for threshold in [*thresholds, *_own_thresholds(coverages)]:
        place = f"{threshold.where}: {threshold.text!r}"
        matching = [item for item in coverages if _is_in_scope(item.suite, threshold)]
        if not matching:
            if is_partial:
                continue
            hint = did_you_mean(str(threshold.suite), [*suites, POOLED])
            raise UsageError(
                f"{place}: no suite is named {threshold.suite!r} among {', '.join(suites)}{hint}"
            )
        if is_partial and threshold.suite in (None, POOLED):
            continue
        if threshold.tag is not None and not any(threshold.tag in item.tags for item in matching):
            tags = sorted({tag for item in matching for tag in item.tags})
            raise UsageError(
                f"{place}: no case has the tag {threshold.tag!r} "
                f"(tags: {', '.join(tags) or 'none'}){did_you_mean(threshold.tag, tags)}"
            )


def undecidable(thresholds: Iterable[Threshold], coverages: Sequence[Coverage]) -> Iterator[str]:
    """A sentence for each upper bound on a percentile that so few cases can't be sure to keep.

    Args:
        thresholds: The thresholds of the run; those of markers stand in the coverages.
        coverages: The suites, with the number of their cases.
    """
    for threshold in [*thresholds, *_own_thresholds(coverages)]:
        percent = threshold.metric.partition("_")[0]
        if percent not in PERCENTS or threshold.is_regression or threshold.suite == POOLED:
            continue
        wanted = smallest_n_with_upper_bound(PERCENTS[percent])
        for coverage in coverages:
            n = coverage.of_tag(threshold.tag)[1] // (coverage.n_models * coverage.n_repeats)
            if _is_in_scope(coverage.suite, threshold) and 0 < n < wanted:
                yield (
                    f"{coverage.suite}: {threshold.text}: {counted(n, 'case')} can't decide it for "
                    f"sure, since a {percent} has no upper bound below {wanted}"
                )


def judge(
    records: Sequence[Record],
    coverages: Sequence[Coverage],
    thresholds: Sequence[Threshold],
    *,
    max_error_rate: float = 0.0,
    max_unscored_rate: float = 0.0,
    judge_partial: bool = False,
    comparisons: Sequence[Comparison] | None = None,
    mode: GateMode = "point",
    n_strays: int = 0,
) -> Verdict:
    """The verdict of a run.

    Args:
        records: What came of each case.
        coverages: What was meant to run; a case without a record makes its suite incomplete.
        thresholds: The thresholds of the settings; those of markers stand in the coverages.
        max_error_rate: Share of errored cases that is still met.
        max_unscored_rate: Share of unscored cases that is still met.
        judge_partial: Judge a partial selection like a whole suite.
        comparisons: What changed since the baseline; None where there is none.
        mode: What has to lie on the right side of a bound.
        n_strays: Calls that were paid for and belong to no case, so that no cost is whole.
    """
    summaries = tuple(group_records(records))
    written = [*thresholds, *_own_thresholds(coverages)]
    if not any(coverage.n_selected for coverage in coverages):
        if not written:
            return Verdict(status="not judged", summaries=summaries)
        reason = "no case was selected while thresholds are configured"
        return Verdict(status="invalid", summaries=summaries, reason=reason)
    judged = _Judge(coverages, summaries, judge_partial=judge_partial, mode=mode, n_strays=n_strays)
    absolute = [item for item in written if not item.is_regression]
    regressions = [item for item in written if item.is_regression]
    judgements = [item for threshold in absolute for item in judged.judge(threshold)]
    judgements += judge_regressions(
        regressions, coverages, summaries, comparisons, judged.status_of_coverage
    )
    for metric, bound in (("error_rate", max_error_rate), ("unscored_rate", max_unscored_rate)):
        judgements += judged.judge(_implied(metric, bound), is_implied=True)
    judgements = _each_once(judgements)
    statuses: list[Status] = [item.status for item in judgements]
    status: Status = max(statuses, key=_ORDER.index, default="met")
    return Verdict(status=status, judgements=tuple(judgements), summaries=summaries)


class _Judge:
    """Judges one threshold after the other over the same summaries."""

    def __init__(
        self,
        coverages: Sequence[Coverage],
        summaries: Sequence[Summary],
        *,
        judge_partial: bool,
        mode: GateMode,
        n_strays: int,
    ) -> None:
        self.coverages = coverages
        self.summaries = summaries
        self.judge_partial = judge_partial
        self.mode = mode
        self.n_strays = n_strays

    def judge(self, threshold: Threshold, *, is_implied: bool = False) -> list[Judgement]:
        """The judgements on a threshold, one for each place that it holds."""
        judgements = (
            self._judge_pooled(threshold)
            if threshold.suite == POOLED
            else [
                item
                for coverage in self.coverages
                for item in self._judge_suite(threshold, coverage, is_implied=is_implied)
            ]
        )
        if judgements or is_implied:
            return judgements
        scope = f"{threshold.suite or ''}{f'[{threshold.tag}]' if threshold.tag else ''}"
        reason = f"{scope} is not in this selection"
        return [
            Judgement(
                threshold=threshold, suite=None, model=None, status="not judged", reason=reason
            )
        ]

    def _judge_pooled(self, threshold: Threshold) -> list[Judgement]:
        """The judgement over all suites and models together; none where no case has the tag."""
        if threshold.tag is not None and not any(threshold.tag in c.tags for c in self.coverages):
            return []
        records = _of_tag(records_of(self.summaries), threshold.tag)
        pooled = summarize(records, suite=POOLED)
        return [self._judge_one(threshold, self.coverages, pooled, None)]

    def _judge_suite(
        self, threshold: Threshold, coverage: Coverage, *, is_implied: bool
    ) -> list[Judgement]:
        """The judgements on one suite, for each model; none where the threshold is not on it."""
        if not _is_in_scope(coverage.suite, threshold):
            return []
        if threshold.tag is not None and threshold.tag not in coverage.tags:
            return []
        own = [
            summary
            for summary in self.summaries
            if (summary.suite, summary.variant) == (coverage.suite, coverage.variant)
        ]
        if not own and not coverage.n_selected and threshold.suite is None:
            return []  # a suite that was left out altogether is no part of this run
        judgements = []
        for summary in own or [summarize((), suite=coverage.suite, variant=coverage.variant)]:
            part = summary.of_tag(threshold.tag)
            judged = self._judge_one(threshold, [coverage], part, summary.title, is_implied)
            judgements.append(judged)
        return judgements

    def _judge_one(
        self,
        threshold: Threshold,
        coverages: Sequence[Coverage],
        summary: Summary,
        title: str | None,
        is_implied: bool = False,
    ) -> Judgement:
        status, reason, metric = self._status(threshold, coverages, summary, is_implied)
        is_uncertain = False
        if status in ("met", "not met") and metric is not None:
            is_uncertain = _straddles(self._decisive(metric, summary, is_implied), threshold)
        return Judgement(
            threshold=threshold,
            suite=title,
            model=summary.model,
            status=status,
            metric=metric,
            reason=reason,
            is_uncertain=is_uncertain,
            is_implied=is_implied,
        )

    def _status(
        self,
        threshold: Threshold,
        coverages: Sequence[Coverage],
        summary: Summary,
        is_implied: bool,
    ) -> tuple[Status, str | None, Metric | None]:
        """What the threshold comes to, why, and the number it was held against."""
        n_total = sum(coverage.of_tag(threshold.tag)[0] for coverage in coverages)
        n_selected = sum(coverage.of_tag(threshold.tag)[1] for coverage in coverages)
        n_ran = self._n_ran(coverages, threshold.tag)
        metric = summary.metric(threshold.metric) if summary.records else None
        is_partial = n_selected < n_total and not self.judge_partial
        # A setting's bound on errors holds for whatever ran, since in a partial run nothing else
        # would fail for them; only where nothing was asked there is nothing to hold.
        if is_partial and not (is_implied and (summary.n_asked or n_ran < n_selected)):
            return "not judged", f"partial: {out_of(n_selected, n_total, 'case')}", metric
        if n_ran < n_selected:
            return "invalid", f"incomplete: {out_of(n_ran, n_selected, 'case')}", metric
        if summary.n_asked == 0:
            return "invalid", _nothing_asked(summary), metric
        if metric is None or metric.value is None:
            reason = _incomplete_reason(metric, summary) if metric else _NOTHING_TO_JUDGE
            return "invalid", reason, metric
        if not metric.is_complete:
            return "invalid", _incomplete_reason(metric, summary), metric
        if self.n_strays and metric.unit == "dollars":
            n = counted(self.n_strays, "metered call")
            return "invalid", f"{n} of no case, so what a case cost is not known", metric
        decisive = self._decisive(metric, summary, is_implied)
        if _is_met(decisive, metric.value, threshold, "point" if is_implied else self.mode):
            return "met", None, metric
        is_point_met = threshold.is_met_by(metric.value)
        return "not met", _NOT_SURE if is_point_met else None, metric

    def _decisive(self, metric: Metric, summary: Summary, is_implied: bool) -> Metric:
        """The number with the interval that the mode goes by."""
        if is_implied or self.mode == "point":
            return metric
        return summarize(summary.records, confidence=_SURE).metric(metric.name)

    def status_of_coverage(self, coverage: Coverage) -> tuple[Status, str | None] | None:
        """Why a suite can't be judged, for what it lacks; None where nothing is lacking."""
        n_ran = self._n_ran([coverage], None)
        is_judged = self.judge_partial and coverage.n_selected
        if coverage.n_selected < coverage.n_total and not is_judged:
            return "not judged", f"partial: {out_of(coverage.n_selected, coverage.n_total, 'case')}"
        if n_ran < coverage.n_selected:
            return "invalid", f"incomplete: {out_of(n_ran, coverage.n_selected, 'case')}"
        return None

    def _n_ran(self, coverages: Sequence[Coverage], tag: str | None) -> int:
        """The number of records of these suites: of each case, model and repeat there is one."""
        wanted = {(coverage.suite, coverage.variant) for coverage in coverages}
        own = [item for item in self.summaries if (item.suite, item.variant) in wanted]
        return len(_of_tag(records_of(own), tag))


def _own_thresholds(coverages: Iterable[Coverage]) -> list[Threshold]:
    """The thresholds of the suites' markers, each once though its variants share it."""
    own = {item for coverage in coverages for item in coverage.thresholds}
    return sorted(own, key=lambda item: (item.suite or "", item.text))


def _each_once(judgements: Iterable[Judgement]) -> list[Judgement]:
    """A bound that the settings and the suite both set counts once, as the settings'."""
    found: dict[Hashable, Judgement] = {}
    for item in judgements:
        scope = item.threshold.suite if item.suite is None else None  # else where it was judged
        bound = replace(item.threshold, text="", where="", suite=scope)
        found.setdefault((bound, item.suite, item.model, item.is_implied), item)
    return list(found.values())


def _is_in_scope(suite: str, threshold: Threshold) -> bool:
    return threshold.suite in (None, POOLED, suite)


def _of_tag(records: Iterable[Record], tag: str | None) -> list[Record]:
    return [record for record in records if tag is None or tag in record.tags]


def _implied(metric: str, bound: float) -> Threshold:
    return Threshold(
        text=f"{metric} <= {bound * 100:g}%",
        metric=metric,
        operator="<=",
        bound=bound,
        unit="rate",
        where=f"model_eval_max_{metric}",
    )


def _is_met(metric: Metric, value: float, threshold: Threshold, mode: GateMode) -> bool:
    """Whether the number, or what is known of it for sure, lies on the right side of the bound."""
    if mode == "point" or not metric.is_estimate:
        return threshold.is_met_by(value)
    low = metric.low if metric.low is not None else float("-inf")
    high = metric.high if metric.high is not None else float("inf")
    best, worst = (high, low) if threshold.operator == ">=" else (low, high)
    return threshold.is_met_by(worst if mode == "confident-pass" else best)


def _straddles(metric: Metric, threshold: Threshold) -> bool:
    """Whether one end of the interval meets the bound and the other does not.

    An end that does not exist reaches past every bound.
    """
    if not metric.is_estimate:
        return False
    low = metric.low if metric.low is not None else float("-inf")
    high = metric.high if metric.high is not None else float("inf")
    return threshold.is_met_by(low) != threshold.is_met_by(high)


def _what_prices_it(summary: Summary) -> str:
    """What would make the unknown costs known."""
    unpriced = [
        record
        for record in summary.records
        if record.cost_usd is None and record.outcome != "skipped"
    ]
    names = Counter(_billed_as(record) for record in unpriced if record.usage is not None)
    if names:
        ((most, _),) = names.most_common(1)
        return f"add to model_eval_prices: {most} input=DOLLARS output=DOLLARS"
    if any(record.outcome != "errored" for record in unpriced):
        return "let the model report cost_usd, or usage for a model in model_eval_prices"
    return "a case without an answer may have been billed all the same"


_USUAL_TIERS = (None, "auto", "default", "standard", "on_demand")


def _billed_as(record: Record) -> str:
    """What a price of a record's answer would be listed as: its model, and a tier that is not usual."""
    name = record.served_model or str(record.model).rpartition("openai:")[2]
    tier = record.service_tier
    return name if tier in _USUAL_TIERS else f"{name}@{tier}"


_NOT_SURE = "but its one-sided 95 % bound is not"
_NOTHING_TO_JUDGE = "there is no case to judge"


def _nothing_asked(summary: Summary) -> str:
    """Why there is no number at all."""
    if not summary.n_skipped:
        return _NOTHING_TO_JUDGE
    if summary.n_skipped == 1:
        return "the only case was skipped"
    return f"all {summary.n_skipped} cases were skipped"


def _incomplete_reason(metric: Metric, summary: Summary) -> str:
    """Why a number that lacks cases can't be judged, and what would do."""
    note = str(metric.note)
    if note == NOTHING_SCORED or metric.is_complete:
        return note
    if metric.name == "judge_cost":
        return f"the judge's cost is {note.removeprefix(AT_LEAST)}; price its model in model_eval_prices"
    if metric.unit == "dollars":
        return f"the cost is {note.removeprefix(AT_LEAST)}; {_what_prices_it(summary)}"
    if metric.name.endswith("_ttft"):
        return f"{note}; ask for a stream with parameters={{'stream': True}}"
    if metric.unit == "seconds":
        return f"{note}; ask for the fixture prediction, or use model_eval.measure()"
    return note
