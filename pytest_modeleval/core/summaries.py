"""Summaries: many records of one suite and model as a few numbers, each with its count and interval.

The case is the unit: a case's repeats are averaged before anything else is.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core import stats
from pytest_modeleval.core.agreements import agreements
from pytest_modeleval.core.classifications import NoLabels, classify
from pytest_modeleval.core.metrics import AT_LEAST, NOTHING_SCORED, PERCENTS, Metric, usual_metrics
from pytest_modeleval.core.thresholds import metric_unit
from pytest_modeleval.core.words import counted, out_of, titled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_modeleval.core.agreements import Agreement
    from pytest_modeleval.core.classifications import Classification
    from pytest_modeleval.core.records import Outcome, Record
    from pytest_modeleval.core.thresholds import Unit

__all__ = ["Summary", "group_records", "records_of", "summarize"]


class Summary:
    """The numbers of one suite asked of one model.

    Counts are of cases asked once each; with repeats, of all the times they were asked.

    Attributes:
        suite: Name of the suite.
        variant: Id of the suite's other parameters, "" where it has none.
        model: Name of the model, or None where it is not known.
        tag: The tag that all of its cases have, for a slice of a suite; None for a whole one.
        records: The records that were summed up.
        confidence: Level of the intervals.
        n_passed: Right answers.
        n_missed: Wrong answers.
        n_errored: No answer.
        n_unscored: Answers that could not be scored.
        n_skipped: Cases that were left out by the test.
    """

    def __init__(
        self,
        records: Sequence[Record],
        *,
        suite: str,
        variant: str = "",
        model: str | None = None,
        tag: str | None = None,
        confidence: float = 0.95,
    ) -> None:
        self.suite, self.variant, self.model, self.tag = suite, variant, model, tag
        self.records, self.confidence = records, confidence
        counts: dict[Outcome, int] = defaultdict(int)
        for record in records:
            counts[record.outcome] += 1
        self.n_passed = counts["passed"]
        self.n_missed = counts["missed"]
        self.n_errored = counts["errored"]
        self.n_unscored = counts["unscored"]
        self.n_skipped = counts["skipped"]
        # The gate, the files and the terminal ask for the same ones.
        self._metrics: dict[str, Metric] = {}

    @property
    def title(self) -> str:
        """The suite as it is shown: its name, and the variant in parentheses."""
        return titled(self.suite, self.variant)

    @property
    def n(self) -> int:
        """Cases that count in accuracy: passed, missed and errored."""
        return self.n_passed + self.n_missed + self.n_errored

    @property
    def n_asked(self) -> int:
        """Cases that were asked: all but the skipped ones."""
        return self.n + self.n_unscored

    def metric(self, name: str) -> Metric:
        """The metric of that name.

        Raises:
            KeyError: There is no such metric.
        """
        if name not in self._metrics:
            self._metrics[name] = self._metric(name)
        return self._metrics[name]

    def _metric(self, name: str) -> Metric:
        unit = metric_unit(name)
        if unit is None:
            raise KeyError(name)
        if name in _SIMPLE:
            return _SIMPLE[name](self)
        if name.startswith("score("):
            return self._named_score(name)
        if name.startswith("pass"):
            return self._pass_k(name)
        percentile, _, clock = name.partition("_")
        return self._clock(name, percentile, f"{clock}_s")

    def of_tag(self, tag: str | None) -> Summary:
        """The slice of the cases that have this tag; the summary itself for None."""
        if tag is None:
            return self
        return self._slice(tag, [record for record in self.records if tag in record.tags])

    @cached_property
    def slices(self) -> list[Summary]:
        """A slice for each tag, the worst first.

        That is the one whose accuracy is lowest at the upper end of its interval, so that a tag
        of a single case that went wrong does not come before one of fifty that often does.
        """
        by_tag: dict[str, list[Record]] = defaultdict(list)
        for record in self.records:
            for tag in dict.fromkeys(record.tags):
                by_tag[tag].append(record)
        found = [self._slice(tag, records) for tag, records in by_tag.items()]
        ranks = {part.tag: part.metric("accuracy").worst_first for part in found}
        return sorted(found, key=lambda part: (ranks[part.tag], part.tag))

    def _slice(self, tag: str, records: Sequence[Record]) -> Summary:
        return Summary(
            records,
            suite=self.suite,
            variant=self.variant,
            model=self.model,
            tag=tag,
            confidence=self.confidence,
        )

    @cached_property
    def classification(self) -> Classification | NoLabels:
        """The numbers by label, or why there are none."""
        return classify(self._by_case, n_unscored=self.n_unscored, confidence=self.confidence)

    def to_dict(self) -> dict[str, Any]:
        """The summary as plain data: the counts first, then the usual metrics."""
        names = [*usual_metrics("file"), *(f"score({name})" for name in self.score_names)]
        if any(record.ttft_s is not None for record in self.records):
            names += ["p50_ttft", "p95_ttft"]
        if any(record.judge_cost_usd is not None for record in self.records):
            names.append("judge_cost")
        return {
            "suite": self.suite,
            "variant": self.variant,
            "model": self.model,
            **self._numbers(names),
            **self.parts_to_dict(),
        }

    def parts_to_dict(self) -> dict[str, Any]:
        """Slices, numbers by label (or why there are none) and agreements with people as plain data."""
        found = self.classification
        why_not = found.reason if isinstance(found, NoLabels) else found.unclear
        return {
            "slices": [
                {"tag": part.tag, **part._numbers(usual_metrics("slice"))}  # noqa: SLF001
                for part in self.slices
            ],
            "classification": None if isinstance(found, NoLabels) or why_not else found.to_dict(),
            "no_classification": why_not,
            "agreements": [agreement.to_dict() for agreement in self.agreements],
        }

    def _numbers(self, names: Iterable[str]) -> dict[str, Any]:
        """The counts, and the metrics of these names."""
        counts = ("n", "n_passed", "n_missed", "n_errored", "n_unscored", "n_skipped")
        return {name: getattr(self, name) for name in counts} | {
            "metrics": {name: self.metric(name).to_dict() for name in names}
        }

    @cached_property
    def agreements(self) -> list[Agreement]:
        """How far each judge agrees with people, where cases carry what they say."""
        return agreements(self.records)

    @cached_property
    def score_names(self) -> list[str]:
        """Names of the scores that any case has."""
        return sorted({name for record in self.records for name in record.scores})

    @cached_property
    def _by_case(self) -> list[list[Record]]:
        """The records that count, a list for each case."""
        return _by_case(
            record for record in self.records if record.outcome in ("passed", "missed", "errored")
        )

    @cached_property
    def _by_case_and_model(self) -> list[list[Record]]:
        """The same, where models are pooled a list for each of them: their answers are no repeats."""
        if self.model is not None:
            return self._by_case
        return _by_case((record for records in self._by_case for record in records), by_model=True)

    def _case_means(self, value: Callable[[Record], float]) -> list[float]:
        """``value`` averaged over the repeats of each case."""
        return _means(self._by_case, value)

    def _accuracy(self) -> Metric:
        """Passed of passed, missed and errored; Wilson's interval."""
        return self._share("accuracy", self._by_case, _is_passed)

    def _error_rate(self) -> Metric:
        return self._share("error_rate", self._asked_by_case, lambda r: r.outcome == "errored")

    def _unscored_rate(self) -> Metric:
        return self._share("unscored_rate", self._asked_by_case, lambda r: r.outcome == "unscored")

    @cached_property
    def _asked_by_case(self) -> list[list[Record]]:
        return _by_case(record for record in self.records if record.outcome != "skipped")

    @cached_property
    def _may_be_related(self) -> bool:
        """Whether two records may be of one case or cluster; looking for it takes a while."""
        return self.model is None or any(
            record.cluster is not None or record.repeat for record in self.records
        )

    def _clusters(self, records: Sequence[Record]) -> list[str] | None:
        """What each record is related by; None where no two are."""
        if not self._may_be_related:
            return None
        return stats.relations(
            (record.cluster, f"{record.suite} {record.variant} {record.case_id}")
            for record in records
        )

    def _share(
        self, name: str, cases: Sequence[Sequence[Record]], is_so: Callable[[Record], bool]
    ) -> Metric:
        """The share of cases of which something is so, each by the share of its repeats."""
        if not cases:
            return Metric(name=name, unit="rate", value=None, note=NOTHING_SCORED)
        rates = _means(cases, is_so)
        n, n_yes = len(rates), math.fsum(rates)
        is_repeated = any(len(records) > 1 for records in cases)
        low, high, note = _ends_of_rate(
            rates,
            self._clusters(_firsts(cases)),
            is_repeated=is_repeated,
            confidence=self.confidence,
        )
        return Metric(name=name, unit="rate", value=n_yes / n, low=low, high=high, n=n, note=note)

    def _mean(
        self, name: str, values: Sequence[float], records: Sequence[Record], *, unit: Unit = "rate"
    ) -> Metric:
        """The mean of these values, each with a record that says whose it is."""
        if not values:
            return Metric(name=name, unit=unit, value=None, note=NOTHING_SCORED)
        low, high, note = _ends_of_mean(values, self._clusters(records), unit, self.confidence)
        value = stats.mean(values)
        return Metric(
            name=name, unit=unit, value=value, low=low, high=high, n=len(values), note=note
        )

    def _mean_score(self) -> Metric:
        """The mean of each case's score, which is the weighted mean of its scorers'."""
        scores = self._case_means(lambda record: record.score)
        return self._mean("mean_score", scores, _firsts(self._by_case))

    def _named_score(self, name: str) -> Metric:
        """The mean of one scorer's scores; an errored case counts 0."""
        scorer = name[len("score(") : -1].strip()
        if scorer not in self.score_names:
            known = ", ".join(self.score_names) or "none"
            return Metric(
                name=name, unit="rate", value=None, note=f"no case has that score; known: {known}"
            )
        by_case = [
            [record for record in records if scorer in record.scores or record.outcome == "errored"]
            for records in self._by_case
        ]
        n_known = sum(map(_is_same_length, by_case, self._by_case))
        with_it = [records for records in by_case if records]
        metric = self._mean(
            name, _means(with_it, lambda record: _value_of(record, scorer)), _firsts(with_it)
        )
        if n_known == len(by_case):
            return metric
        return Metric(
            name=name,
            unit="rate",
            value=metric.value,
            n=metric.n,
            note=f"known for {out_of(n_known, len(by_case), 'case')}",
            is_complete=False,
        )

    def _case_pass_rate(self) -> Metric:
        """The share of repeats passed by the worst case, with whichever model."""
        rates = _means(self._by_case_and_model, _is_passed)
        if not rates:
            return self._mean("case_pass_rate", rates, ())
        return Metric(
            name="case_pass_rate", unit="rate", value=min(rates), n=len(rates), is_estimate=False
        )

    def _pass_k(self, name: str) -> Metric:
        """pass@k or pass^k, averaged over the cases."""
        k = int(name[len("pass@") :])
        estimate = stats.pass_at_k if name[4] == "@" else stats.pass_hat_k
        values = [
            estimate(len(records), sum(map(_is_passed, records)), k)
            for records in self._by_case_and_model
        ]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            note = f"needs {counted(k, 'repeat')} of each case"
            return Metric(name=name, unit="rate", value=None, note=note)
        return self._mean(name, known, _firsts(self._by_case_and_model))

    def _macro_f1(self) -> Metric:
        """Macro-F1 over the labels, where the expected answers are few labels."""
        found = self.classification
        if isinstance(found, NoLabels):
            return Metric(name="macro_f1", unit="rate", value=None, note=found.note)
        return found.macro_f1

    def _clock(self, name: str, percentile: str, clock: str) -> Metric:
        """A percentile of a clock; its interval is made of order statistics."""
        asked = [record for record in self.records if record.outcome != "skipped"]
        timed = [record for record in asked if getattr(record, clock, None) is not None]
        values = [getattr(record, clock) for record in timed]
        answered = [record for record in asked if record.outcome != "errored"]
        n_timed = sum(getattr(record, clock, None) is not None for record in answered)
        is_complete = n_timed == len(answered)
        note = None
        if not is_complete:
            note = f"measured for {out_of(n_timed, len(answered), 'answer')}"
        elif not values:
            note = "no case was answered"
        elif len(values) < len(asked):
            n_without = len(asked) - len(values)
            note = f"{n_without} without an answer {'has' if n_without == 1 else 'have'} none"
        value, interval = _percentile(values, percentile, self._clusters(timed), self.confidence)
        return Metric(
            name=name,
            unit="seconds",
            value=value,
            low=interval.low if interval else None,
            high=interval.high if interval else None,
            n=len(values),
            note=note,
            is_complete=is_complete,
            is_estimate=percentile != "max",
        )

    def _avg_cost(self) -> Metric:
        paid, n_asked = self._paid
        if not self._is_any_answer_paid:
            return self._no_cost("avg_cost")
        mean = self._mean("avg_cost", self._costs, paid, unit="dollars")
        is_complete = len(paid) == n_asked
        return replace(mean, note=self._cost_note or mean.note, is_complete=is_complete)

    def _total_cost(self) -> Metric:
        costs, n_asked = self._costs, self._paid[1]
        if not self._is_any_answer_paid:
            return self._no_cost("total_cost")
        return Metric(
            name="total_cost",
            unit="dollars",
            value=math.fsum(costs),
            n=len(costs),
            note=f"{AT_LEAST}{self._cost_note}" if self._cost_note else None,
            is_complete=len(costs) == n_asked,
            is_estimate=False,
        )

    def _judge_cost(self) -> Metric:
        """What judging the answers cost, which is no part of what they cost themselves."""
        costs = [
            record.judge_cost_usd for record in self.records if record.judge_cost_usd is not None
        ]
        n_judged = sum(
            record.judge_cost_usd is not None
            or any(score.get("judged_by") for score in record.scores.values())
            for record in self.records
        )
        if not costs:
            note = "no price of the judge is known" if n_judged else "no case was judged by a model"
            return Metric(name="judge_cost", unit="dollars", value=None, note=note)
        is_whole = len(costs) == n_judged
        known = f"{AT_LEAST}known for {out_of(len(costs), n_judged, 'judged case')}"
        return Metric(
            name="judge_cost",
            unit="dollars",
            value=math.fsum(costs),
            n=len(costs),
            note=None if is_whole else known,
            is_complete=is_whole,
            is_estimate=False,
        )

    @cached_property
    def _is_any_answer_paid(self) -> bool:
        """Whether a cost is known that says something of the model's; a refused call costs nothing."""
        paid, n_asked = self._paid
        if len(paid) == n_asked:
            return bool(paid)
        return any(record.outcome != "errored" or record.cost_usd for record in paid)

    def _no_cost(self, name: str) -> Metric:
        n_asked = self._paid[1]
        note = NOTHING_SCORED
        if n_asked:
            note = f"unknown for {f'all {n_asked} cases' if n_asked > 1 else 'the only case'}"
        return Metric(name=name, unit="dollars", value=None, note=note, is_complete=not n_asked)

    @property
    def _cost_note(self) -> str | None:
        """How many cases the cost is known of, where it is not all of them."""
        costs, n_asked = self._costs, self._paid[1]
        return None if len(costs) == n_asked else f"known for {out_of(len(costs), n_asked, 'case')}"

    @cached_property
    def _costs(self) -> list[float]:
        """The known costs."""
        return [record.cost_usd for record in self._paid[0] if record.cost_usd is not None]

    @cached_property
    def _paid(self) -> tuple[list[Record], int]:
        """The records whose cost is known, and the number of those that were asked.

        A case that its test skipped after the model had answered was paid for all the same.
        """
        asked = [
            record
            for record in self.records
            if record.outcome != "skipped" or record.cost_usd is not None
        ]
        return [record for record in asked if record.cost_usd is not None], len(asked)


