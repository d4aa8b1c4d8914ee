"""Statistics: point estimates and their intervals, as functions of their arguments alone.

Numbers come in, numbers go out; what is undefined is None, never 0 and never NaN. Values have to be
finite, and intervals are two-sided.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, count
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "Interval",
    "cluster_error",
    "cluster_sums",
    "effective_clusters",
    "independent_cases",
    "mean",
    "mean_error",
    "mean_interval",
    "pass_at_k",
    "pass_hat_k",
    "percentile",
    "percentile_interval",
    "percentile_ranks",
    "percentiles",
    "proportion",
    "rate_interval",
    "relations",
    "smallest_n_with_upper_bound",
    "student_t_p",
    "student_t_quantile",
    "wilson",
    "wilson_of_rate",
]

_CONFIDENCE = 0.95
"""Level of every interval that is shown."""

_ROUNDING = 1e-9
"""Relative error allowed a tail probability, so that an intended tie with a level is one."""

_NEGLIGIBLE = 1e-30
"""A binomial probability this small beside the mode's is far below every level a float can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A two-sided confidence interval, in the unit of what it is about.

    Attributes:
        low: The lower bound, or None where no bound exists on that side.
        high: The upper bound, or None where no bound exists on that side: fewer than 72 values
            can't bound a p95 from above at 95 %, however they look.
    """

    low: float | None
    high: float | None


def wilson(n_passed: int, n: int, *, confidence: float = _CONFIDENCE) -> Interval | None:
    """Wilson score interval of a rate, within [0, 1].

    No passed case gives a lower bound of exactly 0, no other case an upper bound of exactly 1.

    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".

    Args:
        n_passed: How many cases count as a success.
        n: How many cases there are.
        confidence: Level of the interval, between 0 and 1.

    Returns:
        The interval of the rate ``n_passed / n``, or None for no case.

    Raises:
        ValueError: If ``n_passed`` is not within 0 and ``n``, or the level not between 0 and 1.
    """
    if not 0 <= n_passed <= n:
        raise ValueError(f"n_passed is a count from 0 to n, not {n_passed!r} of {n!r}")
    tail = _tail(confidence)
    return _wilson(n_passed, n, tail) if n else None


def proportion(n_passed: int, n: int, *, confidence: float = _CONFIDENCE) -> Interval | None:
    """Interval of the rate of independent cases: Wilson's, with an exact end where that is short.

    One to three cases away from all or none, Wilson's end on that side is too near: at a true rate
    of 0.99 it leaves 9 % of the runs of 50 cases out instead of 5 %. There the end is Clopper and
    Pearson's, as far out as two cases up to 50 and three beyond. (Where to do so is from Brown, Cai
    & DasGupta 2001, "Interval Estimation for a Binomial Proportion", whose own end is Poisson's.)

    Args:
        n_passed: How many cases count as a success.
        n: How many cases there are.
        confidence: Level of the interval, between 0 and 1.

    Returns:
        The interval of the rate ``n_passed / n``, or None for no case.

    Raises:
        ValueError: If ``n_passed`` is not within 0 and ``n``, or the level not between 0 and 1.
    """
    interval = wilson(n_passed, n, confidence=confidence)
    if interval is None or interval.low is None or interval.high is None:
        return None
    tail, reach = _tail(confidence), 2 if n <= 50 else 3
    low, high, n_failed = interval.low, interval.high, n - n_passed
    if 0 < n_passed <= reach and n_passed < n_failed:
        low = min(low, _exact_low(n_passed, n, tail))
    if 0 < n_failed <= reach and n_failed < n_passed:
        high = max(high, 1 - _exact_low(n_failed, n, tail))
    return Interval(low=low, high=high)


def wilson_of_rate(
    rate: float, n: float, *, df: int | None = None, confidence: float = _CONFIDENCE
) -> Interval | None:
    """Wilson's interval of a rate that is no count of ``n``: neither has to be whole.

    With repeats or clusters a rate is a mean of means and ``n`` the effective number of
    independent cases, rate (1 - rate) / SE², as in Korn & Graubard 1998, "Confidence Intervals for
    Proportions with Small Expected Number of Positive Counts Estimated from Survey Data".

    Args:
        rate: The rate, from 0 to 1.
        n: How many independent cases it is worth.
        df: Degrees of freedom of the error that says so, where it is that of few clusters.
        confidence: Level of the interval, between 0 and 1.

    Returns:
        The interval of the rate, or None for no case.

    Raises:
        ValueError: If the rate is not within 0 and 1, ``n`` negative, or the level not between 0
            and 1.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"a rate is from 0 to 1, not {rate!r}")
    if n < 0:
        raise ValueError(f"n is at least 0, not {n!r}")
    tail = _tail(confidence)
    critical = None if df is None else -student_t_quantile(tail, df)
    return _wilson(rate * n, n, tail, critical) if n else None


