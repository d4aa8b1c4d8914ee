"""Paired statistics: the vectors of statistics.md, scipy and statsmodels as oracles, and laws."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modeleval.core.paired import (
    cases_needed,
    change_of_means,
    change_of_rates,
    change_of_ratio,
    holm,
    mcnemar_mid_p,
    sign_flip_p,
    smallest_drop,
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

scores = st.lists(st.floats(0, 1), min_size=2, max_size=12)


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
    binom = pytest.importorskip("scipy.stats").binom
    n, fewer = better + worse, min(better, worse)

    expected = 1.0 if better == worse else 2 * binom.cdf(fewer, n, 0.5) - binom.pmf(fewer, n, 0.5)

    assert mcnemar_mid_p(better, worse) == pytest.approx(expected, abs=1e-12)


def test_mid_p_of_many_changes():
    """Ten thousand cases that changed are no trouble."""
    assert 0 < mcnemar_mid_p(4_900, 5_100) < 0.05


@settings(deadline=None)
@given(scores)
def test_sign_flips_are_those_of_scipy(values):
    """The exact test is scipy's permutation test of one sample."""
    scipy_stats = pytest.importorskip("scipy.stats")
    numpy = pytest.importorskip("numpy")
    values = [round(value - 0.5, 6) for value in values]
    if len({abs(value) for value in values}) < 2:
        return

    oracle = scipy_stats.permutation_test(
        (values,),
        lambda sample, axis: numpy.mean(sample, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=math.inf,
    )

    assert sign_flip_p(values) == pytest.approx(min(oracle.pvalue, 1.0), abs=1e-9)


def test_many_sign_flips_are_seeded():
    """The same run gives the same p, near that of the t test."""
    values = [((index * 37) % 100 - 40) / 100 for index in range(500)]

    first, second = sign_flip_p(values), sign_flip_p(values)

    assert first == second
    assert first == pytest.approx(change_of_t(values), abs=0.01)


def change_of_t(values):
    """The p value of scipy's t test of one sample."""
    return pytest.importorskip("scipy.stats").ttest_1samp(values, 0).pvalue


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 100), min_size=3, max_size=40), st.floats(0.5, 2))
def test_ratios_are_those_of_a_t_test_on_logarithms(before, factor):
    """scipy's paired t test on the logarithms."""
    scipy_stats = pytest.importorskip("scipy.stats")
    after = [value * factor * (1 + index % 3 / 10) for index, value in enumerate(before)]

    change = change_of_ratio(before, after)

    oracle = scipy_stats.ttest_rel([*map(math.log, after)], [*map(math.log, before)])
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