_SIMPLE: dict[str, Callable[[Summary], Metric]] = {
    "accuracy": Summary._accuracy,  # noqa: SLF001  (the table is part of the class)
    "error_rate": Summary._error_rate,  # noqa: SLF001
    "unscored_rate": Summary._unscored_rate,  # noqa: SLF001
    "mean_score": Summary._mean_score,  # noqa: SLF001
    "case_pass_rate": Summary._case_pass_rate,  # noqa: SLF001
    "macro_f1": Summary._macro_f1,  # noqa: SLF001
    "avg_cost": Summary._avg_cost,  # noqa: SLF001
    "judge_cost": Summary._judge_cost,  # noqa: SLF001
    "total_cost": Summary._total_cost,  # noqa: SLF001
}


def summarize(
    records: Iterable[Record],
    *,
    suite: str = "",
    variant: str = "",
    model: str | None = None,
    confidence: float = 0.95,
) -> Summary:
    """The summary of these records under that name, with intervals of that level."""
    return Summary(list(records), suite=suite, variant=variant, model=model, confidence=confidence)


def group_records(records: Iterable[Record]) -> list[Summary]:
    """A summary for each suite, variant and model, in the order they first appear.

    A record that does not know its model (the case failed before it came to that) counts for
    each model that its suite was asked of, so that no crash leaves a denominator.
    """
    groups: dict[tuple[str, str], dict[str | None, list[Record]]] = defaultdict(dict)
    for record in records:
        groups[record.suite, record.variant].setdefault(record.model, []).append(record)
    summaries = []
    for (suite, variant), by_model in groups.items():
        orphans = by_model.pop(None, []) if len(by_model) > 1 else []
        summaries += [
            summarize([*own, *orphans], suite=suite, variant=variant, model=model)
            for model, own in by_model.items()
        ]
    return summaries


