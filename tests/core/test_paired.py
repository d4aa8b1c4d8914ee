"""Paired statistics: the vectors of statistics.md, scipy and statsmodels as oracles, and laws."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from pytest_modeleval.core.paired import (
    cases_needed,
    change_of_means,
    change_of_rates,
    change_of_ratio,
    holm,
    mcnemar_mid_p,
    sign_flip_p,
    smallest_drop,
    visible_drop,
    visible_shift,
    worth,
)

# Computed with scipy 1.17 and statsmodels 0.15, rounded to six digits.

MCNEMAR = [  # n, better, worse, difference, mid-p, Bonett-Price interval
    (100, 2, 9, -0.07, 0.038574, -0.136617, -0.000638),
    (100, 4, 4, 0.0, 1.0, -0.060764, 0.060764),
    (50, 0, 5, -0.1, 0.03125, -0.192391, 0.000083),
    (200, 6, 16, -0.05, 0.03469, -0.096546, -0.002464),
    (20, 0, 2, -0.1, 0.25, -0.264991, 0.083173),
    (500, 12, 30, -0.036, 0.005402, -0.061564, -0.010149),
]
BASE_SCORES = [0.9, 0.8, 1.0, 0.4, 0.7, 0.95, 0.6, 0.85, 1.0, 0.75]
NEW_SCORES = [0.85, 0.8, 0.9, 0.5, 0.6, 0.9, 0.4, 0.85, 0.9, 0.7]
BASE_LATENCIES = [
    *(0.81, 0.92, 0.77, 1.1, 0.95, 1.31, 0.88, 2.4, 0.99, 1.05),
    *(0.84, 0.9, 1.22, 0.79, 0.97, 1.01, 3.9, 0.86, 1.15, 0.93),
]
NEW_LATENCIES = [
    *(0.878, 1.042, 0.801, 1.043, 0.961, 1.223, 0.962, 3.179, 0.996, 1.036),
    *(0.979, 1.029, 1.343, 0.744, 1.046, 1.214, 3.453, 0.87, 0.937, 0.83),
]

# Parts of 64, of which floats hold every sum, so that ties are ties in scipy too.
scores = st.lists(st.integers(-32, 32).map(lambda part: part / 64), min_size=2, max_size=12)


@pytest.mark.parametrize(("n", "better", "worse", "difference", "p", "low", "high"), MCNEMAR)
def test_right_and_wrong(n, better, worse, difference, p, low, high):
    """Accuracy against a baseline: McNemar's mid-p and the interval of Bonett and Price."""
    change = change_of_rates(better, worse, n)

    assert change.value == pytest.approx(difference)
    assert change.p == pytest.approx(p, abs=1e-6)
    assert (change.low, change.high) == pytest.approx((low, high), abs=1e-6)
    assert change.n == n


def test_scores():
    """A paired t interval, and an exact p by sign flips."""
    change = change_of_means(BASE_SCORES, NEW_SCORES)

    assert change.value == pytest.approx(-0.055)
    assert (change.low, change.high) == pytest.approx((-0.112054, 0.002054), abs=1e-6)
    assert change.p == pytest.approx(0.085938, abs=1e-6)


def test_latencies():
    """The geometric mean of the cases' own ratios, and not the ratio of two p95s."""
    change = change_of_ratio(BASE_LATENCIES, NEW_LATENCIES)

    assert change.value == pytest.approx(1.033074, abs=1e-6)
    assert (change.low, change.high) == pytest.approx((0.977949, 1.091307), abs=1e-6)
    assert change.p == pytest.approx(0.229369, abs=1e-6)


def test_several_thresholds():
    """Holm's adjustment keeps the order of the p values."""
    assert holm([0.004, 0.03, 0.02, 0.4]) == pytest.approx([0.016, 0.06, 0.06, 0.4])
    assert holm([]) == []


@settings(deadline=None)  # scipy is imported on the way
@given(better=st.integers(0, 60), worse=st.integers(0, 60))
def test_mid_p_is_between_the_exact_tests(better, worse):
    """scipy's binomial test: mid-p is the exact p less the chance of as many."""
    n, fewer = better + worse, min(better, worse)

    expected = (
        1.0
        if better == worse
        else 2 * scipy.stats.binom.cdf(fewer, n, 0.5) - scipy.stats.binom.pmf(fewer, n, 0.5)
    )

    assert mcnemar_mid_p(better, worse) == pytest.approx(expected, abs=1e-12)


