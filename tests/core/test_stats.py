"""Statistics: every number against a table made with scipy and statsmodels, and against its law."""

from __future__ import annotations

import dataclasses
import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as statsmodels
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from pytest_modeleval.core import stats
from pytest_modeleval.core.stats import (
    Interval,
    cluster_error,
    effective_clusters,
    independent_cases,
    mean,
    mean_error,
    mean_interval,
    pass_at_k,
    pass_hat_k,
    percentile,
    percentile_interval,
    percentile_ranks,
    percentiles,
    smallest_n_with_upper_bound,
    student_t_p,
    student_t_quantile,
    wilson,
    wilson_of_rate,
)

# The tables were computed with scipy 1.17 and statsmodels 0.15, and are rounded to six digits.
ROUNDED = 5.1e-7

# (passed, n): (95 % interval, 90 % interval, whose bounds are the one-sided 95 % bounds)
WILSON = {
    (17, 20): ((0.639581, 0.947631), (0.678172, 0.938418)),
    (5, 5): ((0.565518, 1.0), (0.648883, 1.0)),
    (0, 10): ((0.0, 0.277533), (0.0, 0.212942)),
    (10, 10): ((0.722467, 1.0), (0.787058, 1.0)),
    (45, 50): ((0.786398, 0.956524), (0.808462, 0.950471)),
    (90, 100): ((0.825634, 0.944771), (0.839644, 0.939281)),
    (180, 200): ((0.850594, 0.93433), (0.859593, 0.929729)),
    (47, 50): ((0.837829, 0.979385), (0.859058, 0.975769)),
    (850, 1000): ((0.826531, 0.87079), (0.830484, 0.867628)),
    (1, 1): ((0.206549, 1.0), (0.269866, 1.0)),
    (0, 1): ((0.0, 0.793451), (0.0, 0.730134)),
}

# values, 95 % interval of their mean, rounding of the table
MEANS = {
    "scores": (
        [0.9, 0.8, 1.0, 0.4, 0.7, 0.95, 0.6, 0.85, 1.0, 0.75],
        (0.658592, 0.931408),
        ROUNDED,
    ),
    "costs": (
        [0.0012, 0.0011, 0.0014, 0.001, 0.0052, 0.0013, 0.0012, 0.0098, 0.0011, 0.0015],
        (0.00043186, 0.00452814),
        5.1e-9,
    ),
    "score differences": (
        [-0.05, 0.0, -0.1, 0.1, -0.1, -0.05, -0.2, 0.0, -0.1, -0.05],
        (-0.112054, 0.002054),
        ROUNDED,
    ),
}

# n: (ranks of p95 at 95 %, ranks at 90 %, which are the one-sided 95 % ranks)
P95_RANKS = {
    10: ((8, None), (8, None)),
    20: ((17, None), (17, None)),
    30: ((26, None), (26, None)),
    50: ((44, None), (45, None)),
    58: ((51, None), (52, None)),
    59: ((52, None), (53, 59)),
    71: ((63, None), (64, 71)),
    72: ((64, 72), (65, 72)),
    73: ((65, 73), (66, 73)),
    93: ((84, 93), (85, 92)),
    100: ((90, 100), (91, 99)),
    150: ((137, 148), (138, 148)),
    200: ((184, 197), (185, 196)),
    300: ((277, 293), (279, 292)),
    500: ((465, 485), (467, 484)),
    1000: ((936, 964), (938, 962)),
}

# percent: (smallest n with an upper bound at 95 %, at 90 %)
SMALLEST_N = {50: (6, 5), 90: (36, 29), 95: (72, 59), 99: (368, 299)}

# (n, c, k): (pass@k, pass^k)
PASS_K = {
    (10, 3, 1): (0.3, 0.3),
    (10, 3, 3): (0.708333, 0.008333),
    (10, 3, 5): (0.916667, 0.0),
    (10, 8, 3): (1.0, 0.466667),
    (5, 5, 5): (1.0, 1.0),
    (5, 0, 1): (0.0, 0.0),
    (5, 4, 5): (1.0, 0.0),
    (200, 20, 10): (0.660226, 0.0),
}