def records_of(summaries: Iterable[Summary]) -> list[Record]:
    """Each record once, though one of an unknown model stands in several summaries."""
    found = {id(record): record for summary in summaries for record in summary.records}
    return list(found.values())


_Ends = tuple[float | None, float | None, str | None]
"""Both ends of an interval, and why there are none."""

_ONE_CLUSTER = "one cluster has no interval"


def _ends_of_rate(
    rates: Sequence[float],
    clusters: Sequence[str] | None,
    *,
    is_repeated: bool,
    confidence: float,
) -> _Ends:
    """Wilson's interval of a rate that is a mean over cases.

    With repeats or clusters the error says how many cases it is worth, at most as many as there
    are. Where no two clusters differ, nothing shows how alike their cases are: each counts as one.
    """
    n, rate = len(rates), math.fsum(rates) / len(rates)
    if clusters is None and not is_repeated:
        if all(value in (0, 1) for value in rates):
            interval = stats.proportion(round(rate * n), n, confidence=confidence)
        else:
            interval = stats.wilson_of_rate(rate, n, confidence=confidence)
    else:
        found = stats.mean_error(rates, clusters)
        if found is None and n > 1:
            return None, None, _ONE_CLUSTER
        error, df = found or (0.0, 1)
        interval = stats.rate_interval(
            rate,
            error=error,
            n_most=stats.independent_cases(clusters) if clusters and error == 0 else n,
            df=df if clusters else None,
            confidence=confidence,
        )
    return (interval.low, interval.high, None) if interval else (None, None, None)