def test_mid_p_of_many_changes():
    """Ten thousand cases that changed are no trouble."""
    assert 0 < mcnemar_mid_p(4_900, 5_100) < 0.05


@settings(deadline=None)
@given(scores)
def test_sign_flips_are_those_of_scipy(values):
    """The exact test is scipy's permutation test of one sample."""
    if len({abs(value) for value in values}) < 2:
        return

    oracle = scipy.stats.permutation_test(
        (values,),
        lambda sample, axis: np.mean(sample, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=math.inf,
    )

    assert sign_flip_p(values) == pytest.approx(min(oracle.pvalue, 1.0), abs=1e-9)


def test_ties_of_sums_are_ties():
    """0.1 + 0.2 - 0.3 is 0 as much as the sum of the other signs, though not in floats."""
    assert sign_flip_p([0.1, 0.2, -0.3]) == 1.0
    assert sign_flip_p([0.1, 0.2, 0.3, -0.5]) == sign_flip_p([1, 2, 3, -5])


def test_many_sign_flips_are_seeded():
    """The same run gives the same p, near that of the t test."""
    values = [((index * 37) % 100 - 40) / 100 for index in range(500)]

    first, second = sign_flip_p(values), sign_flip_p(values)

    assert first == second
    assert first == pytest.approx(change_of_t(values), abs=0.01)


def change_of_t(values):
    """The p value of scipy's t test of one sample."""
    return scipy.stats.ttest_1samp(values, 0).pvalue


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 100), min_size=3, max_size=40), st.floats(0.5, 2))
def test_ratios_are_those_of_a_t_test_on_logarithms(before, factor):
    """scipy's paired t test on the logarithms."""
    after = [value * factor * (1 + index % 3 / 10) for index, value in enumerate(before)]

    change = change_of_ratio(before, after)

    oracle = scipy.stats.ttest_rel([*map(math.log, after)], [*map(math.log, before)])
    assert change.p == pytest.approx(oracle.pvalue, abs=1e-9)


def test_nothing_to_compare():
    """No cases give no change; one case gives one without a test."""
    assert change_of_rates(0, 0, 0) is None
    assert change_of_means([], []) is None
    assert change_of_ratio([0.0], [1.0]) is None
    assert change_of_means([0.5], [1.0]).p is None
    assert change_of_ratio([0.5], [1.0]).p is None


def test_no_difference_at_all():
    """The same numbers twice are no change, for certain."""
    assert change_of_means([0.5] * 30, [0.5] * 30).p == 1
    assert change_of_ratio([0.5] * 30, [0.5] * 30).p == 1


@pytest.mark.parametrize(
    ("n", "discordant", "drop"),
    [
        (100, 0.1, 0.0876),
        (100, 0.2, 0.1238),
        (50, 0.2, 0.173),
        (500, 0.1, 0.0395),
        (1000, 0.2, 0.0396),
    ],
)
def test_the_smallest_drop_that_is_seen(n, discordant, drop):
    """The vectors of ``paired MDE``: 8.8 points at n = 100 with a tenth of the cases changed."""
    assert smallest_drop(n, discordant) == pytest.approx(drop, abs=5e-5)


@pytest.mark.parametrize(("n", "discordant"), [(20, 0.1), (20, 0.2), (50, 0.1), (1, 1.0)])
def test_no_drop_is_seen(n, discordant):
    """So few cases show nothing, even where every change is for the worse."""
    assert smallest_drop(n, discordant) is None


@pytest.mark.parametrize(("n", "discordant"), [(100, 0.1), (100, 0.2), (50, 0.2), (500, 0.1)])
def test_the_cases_that_a_difference_takes(n, discordant):
    """The inverse of the smallest drop: as many as see just that."""
    drop = smallest_drop(n, discordant)

    assert cases_needed(drop, discordant) in (n, n + 1)
    assert cases_needed(drop / 2, discordant) > 3 * n


# Oracles