LATENCIES = [
    0.77, 0.79, 0.81, 0.84, 0.86, 0.88, 0.9, 0.92, 0.93, 0.95,
    0.97, 0.99, 1.01, 1.05, 1.1, 1.15, 1.22, 1.31, 2.4, 3.9,
]  # fmt: skip

finite = st.floats(-1e6, 1e6)
confidences = st.floats(0.5, 0.999)
no_deadline = settings(deadline=None, database=None)


def test_interval_is_a_frozen_value():
    """An interval is compared by its bounds and can't be changed."""
    interval = Interval(low=0.1, high=None)

    assert interval == Interval(low=0.1, high=None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        interval.low = 0.0


def test_numpy_is_not_imported_until_a_percentile_is_asked_for():
    """Importing the module costs nobody the import of numpy."""
    code = "import sys, pytest_modeleval.core.stats; sys.exit('numpy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_all_names_are_sorted():
    """The public names stand in alphabetical order and exist."""
    assert stats.__all__ == sorted(stats.__all__)
    assert all(hasattr(stats, name) for name in stats.__all__)


class TestWilson:
    @pytest.mark.parametrize(("counts", "bounds"), WILSON.items())
    def test_table(self, counts, bounds):
        """The interval is the one of statsmodels at 95 % and at 90 %."""
        for confidence, expected in zip((0.95, 0.9), bounds, strict=True):
            interval = wilson(*counts, confidence=confidence)
            assert (interval.low, interval.high) == pytest.approx(expected, abs=ROUNDED)

    @given(n=st.integers(1, 10**6), confidence=st.floats(1e-6, 1 - 1e-12))
    @no_deadline
    def test_ends_are_exact(self, n, confidence):
        """All passed bounds at exactly 1, none passed at exactly 0."""
        assert wilson(n, n, confidence=confidence).high == 1.0
        assert wilson(0, n, confidence=confidence).low == 0.0

    @given(data=st.data(), n=st.integers(1, 10**5), confidence=confidences)
    @no_deadline
    def test_encloses_the_rate_within_0_and_1(self, data, n, confidence):
        """The rate itself is inside its interval, and the interval inside [0, 1]."""
        n_passed = data.draw(st.integers(0, n))
        interval = wilson(n_passed, n, confidence=confidence)
        assert 0 <= interval.low <= n_passed / n <= interval.high <= 1

    @given(data=st.data(), n=st.integers(1, 10**5), confidence=confidences)
    @no_deadline
    def test_failures_mirror_passes(self, data, n, confidence):
        """The interval of the failed cases is the mirror image of that of the passed ones."""
        n_passed = data.draw(st.integers(0, n))
        passed = wilson(n_passed, n, confidence=confidence)
        failed = wilson(n - n_passed, n, confidence=confidence)
        assert (1 - failed.high, 1 - failed.low) == pytest.approx(
            (passed.low, passed.high), abs=1e-12
        )

    @given(data=st.data(), n=st.integers(1, 10**5), confidence=confidences)
    @no_deadline
    def test_statsmodels_agrees(self, data, n, confidence):
        """The interval is statsmodels' proportion_confint(method="wilson")."""
        n_passed = data.draw(st.integers(0, n))
        expected = proportion_confint(n_passed, n, 1 - confidence, method="wilson")
        interval = wilson(n_passed, n, confidence=confidence)
        assert (interval.low, interval.high) == pytest.approx(expected, abs=1e-10)

    def test_no_case_has_no_interval(self):
        """Of no case nothing is known, not even [0, 1]."""
        assert wilson(0, 0) is None

    @pytest.mark.parametrize(("n_passed", "n"), [(-1, 5), (6, 5), (0, -1)])
    def test_impossible_counts_are_refused(self, n_passed, n):
        """More passed cases than cases are a mistake of the caller."""
        with pytest.raises(ValueError, match="n_passed is a count from 0 to n, not "):
            wilson(n_passed, n)


class TestStudentT:
    @pytest.mark.parametrize(("df", "expected"), [(5, 2.570582), (9, 2.262157)])
    def test_table(self, df, expected):
        """The 97.5 % quantiles are those of every printed table."""
        assert student_t_quantile(0.975, df) == pytest.approx(expected, abs=ROUNDED)

    @given(p=st.floats(1e-9, 1 - 1e-9), df=st.integers(1, 300) | st.integers(1, 100_000))
    @no_deadline
    def test_scipy_agrees(self, p, df):
        """The quantile is that of scipy.stats.t."""
        expected = scipy.stats.t.ppf(p, df)
        assert student_t_quantile(p, df) == pytest.approx(expected, rel=1e-10, abs=1e-12)

    @given(p=st.floats(1e-9, 0.5), df=st.integers(1, 300))
    @no_deadline
    def test_closed_forms_and_order(self, p, df):
        """One degree is Cauchy's distribution, two have a formula, and each more brings it nearer 0."""
        assert student_t_quantile(p, 1) == pytest.approx(-1 / math.tan(math.pi * p), abs=1e-12)
        assert student_t_quantile(p, 2) == pytest.approx(
            (2 * p - 1) / math.sqrt(2 * p * (1 - p)), rel=1e-12, abs=1e-12
        )
        assert student_t_quantile(p, df) <= student_t_quantile(p, df + 1) * (1 - 1e-13) + 1e-13

    @given(p=st.floats(1e-3, 0.5), df=st.integers(1, 100_000))
    @no_deadline
    def test_is_symmetric(self, p, df):
        """Both tails are alike, and the middle is exactly 0."""
        assert student_t_quantile(1 - p, df) == pytest.approx(
            -student_t_quantile(p, df), rel=1e-10, abs=1e-12
        )
        assert student_t_quantile(0.5, df) == 0.0

    @pytest.mark.parametrize("p", [0.0, 1.0, -0.1, 95, math.nan])
    def test_impossible_probabilities_are_refused(self, p):
        """The quantiles of 0 and 1 are infinite, and of anything else there are none."""
        with pytest.raises(ValueError, match="a probability of a quantile is between 0 and 1"):
            student_t_quantile(p, 5)

    def test_no_degree_of_freedom_is_refused(self):
        """One value has no spread, hence no t."""
        with pytest.raises(ValueError, match="df is at least 1, not 0"):
            student_t_quantile(0.975, 0)


class TestMeanInterval:
    @pytest.mark.parametrize(("values", "bounds", "rounding"), MEANS.values(), ids=MEANS)
    def test_table(self, values, bounds, rounding):
        """The interval is mean ± t · sd / √n, not clipped to the range of a score."""
        interval = mean_interval(values)
        assert (interval.low, interval.high) == pytest.approx(bounds, abs=rounding)

    @given(values=st.lists(st.floats(0, 1), min_size=2, max_size=50))
    @no_deadline
    def test_scipy_agrees(self, values):
        """The interval is that of scipy.stats.ttest_1samp."""
        if max(values) - min(values) < 1e-6:
            return  # scipy warns of lost precision
        expected = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.95)
        interval = mean_interval(values)
        assert (interval.low, interval.high) == pytest.approx(tuple(expected), rel=1e-9, abs=1e-9)

    @given(values=st.lists(finite, min_size=2, max_size=50))
    @no_deadline
    def test_order_does_not_matter(self, values):
        """Workers finish in any order; the last digit is the same all the same."""
        assert mean_interval(values) == mean_interval(sorted(values))

    @given(value=finite, n=st.integers(2, 100))
    @no_deadline
    def test_equal_values_have_no_width(self, value, n):
        """Values without spread give both bounds exactly."""
        assert mean_interval([value] * n) == Interval(low=value, high=value)

    @pytest.mark.parametrize("values", [[], [0.5]])
    def test_fewer_than_two_values_have_no_interval(self, values):
        """The spread of one value is unknown, not 0."""
        assert mean_interval(values) is None


