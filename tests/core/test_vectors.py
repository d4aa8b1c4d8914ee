"""The numbers of statistics_vectors.json, all of which are held against the product or are named here.

They were computed once with scipy 1.17 and statsmodels 0.15, and rounded to four or six digits.
"""

import json
import math
import re
from pathlib import Path

import pytest
from scipy import stats as scipy_stats

from pytest_modeleval.core.comparisons import CaseNumbers, compare
from pytest_modeleval.core.gates import judge
from pytest_modeleval.core.judgements import Coverage
from pytest_modeleval.core.paired import (
    change_of_means,
    change_of_rates,
    change_of_ratio,
    holm,
    mcnemar_mid_p,
    sign_flip_p,
    smallest_drop,
)
from pytest_modeleval.core.records import Record
from pytest_modeleval.core.stats import (
    cluster_error,
    mean_error,
    mean_interval,
    pass_at_k,
    pass_hat_k,
    percentile,
    percentile_interval,
    percentile_ranks,
    proportion,
    smallest_n_with_upper_bound,
    student_t_quantile,
    wilson,
    wilson_of_rate,
)
from pytest_modeleval.core.summaries import summarize
from pytest_modeleval.core.thresholds import parse_threshold

VECTORS = json.loads(Path(__file__).with_name("statistics_vectors.json").read_text())

# What the product does not do: other methods, designs of studies, and rules for stopping early.
ELSEWHERE = [
    "mean_bca95",  # bootstrap
    "bias of p95 estimators",
    "coverage 95% CI of p95",  # simulated: benchmarks/intervals.py
    "paired vs unpaired se",
    r"\(z.975\+z.8\)\^2",
    "Miller",
    "unpaired n per arm",
    "A/A false alarm",  # simulated: benchmarks/regressions.py
    "rogan_gladen",
    "n where ceil",
    "same for .99 / .55",
    "beta-mixture CS95",
    "paired e-value",
    "e-process stop",
    "naive peeking",
    "curtailment",
    "fail-only curtailment",
    "SPRT",
]
TESTED = [
    r"wilson95 \d+/\d+",
    r"coverage n=\d+ p=",
    "mean_t95",
    "clustered",
    "clustered_wilson",
    "repeats",
    r"pass@\d+ n=\d+ c=\d+",
    "p95 lat20",
    r"p95 of 1\.\.\d+",
    "p95 order-stat ranks",
    "min n: ",
    "cost",
    r"mcnemar n=\d+",
    "paired_scores",
    "latency_paired_log_ratio",
    "holm",
    "min passes thr=",
    r"P\(gate fails\) thr=",
    r"McNemar n \(80% power",
    "paired MDE",
    "Wilson half-width",
    "min regressed for midp",
]
SIX = 1e-6


def approx(value, digits=SIX):
    return pytest.approx(value, abs=digits)


def named(pattern):
    """The vectors whose name has this form: the numbers in it, and what is expected."""
    return [
        pytest.param([float(number) for number in found.groups()], value, id=name)
        for name, value in VECTORS.items()
        if (found := re.fullmatch(pattern, name))
    ]


def records_of(n_passed, n):
    return [
        Record(
            suite="s", model="m", case_id=f"c{k}", outcome="passed" if k < n_passed else "missed"
        )
        for k in range(n)
    ]


@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_is_tested_or_named_as_none_of_the_product(name):
    """No vector is passed over in silence."""
    assert sum(bool(re.match(form, name)) for form in TESTED + ELSEWHERE) >= 1


@pytest.mark.parametrize(("counts", "bounds"), named(r"wilson95 (\d+)/(\d+)"))
def test_accuracy(counts, bounds):
    """Wilson's interval, of counts and of the metric, and its one-sided bounds."""
    n_passed, n = map(int, counts)

    interval, wider = wilson(n_passed, n), wilson(n_passed, n, confidence=0.9)
    metric = summarize(records_of(n_passed, n)).metric("accuracy")

    assert (interval.low, interval.high) == approx(bounds[:2])
    assert (metric.low, metric.high) == approx(bounds[:2])
    assert (wider.low, wider.high) == approx((bounds[3], bounds[5]))