def _ends_of_mean(
    values: Sequence[float], clusters: Sequence[str] | None, unit: Unit, confidence: float
) -> _Ends:
    """Student's t interval within the range of the unit.

    Rates without spread, or all of them 0 or 1, have Wilson's: t takes three right answers for
    certainty.
    """
    if unit == "rate" and (min(values) == max(values) or set(values) <= {0.0, 1.0}):
        return _ends_of_rate(values, clusters, is_repeated=False, confidence=confidence)
    interval = stats.mean_interval(values, clusters, confidence=confidence)
    if interval is None or interval.low is None or interval.high is None:
        return None, None, _ONE_CLUSTER if len(values) > 1 else None
    high = min(interval.high, 1.0) if unit == "rate" else interval.high
    return max(interval.low, 0.0), high, None


def _by_case(records: Iterable[Record], *, by_model: bool = False) -> list[list[Record]]:
    """A list for each case, of its repeats, or for each case and model."""
    cases: dict[tuple[str | None, ...], list[Record]] = defaultdict(list)
    for record in records:
        model = record.model if by_model else None
        cases[record.suite, record.variant, record.case_id, model].append(record)
    return list(cases.values())


def _firsts(cases: Sequence[Sequence[Record]]) -> list[Record]:
    return [records[0] for records in cases]


def _means(cases: Sequence[Sequence[Record]], value: Callable[[Record], float]) -> list[float]:
    """``value`` averaged over the repeats of each case."""
    return [math.fsum(map(value, records)) / len(records) for records in cases]


def _is_passed(record: Record) -> bool:
    return record.outcome == "passed"


def _is_same_length(left: Sequence[Record], right: Sequence[Record]) -> bool:
    return len(left) == len(right)


def _percentile(
    values: Sequence[float],
    percentile: str,
    clusters: Sequence[str] | None,
    confidence: float,
) -> tuple[float | None, stats.Interval | None]:
    """The percentile, or the maximum, of these values and its interval."""
    if percentile == "max":
        return max(values, default=None), None
    q = PERCENTS[percentile]
    interval = stats.percentile_interval(values, q, clusters, confidence=confidence)
    return stats.percentile(values, q), interval


def _value_of(record: Record, scorer: str) -> float:
    """One scorer's score of a case; an errored case counts 0 whatever it had been given."""
    if record.outcome == "errored" or scorer not in record.scores:
        return 0.0
    return float(record.scores[scorer]["value"])