class TestPercentile:
    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            (LATENCIES, 2.475),
            (range(1, 11), 9.55),
            (range(1, 6), 4.8),
            ([1, 2], 1.95),
            ([1], 1.0),
        ],
    )
    def test_table(self, values, expected):
        """The p95 is interpolated between two values, never beyond the largest."""
        assert percentile(list(values), 95) == pytest.approx(expected, abs=1e-12)

    @given(values=st.lists(finite, min_size=1), q=st.floats(0, 100) | st.integers(0, 100))
    @no_deadline
    def test_is_exactly_that_of_numpy(self, values, q):
        """Users check against numpy, so not a digit differs."""
        assert percentile(values, q) == float(np.percentile(values, q))

    @given(values=st.lists(finite, min_size=1), qs=st.lists(st.floats(0, 100), max_size=5))
    @no_deadline
    def test_several_at_once_are_the_same(self, values, qs):
        """One sorting pass changes no digit of any percentile."""
        assert percentiles(values, qs) == tuple(percentile(values, q) for q in qs)

    def test_is_a_plain_float(self):
        """What goes into a report is Python's float, for integers too."""
        assert type(percentile([1, 2, 3], 50)) is float

    def test_leaves_the_values_alone(self):
        """The caller's list keeps its order."""
        values = [3.0, 1.0, 2.0]
        percentile(values, 50)
        percentile_interval(values, 50)
        assert values == [3.0, 1.0, 2.0]

    def test_no_value_has_no_percentile(self):
        """Of no value there is no percentile, not 0."""
        assert percentile([], 95) is None
        assert percentiles([], (50, 95)) is None

    @pytest.mark.parametrize("q", [-1, 100.5, math.nan])
    @pytest.mark.parametrize("values", [[], [1.0]])
    def test_impossible_percents_are_refused(self, values, q):
        """A percentile beyond 0 and 100 is a mistake of the caller, whatever the values."""
        for function in (percentile, percentile_interval):
            with pytest.raises(ValueError, match="a percentile is from 0 to 100, not "):
                function(values, q)