@settings(deadline=None)
@given(better=st.integers(0, 12), worse=st.integers(0, 12))
def test_mid_p_counts_every_way_that_signs_fall(better, worse):
    """All that is further from the middle, and half of what is as far."""
    n, far = better + worse, abs(better - worse)
    chances = [
        (abs(n - 2 * k), scipy.stats.binom.pmf(k, n, 0.5) if n else 1.0) for k in range(n + 1)
    ]
    expected = math.fsum(p if d > far else p / 2 if d == far else 0.0 for d, p in chances)
    # In the middle itself half of the chance would be left out.
    expected = 1.0 if far == 0 else expected

    assert mcnemar_mid_p(better, worse) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(better=st.integers(0, 40), worse=st.integers(0, 40), same=st.integers(0, 200))
def test_the_interval_of_a_change_of_rates_is_wald_of_two_more_cases(better, worse, same):
    """Bonett and Price add a case that got better and one that got worse, and take Wald's."""
    n = better + worse + same
    assume(n)
    differences = [1] * (better + 1) + [-1] * (worse + 1) + [0] * same
    reach = scipy.stats.norm.ppf(0.975) * np.std(differences) / math.sqrt(n + 2)

    change = change_of_rates(better, worse, n)

    assert change.low == pytest.approx(max(np.mean(differences) - reach, -1), abs=1e-12)
    assert change.high == pytest.approx(min(np.mean(differences) + reach, 1), abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=14))
def test_the_interval_of_scores_is_that_of_a_paired_t_test(pairs):
    """scipy's paired t test."""
    before, after = zip(*pairs, strict=True)
    differences = np.subtract(after, before)
    assume(np.ptp(differences) > 1e-6)

    change = change_of_means(before, after)

    expected = scipy.stats.ttest_rel(after, before).confidence_interval(0.95)
    assert (change.low, change.high) == pytest.approx(tuple(expected), abs=1e-9)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(ps):
    """The adjusted p values of multipletests."""
    expected = multipletests(ps, method="holm")[1]

    assert holm(ps) == pytest.approx(list(expected), abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.floats(1e-300, 1e300), min_size=2, max_size=30), st.floats(0.1, 10))