@pytest.mark.parametrize(("design", "coverage"), named(r"coverage n=(\d+) p=(0\.\d+)"))
def test_coverage_of_an_accuracy(design, coverage):
    """How often Wilson's interval holds the truth, over all counts."""
    n, p = int(design[0]), design[1]
    intervals = [wilson(k, n) for k in range(n + 1)]

    held = [k for k, interval in enumerate(intervals) if interval.low <= p <= interval.high]

    assert scipy_stats.binom.pmf(held, n, p).sum() == approx(coverage["wilson"], 5e-5)


def test_mean_score():
    """Student's t on the scores."""
    vector = VECTORS["mean_t95"]

    error, df = mean_error(vector["x"])
    interval = mean_interval(vector["x"])

    assert error == approx(vector["se"])
    assert student_t_quantile(0.975, df) == approx(vector["t"])
    assert (interval.low, interval.high) == approx(vector["ci"])


def test_clusters():
    """The CR1 error, its t interval, and Wilson's with as many cases as it is worth."""
    vector, expected = VECTORS["clustered"], VECTORS["clustered_wilson"]
    names = [str(name) for name in vector["g"]]
    rate = math.fsum(vector["y"]) / len(vector["y"])

    error, n_clusters = cluster_error(vector["y"], names)
    plain = mean_interval(vector["y"], names)
    n_effective = rate * (1 - rate) / error**2
    interval = wilson_of_rate(rate, n_effective, df=n_clusters - 1)
    metric = summarize(
        Record(
            suite="s", case_id=str(index), outcome="passed" if y else "missed", cluster=names[index]
        )
        for index, y in enumerate(vector["y"])
    ).metric("accuracy")

    assert rate == approx(vector["mean"])
    assert error == approx(vector["se_CR1"])
    assert student_t_quantile(0.975, n_clusters - 1) == approx(vector["t_df5"])
    assert (plain.low, plain.high) == approx(vector["ci"])
    assert n_effective == approx(expected["n_eff"], 2e-6)
    assert (interval.low, interval.high) == approx(expected["ci"])
    assert (metric.low, metric.high) == approx(expected["ci"])