class TestPercentileRanks:
    @pytest.mark.parametrize(("n", "ranks"), P95_RANKS.items())
    def test_table(self, n, ranks):
        """The ranks of p95 are those of the binomial distribution, at 95 % and at 90 %."""
        assert percentile_ranks(n, 95) == ranks[0]
        assert percentile_ranks(n, 95, confidence=0.9) == ranks[1]

    @given(
        n=st.integers(1, 300) | st.integers(1, 100_000),
        q=st.sampled_from([1, 5, 50, 90, 95, 99, 99.9]) | st.floats(0.01, 99.99),
        confidence=confidences,
    )
    @no_deadline
    def test_definition_holds(self, n, q, confidence):
        """Each bound errs with at most half of what is allowed, and the next rank with more."""
        binom = scipy.stats.binom(n, q / 100)
        tail = (1 - confidence) / 2
        at_most, more_than = tail * (1 + 1e-8), tail * (1 - 1e-8)

        low, high = percentile_ranks(n, q, confidence=confidence)

        assert low is None or binom.cdf(low - 1) <= at_most
        assert binom.cdf(0 if low is None else low) > more_than
        assert high is None or binom.sf(high - 1) <= at_most
        assert binom.sf(n - 1 if high is None else high - 2) > more_than

    @given(
        n=st.integers(1, 5000),
        q=st.integers(1, 9999).map(lambda number: number / 100),
        confidence=confidences,
    )
    @no_deadline
    def test_is_symmetric(self, n, q, confidence):
        """Counted from the largest value, the ranks are those of the opposite percentile."""
        low, high = percentile_ranks(n, q, confidence=confidence)
        opposite_q = (10_000 - round(q * 100)) / 100
        assert percentile_ranks(n, opposite_q, confidence=confidence) == (
            None if high is None else n + 1 - high,
            None if low is None else n + 1 - low,
        )

    def test_a_tie_with_the_level_counts_as_kept(self):
        """A tail of exactly the allowed 1/8, or one that only floats set apart, is allowed."""
        assert percentile_ranks(3, 50, confidence=0.75) == (1, 3)
        assert percentile_ranks(2, 90, confidence=0.98) == (1, None)
        assert percentile_ranks(1, 10, confidence=0.8) == (None, 1)

    def test_the_ends_have_the_bound_that_the_values_give(self):
        """p0 is at most the smallest value, p100 at least the largest, and no more is known."""
        assert percentile_ranks(10, 0) == (None, 1)
        assert percentile_ranks(10, 100) == (10, None)

    def test_no_value_has_no_rank(self):
        """Nothing bounds a percentile of no value."""
        assert percentile_ranks(0, 95) == (None, None)

    def test_a_negative_count_is_refused(self):
        """A count below 0 is a mistake of the caller."""
        with pytest.raises(ValueError, match="n is a count, not -1"):
            percentile_ranks(-1, 95)


