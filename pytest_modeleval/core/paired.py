"""Paired statistics: what changed between two runs over the same cases.

Each case is its own control, so what differs between easy and hard cases cancels out. A difference
is after minus before: below 0 is worse for accuracy and scores, above 1 dearer for ratios.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from pytest_modeleval.core.stats import (
    cluster_sums,
    independent_cases,
    mean,
    mean_error,
    mean_interval,
    student_t_p,
    student_t_quantile,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "LEVEL",
    "Change",
    "cases_needed",
    "change_of_means",
    "change_of_rates",
    "change_of_ratio",
    "holm",
    "mcnemar_mid_p",
    "sign_flip_p",
    "smallest_drop",
    "visible_drop",
    "visible_shift",
    "worth",
]

LEVEL = 0.05
"""A change is held for real where chance alone brings one as large about less often."""

_EXACT = 16  # differences up to which all sign flips are looked at, 65,536 of them
_N_FLIPS = 9_999
_CHUNK = 250  # random flips at a time, so that 10,000 cases need 10 MB
_LARGEST_LOG = math.log(sys.float_info.max)
_SAME = 1e-12  # relative; sums of floats that differ by less are equal


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How a number changed from one run to another, over the cases of both.

    Attributes:
        value: After minus before; of a ratio after divided by before.
        low: Lower end of the 95 % interval; None where there is none.
        high: Upper end of the 95 % interval; None where there is none.
        p: The chance of such a change or a larger one, in either direction, where in truth there
            is none; None where nothing can be said.
        n: Cases that were compared.
    """

    value: float
    low: float | None
    high: float | None
    p: float | None
    n: int


def change_of_rates(n_better: int, n_worse: int, n: int) -> Change | None:
    """The change of a rate whose cases are right or wrong; None for no cases.

    The p value is McNemar's mid-p, the interval Bonett and Price's adjusted Wald interval
    (Bonett & Price 2012, British Journal of Mathematical and Statistical Psychology 65:430).

    Args:
        n_better: Cases that were wrong before and are right now.
        n_worse: Cases that were right before and are wrong now.
        n: All cases of both runs.
    """
    if not n:
        return None
    better, worse = (n_better + 1) / (n + 2), (n_worse + 1) / (n + 2)
    middle = better - worse
    error = math.sqrt((better + worse - middle**2) / (n + 2))
    reach = NormalDist().inv_cdf(0.975) * error
    return Change(
        value=(n_better - n_worse) / n,
        low=max(middle - reach, -1.0),
        high=min(middle + reach, 1.0),
        p=mcnemar_mid_p(n_better, n_worse),
        n=n,
    )


def change_of_means(
    before: Sequence[float], after: Sequence[float], clusters: Sequence[str] | None = None
) -> Change | None:
    """The change of a mean over cases; Student's t interval, p by sign flips. None for no cases.

    Args:
        before: A number for each case.
        after: The same of the other run.
        clusters: The cluster of each case, where some are related: the interval then has the error
            of clusters, and the signs of a cluster are flipped together.
    """
    differences = [new - old for old, new in zip(before, after, strict=True)]
    if not differences:
        return None
    interval = mean_interval(differences, clusters)
    return Change(
        value=mean(differences),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        p=sign_flip_p(_sums(differences, clusters)) if interval else None,
        n=len(differences),
    )


def change_of_ratio(
    before: Sequence[float], after: Sequence[float], clusters: Sequence[str] | None = None
) -> Change | None:
    """By what factor times or costs changed, case by case: the geometric mean of after/before.

    A paired t test on the logarithms, back on the scale of ratios. Two zeros are no change; pairs
    in which only one is 0 have no ratio and are left out. None where no pair is left.

    Args:
        before: A number for each case, at least 0.
        after: The same of the other run.
        clusters: The cluster of each case, where some are related.
    """
    logs, kept = [], []
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        if old == new or (old > 0 and new > 0):
            # Not the logarithm of the ratio, which may be too large for a float.
            logs.append(0.0 if old == new else math.log(new) - math.log(old))
            kept.append(index)
    if not logs:
        return None
    own = None if clusters is None else [clusters[index] for index in kept]
    interval = mean_interval(logs, own)
    return Change(
        value=_exp(mean(logs)),
        low=_exp(interval.low) if interval and interval.low is not None else None,
        high=_exp(interval.high) if interval and interval.high is not None else None,
        p=_paired_t_p(logs, own),
        n=len(logs),
    )