def rate_interval(
    rate: float,
    *,
    error: float | None,
    n_most: float,
    df: int | None = None,
    confidence: float = _CONFIDENCE,
) -> Interval | None:
    """Wilson's interval of a rate, of as many independent cases as its error says.

    rate (1 - rate) / error² cases would be as uncertain. The cap is for what has no spread by
    chance: repeats of one case are no further cases, and five cases that always pass are five
    passes.

    Args:
        rate: The rate, from 0 to 1.
        error: Its standard error; None or 0 where nothing is known of it.
        n_most: The most cases that it can be worth.
        df: Degrees of freedom of the error, where it is that of few clusters.
        confidence: Level of the interval, between 0 and 1.

    Returns:
        The interval, or None for no case.
    """
    squared_error = error**2 if error is not None else 0.0
    spread = rate * (1 - rate)
    n = spread / squared_error if 0 < spread < n_most * squared_error else n_most
    return wilson_of_rate(rate, n, df=df, confidence=confidence)


def cluster_error(values: Sequence[float], clusters: Sequence[str]) -> tuple[float, int] | None:
    """The standard error of a mean whose cases come in clusters, and the number of clusters.

    The CR1 error: that of the clusters' sums of residuals, times C / (C - 1). (Miller 2024,
    arXiv 2411.00640, with the usual correction for few clusters.)

    Args:
        values: One number per case.
        clusters: The cluster that each case belongs to.

    Returns:
        None for fewer than two clusters, of which nothing can be said.
    """
    n, n_clusters = len(values), len(set(clusters))
    if n_clusters < 2:
        return None
    middle = mean(values)
    of_sums = _length(cluster_sums([value - middle for value in values], clusters))
    if of_sums <= _ROUNDING * math.fsum(map(abs, values)):
        of_sums = 0.0  # what is left of a mean like 1/3 is no spread
    return of_sums * math.sqrt(n_clusters / (n_clusters - 1)) / n, n_clusters