class TestPercentileInterval:
    def test_below_72_values_p95_has_no_upper_bound(self):
        """Twenty latencies bound their p95 from below by the 17th and from above by nothing."""
        assert percentile_interval(LATENCIES, 95) == Interval(low=1.22, high=None)

    @pytest.mark.parametrize("n", [72, 100, 500])
    def test_bounds_are_the_values_of_the_ranks(self, n):
        """From 72 values on both bounds are values of the run, in whatever order they come."""
        low, high = P95_RANKS[n][0]
        assert percentile_interval(list(range(n, 0, -1)), 95) == Interval(low=low, high=high)

    @given(values=st.lists(finite, min_size=1, max_size=400), q=st.sampled_from([50, 90, 95]))
    @no_deadline
    def test_encloses_the_percentile(self, values, q):
        """The usual percentiles lie within their intervals at every size."""
        interval = percentile_interval(values, q)
        assert interval.low is None or interval.low <= percentile(values, q)
        assert interval.high is None or percentile(values, q) <= interval.high

    def test_p99_of_two_values_lies_below_its_lower_bound(self):
        """The interpolated p99 errs so far downwards that the larger value is its lower bound."""
        assert percentile_interval([1.0, 2.0], 99) == Interval(low=2.0, high=None)
        assert percentile([1.0, 2.0], 99) < 2.0

    def test_one_value_bounds_nothing(self):
        """There is an interval, but neither of its bounds exists."""
        assert percentile_interval([1.0], 95) == Interval(low=None, high=None)

    def test_no_value_has_no_interval(self):
        """Of no value there is no interval at all."""
        assert percentile_interval([], 95) is None


class TestSmallestN:
    @pytest.mark.parametrize(("q", "expected"), SMALLEST_N.items())
    def test_table(self, q, expected):
        """p95 takes 72 values at 95 %, and 59 at 90 %."""
        assert smallest_n_with_upper_bound(q) == expected[0]
        assert smallest_n_with_upper_bound(q, 0.9) == expected[1]

    @given(
        q=st.integers(1, 999).map(lambda number: number / 10) | st.floats(0, 99.9),
        confidence=confidences | st.sampled_from([0.5, 0.75, 0.9, 0.98]),
    )
    @no_deadline
    def test_is_where_the_upper_rank_begins_to_exist(self, q, confidence):
        """With that many values there is an upper bound, with one less there is none."""
        n = smallest_n_with_upper_bound(q, confidence)
        assert percentile_ranks(n, q, confidence=confidence)[1] is not None
        assert percentile_ranks(n - 1, q, confidence=confidence)[1] is None

    @pytest.mark.parametrize("q", [0, 5e-324])
    def test_p0_is_bounded_by_any_value(self, q):
        """The smallest value there can be is at most the one there is."""
        assert smallest_n_with_upper_bound(q) == 1

    def test_p100_is_refused(self):
        """However many values there are, the next one may be larger."""
        with pytest.raises(ValueError, match="no number of values bounds p100 from above"):
            smallest_n_with_upper_bound(100)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95, -0.5, math.nan])
