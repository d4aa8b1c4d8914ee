"""Comparisons: two runs over the same cases, paired by case id.

What a comparison needs of a run is a few numbers for each case, so a baseline is a small file and
not a run kept for ever.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.judgements import is_whole_selection
from pytest_modeleval.core.paired import (
    LEVEL,
    Change,
    cases_needed,
    change_of_means,
    change_of_rates,
    change_of_ratio,
    visible_drop,
    visible_shift,
    worth,
)
from pytest_modeleval.core.plain import as_text
from pytest_modeleval.core.stats import mean, relations
from pytest_modeleval.core.summaries import group_records
from pytest_modeleval.core.words import counted, out_of, titled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pytest_modeleval.core.judgements import Coverage
    from pytest_modeleval.core.records import Record

__all__ = ["CaseNumbers", "CasePair", "Comparison", "compare", "compare_models", "numbers_of"]

_LEAST_DISCORDANT = 0.05
_MAX_OUTPUT = 200

# Numbers are rounded here and not where a baseline is written: a case must not differ from its own
# line in a file. Times have as many digits as a diff can bear.
_DIGITS = 6
_DIGITS_OF_TIMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseNumbers:
    """What a comparison needs of one case in one run, over all its repeats.

    Attributes:
        suite: Name of the suite.
        case_id: The case's id.
        variant: Id of the suite's other parameters, "" where it has none.
        model: Name of the model.
        content_hash: Hash of question and expectation.
        pass_rate: Share of the repeats that were passed, errors counted as not; None where no
            repeat was scored.
        score: Mean score; None where no repeat was scored.
        latency_s: Geometric mean of the repeats' seconds; None where none was measured.
        cost_usd: Mean cost; None where one is unknown.
        output: The last answer, cut to 200 characters; None where there is none.
        answer: The last answer, whole, where later answers are compared with it by a judge.
        outcome: What the last repeat counted as.
        scorers: What the score is made of: of each scorer its name, with ``@version`` where it has
            parameters and ``*weight`` where that is not 1. Scores are compared where all of it is
            the same.
        cluster: The case's cluster; None where it is related to no other.
    """

    suite: str
    case_id: str
    variant: str = ""
    model: str | None = None
    content_hash: str = ""
    pass_rate: float | None = None
    score: float | None = None
    latency_s: float | None = None
    cost_usd: float | None = None
    output: str | None = None
    answer: str | None = None
    outcome: str = "passed"
    scorers: tuple[str, ...] = ()
    cluster: str | None = None

    @property
    def place(self) -> tuple[str, str, str | None]:
        """Suite, variant and model."""
        return self.suite, self.variant, self.model

    def to_dict(self) -> dict[str, Any]:
        """As plain data, without what is unknown."""
        data = asdict(self)
        if not self.scorers:  # the score then only says again what was passed
            data["score"] = None
        if self.outcome == "passed":
            data["outcome"] = None
        return {name: value for name, value in data.items() if value not in (None, "", ())}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CaseNumbers:
        """What ``to_dict`` gave; fields of later versions are passed over."""
        known = {item.name: data[item.name] for item in fields(cls) if item.name in data}
        known["scorers"] = tuple(known.get("scorers", ()))
        if not known["scorers"]:
            known.setdefault("score", known.get("pass_rate"))
        return cls(**known)


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePair:
    """One case before and after."""

    before: CaseNumbers
    after: CaseNumbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What changed in one suite, asked of one model, since the baseline.

    Attributes:
        suite: Name of the suite.
        variant: Id of the suite's other parameters.
        model: Name of the model now.
        baseline_model: Name of the model then.
        pairs: The cases of both runs that are the same.
        added: Ids of cases that the baseline does not have.
        removed: Ids of cases that the later run lacks, where it was whole and did not skip them.
        changed: Ids of cases whose question or expectation is another.
    """

    suite: str
    variant: str
    model: str | None
    baseline_model: str | None
    pairs: tuple[CasePair, ...]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The suite with its variant."""
        return titled(self.suite, self.variant)

    @property
    def broke(self) -> list[CasePair]:
        """The cases that are worse than before, those that failed altogether first."""
        worse = [pair for pair in self._scored if _rate(pair.after) < _rate(pair.before)]
        return sorted(worse, key=lambda pair: _rate(pair.after) - _rate(pair.before))

    @property
    def mended(self) -> list[CasePair]:
        """The cases that are better than before."""
        better = [pair for pair in self._scored if _rate(pair.after) > _rate(pair.before)]
        return sorted(better, key=lambda pair: _rate(pair.before) - _rate(pair.after))

    @property
    def accuracy(self) -> Change | None:
        """The change of accuracy.

        McNemar's where each case is right or wrong and related to no other, else sign flips.
        """
        before, after, clusters = self._both(lambda case: case.pass_rate)
        if clusters is None and {*before, *after} <= {0, 1}:
            return change_of_rates(len(self.mended), len(self.broke), len(before))
        return change_of_means(before, after, clusters)

    @property
    def accuracies(self) -> tuple[float, float] | None:
        """Accuracy before and after, over the cases of both runs."""
        pairs = self._scored
        if not pairs:
            return None
        before = math.fsum(_rate(pair.before) for pair in pairs) / len(pairs)
        after = math.fsum(_rate(pair.after) for pair in pairs) / len(pairs)
        return before, after

    @property
    def score(self) -> Change | None:
        """The change of the mean score; None where there is none beside right and wrong."""
        return change_of_means(*self._both(lambda case: case.score)) if self._has_scores else None

    @property
    def score_note(self) -> str | None:
        """Why scores are not compared; None where they are."""
        pairs = [(pair.before.scorers, pair.after.scorers) for pair in self.pairs]
        # A case that was not answered has no scores, in a suite that has some; it counts 0.
        is_other = any(before and after and before != after for before, after in pairs)
        if is_other or any(before for before, _ in pairs) != any(after for _, after in pairs):
            return "not comparable: other scorers, parameters or weights"
        return None

    @property
    def latency(self) -> Change | None:
        """The ratio of the cases' latencies."""
        return change_of_ratio(*self._both(lambda case: case.latency_s))

    @property
    def cost(self) -> Change | None:
        """The ratio of the cases' costs."""
        return change_of_ratio(*self._both(lambda case: case.cost_usd))

    @property
    def cost_note(self) -> str | None:
        """Why costs are not judged.

        None where each case's is known in both runs, and a ratio can tell of every rise.
        """
        both = [case for pair in self.pairs for case in (pair.before, pair.after)]
        n_known = sum(case.cost_usd is not None for case in both)
        if n_known < len(both):
            return f"the cost is known for {out_of(n_known, len(both), 'answer')} of both runs"
        n_free = sum(pair.before.cost_usd == 0 and pair.after.cost_usd != 0 for pair in self.pairs)
        if n_free:
            return f"{counted(n_free, 'case')} cost nothing before, so that there is no ratio"
        return None

    @property
    def cases_text(self) -> str:
        """How many scored cases there are, and in how many clusters where some are related.

        A case that is related to no other is a cluster by itself.
        """
        clusters = _clusters(self._scored)
        n = counted(len(self._scored), "case")
        return n if clusters is None else f"{n} in {counted(len(set(clusters)), 'cluster')}"

    @property
    def visible_drop(self) -> float | None:
        """The smallest drop of accuracy that this comparison could have seen."""
        return self.drop_seen("accuracy")

    @property
    def cases_needed(self) -> int | None:
        """About how many cases it takes to see the difference that was found; None for none."""
        change = self.accuracy
        if change is None or not change.value:
            return None
        n, changed = self._worth
        return math.ceil(cases_needed(abs(change.value), changed) * change.n / n)

    @property
    def _worth(self) -> tuple[float, float]:
        """How many independent cases there are, and the share that changed, as far as few say so.

        Cases that are right or wrong change by 1; what changes by less counts as its square.
        """
        before, after, clusters = self._both(lambda case: case.pass_rate)
        n = float(len(before)) if clusters is None else worth(before, after, clusters)
        squares = math.fsum((new - old) ** 2 for old, new in zip(before, after, strict=True))
        return n, max(squares / len(before), _LEAST_DISCORDANT)

    def drop_seen(
        self, metric: str, *, level: float = LEVEL, tolerance: float = 0.0
    ) -> float | None:
        """The smallest drop of a rate that this comparison sees in 80 of 100 runs.

        Args:
            metric: ``accuracy`` or ``mean_score``.
            level: Level of the test; with several thresholds that of the strictest.
            tolerance: What the drop has to exceed as well.

        Returns:
            The drop as a rate; None where there are too few cases for any.
        """
        if metric == "mean_score" and self._has_scores:
            both = self._both(lambda case: case.score)
            found = visible_shift(*both, level=level, tolerance=tolerance)
        else:
            if not self._scored:
                return None
            n, changed = self._worth
            found = visible_drop(n, changed, level=level, tolerance=tolerance)
        return None if found is None or found > 1 else found

    @property
    def _has_scores(self) -> bool:
        return any(pair.after.scorers for pair in self.pairs) and self.score_note is None

    @property
    def _scored(self) -> list[CasePair]:
        return [
            pair
            for pair in self.pairs
            if pair.before.pass_rate is not None and pair.after.pass_rate is not None
        ]

    def _both(
        self, number: Callable[[CaseNumbers], float | None]
    ) -> tuple[list[float], list[float], list[str] | None]:
        """A number before and after, of the cases that have it in both runs, and their clusters."""
        before, after, kept = [], [], []
        for pair in self.pairs:
            old, new = number(pair.before), number(pair.after)
            if old is not None and new is not None:
                before.append(old)
                after.append(new)
                kept.append(pair)
        return before, after, _clusters(kept)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain data."""
        names = ("accuracy", "score", "latency", "cost")
        changes = {name: getattr(self, name) for name in names}
        return {
            "suite": self.suite,
            "variant": self.variant,
            "model": self.model,
            "baseline_model": self.baseline_model,
            "n": len(self.pairs),
            "changes": {name: asdict(change) for name, change in changes.items() if change},
            "broke": [pair.after.case_id for pair in self.broke],
            "mended": [pair.after.case_id for pair in self.mended],
            "added": list(self.added),
            "removed": list(self.removed),
            "changed": list(self.changed),
            "visible_drop": self.visible_drop,
        }


def numbers_of(records: Iterable[Record], *, has_answers: bool = False) -> list[CaseNumbers]:
    """What a comparison needs of a run, sorted by suite, model and case.

    Args:
        records: The run's records.
        has_answers: Give every answer whole, and not only those that a score asks to keep.
    """
    groups: dict[tuple[str, str, str, str], list[Record]] = defaultdict(list)
    for summary in group_records(records):  # which knows whose a case without a model is
        for record in summary.records:
            if record.outcome != "skipped":
                key = (record.suite, record.variant, summary.model or "", record.case_id)
                groups[key].append(
                    record
                    if record.model == summary.model
                    else replace(record, model=summary.model)
                )
    return [_numbers(groups[key], has_answers=has_answers) for key in sorted(groups)]


def compare(
    after: Sequence[CaseNumbers], before: Sequence[CaseNumbers], *, is_whole: bool = True
) -> list[Comparison]:
    """What changed from one run to another, for each suite and model of the later one.

    A suite is compared with what the baseline has of the same model; where it has none of that,
    and only one other, with that one, since another model is what one may want to compare.

    Args:
        after: The cases of the later run.
        before: The cases of the baseline.
        is_whole: The later run is not a selection, so that what it lacks was removed.
    """
    then: dict[tuple[str, str], dict[str | None, list[CaseNumbers]]] = defaultdict(dict)
    for case in before:
        then[case.suite, case.variant].setdefault(case.model, []).append(case)
    now: dict[tuple[str, str, str | None], list[CaseNumbers]] = defaultdict(list)
    for case in after:
        now[case.place].append(case)
    comparisons = []
    for (suite, variant, model), cases in now.items():
        models = then.get((suite, variant), {})
        other = model if model in models else next(iter(models)) if len(models) == 1 else None
        if models and (other in models):
            comparisons.append(_compare(cases, models[other], is_whole=is_whole))
    return comparisons


def compare_run(
    records: Sequence[Record], coverages: Iterable[Coverage], before: Sequence[CaseNumbers]
) -> list[Comparison]:
    """What changed from a baseline to a run; what was not selected, reached or run is not removed.

    Args:
        records: The run's records.
        coverages: What was meant to run.
        before: The cases of the baseline.
    """
    coverages = list(coverages)
    is_whole = is_whole_selection(coverages) and len(records) >= sum(
        coverage.n_selected for coverage in coverages
    )
    skipped = {
        (record.suite, record.variant, record.case_id)
        for record in records
        if record.outcome == "skipped"
    }
    found = compare(numbers_of(records), before, is_whole=is_whole)
    return [
        replace(
            item,
            removed=tuple(
                name for name in item.removed if (item.suite, item.variant, name) not in skipped
            ),
        )
        for item in found
    ]


def compare_models(records: Iterable[Record]) -> list[Comparison]:
    """Each further model of a suite against the first one that was asked, case by case."""
    by_suite: dict[tuple[str, str], dict[str, list[Record]]] = defaultdict(dict)
    for record in records:
        if record.model is not None:
            by_suite[record.suite, record.variant].setdefault(record.model, []).append(record)
    comparisons = []
    for models in by_suite.values():
        first, *others = map(numbers_of, models.values())
        comparisons += [
            _compare(other, first, is_whole=True) for other in others if first and other
        ]
    return comparisons


def _compare(
    after: Sequence[CaseNumbers], before: Sequence[CaseNumbers], *, is_whole: bool
) -> Comparison:
    old = {case.case_id: case for case in before}
    new = {case.case_id: case for case in after}
    shared = [case_id for case_id in new if case_id in old]
    changed = [name for name in shared if new[name].content_hash != old[name].content_hash]
    same = [name for name in shared if new[name].content_hash == old[name].content_hash]
    return Comparison(
        suite=after[0].suite,
        variant=after[0].variant,
        model=after[0].model,
        baseline_model=before[0].model,
        pairs=tuple(CasePair(before=old[name], after=new[name]) for name in same),
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new) if is_whole else (),
        changed=tuple(changed),
    )


def _numbers(records: Sequence[Record], *, has_answers: bool) -> CaseNumbers:
    """The numbers of one case's repeats."""
    last = records[-1]
    is_kept = has_answers or any(score.get("keeps_answer") for score in last.scores.values())
    scored = [record for record in records if record.outcome != "unscored"]
    latencies = [record.latency_s for record in records if record.latency_s]
    costs = [record.cost_usd for record in records]
    known = [cost for cost in costs if cost is not None]
    return CaseNumbers(
        suite=last.suite,
        variant=last.variant,
        model=last.model,
        case_id=last.case_id,
        content_hash=last.content_hash,
        pass_rate=_rounded(_mean([float(record.outcome == "passed") for record in scored])),
        score=_rounded(_mean([record.score for record in scored])),
        latency_s=_rounded(_geometric_mean(latencies), _DIGITS_OF_TIMES),
        cost_usd=_rounded(_mean(known)) if len(known) == len(costs) else None,
        output=None if last.output is None else str(last.output)[:_MAX_OUTPUT],
        answer=as_text(last.output) if is_kept and last.output is not None else None,
        outcome=last.outcome,
        scorers=_labels(records),
        cluster=last.cluster,
    )


def _clusters(pairs: Sequence[CasePair]) -> list[str] | None:
    """What each pair is related by, as the later run has it."""
    return relations((pair.after.cluster, pair.after.case_id) for pair in pairs)


def _rate(case: CaseNumbers) -> float:
    assert case.pass_rate is not None
    return case.pass_rate


def _labels(records: Sequence[Record]) -> tuple[str, ...]:
    """What the score of these records is made of: ``name``, ``name@version``, ``name@version*2``."""
    scores = {
        (name, str(score.get("version", "")), float(score.get("weight", 1.0)))
        for record in records
        for name, score in record.scores.items()
    }
    return tuple(
        name + (f"@{version}" if version else "") + (f"*{weight:g}" if weight != 1 else "")
        for name, version, weight in sorted(scores)
    )


def _mean(values: Sequence[float]) -> float | None:
    return mean(values) if values else None


def _rounded(value: float | None, digits: int = _DIGITS) -> float | None:
    return None if value is None else float(f"{value:.{digits}g}")


def _geometric_mean(values: Sequence[float]) -> float | None:
    return math.exp(math.fsum(map(math.log, values)) / len(values)) if values else None