def test_repeats():
    """The error of the cases' means is that of clusters, and a third more than that of the rows."""
    vector = VECTORS["repeats"]
    rows = vector["R"]
    flat = [value for row in rows for value in row]
    means = [sum(row) / len(row) for row in rows]

    of_rows, _ = cluster_error(flat, [str(index // 3) for index in range(len(flat))])

    assert means == approx(vector["case_means"])
    assert mean_error(means)[0] == approx(vector["se_case"])
    assert of_rows == approx(vector["se_cluster"])
    assert mean_error(flat)[0] == approx(vector["se_naive_24"], 1.1e-6)


@pytest.mark.parametrize(("design", "expected"), named(r"pass@(\d+) n=(\d+) c=(\d+)"))
def test_pass_at_k(design, expected):
    """pass@k and pass^k."""
    k, n, c = map(int, design)

    assert pass_at_k(n, c, k) == approx(expected[0])
    assert pass_hat_k(n, c, k) == approx(expected[2])


def test_p95_of_twenty_latencies():
    """numpy's linear method, and a lower bound alone."""
    values, bounds = VECTORS["p95 lat20 sorted"], VECTORS["p95 lat20 CI"]

    interval = percentile_interval(values, 95)

    assert percentile(values, 95) == approx(VECTORS["p95 lat20"]["linear"])
    assert (interval.low, interval.high) == (bounds["lower"], None)
    assert percentile_ranks(20, 95) == (bounds["lower_rank"], None)
    assert percentile_ranks(20, 95, confidence=0.9) == (bounds["one_sided_lower_rank"], None)


@pytest.mark.parametrize(("design", "expected"), named(r"p95 of 1\.\.(\d+)"))
def test_p95_of_the_first_numbers(design, expected):
    """1..10 has 9.55."""
    assert percentile(range(1, int(design[0]) + 1), 95) == approx(expected["linear"])


@pytest.mark.parametrize(("design", "ranks"), named(r"p95 order-stat ranks n=(\d+)"))
def test_ranks_of_a_p95(design, ranks):
    """Two-sided, and one-sided as two-sided at 90 %."""
    n = int(design[0])

    assert percentile_ranks(n, 95) == tuple(ranks["two_sided95"])
    assert percentile_ranks(n, 95, confidence=0.9) == tuple(ranks["one_sided95"])


@pytest.mark.parametrize(
    ("name", "confidence"),
    [
        ("min n: max is one-sided 95% UCB of p50/p90/p95/p99", 0.9),
        ("min n: two-sided 95% CI exists p50/p90/p95/p99", 0.95),
    ],
)
def test_least_n_of_an_upper_bound(name, confidence):
    """72 for a p95, 59 where one side is enough."""
    found = [smallest_n_with_upper_bound(q, confidence) for q in (50, 90, 95, 99)]

    assert found == VECTORS[name]


def test_average_cost():
    """The mean, the sum, and Student's interval."""
    vector = VECTORS["cost"]
    summary = summarize(
        Record(suite="s", case_id=str(index), outcome="passed", cost_usd=cost)
        for index, cost in enumerate(vector["cost"])
    )

    average = summary.metric("avg_cost")

    assert average.value == approx(vector["mean"])
    assert (average.low, average.high) == approx(vector["t95"], 5e-9)
    assert summary.metric("total_cost").value == approx(vector["total"])


@pytest.mark.parametrize(
    ("design", "expected"), named(r"mcnemar n=(\d+) improved=(\d+) regressed=(\d+)")
)
def test_accuracy_against_a_baseline(design, expected):
    """Mid-p and Bonett and Price's interval, also by way of a comparison."""
    n, better, worse = map(int, design)
    before = [
        CaseNumbers(suite="s", case_id=str(k), pass_rate=float(k >= better)) for k in range(n)
    ]
    after = [
        CaseNumbers(suite="s", case_id=str(k), pass_rate=float(k < n - worse)) for k in range(n)
    ]

    (comparison,) = compare(after, before)

    for change in (change_of_rates(better, worse, n), comparison.accuracy):
        assert change.value == approx(expected["diff"])
        assert change.p == approx(expected["midp_two"])
        assert (change.low, change.high) == approx(expected["bonett_price95"])


def test_score_against_a_baseline():
    """Paired t interval, p by all sign flips."""
    vector = VECTORS["paired_scores"]

    change = change_of_means(vector["base"], vector["cand"])
    error, _ = mean_error(
        [new - old for old, new in zip(vector["base"], vector["cand"], strict=True)]
    )

    assert change.value == approx(vector["mean_diff"])
    assert error == approx(vector["se"])
    assert change.value / error == approx(vector["t"])
    assert (change.low, change.high) == approx(vector["t_ci95"])
    assert change.p == approx(vector["signflip_exact_two"])


def test_latency_against_a_baseline():
    """The geometric mean of the ratios, and the two p95s beside it."""
    vector = VECTORS["latency_paired_log_ratio"]

    change = change_of_ratio(vector["base"], vector["cand"])

    assert change.value == approx(vector["gmr"])
    assert (change.low, change.high) == approx(vector["ci95"])
    assert change.p == approx(vector["p"])
    assert percentile(vector["base"], 95) == approx(vector["p95_base"])
    assert percentile(vector["cand"], 95) == approx(vector["p95_cand"], 1e-4)


def test_several_regression_thresholds():
    """Holm's adjustment."""
    assert holm(VECTORS["holm"]["p"]) == approx(VECTORS["holm"]["adj"])


MODES = {"point": "point", "lower": "confident-pass", "upper": "confident-fail"}


def is_met(n_passed, n, bound, mode):
    verdict = judge(
        records_of(n_passed, n),
        [Coverage(suite="s", n_total=n, n_selected=n)],
        [parse_threshold(f"accuracy >= {bound}")],
        mode=mode,
    )
    return not verdict.fails


@pytest.mark.parametrize(("design", "expected"), named(r"min passes thr=(0\.\d+) n=(\d+)"))
@pytest.mark.parametrize("side", MODES)
def test_passes_that_a_gate_asks_for(design, expected, side):
    """With so many right answers it is met, and with one less it is not."""
    bound, n, least = design[0], int(design[1]), expected[side]

    assert least is None or is_met(least, n, bound, MODES[side])
    assert not is_met(n if least is None else least - 1, n, bound, MODES[side])


@pytest.mark.parametrize(
    ("design", "expected"), named(r"P\(gate fails\) thr=(0\.\d+) true=(0\.\d+) n=(\d+)")
)
@pytest.mark.parametrize("side", MODES)
def test_how_often_a_gate_fails(design, expected, side):
    """Bound .90, true .92, n 50: point 21 %, confident-fail 2 %, confident-pass 92 %."""
    bound, p, n = design[0], design[1], int(design[2])
    low, high = -1, n + 1  # met from the least number of passes on, which is found by halving
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_met(middle, n, bound, MODES[side]) else (middle, high)

    assert scipy_stats.binom.cdf(high - 1, n, p) == approx(expected[side], 5e-5)


@pytest.mark.parametrize(("design", "expected"), named(r"paired MDE n=(\d+)"))
def test_smallest_visible_drop(design, expected):
    """8.8 points at n = 100 where a tenth of the cases changes, 4.0 at n = 500."""
    for discordant, drop in expected.items():
        found = smallest_drop(int(design[0]), float(discordant))
        assert found == (None if drop is None else approx(drop, 5e-5))


@pytest.mark.parametrize(
    ("design", "expected"),
    named(r"McNemar n \(80% power, two-sided .05\) discordant=(0\.\d+) delta=(0\.\d+)"),
)
def test_cases_that_a_drop_takes(design, expected):
    """With so many cases the drop is seen, and with one less it is not."""
    discordant, drop = design

    assert smallest_drop(expected["formula"], discordant) <= drop * (1 + 1e-9)
    fewer = smallest_drop(expected["formula"] - 1, discordant)
    assert fewer is None or fewer > drop * (1 - 1e-9)


@pytest.mark.parametrize(("design", "expected"), named(r"Wilson half-width at p=\.9 n=(\d+)"))
def test_half_width(design, expected):
    """What an accuracy of 90 % is known to."""
    interval = wilson(round(0.9 * design[0]), int(design[0]))

    assert (interval.high - interval.low) / 2 == approx(expected, 5e-5)


def test_least_number_of_broken_cases():
    """Five where none was mended."""
    for better, worse in VECTORS["min regressed for midp<.05 given improved"].items():
        assert mcnemar_mid_p(int(better), worse) < 0.05 <= mcnemar_mid_p(int(better), worse - 1)


def test_sign_flips_of_one_direction():
    """Half of both directions' p, as scipy has it."""
    vector = VECTORS["paired_scores"]
    differences = [new - old for old, new in zip(vector["base"], vector["cand"], strict=True)]

    assert sign_flip_p(differences) == approx(vector["scipy_perm_two"])
    assert sign_flip_p(differences) / 2 == approx(vector["scipy_perm_less"])


@pytest.mark.parametrize("n", [5, 20, 50, 51, 100, 500])
def test_the_ends_of_a_proportion_near_all_or_none_are_exact(n):
    """Wilson's interval, but for the end that lies a few cases from all or none."""
    reach = 2 if n <= 50 else 3
    for k in range(n + 1):
        found, usual = proportion(k, n), wilson(k, n)
        exact_low = scipy_stats.beta.ppf(0.025, k, n - k + 1) if k else 0.0
        exact_high = scipy_stats.beta.ppf(0.975, k + 1, n - k) if k < n else 1.0
        is_low = 0 < k <= reach and 2 * k < n
        is_high = 0 < n - k <= reach and 2 * (n - k) < n
        assert found.low == approx(exact_low if is_low else usual.low)
        assert found.high == approx(exact_high if is_high else usual.high)
        assert found.low <= usual.low
        assert found.high >= usual.high


@pytest.mark.parametrize("n", [20, 50, 100, 500])
def test_a_proportion_near_1_holds_the_truth_often_enough(n):
    """At 0.99 Wilson's alone holds it in 91 to 92 % of the runs of 50 and 100 cases."""
    intervals = [proportion(k, n) for k in range(n + 1)]

    held = [k for k, interval in enumerate(intervals) if interval.low <= 0.99 <= interval.high]

    assert scipy_stats.binom.pmf(held, n, 0.99).sum() >= 0.93
