"""Agreements: how far a judge says what people say of the same answers.

People say it in a column ``human`` of the dataset: pass or fail, or a number from 0 to 1 that is
held against the judge's own pass mark. It is about an answer, so it is of use where the answers
are given, and not where a model gives another one each time.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.stats import Interval, wilson

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_modeleval.core.records import Record

__all__ = ["Agreement", "Kappa", "agreements", "cohen_kappa", "read_label"]

COLUMN = "human"
"""The column that people's labels stand in."""

_PASS = frozenset({"pass", "passed", "right", "correct", "good", "yes", "true"})
_FAIL = frozenset({"fail", "failed", "wrong", "incorrect", "bad", "no", "false"})
_USUAL_MARK = 0.5  # what a number has to reach where the score was only noted
_Z = 1.959963984540054  # of a two-sided 95 % interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Kappa:
    """Cohen's kappa with its 95 % interval.

    Attributes:
        value: 1 for full agreement, 0 for that of chance, negative for less.
        low: Lower end of the interval; None where the error is not defined.
        high: Upper end of it.
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far one judge agrees with people.

    Attributes:
        scorer: Name of the scorer.
        judged_by: Names of the models that judged.
        n: Answers that both have judged.
        n_agreed: Those that they have judged alike.
        interval: Wilson's 95 % interval of the share that they have judged alike.
        kappa: Cohen's kappa; None where one kind of verdict was given alone, of which chance would
            agree too.
        n_passed_by_judge: Answers that the judge passed and people did not.
        n_failed_by_judge: Answers that people passed and the judge did not.
        n_unreadable: Labels that are neither pass or fail nor a number from 0 to 1.
    """

    scorer: str
    judged_by: str
    n: int
    n_agreed: int
    interval: Interval | None
    kappa: Kappa | None
    n_passed_by_judge: int
    n_failed_by_judge: int
    n_unreadable: int = 0

    @property
    def accuracy(self) -> float | None:
        """The share of answers that both have judged alike; None for no answer."""
        return self.n_agreed / self.n if self.n else None

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "accuracy": self.accuracy}


def agreements(records: Iterable[Record]) -> list[Agreement]:
    """How far each judge of these records agrees with people; of repeats the first counts.

    Args:
        records: The records of one suite and model.
    """
    pairs: dict[tuple[str, str], list[tuple[bool, bool] | None]] = defaultdict(list)
    for record in records:
        label = record.metadata.get(COLUMN)
        if record.repeat or label is None or label == "":
            continue
        for name, score in record.scores.items():
            if score.get("judged_by"):
                mark = score.get("min_score") or _USUAL_MARK
                human = read_label(label, mark)
                pair = None if human is None else (human, score["value"] >= mark)
                pairs[name, score["judged_by"]].append(pair)
    return [
        _agreement(name, judged_by, found) for (name, judged_by), found in sorted(pairs.items())
    ]


def read_label(label: Any, mark: float) -> bool | None:
    """Whether a person found an answer right; None where the label does not say.

    Args:
        label: Pass or fail in one of their usual words, a truth value, or a number from 0 to 1.
        mark: What a number has to reach.
    """
    if isinstance(label, bool):
        return label
    word = str(label).strip().casefold()
    if word in _PASS or word in _FAIL:
        return word in _PASS
    try:
        number = float(word)
    except ValueError:
        return None
    return number >= mark if 0 <= number <= 1 else None


def cohen_kappa(pairs: Sequence[tuple[bool, bool]]) -> Kappa | None:
    """Cohen's kappa of two raters, with its interval.

    Source: Cohen 1960, "A Coefficient of Agreement for Nominal Scales"; the standard error is that
    of Fleiss, Cohen & Everitt 1969, "Large Sample Standard Errors of Kappa and Weighted Kappa",
    equation 13.

    Args:
        pairs: The two raters' verdicts on each answer.

    Returns:
        None where chance alone would agree on everything, since both gave one and the same verdict
        throughout, and for no answer.
    """
    n = len(pairs)
    cells = {cell: count / n for cell, count in Counter(pairs).items()} if n else {}
    kinds = (True, False)
    row = {kind: math.fsum(cells.get((kind, other), 0.0) for other in kinds) for kind in kinds}
    column = {kind: math.fsum(cells.get((other, kind), 0.0) for other in kinds) for kind in kinds}
    observed = math.fsum(cells.get((kind, kind), 0.0) for kind in kinds)
    chance = math.fsum(row[kind] * column[kind] for kind in kinds)
    if not n or math.isclose(chance, 1.0):
        return None
    value = (observed - chance) / (1 - chance)
    on_diagonal = math.fsum(
        cells.get((kind, kind), 0.0)
        * ((1 - chance) - (row[kind] + column[kind]) * (1 - observed)) ** 2
        for kind in kinds
    )
    off_diagonal = (1 - observed) ** 2 * math.fsum(
        share * (column[left] + row[right]) ** 2
        for (left, right), share in cells.items()
        if left != right
    )
    last = (observed * chance - 2 * chance + observed) ** 2
    variance = (on_diagonal + off_diagonal - last) / (n * (1 - chance) ** 4)
    half = _Z * math.sqrt(max(variance, 0.0))
    if not half:  # so few, or so alike, that the error can't be told
        return Kappa(value=value, low=None, high=None)
    return Kappa(value=value, low=max(value - half, -1.0), high=min(value + half, 1.0))


def _agreement(name: str, judged_by: str, found: Sequence[tuple[bool, bool] | None]) -> Agreement:
    pairs = [pair for pair in found if pair is not None]
    n_agreed = sum(human == judge for human, judge in pairs)
    return Agreement(
        scorer=name,
        judged_by=judged_by,
        n=len(pairs),
        n_agreed=n_agreed,
        interval=wilson(n_agreed, len(pairs)),
        kappa=cohen_kappa(pairs),
        n_passed_by_judge=pairs.count((False, True)),
        n_failed_by_judge=pairs.count((True, False)),
        n_unreadable=len(found) - len(pairs),
    )