def mcnemar_mid_p(n_better: int, n_worse: int) -> float:
    """McNemar's mid-p, two-sided: twice the chance of fewer, plus that of as many.

    Of the cases that changed, half would be better and half worse by chance. (Fagerland, Lydersen
    & Laake 2013, BMC Medical Research Methodology 13:91.)
    """
    if n_better == n_worse:
        return 1.0
    n, fewer = n_better + n_worse, min(n_better, n_worse)
    ways, below = 1, 0  # ways to choose the k-th count, and all before it
    for k in range(fewer):
        below += ways
        ways = ways * (n - k) // (k + 1)
    return float((2 * below + ways) / 2**n)


def sign_flip_p(differences: Sequence[float]) -> float:
    """The two-sided p value of a mean difference, were each sign as likely as its opposite.

    All ways to flip the signs are looked at for up to 16 differences that are not 0, otherwise
    9,999 random ones, always the same.
    """
    import numpy as np

    values = np.array([value for value in differences if value != 0], dtype=float)
    if not len(values):
        return 1.0
    seen = abs(values.sum()) - _SAME * np.abs(values).sum()
    if len(values) <= _EXACT:
        sums = np.zeros(1)
        for value in values:
            sums = np.concatenate([sums + value, sums - value])
        return float(np.count_nonzero(np.abs(sums) >= seen) / len(sums))
    random = np.random.default_rng(0)
    n_as_far = 0
    for start in range(0, _N_FLIPS, _CHUNK):
        n_rows = min(_CHUNK, _N_FLIPS - start)
        signs = random.integers(0, 2, size=(n_rows, len(values)), dtype=np.int8) * 2 - 1
        n_as_far += int(np.count_nonzero(np.abs(signs @ values) >= seen))
    return (n_as_far + 1) / (_N_FLIPS + 1)


def holm(ps: Sequence[float]) -> list[float]:
    """P values adjusted for being several, in their order (Holm 1979, Scand. J. Stat. 6:65)."""
    order = sorted(range(len(ps)), key=lambda index: ps[index])
    adjusted = [0.0] * len(ps)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(ps[index] * (len(ps) - rank), 1.0))
        adjusted[index] = largest
    return adjusted


def smallest_drop(
    n: float, discordant: float, *, level: float = LEVEL, tolerance: float = 0.0
) -> float | None:
    """The smallest drop of a rate that a paired comparison of ``n`` cases sees.

    Seen is what the test finds at the level, two-sided, in 80 of 100 runs:
    n = (z(0.975) sqrt(d) + z(0.8) sqrt(d - drop²))² / drop². (Connor 1987, Biometrics 43:207.)

    Args:
        n: Cases in both runs, or what related ones are worth.
        discordant: Share of the cases, in (0, 1], that are right in one run and wrong in the
            other; a drop is never larger.
        level: Level of the test.
        tolerance: What the drop has to exceed as well, in 80 of 100 runs.

    Returns:
        The drop as a rate; None where not even a drop of all discordant cases is seen.
    """

    def is_seen(drop: float) -> bool:
        return _is_seen(drop, n, discordant, level=level, tolerance=tolerance)

    return _least(is_seen, 0.0, discordant) if is_seen(discordant) else None


def visible_drop(
    n: float, discordant: float, *, level: float = LEVEL, tolerance: float = 0.0
) -> float | None:
    """The smallest drop of a rate that is seen where at least ``discordant`` cases change.

    It is ``smallest_drop``; where not even a drop of all discordant cases is seen, more of them
    have to change, all for the worse.

    Returns:
        The drop as a rate; None where the test finds nothing though nearly every case broke.
    """
    if mcnemar_mid_p(0, max(int(n) - 1, 0)) >= level:
        return None  # one case that holds may not undo it
    found = smallest_drop(n, discordant, level=level, tolerance=tolerance)
    if found is not None:
        return found

    def is_seen(drop: float) -> bool:
        return _is_seen(drop, n, drop, level=level, tolerance=tolerance)

    return _least(is_seen, discordant, 1.0) if is_seen(1.0) else None