def cluster_sums(values: Sequence[float], clusters: Sequence[str]) -> list[float]:
    """The sum of the values of each cluster."""
    members: dict[str, list[float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        members.setdefault(cluster, []).append(value)
    return [math.fsum(own) for own in members.values()]


def relations(cases: Iterable[tuple[str | None, str]]) -> list[str] | None:
    """What each case is related by: its cluster, else nothing but its own repeats.

    Args:
        cases: The cluster of each case, None where it has none, and what tells the case itself.

    Returns:
        A name for each, equal for related ones; None where no two are related.
    """
    names = [f"case {own}" if cluster is None else f"cluster {cluster}" for cluster, own in cases]
    return names if len(set(names)) < len(names) else None


def effective_clusters(clusters: Sequence[str]) -> int:
    """How many equal clusters say as much about an error as these: their number, if they are equal.

    One large cluster among small ones decides the error nearly alone, so that the error is less
    certain than the number of clusters says. (Carter, Schnepel & Steigerwald 2017, Review of
    Economics and Statistics 99:698, with cases of one cluster as alike as can be.)

    Args:
        clusters: The cluster that each case belongs to.
    """
    sizes = Counter(clusters).values()
    return sum(size**2 for size in sizes) ** 2 // max(sum(size**4 for size in sizes), 1)


def independent_cases(clusters: Sequence[str]) -> int:
    """How many independent cases these are worth at least: as if each cluster were of one mind.

    It is n² over the sum of the squared sizes, the number of clusters where they are equal. (Kish
    1965, "Survey Sampling".)

    Args:
        clusters: The cluster that each case belongs to.
    """
    squares = sum(size**2 for size in Counter(clusters).values())
    return len(clusters) ** 2 // max(squares, 1)


def mean(values: Sequence[float]) -> float:
    """The mean of at least one finite number, however large: no sum of them overflows."""
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return math.fsum(value / len(values) for value in values)


def mean_error(
    values: Sequence[float], clusters: Sequence[str] | None = None
) -> tuple[float, int] | None:
    """The standard error of a mean and its degrees of freedom.

    Args:
        values: One number per case.
        clusters: The cluster that each case belongs to; None where all are independent.

    Returns:
        None for fewer than two independent cases, of which nothing can be said.
    """
    if clusters is not None and len(set(clusters)) < len(clusters):
        found = cluster_error(values, clusters)
        return found and (found[0], max(effective_clusters(clusters) - 1, 1))
    n = len(values)
    if n < 2:
        return None
    if min(values) == max(values):  # their computed mean may differ from them by a rounding
        return 0.0, n - 1
    middle = mean(values)
    return _length([value - middle for value in values]) / math.sqrt(n - 1) / math.sqrt(n), n - 1


def mean_interval(
    values: Sequence[float],
    clusters: Sequence[str] | None = None,
    *,
    confidence: float = _CONFIDENCE,
) -> Interval | None:
    """Student's t interval of the mean, with n - 1 degrees of freedom.

    Equal values give an interval of no width. That is what t says of a sample without spread, not
    a proof that there is none. Where no two clusters differ, nothing shows how alike their cases
    are: each cluster counts as one case. The bounds are not clipped to a range that the values may have.

    Args:
        values: One finite number per case: with repeats, the means of the cases.
        clusters: The cluster that each case belongs to, where some are related: the error is then
            that of ``cluster_error``, with one degree of freedom less than ``effective_clusters``.
        confidence: Level of the interval, between 0 and 1.

    Returns:
        The interval in the unit of the values, or None for fewer than two independent ones.
    """
    found = mean_error(values, clusters)
    if found is None:
        return None
    error, df = found
    if min(values) == max(values):
        return Interval(low=float(values[0]), high=float(values[0]))
    if error == 0 and clusters is not None:  # no two clusters differ: each counts as one case
        by_case = mean_error(values)
        error = by_case[0] * math.sqrt(len(values) / independent_cases(clusters)) if by_case else 0
    middle = mean(values)
    spread = -student_t_quantile(_tail(confidence), df) * error
    return Interval(low=middle - spread, high=middle + spread)


@lru_cache(maxsize=1024)
def student_t_quantile(p: float, df: int) -> float:
    """The number that a Student t variable stays below with probability ``p``.

    For up to 100,000 degrees of freedom the error is below 1e-12, relative to the quantile and,
    near p = 1/2, absolute. Newton's method solves log(tail) as a function of log(t). That function
    is concave, since the generalized failure rate of Student's t increases, so every step but the
    first approaches from the same side.

    Args:
        p: Probability, between 0 and 1.
        df: Degrees of freedom, at least 1.

    Raises:
        ValueError: If ``p`` is not between 0 and 1, or ``df`` less than 1.
    """
    if not 0 < p < 1:
        raise ValueError(f"a probability of a quantile is between 0 and 1, not {p!r}")
    if df < 1:
        raise ValueError(f"df is at least 1, not {df!r}")
    if p == 0.5:
        return 0.0
    tail = min(p, 1 - p)
    if df == 1:
        t = 1 / math.tan(math.pi * tail)
    else:
        t = -NormalDist().inv_cdf(tail)
        for _ in range(100):  # about six are needed; the limit is for a last digit that oscillates
            beyond, t_density = _student_t_tail(t, df)
            step = math.log(beyond / tail) * beyond / t_density
            t *= math.exp(step)
            if abs(step) <= 2 * sys.float_info.epsilon:
                break
    return t if p > 0.5 else -t


def student_t_p(t: float, df: int) -> float:
    """The two-sided p value of a Student t statistic: the chance of one at least as far from 0."""
    if df < 1:
        raise ValueError(f"df is at least 1, not {df!r}")
    if t == 0:
        return 1.0
    return 0.0 if math.isinf(t) else min(2 * _student_t_tail(abs(t), df)[0], 1.0)


def percentile(values: Sequence[float], q: float) -> float | None:
    """The ``q``-th percentile, exactly ``numpy.percentile(values, q, method="linear")``.

    Args:
        values: Finite numbers in any order.
        q: Percent, from 0 to 100.

    Returns:
        The percentile in the unit of the values, or None for no value.

    Raises:
        ValueError: If ``q`` is not within 0 and 100.
    """
    found = percentiles(values, (q,))
    return None if found is None else found[0]


def percentiles(values: Sequence[float], qs: Sequence[float]) -> tuple[float, ...] | None:
    """Several percentiles of the same values, ordered once; see ``percentile``.

    Args:
        values: Finite numbers in any order.
        qs: Percents, from 0 to 100 each.

    Returns:
        A percentile for each of ``qs``, in that order, or None for no value.

    Raises:
        ValueError: If one of ``qs`` is not within 0 and 100.
    """
    for q in qs:
        _check_percent(q)
    if not values:
        return None
    ordered = sorted(map(float, values))
    return tuple(_interpolated(ordered, q) for q in qs)


def _interpolated(ordered: Sequence[float], q: float) -> float:
    """The value at ``q`` percent of the way through ordered ones, between its two neighbours.

    numpy's ``linear`` method (type 7 of Hyndman and Fan 1996, The American Statistician 50:361),
    to the last digit; importing numpy takes longer than the whole rest of a summary.
    """
    place = q / 100 * (len(ordered) - 1)
    below = math.floor(place)
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    share = place - below
    # From the nearer end, as numpy does: so that equal neighbours give exactly their value.
    return low + (high - low) * share if share < 0.5 else high - (high - low) * (1 - share)


def percentile_interval(
    values: Sequence[float],
    q: float,
    clusters: Sequence[str] | None = None,
    *,
    confidence: float = _CONFIDENCE,
) -> Interval | None:
    """Interval of the ``q``-th percentile from order statistics, whatever the distribution.

    The bounds are two of the values; ``percentile_ranks`` says which. In a tiny sample the
    interpolated percentile, which errs downwards there, can lie below the lower bound: so does
    the p99 of two values.

    Values of one cluster, such as the repeats of a case, count as one: the ranks are those of
    ``independent_cases``, moved outwards to the values of so many more. (Woodruff 1952, JASA
    47:635, with the largest design effect there can be.)

    Args:
        values: Finite numbers in any order.
        q: Percent, from 0 to 100.
        clusters: The cluster that each value belongs to; None where all are independent.
        confidence: Level of the interval, between 0 and 1.

    Returns:
        The interval in the unit of the values, with None for a bound that does not exist; None
        for no value.

    Raises:
        ValueError: If ``q`` is not within 0 and 100.
    """
    n = len(values)
    n_independent = n if clusters is None else independent_cases(clusters)
    low, high = percentile_ranks(n_independent, q, confidence=confidence)
    if not values:
        return None
    if n_independent < n:
        low = None if low is None else (low - 1) * n // n_independent + 1
        high = None if high is None else -(-high * n // n_independent)
    ordered = sorted(values)
    return Interval(
        low=None if low is None else float(ordered[low - 1]),
        high=None if high is None else float(ordered[high - 1]),
    )


def percentile_ranks(
    n: int, q: float, *, confidence: float = _CONFIDENCE
) -> tuple[int | None, int | None]:
    """Ranks of the two order statistics that enclose the ``q``-th percentile.

    With B ~ Binomial(n, q / 100), the number of values below the percentile, the lower rank is the
    largest l with P(B <= l - 1) <= (1 - confidence) / 2, and the upper rank the smallest u with
    P(B >= u) <= (1 - confidence) / 2. Each side keeps to its half of the error, so where one bound
    does not exist the other remains what it is.

    Source: Hahn & Meeker 1991, "Statistical Intervals", section 5.2; Conover 1999, "Practical
    Nonparametric Statistics", section 3.2.

    Args:
        n: How many values there are.
        q: Percent, from 0 to 100.
        confidence: Level of the interval, between 0 and 1.

    Returns:
        The lower and the upper rank, counted from 1 for the smallest value; None for a bound that
        does not exist.

    Raises:
        ValueError: If ``n`` is negative, ``q`` not within 0 and 100, or the level not between 0
            and 1.
    """
    if n < 0:
        raise ValueError(f"n is a count, not {n!r}")
    _check_percent(q)
    return _ranks(n, q, _tail(confidence))


def smallest_n_with_upper_bound(q: float, confidence: float = _CONFIDENCE) -> int:
    """How many values it takes for ``percentile_interval`` to have an upper bound.

    It is the smallest n with (q / 100) ** n <= (1 - confidence) / 2: the chance that all values lie
    below the percentile. At 95 % these are 6 values for p50, 36 for p90, 72 for p95, 368 for p99.

    Args:
        q: Percent, at least 0 and below 100.
        confidence: Level of the interval, between 0 and 1.

    Raises:
        ValueError: If ``q`` is out of range (no sample bounds p100), or the level not between 0
            and 1.
    """
    _check_percent(q)
    if q == 100:
        raise ValueError("no number of values bounds p100 from above")
    tail = _tail(confidence)
    if q / 100 == 0:  # p0, and what a float can't tell from it
        return 1
    return max(1, math.ceil((math.log(tail) + _ROUNDING) / _log_share(q)))


def pass_at_k(n: int, c: int, k: int) -> float | None:
    """Chance that at least one of ``k`` repeats passes: 1 - C(n - c, k) / C(n, k).

    Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code".

    Args:
        n: Repeats of the case.
        c: Those of them that passed.
        k: Repeats drawn, without putting back.

    Returns:
        A number in [0, 1], or None where there are fewer than ``k`` repeats.

    Raises:
        ValueError: If ``c`` is not within 0 and ``n``, or ``k`` less than 1.
    """
    _check_draw(n, c, k)
    if n < k:
        return None
    total = math.comb(n, k)
    return (total - math.comb(n - c, k)) / total


def pass_hat_k(n: int, c: int, k: int) -> float | None:
    """Chance that all of ``k`` repeats pass, pass^k: C(c, k) / C(n, k).

    Source: Yao et al. 2024, "τ-bench".

    Args:
        n: Repeats of the case.
        c: Those of them that passed.
        k: Repeats drawn, without putting back.

    Returns:
        A number in [0, 1], or None where there are fewer than ``k`` repeats.

    Raises:
        ValueError: If ``c`` is not within 0 and ``n``, or ``k`` less than 1.
    """
    _check_draw(n, c, k)
    return None if n < k else math.comb(c, k) / math.comb(n, k)


def _wilson(n_passed: float, n: float, tail: float, critical: float | None = None) -> Interval:
    """The interval of ``n_passed / n`` for n above 0; neither has to be whole."""
    z = -NormalDist().inv_cdf(tail) if critical is None else critical
    centre = n_passed + z * z / 2
    spread = z * math.sqrt(n_passed * (n - n_passed) / n + z * z / 4)
    # At both ends the formula is exact on paper and off by a rounding in floats.
    return Interval(
        low=max(0.0, (centre - spread) / (n + z * z)) if n_passed > 0 else 0.0,
        high=min(1.0, (centre + spread) / (n + z * z)) if n_passed < n else 1.0,
    )


def _exact_low(k: int, n: int, tail: float) -> float:
    """The rate at which ``k`` or more of ``n`` have the chance ``tail`` (Clopper & Pearson 1934)."""
    low, high = 0.0, k / n
    while low < (rate := (low + high) / 2) < high:
        fewer = math.fsum(math.comb(n, i) * rate**i * (1 - rate) ** (n - i) for i in range(k))
        low, high = (rate, high) if 1 - fewer < tail else (low, rate)
    return low


def _length(values: Sequence[float]) -> float:
    """The root of the sum of squares, without overflow and without loss among tiny numbers."""
    largest = max(map(abs, values))
    if largest == 0:
        return 0.0
    return largest * math.sqrt(math.fsum((value / largest) ** 2 for value in values))


def _tail(confidence: float) -> float:
    """What a two-sided interval leaves out on either side."""
    if not 0 < confidence < 1:
        raise ValueError(
            f"a confidence is between 0 and 1, not {confidence!r}; for 95 percent write 0.95"
        )
    return (1 - confidence) / 2


def _check_percent(q: float) -> None:
    if not 0 <= q <= 100:
        raise ValueError(f"a percentile is from 0 to 100, not {q!r}")


def _check_draw(n: int, c: int, k: int) -> None:
    if not 0 <= c <= n:
        raise ValueError(f"c is a count from 0 to n, not {c!r} of {n!r}")
    if k < 1:
        raise ValueError(f"k is at least 1, not {k!r}")


def _log_share(q: float) -> float:
    """log(q / 100), precise at both ends."""
    return math.log1p((q - 100) / 100) if q > 50 else math.log(q / 100)


def _student_t_tail(t: float, df: int) -> tuple[float, float]:
    """P(T > t) and t times the density at t, for t > 0.

    P(T > t) is half the regularized incomplete beta function I_x(df/2, 1/2), x = df/(df + t²)
    (DLMF 8.17), whose prefactor x^a (1 - x)^b / B(a, b) is t times the density.
    """
    half = df / 2
    squared = t * t
    power = math.exp(-(half + 0.5) * math.log1p(squared / df))
    t_density = t * power * _gamma_ratio(half) / math.sqrt(math.pi * df)
    if squared * (half + 1) > 1.5 * df:  # where this fraction converges fast; else its mirror
        return t_density * _beta_fraction(half, 0.5, df / (df + squared)) / df, t_density
    within = t_density * _beta_fraction(0.5, half, squared / (df + squared))
    return 0.5 - within, t_density


def _gamma_ratio(a: float) -> float:
    """Γ(a + 1/2) / Γ(a), precise where the difference of two lgamma would not be."""
    if a < 20:
        return math.gamma(a + 0.5) / math.gamma(a)
    b = 1 / (a * a)  # the logarithm's expansion, from DLMF 5.11.8; the next term is below 4e-15
    return math.sqrt(a) * math.exp((-1 / 8 + b * (1 / 192 + b * (-1 / 640 + b * 17 / 14336))) / a)


def _beta_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function, for x < (a + 1)/(a + b + 2).

    Source: DLMF 8.17.22, summed forwards with Steed's algorithm (DLMF 3.10(iii)).
    """
    total = term = denominator = 1.0
    for m in count():
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        even = (m + 1) * (b - m - 1) * x / ((a + 2 * m + 1) * (a + 2 * m + 2))
        for coefficient in (odd, even):
            denominator = 1 / (1 + coefficient * denominator)
            term *= denominator - 1
            total += term
        if abs(term) <= sys.float_info.epsilon * total / 4:
            break
    return total


@lru_cache(maxsize=1024)
def _ranks(n: int, q: float, tail: float) -> tuple[int | None, int | None]:
    """``percentile_ranks`` of checked arguments: counts how many k have a tail small enough."""
    first, weights = _binomial_weights(n, q / 100, (100 - q) / 100)
    last = first + len(weights) - 1
    limit = tail * math.fsum(weights) * (1 + _ROUNDING)
    n_below = first + bisect_right(list(accumulate(weights)), limit)
    n_above = n - last + bisect_right(list(accumulate(reversed(weights))), limit)
    low = n_below if n_below > 0 else None
    high = n + 1 - n_above if n_above > 0 else None
    return low, high


def _binomial_weights(n: int, p: float, p_not: float) -> tuple[int, list[float]]:
    """Binomial probabilities relative to the mode's, from the first k that matters to the last.

    Neighbours follow from each other, so no factorial is needed and nothing overflows.

    Returns:
        The first k, and the weights of that and the following k.
    """
    mode = min(n, int((n + 1) * p))
    left: list[float] = []
    weight, k = 1.0, mode
    while k > 0 and weight > _NEGLIGIBLE:
        weight *= k * p_not / ((n - k + 1) * p)
        k -= 1
        left.append(weight)
    right = [1.0]
    weight, k = 1.0, mode
    while k < n and weight > _NEGLIGIBLE:
        weight *= (n - k) * p / ((k + 1) * p_not)
        k += 1
        right.append(weight)
    return mode - len(left), [*reversed(left), *right]