def test_a_factor_in_all_cases_is_the_ratio(before, factor):
    """Whatever the times are, tiny or huge."""
    change = change_of_ratio(before, [value * factor for value in before])

    assert change.value == pytest.approx(factor, rel=1e-9)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-3, 3), st.sampled_from("abcdefg")), min_size=2, max_size=20
    ).filter(lambda rows: len({cluster for _, cluster in rows}) > 1)
)
def test_the_signs_of_a_cluster_flip_together(rows):
    """The p value counts all ways to flip whole clusters."""
    names = [name for _, name in rows]
    sums = [sum(value for value, own in rows if own == name) for name in sorted(set(names))]
    flips = [
        abs(sum(sign * own for sign, own in zip(signs, sums, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(sums))
    ]
    expected = np.mean([flip >= abs(sum(sums)) for flip in flips])

    change = change_of_means([0.0] * len(rows), [value for value, _ in rows], names)

    assert change.p == pytest.approx(expected, abs=1e-12)


# Clusters


def test_a_cluster_that_broke_as_one_is_one_piece_of_news():
    """Ten cases of one cluster are hardly chance if they were independent, and may well be."""
    before, after = [1.0] * 40, [0.0] * 10 + [1.0] * 30
    names = ["a"] * 10 + [f"other {index}" for index in range(30)]

    assert change_of_means(before, after).p < 0.01
    assert change_of_means(before, after, names).p == 1.0
    assert worth(before, after, names) < 20


def test_one_cluster_shows_nothing():
    """No interval and no p, where all cases are related."""
    change = change_of_means([1.0, 1.0], [0.0, 0.5], ["a", "a"])
    ratio = change_of_ratio([1.0, 1.0], [2.0, 3.0], ["a", "a"])

    assert (change.low, change.high, change.p) == (None, None, None)
    assert (ratio.low, ratio.high, ratio.p) == (None, None, None)
    assert visible_shift([1.0, 1.0], [0.0, 0.5], ["a", "a"]) is None


# What has no ratio, and no spread


def test_two_zeros_are_no_change():
    """A model that is free stays free; where only one is 0 there is no ratio."""
    change = change_of_ratio([0.0, 0.0, 1.0], [0.0, 0.0, 1.0])

    assert (change.value, change.p, change.n) == (1.0, 1.0, 3)
    assert change_of_ratio([0.0, 1.0, 2.0], [5.0, 0.0, 2.0]).n == 1


@pytest.mark.parametrize(("n", "p"), [(2, 0.5), (5, 0.0625), (6, 0.03125)])
def test_the_same_factor_in_few_cases_is_no_certainty(n, p):
    """Without any spread t would be infinite; the signs tell how much n cases can say."""
    assert change_of_ratio([0.001] * n, [0.002] * n).p == p


def test_a_ratio_beyond_a_float_is_the_largest():
    """No infinity comes into a file."""
    change = change_of_ratio([1e-308, 1e-300], [1e308, 1e300])

    assert all(map(math.isfinite, (change.value, change.low, change.high)))


# The smallest visible drop


def power(n, discordant, drop, level, tolerance):
    """How often the drop is found, over all counts of cases that broke and were mended."""
    first, last = scipy.stats.binom.ppf([1e-9, 1 - 1e-9], n, discordant).astype(int)
    changed = range(first, last + 1)
    found = 0.0
    for n_changed in changed:
        least = next(
            (
                n_worse
                for n_worse in range(n_changed // 2, n_changed + 1)
                if mcnemar_mid_p(n_changed - n_worse, n_worse) < level
                and 2 * n_worse - n_changed > tolerance * n * (1 + 1e-12)
            ),
            n_changed + 1,
        )
        worse = scipy.stats.binom(n_changed, min((1 + drop / discordant) / 2, 1.0))
        found += scipy.stats.binom.pmf(n_changed, n, discordant) * worse.sf(least - 1)
    return found


@pytest.mark.parametrize("n", [6, 10, 20, 50, 100, 200])
@pytest.mark.parametrize("discordant", [0.05, 0.1, 0.2, 0.4])
@pytest.mark.parametrize(
    ("level", "tolerance"), [(0.05, 0.0), (0.05, 0.02), (0.05, 0.05), (0.0125, 0.0), (0.025, 0.05)]
)
def test_a_drop_that_is_printed_is_found(n, discordant, level, tolerance):
    """In at least 80 of 100 runs, over the tolerance and with the level of several thresholds."""
    drop = visible_drop(n, discordant, level=level, tolerance=tolerance)

    assert drop is None or power(n, max(discordant, drop), drop, level, tolerance) >= 0.8


@pytest.mark.parametrize(("n", "discordant"), [(100, 0.1), (500, 0.1), (50, 0.2), (1000, 0.3)])
def test_a_visible_drop_is_that_of_the_formula(n, discordant):
    """Where all cases that change may be enough."""
    assert visible_drop(n, discordant) == smallest_drop(n, discordant)


def test_a_drop_may_be_larger_than_what_changed():
    """A hundred cases of which 5 % changed see a drop of 8 points, though not one of 5."""
    assert smallest_drop(100, 0.05) is None
    assert 0.05 < visible_drop(100, 0.05) < 0.08


@pytest.mark.parametrize("n", [0, 1, 4, 5])
def test_so_few_cases_see_no_drop_of_any_size(n):
    """Four that broke are not significant, and of five none may hold."""
    assert visible_drop(n, 0.1) is None


@settings(deadline=None)
@given(st.integers(6, 5000), st.floats(0.05, 0.5), st.floats(0.001, 0.05), st.floats(0, 0.1))
def test_stricter_is_never_easier(n, discordant, level, tolerance):
    """A smaller level or a tolerance takes a larger drop, more cases a smaller one."""
    drop = visible_drop(n, discordant, level=level, tolerance=tolerance)
    assume(drop is not None)

    assert drop >= visible_drop(n, discordant) - 1e-12
    assert drop > tolerance
    assert visible_drop(n + 1, discordant, level=level, tolerance=tolerance) <= drop + 1e-12


@pytest.mark.parametrize("n", [8, 20, 100])
def test_the_shift_that_is_printed_is_seen_in_at_least_80_of_100_runs(n):
    """On average over what the runs print, of which some are too small by chance."""
    rng = np.random.default_rng(n)
    level = scipy.stats.t.ppf(0.975, n - 1)
    powers = []
    for differences in rng.normal(0, 1, (400, n)):
        shift = visible_shift([0.0] * n, differences.tolist())
        powers.append(scipy.stats.nct.sf(level, n - 1, shift * math.sqrt(n)))

    assert 0.80 <= sum(powers) / len(powers) <= 0.86