@pytest.mark.parametrize(
    "function",
    [
        lambda confidence: wilson(1, 2, confidence=confidence),
        lambda confidence: percentile_ranks(1, 95, confidence=confidence),
        lambda confidence: smallest_n_with_upper_bound(95, confidence),
    ],
    ids=["wilson", "percentile_ranks", "smallest_n"],
)
def test_impossible_confidences_are_refused(function, confidence):
    """A level is a number between 0 and 1, and 95 is answered with what to write instead."""
    with pytest.raises(ValueError, match=r"between 0 and 1, not .*; for 95 percent write 0\.95"):
        function(confidence)


class TestPassK:
    @pytest.mark.parametrize(("counts", "expected"), PASS_K.items())
    def test_table(self, counts, expected):
        """Both are the unbiased estimates of their papers."""
        assert (pass_at_k(*counts), pass_hat_k(*counts)) == pytest.approx(expected, abs=ROUNDED)

    @given(data=st.data(), n=st.integers(1, 300))
    @no_deadline
    def test_one_fails_where_not_all_pass(self, data, n):
        """That one of k passes is the opposite of that all k fail."""
        c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
        assert pass_at_k(n, c, k) == pytest.approx(1 - pass_hat_k(n, n - c, k), abs=1e-12)

    @given(data=st.data(), n=st.integers(1, 300))
    @no_deadline
    def test_one_repeat_is_the_rate(self, data, n):
        """At k = 1 both are the share of repeats that passed."""
        c = data.draw(st.integers(0, n))
        assert pass_at_k(n, c, 1) == pass_hat_k(n, c, 1) == c / n

    @given(passed=st.lists(st.booleans(), min_size=1, max_size=8), data=st.data())
    @no_deadline
    def test_all_ways_to_draw_agree(self, passed, data):
        """Both are shares of all the ways to draw k of the repeats."""
        k = data.draw(st.integers(1, len(passed)))
        draws = list(itertools.combinations(passed, k))
        counts = (len(passed), sum(passed), k)
        assert pass_at_k(*counts) == pytest.approx(sum(map(any, draws)) / len(draws))
        assert pass_hat_k(*counts) == pytest.approx(sum(map(all, draws)) / len(draws))

    def test_fewer_repeats_than_k_say_nothing(self):
        """Where k repeats can't be drawn, the chance is undefined, not 0."""
        assert pass_at_k(2, 2, 3) is None
        assert pass_hat_k(2, 2, 3) is None
        assert pass_at_k(0, 0, 1) is None

    @pytest.mark.parametrize("function", [pass_at_k, pass_hat_k])
    def test_impossible_counts_are_refused(self, function):
        """More passed repeats than repeats, or none drawn, are mistakes of the caller."""
        with pytest.raises(ValueError, match="c is a count from 0 to n, not 4 of 3"):
            function(3, 4, 1)
        with pytest.raises(ValueError, match="k is at least 1, not 0"):
            function(3, 1, 0)


# Wilson of a rate


@pytest.mark.parametrize(("n_passed", "n"), [(17, 20), (90, 100), (5, 5), (0, 3)])
def test_wilson_of_a_rate_is_wilson_of_the_counts(n_passed, n):
    """Where rate and n are whole cases, the two agree."""
    interval, expected = wilson_of_rate(n_passed / n, n), wilson(n_passed, n)

    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_wilson_of_a_rate_takes_parts_of_cases():
    """An effective n is seldom whole, and the interval lies between its neighbours'."""
    lows = [wilson_of_rate(0.7, n).low for n in (11, 11.73, 12)]

    assert lows == sorted(lows)
    assert len(set(lows)) == 3