def visible_shift(
    before: Sequence[float],
    after: Sequence[float],
    clusters: Sequence[str] | None = None,
    *,
    level: float = LEVEL,
    tolerance: float = 0.0,
) -> float | None:
    """The smallest change of a mean that these cases see, in 80 of 100 runs, at that level.

    (t(0.975) + t(0.83)) times the error of the mean difference, as it is in these two runs, and a
    little more: where that error comes out too small so does the drop, which costs more power than
    is won where it comes out too large. (To second order in the error's own spread, 1 / (2 df);
    83 and not 80 for what the values' distribution adds.)

    Returns:
        The change in the unit of the values; None where the test finds nothing whatever happens.
    """
    differences = [new - old for old, new in zip(before, after, strict=True)]
    found = mean_error(differences, clusters)
    if found is None or 2.0 ** (1 - len(_sums(differences, clusters))) >= level:
        return None
    error, df = found
    power, significance = student_t_quantile(0.83, df), student_t_quantile(1 - level / 2, df)
    error *= 1 + (significance + power) * power / (4 * df)
    return power * error + max(significance * error, tolerance)


def worth(before: Sequence[float], after: Sequence[float], clusters: Sequence[str]) -> float:
    """How many independent cases tell as much of a mean difference as these related ones.

    Args:
        before: A number for each case.
        after: The same of the other run.
        clusters: The cluster of each case.
    """
    differences = [new - old for old, new in zip(before, after, strict=True)]
    by_cluster, by_case = mean_error(differences, clusters), mean_error(differences)
    if by_cluster is None or by_case is None or by_cluster[0] == 0 or by_case[0] == 0:
        return independent_cases(clusters)
    return len(differences) * min(1.0, (by_case[0] / by_cluster[0]) ** 2)


def _is_seen(drop: float, n: float, discordant: float, *, level: float, tolerance: float) -> bool:
    normal = NormalDist()
    z_level, z_power = normal.inv_cdf(1 - level / 2), normal.inv_cdf(0.8)
    spread = z_power * math.sqrt(max(discordant - drop**2, 0.0))
    is_significant = drop * math.sqrt(n) >= z_level * math.sqrt(discordant) + spread
    # A drop of just the tolerance is still met: it takes a case more.
    beyond = drop - tolerance - 1 / n if tolerance else drop
    return is_significant and beyond * math.sqrt(n) >= (spread if tolerance else 0.0)


def _least(is_seen: Callable[[float], bool], low: float, high: float) -> float:
    """The smallest number that is seen, between one that is not and one that is."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if is_seen(middle) else (middle, high)
    return high


def cases_needed(difference: float, discordant: float) -> int:
    """How many cases a paired comparison takes to see a difference; see ``smallest_drop``.

    Args:
        difference: The difference of the rates, above 0 and at most ``discordant``.
        discordant: Share of the cases that are right on one side only.
    """
    normal = NormalDist()
    level, power = normal.inv_cdf(0.975), normal.inv_cdf(0.8)
    spread = level * math.sqrt(discordant) + power * math.sqrt(max(discordant - difference**2, 0.0))
    return math.ceil((spread / difference) ** 2)


def _sums(values: Sequence[float], clusters: Sequence[str] | None) -> list[float]:
    """The sum of each cluster; the values themselves where there are none."""
    return list(values) if clusters is None else cluster_sums(values, clusters)


def _paired_t_p(values: Sequence[float], clusters: Sequence[str] | None) -> float | None:
    """The p value of the mean; by sign flips where there is no spread, of which t knows nothing."""
    found = mean_error(values, clusters)
    if found is None:
        return None
    error, df = found
    middle = mean(values)
    if error <= _SAME * abs(middle):
        return sign_flip_p(_sums(values, clusters))
    return student_t_p(middle / error, df)


def _exp(value: float) -> float:
    """The ratio of a logarithm; the largest there can be where it is beyond a float."""
    return math.exp(min(value, _LARGEST_LOG))