def test_wilson_of_no_case_is_undefined():
    """As with counts."""
    assert wilson_of_rate(0.5, 0) is None


@pytest.mark.parametrize(("rate", "n"), [(-0.1, 5), (1.1, 5), (0.5, -1)])
def test_wilson_refuses_what_is_no_rate(rate, n):
    """A mistake of the caller is said."""
    with pytest.raises(ValueError, match=r"is (from|at least) 0"):
        wilson_of_rate(rate, n)


CLUSTERED = [1, 1, 1, 0, 1, 1, 1, 1, 0, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0]


def test_clusters():
    """The vector ``clustered``: CR1, and Wilson with the t value of C - 1 degrees of freedom."""
    clusters = [str(index // 4) for index in range(24)]
    rate = sum(CLUSTERED) / 24

    error, n_clusters = cluster_error(CLUSTERED, clusters)
    interval = wilson_of_rate(rate, rate * (1 - rate) / error**2, df=n_clusters - 1)

    assert error == pytest.approx(0.119315, abs=1e-6)
    assert (interval.low, interval.high) == pytest.approx((0.380688, 0.905615), abs=1e-6)


def test_repeats_are_clusters_of_their_cases():
    """The vector ``repeats``: the error of the cases' means is that of clusters."""
    rows = [[1, 1, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1], [1, 0, 1], [1, 1, 1], [0, 1, 0], [1, 1, 1]]
    flat = [value for row in rows for value in row]

    by_row, _ = cluster_error(flat, [str(index // 3) for index in range(24)])
    of_means, _ = cluster_error([sum(row) / 3 for row in rows], list("abcdefgh"))

    assert by_row == pytest.approx(0.132699, abs=1e-6)
    assert of_means == pytest.approx(0.132699, abs=1e-6)


def test_one_cluster_says_nothing():
    """No error of 0 from one cluster."""
    assert cluster_error([1, 0, 1], ["a", "a", "a"]) is None


# Clusters

clustered_values = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from("abcdef")), min_size=3, max_size=40
).filter(lambda rows: len({cluster for _, cluster in rows}) > 1)


@given(rows=clustered_values)
@no_deadline
def test_statsmodels_agrees_on_the_error_of_clusters(rows):
    """The error is that of OLS on a constant with cov_type="cluster"."""
    values, clusters = [value for value, _ in rows], [ord(cluster) for _, cluster in rows]
    model = statsmodels.OLS(values, np.ones(len(values)))
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True)

    error, n_clusters = cluster_error(values, [str(cluster) for cluster in clusters])

    assert n_clusters == len(set(clusters))
    assert error == pytest.approx(float(fit.bse[0]), rel=1e-9, abs=1e-9)


@given(
    rows=st.lists(st.lists(st.sampled_from([0.0, 1.0]), min_size=3, max_size=3), min_size=2),
)
@no_deadline
def test_repeats_are_the_error_of_the_means(rows):
    """As often asked each, the cases' means have the error of rows in clusters."""
    flat = [value for row in rows for value in row]
    names = [str(index // 3) for index in range(len(flat))]
    expected = scipy.stats.sem([sum(row) / 3 for row in rows])

    assert cluster_error(flat, names)[0] == pytest.approx(expected, abs=1e-12)
    assert mean_error([sum(row) / 3 for row in rows])[0] == pytest.approx(expected, abs=1e-12)


@given(values=st.lists(st.floats(0, 1), min_size=2, max_size=30))
@no_deadline
def test_clusters_of_one_are_none(values):
    """Cases that are each their own cluster are independent."""
    names = [str(index) for index in range(len(values))]
    error, n_clusters = cluster_error(values, names)

    assert error == pytest.approx(mean_error(values)[0], abs=1e-12)
    assert effective_clusters(names) == independent_cases(names) == n_clusters == len(values)
    assert mean_interval(values, names) == mean_interval(values)
    assert percentile_interval(values, 50, names) == percentile_interval(values, 50)


def test_unequal_clusters_are_worth_fewer():
    """One cluster of 46 among four single cases decides nearly alone."""
    names = ["large"] * 46 + ["a", "b", "c", "d"]

    assert effective_clusters(names) == 1
    assert independent_cases(names) == 1
    assert effective_clusters(list("aabbccdd")) == independent_cases(list("aabbccdd")) == 4


@given(
    values=st.lists(finite, min_size=1, max_size=100, unique=True),
    repeats=st.integers(2, 4),
    q=st.sampled_from([50, 90, 95]),
)
@no_deadline
def test_the_same_value_several_times_bounds_as_once(values, repeats, q):
    """Repeats that say nothing new make no percentile more certain."""
    names = [str(index) for index in range(len(values))]
    expected = percentile_interval(values, q)

    assert percentile_interval(values * repeats, q, names * repeats) == expected


def test_one_cluster_bounds_no_percentile():
    """A hundred latencies of one case are one latency."""
    interval = percentile_interval([float(k) for k in range(100)], 50, ["a"] * 100)

    assert interval == Interval(low=None, high=None)


def test_one_cluster_has_no_interval_of_a_mean():
    """Nor an error."""
    assert mean_interval([0.1, 0.5, 0.9], ["a"] * 3) is None
    assert mean_error([0.1, 0.5, 0.9], ["a"] * 3) is None


# Extremes


def test_huge_values_overflow_nothing():
    """Squares and sums of them would."""
    interval = mean_interval([1e200, 2e200, 3e200])

    assert mean([1.7e308, 1.7e308]) == pytest.approx(1.7e308)
    assert interval.low < 2e200 < interval.high
    assert mean_error([1e200, 3e200])[0] == pytest.approx(1e200)
    assert cluster_error([1e200, 1e200, 3e200], list("aab"))[0] < 1e200


def test_tiny_values_have_a_spread():
    """Squares of subnormal numbers would be 0."""
    assert mean_error([0.0, 2e-320])[0] == pytest.approx(1e-320, rel=1e-3)
    assert percentile([5e-324, 5e-324], 95) == 5e-324


@given(
    values=st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=30),
    scale=st.sampled_from([1e-200, 1e200]),
)
@no_deadline
def test_the_unit_changes_nothing(values, scale):
    """An interval in other units is the same interval."""
    interval = mean_interval(values)
    scaled = mean_interval([value * scale for value in values])
    width = max(abs(interval.low), abs(interval.high))

    assert scaled.low / scale == pytest.approx(interval.low, rel=1e-9, abs=1e-9 * width)
    assert scaled.high / scale == pytest.approx(interval.high, rel=1e-9, abs=1e-9 * width)


@given(t=st.floats(-50, 50), df=st.integers(1, 500))
@no_deadline
def test_scipy_agrees_on_p(t, df):
    """The two-sided p value is scipy's."""
    assert student_t_p(t, df) == pytest.approx(2 * scipy.stats.t.sf(abs(t), df), rel=1e-9)


@pytest.mark.parametrize(
    "values", [[1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0]]
)
def test_what_is_left_of_rounding_is_no_spread_of_clusters(values):
    """Ten clusters that are all alike have an error of nothing, be their mean 1/2 or 1/3."""
    clusters = [f"cluster {n}" for n in range(10) for _ in values]

    error, _ = stats.mean_error(values * 10, clusters)

    assert error == 0


def test_where_no_two_clusters_differ_each_counts_as_one_case():
    """Their mean is no certainty: the interval is about that of as many independent cases."""
    values, clusters = [0.5, 1.0] * 10, [f"cluster {n}" for n in range(10) for _ in range(2)]

    interval = stats.mean_interval(values, clusters)
    alone = stats.mean_interval([0.5, 1.0] * 5)

    assert interval.high - interval.low == pytest.approx(alone.high - alone.low, rel=0.1)
