"""Summaries: counts first, then numbers with their intervals, and what makes a number incomplete."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval.core.metrics import NOTHING_SCORED, Metric
from pytest_modeleval.core.records import Record
from pytest_modeleval.core.stats import (
    cluster_error,
    percentile,
    percentile_interval,
    wilson,
    wilson_of_rate,
)
from pytest_modeleval.core.summaries import group_records, summarize

OUTCOMES = {"p": "passed", "m": "missed", "e": "errored", "u": "unscored", "s": "skipped"}
# The repeats of eight cases of statistics_vectors.json; computed with statsmodels.
REPEATS = ["ppp", "ppm", "mmm", "ppp", "pmp", "ppp", "mpm", "ppp"]
REPEATS_MEAN, REPEATS_SE, T_7 = 0.708333, 0.132699, 2.364624


def make_records(letters, **known):
    """A record for each letter of ``letters``, which is the first of its outcome."""
    fields = {"suite": "tickets", "model": "router"} | known
    return [
        Record(case_id=f"c{index}", outcome=OUTCOMES[letter], **fields)
        for index, letter in enumerate(letters)
    ]


def make_repeats(cases, **known):
    """The records of cases that were asked several times each."""
    fields = {"suite": "tickets", "model": "router"} | known
    return [
        Record(case_id=f"c{index}", repeat=repeat, outcome=OUTCOMES[letter], **fields)
        for index, letters in enumerate(cases)
        for repeat, letter in enumerate(letters)
    ]


def make_measured(name, values, letters=None):
    """A record for each value of one field."""
    letters = letters or "p" * len(values)
    return [
        Record(
            suite="tickets",
            model="router",
            case_id=f"c{index}",
            outcome=OUTCOMES[letter],
            **{name: value},
        )
        for index, (value, letter) in enumerate(zip(values, letters, strict=True))
    ]


def metric_of(records, name):
    """One metric of these records."""
    return summarize(records).metric(name)


letters = st.text("pmeus", max_size=40)


# Counts


def test_each_outcome_is_counted_by_itself():
    """A summary begins with its counts."""
    summary = summarize(make_records("pppmmeuss"))

    assert (summary.n_passed, summary.n_missed, summary.n_errored) == (3, 2, 1)
    assert (summary.n_unscored, summary.n_skipped) == (1, 2)
    assert (summary.n, summary.n_asked) == (6, 7)


@given(first=letters, second=letters)
def test_two_halves_of_a_run_sum_to_the_run(first, second):
    """Counts add up, wherever a run is cut."""
    halves = [summarize(make_records(first)), summarize(make_records(second))]
    whole = summarize(make_records(first + second))

    for name in ("n", "n_asked", "n_passed", "n_missed", "n_errored", "n_unscored", "n_skipped"):
        assert getattr(whole, name) == sum(getattr(half, name) for half in halves)


@given(costs=st.lists(st.floats(0, 1000), min_size=2, max_size=20), data=st.data())
def test_the_cost_of_two_halves_sums_to_the_cost_of_the_run(costs, data):
    """So does money."""
    cut = data.draw(st.integers(1, len(costs) - 1))
    halves = [make_measured("cost_usd", costs[:cut]), make_measured("cost_usd", costs[cut:])]

    total = metric_of(make_measured("cost_usd", costs), "total_cost").value

    assert total == pytest.approx(sum(metric_of(half, "total_cost").value for half in halves))


@given(data=st.data(), letters=letters)
def test_the_order_of_records_changes_nothing(data, letters):
    """Workers bring records in any order."""
    records = make_records(letters)
    shuffled = data.draw(st.permutations(records))

    assert summarize(shuffled).to_dict() == summarize(records).to_dict()


def test_a_title_says_the_variant():
    """Two variants of a suite are told apart."""
    assert summarize((), suite="tickets").title == "tickets"
    assert summarize((), suite="tickets", variant="short").title == "tickets (short)"


# Accuracy


def test_errors_stay_in_the_denominator():
    """Four of five errored: at most one of five can be right."""
    assert metric_of(make_records("peeee"), "accuracy").value == 0.2


@pytest.mark.parametrize(
    ("outcomes", "value", "n"),
    [("ppppm", 0.8, 5), ("pu", 1.0, 1), ("pms", 0.5, 2), ("pmue", 1 / 3, 3), ("e", 0.0, 1)],
)
def test_unscored_and_skipped_cases_are_left_out_of_accuracy(outcomes, value, n):
    """Accuracy is passed of passed, missed and errored."""
    metric = metric_of(make_records(outcomes), "accuracy")

    assert (metric.value, metric.n) == (value, n)


def test_accuracy_has_the_interval_of_wilson():
    """17 of 20 is [.639581, .947631], as statsmodels says."""
    metric = metric_of(make_records("p" * 17 + "mmm"), "accuracy")

    assert (metric.low, metric.high) == pytest.approx((0.639581, 0.947631), abs=5e-7)


@pytest.mark.parametrize("outcomes", ["", "s", "u", "us"])
def test_accuracy_of_nothing_is_undefined(outcomes):
    """Of no scored case there is no accuracy, not 0."""
    metric = metric_of(make_records(outcomes), "accuracy")

    assert (metric.value, metric.n, metric.note) == (None, 0, NOTHING_SCORED)


@given(letters=letters)
def test_accuracy_is_a_rate_within_its_interval(letters):
    """Value and ends lie in [0, 1], in order."""
    metric = metric_of(make_records(letters), "accuracy")

    if metric.value is not None:
        assert 0 <= metric.low <= metric.value <= metric.high <= 1


def test_repeats_are_averaged_inside_the_case_first():
    """With repeats the case is the unit, so n and interval are of cases."""
    metric = metric_of(make_repeats(REPEATS), "accuracy")

    assert metric.n == 8
    assert metric.value == pytest.approx(REPEATS_MEAN, abs=5e-7)
    interval = wilson_of_rate(REPEATS_MEAN, 8)  # the spread is that of 11.7 answers of 8 cases
    assert (metric.low, metric.high) == pytest.approx((interval.low, interval.high), abs=5e-6)


def test_repeats_that_always_agree_are_worth_fewer_cases():
    """Case means of 0 and 1 spread most: rate (1 - rate) / SE² is one case less than there are."""
    metric = metric_of(make_repeats(["ppp", "ppp", "ppp", "mmm"]), "accuracy")

    interval = wilson_of_rate(0.75, 3)
    assert (metric.low, metric.high) == pytest.approx((interval.low, interval.high))


@given(cases=st.lists(st.text("pme", min_size=2, max_size=4), min_size=1, max_size=8))
def test_an_accuracy_over_repeats_lies_within_its_interval(cases):
    """Value and ends lie in [0, 1], in order, and better is not below worse."""
    metric = metric_of(make_repeats(cases), "accuracy")

    tolerance = 1e-12
    assert 0 <= metric.low <= metric.value + tolerance
    assert metric.value - tolerance <= metric.high <= 1


@pytest.mark.parametrize("letter", ["p", "m"])
def test_equal_repeats_are_no_certainty(letter):
    """Five cases that always pass bound the accuracy as five single ones do, not to a point."""
    metric = metric_of(make_repeats([letter * 3] * 5), "accuracy")

    interval = wilson(5 if letter == "p" else 0, 5)
    assert (metric.low, metric.high) == pytest.approx((interval.low, interval.high))


def test_clusters_that_agree_are_worth_one_case_each():
    """Ten cases of two clusters that all pass are no ten passes: nothing shows how alike they are."""
    records = [
        Record(suite="s", case_id=str(index), outcome="passed", cluster="ab"[index % 2])
        for index in range(10)
    ]

    metric = metric_of(records, "accuracy")

    interval = wilson_of_rate(1.0, 2, df=1)
    assert (metric.low, metric.high) == (interval.low, 1.0)


def test_one_cluster_has_no_interval():
    """Of an accuracy, a score, an error rate or a cost."""
    records = [
        Record(
            suite="s",
            case_id=str(index),
            outcome=outcome,
            cluster="a",
            cost_usd=0.1 * index,
            scores={"tone": {"value": 0.1 * index}},
        )
        for index, outcome in enumerate(["passed", "missed", "errored"])
    ]

    for name in ("accuracy", "error_rate", "mean_score", "avg_cost"):
        metric = metric_of(records, name)
        assert (metric.low, metric.high, metric.note) == (None, None, "one cluster has no interval")


def test_a_large_cluster_makes_its_error_uncertain():
    """The degrees of freedom are those of the clusters that decide, and not of all."""
    sizes = {"a": 12, "b": 3, "c": 3, "d": 3, "e": 3}
    names = [name for name, size in sizes.items() for _ in range(size)]
    values = [float(index % 4 > 0) for index in range(len(names))]
    records = [
        Record(suite="s", case_id=str(k), outcome="passed" if v else "missed", cluster=name)
        for k, (name, v) in enumerate(zip(names, values, strict=True))
    ]

    metric = metric_of(records, "accuracy")

    error, n_clusters = cluster_error(values, names)
    n_effective = min(0.75 * 0.25 / error**2, 24)
    believed = wilson_of_rate(0.75, n_effective, df=n_clusters - 1)
    assert metric.high - metric.low > believed.high - believed.low


@pytest.mark.parametrize("name", ["avg_cost", "p50_latency", "p95_latency", "error_rate"])
def test_repeats_are_no_further_cases(name):
    """What three repeats say alike is as uncertain as what one of them says."""
    values = [0.1 * (index % 9 + 1) for index in range(80)]
    fields = [
        {"latency_s": value, "cost_usd": value, "outcome": "errored" if value > 0.85 else "passed"}
        for value in values
    ]
    once = [Record(suite="s", case_id=str(k), **own) for k, own in enumerate(fields)]
    thrice = [
        Record(suite="s", case_id=str(k), repeat=repeat, **own)
        for k, own in enumerate(fields)
        for repeat in range(3)
    ]

    first, second = metric_of(once, name), metric_of(thrice, name)

    assert second.value == pytest.approx(first.value, rel=0.05)
    assert second.low == pytest.approx(first.low, rel=0.02)
    assert second.high == pytest.approx(first.high, rel=0.02)


@pytest.mark.parametrize("values", [[1.0, 1.0, 1.0], [1.0] * 6 + [0.0] * 3, [0.8, 0.8]])
def test_scores_of_0_and_1_have_the_interval_of_a_rate(values):
    """Student's t would take three perfect scores, or any three of a kind, for certainty."""
    metric = metric_of(make_scored([scored("passed", x=value) for value in values]), "mean_score")

    interval = wilson_of_rate(math.fsum(values) / len(values), len(values))
    assert (metric.low, metric.high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize(("outcomes", "value"), [("peeee", 0.8), ("pmm", 0.0), ("eu", 0.5)])
def test_the_error_rate_is_of_all_cases_asked(outcomes, value):
    """Unscored cases had an answer and count; skipped ones were not asked."""
    assert metric_of(make_records(outcomes + "ss"), "error_rate").value == value


@pytest.mark.parametrize(("outcomes", "value"), [("pppu", 0.25), ("pme", 0.0), ("u", 1.0)])
def test_the_unscored_rate_is_of_all_cases_asked(outcomes, value):
    """The share that no scorer could score."""
    assert metric_of(make_records(outcomes + "s"), "unscored_rate").value == value


def test_the_worst_case_is_the_case_pass_rate():
    """One case that always fails makes it 0, however good the others are."""
    assert metric_of(make_repeats(["ppp", "ppm", "pmm"]), "case_pass_rate").value == 1 / 3


def test_pass_at_k_is_averaged_over_the_cases():
    """pass@2 asks for one right answer of two, pass^2 for both."""
    records = make_repeats(["ppp", "pmm"])

    assert metric_of(records, "pass@2").value == pytest.approx((1 + 2 / 3) / 2)
    assert metric_of(records, "pass^2").value == pytest.approx((1 + 0) / 2)


def test_pass_at_k_needs_k_repeats():
    """With fewer it is undefined, and the note says what it takes."""
    metric = metric_of(make_repeats(["pp", "ppp"]), "pass@3")

    assert (metric.value, metric.note) == (None, "needs 3 repeats of each case")


# Scores


def scored(outcome, **scores):
    """The fields of a record with these scores."""
    return {
        "outcome": outcome,
        "scores": {name: {"value": value} for name, value in scores.items()},
    }


def make_scored(rows):
    """A record for each row of fields."""
    return [
        Record(suite="tickets", model="router", case_id=f"c{index}", **row)
        for index, row in enumerate(rows)
    ]


def test_a_named_score_is_the_mean_over_cases():
    """``score(tone)`` is the mean of the scores of that name; an errored case counts 0."""
    records = make_scored(
        [scored("passed", tone=1.0), scored("missed", tone=0.5), scored("errored")]
    )

    metric = metric_of(records, "score(tone)")

    assert (metric.value, metric.n, metric.is_complete) == (0.5, 3, True)


def test_an_errored_case_counts_0_whatever_it_was_given():
    """A score given before the test broke is no score of an answer."""
    records = make_scored([scored("errored", tone=1.0), scored("passed", tone=1.0)])

    assert metric_of(records, "score(tone)").value == 0.5
    assert metric_of(records, "mean_score").value == 0.5


def test_a_score_that_some_cases_lack_is_incomplete():
    """It is shown with how many have it, and not judged."""
    records = make_scored([scored("passed", tone=0.8), scored("passed"), scored("passed")])

    metric = metric_of(records, "score(tone)")

    assert (metric.value, metric.is_complete) == (0.8, False)
    assert metric.note == "known for 1 of 3 cases"


def test_an_unknown_score_names_those_there_are():
    """A typo in a score's name is found."""
    records = make_scored([scored("passed", tone=0.8, brevity=1.0)])

    metric = metric_of(records, "score(tune)")

    assert metric.value is None
    assert metric.note == "no case has that score; known: brevity, tone"


def test_a_score_of_cases_without_scores_is_unknown():
    """Where no case has any score, the note says so."""
    assert metric_of(make_records("p"), "score(tone)").note == "no case has that score; known: none"


def test_a_named_score_averages_repeats_inside_the_case_first():
    """Rows alone would make the interval 29 % too narrow."""
    records = [
        Record(
            suite="tickets",
            case_id=f"c{index}",
            repeat=repeat,
            outcome=OUTCOMES[letter],
            scores={"tone": {"value": float(letter == "p")}},
        )
        for index, letters in enumerate(REPEATS)
        for repeat, letter in enumerate(letters)
    ]

    metric = metric_of(records, "score(tone)")

    assert metric.n == 8
    assert metric.value == pytest.approx(REPEATS_MEAN, abs=5e-7)
    assert metric.low == pytest.approx(REPEATS_MEAN - T_7 * REPEATS_SE, abs=5e-6)


def test_the_mean_score_takes_the_outcome_where_there_is_no_score():
    """Passed counts 1, and anything else 0."""
    records = make_scored([scored("passed", a=0.5, b=1.0), scored("passed"), scored("missed")])

    assert metric_of(records, "mean_score").value == pytest.approx((0.75 + 1 + 0) / 3)


def test_the_mean_score_has_the_interval_of_student():
    """The scores of statistics_vectors.json give [.658592, .931408]."""
    values = [0.9, 0.8, 1.0, 0.4, 0.7, 0.95, 0.6, 0.85, 1.0, 0.75]

    metric = metric_of(make_scored([scored("passed", x=value) for value in values]), "mean_score")

    assert (metric.low, metric.high) == pytest.approx((0.658592, 0.931408), abs=5e-7)


def test_an_interval_of_scores_is_shown_within_their_range():
    """The upper end is never above 1."""
    records = make_scored([scored("passed", x=value) for value in (1.0, 1.0, 0.7)])

    assert metric_of(records, "mean_score").high == 1.0


# Slices


def tagged(*rows):
    """Records of letters and tags: ``("pm", "angry")`` are two cases of one tag."""
    return [
        record
        for index, (letters, *tags) in enumerate(rows)
        for record in make_records(letters, tags=tuple(tags), source=str(index))
    ]


def with_ids(records):
    """The same records, each a case of its own."""
    return [replace(record, case_id=f"c{index}") for index, record in enumerate(records)]


def test_a_slice_for_each_tag_holds_the_cases_that_have_it():
    """A case of two tags is in both slices, one without in none."""
    summary = summarize(with_ids(tagged(("pp", "angry"), ("m", "angry", "short"), ("p",))))

    slices = {part.tag: (part.n, part.n_passed) for part in summary.slices}

    assert slices == {"angry": (3, 2), "short": (1, 0)}


def test_a_tag_that_a_case_has_twice_counts_once():
    """A careless column changes no number."""
    summary = summarize(with_ids(tagged(("p", "angry", "angry"))))

    assert [(part.tag, part.n) for part in summary.slices] == [("angry", 1)]


def test_the_surely_worst_slice_comes_first():
    """Fifty cases of which twenty are wrong, before one that went wrong once."""
    records = tagged(
        ("p" * 30 + "m" * 20, "often"), ("m", "once"), ("p" * 5, "well"), ("u", "unscored")
    )

    summary = summarize(with_ids(records))

    assert [part.tag for part in summary.slices] == ["often", "once", "well", "unscored"]


@given(
    rows=st.lists(
        st.tuples(st.sampled_from("pmeus"), st.sampled_from("ab"), st.sampled_from("cd")),
        max_size=20,
    )
)
def test_a_slice_is_the_summary_of_its_records(rows):
    """Counts and numbers are those of a suite that has no other cases."""
    records = with_ids(tagged(*rows))

    for part in summarize(records).slices:
        alone = summarize([record for record in records if part.tag in record.tags])
        assert part.metric("accuracy") == alone.metric("accuracy")
        assert part.n_asked == alone.n_asked


def test_a_slice_counts_repeats_as_its_suite_does():
    """The case is the unit here too."""
    summary = summarize(make_repeats(["ppp", "mmm"], tags=("angry",)))

    (part,) = summary.slices
    assert part.metric("accuracy") == summary.metric("accuracy")
    assert part.metric("accuracy").n == 2


def test_a_file_has_each_slice_with_its_numbers():
    """Counts first, then accuracy, clocks, costs and errors."""
    data = summarize(with_ids(tagged(("pm", "angry"), ("p",)))).to_dict()

    (part,) = data["slices"]
    assert (part["tag"], part["n"], part["n_missed"]) == ("angry", 2, 1)
    assert part["metrics"]["accuracy"]["value"] == 0.5
    assert {"p95_latency", "avg_cost", "error_rate"} <= set(part["metrics"])


def test_a_file_says_why_there_are_no_numbers_by_label():
    """A reader of the file need not guess."""
    data = summarize(make_records("pp")).to_dict()

    assert data["classification"] is None
    assert data["no_classification"] == "nothing is expected of the case c0"


# Clocks


@pytest.mark.parametrize(("name", "q"), [("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99)])
@pytest.mark.parametrize(("clock", "field"), [("latency", "latency_s"), ("total", "total_s")])
def test_a_percentile_is_of_its_clock(name, q, clock, field):
    """Each clock has its percentiles, with the interval of order statistics."""
    values = [index / 100 for index in range(1, 101)]

    metric = metric_of(make_measured(field, values), f"{name}_{clock}")

    interval = percentile_interval(values, q)
    assert (metric.value, metric.n) == (percentile(values, q), 100)
    assert (metric.low, metric.high) == (interval.low, interval.high)


def test_below_72_answers_p95_has_no_upper_bound():
    """The interval says so instead of inventing one."""
    metric = metric_of(make_measured("latency_s", [0.1 * i for i in range(1, 21)]), "p95_latency")

    assert metric.low is not None
    assert metric.high is None


def test_the_maximum_is_a_fact_and_no_estimate():
    """It has no interval."""
    metric = metric_of(make_measured("latency_s", [0.1, 0.3, 0.2]), "max_latency")

    assert (metric.value, metric.low, metric.high) == (0.3, None, None)


def test_a_time_out_enters_the_percentiles():
    """Leaving the time-out's value out would flatter p95."""
    metric = metric_of(make_measured("latency_s", [0.1, 0.1, 60.0], "ppe"), "max_latency")

    assert (metric.value, metric.n, metric.is_complete) == (60.0, 3, True)


def test_an_error_without_latency_is_said():
    """Other errors have no latency; the number is complete without them, and the note counts."""
    metric = metric_of(make_measured("latency_s", [0.1, None, None], "pee"), "p50_latency")

    assert (metric.value, metric.n, metric.is_complete) == (0.1, 1, True)
    assert metric.note == "2 without an answer have none"


def test_answers_that_were_not_timed_make_it_incomplete():
    """A test that calls its own code without measuring has answers and no clock."""
    metric = metric_of(make_measured("latency_s", [0.1, None, None], "pmm"), "p50_latency")

    assert metric.is_complete is False
    assert metric.note == "measured for 1 of 3 answers"


def test_a_clock_that_never_ran_is_undefined():
    """Time to first token without streaming is n/a, never 0."""
    metric = metric_of(make_records("pp"), "p95_ttft")

    assert (metric.value, metric.note) == (None, "measured for 0 of 2 answers")


# Cost


def test_costs_are_summed_and_averaged():
    """Average and total are of all cases asked."""
    records = make_measured("cost_usd", [0.25, 0.5, 0.75], "pme")

    assert metric_of(records, "avg_cost").value == 0.5
    assert metric_of(records, "total_cost").value == 1.5


def test_one_unknown_cost_makes_the_cost_incomplete():
    """The known part is shown with how much it is, and not judged."""
    records = make_measured("cost_usd", [0.25, None, 0.75])

    average, total = metric_of(records, "avg_cost"), metric_of(records, "total_cost")

    assert (average.value, average.is_complete, average.note) == (
        0.5,
        False,
        "known for 2 of 3 cases",
    )
    assert (total.value, total.is_complete, total.note) == (
        1.0,
        False,
        "at least; known for 2 of 3 cases",
    )


@pytest.mark.parametrize("name", ["avg_cost", "total_cost"])
def test_an_unknown_cost_is_never_0(name):
    """Where no cost is known there is no number."""
    metric = metric_of(make_records("pp"), name)

    assert (metric.value, metric.is_complete) == (None, False)
    assert metric.note == "unknown for all 2 cases"


def test_a_cost_of_0_is_a_cost():
    """An offline model that reports 0 costs nothing, which is known."""
    metric = metric_of(make_measured("cost_usd", [0.0, 0.0]), "avg_cost")

    assert (metric.value, metric.is_complete) == (0.0, True)


def test_a_skipped_case_costs_nothing():
    """It was not asked, so its cost is not missing."""
    assert metric_of(make_measured("cost_usd", [0.5, None], "ps"), "avg_cost").is_complete


def test_the_interval_of_a_cost_does_not_go_below_0():
    """One dear case among cheap ones makes no negative price."""
    metric = metric_of(make_measured("cost_usd", [0.0, 0.0, 1.0]), "avg_cost")

    assert metric.low == 0.0
    assert metric.high > 1.0


# All metrics


def test_an_unknown_metric_is_a_key_error():
    """Names are checked where thresholds are read, so here it is a mistake of the caller."""
    with pytest.raises(KeyError, match="speed"):
        metric_of(make_records("p"), "speed")


@given(letters=letters)
def test_a_summary_is_plain_and_finite(letters):
    """No NaN and no infinity in a file, whatever came of the run."""
    data = summarize(make_records(letters), suite="tickets").to_dict()

    text = json.dumps(data, allow_nan=False)

    assert json.loads(text) == data
    assert list(data)[:4] == ["suite", "variant", "model", "n"]


def test_a_summary_lists_the_scores_there_are():
    """Scores stand beside the usual metrics."""
    data = summarize(make_scored([scored("passed", tone=0.5)])).to_dict()

    assert data["metrics"]["score(tone)"]["value"] == 0.5
    assert data["metrics"]["score(tone)"]["unit"] == "rate"


def test_a_metric_is_plain_data():
    """What a file needs of it."""
    metric = Metric(name="accuracy", unit="rate", value=0.5, low=0.1, high=0.9, n=4)

    assert metric.to_dict() == {
        "value": 0.5,
        "low": 0.1,
        "high": 0.9,
        "n": 4,
        "note": None,
        "unit": "rate",
    }


# Groups


def test_each_suite_variant_and_model_has_its_summary():
    """They come in the order in which they first appear."""
    records = [
        *make_records("p", suite="b", model="y"),
        *make_records("p", suite="a", model="x"),
        *make_records("m", suite="b", model="x"),
        *make_records("m", suite="b", model="y", variant="short"),
        *make_records("m", suite="b", model="y"),
    ]

    summaries = group_records(records)

    assert [(item.suite, item.variant, item.model, item.n) for item in summaries] == [
        ("b", "", "y", 2),
        ("b", "", "x", 1),
        ("a", "", "x", 1),
        ("b", "short", "y", 1),
    ]


def test_a_case_of_an_unknown_model_counts_for_each_model_of_its_suite():
    """A crash before the model was known leaves no denominator."""
    records = [
        *make_records("pp", model="x"),
        *make_records("pp", model="y"),
        Record(suite="tickets", case_id="crashed", outcome="errored"),
    ]

    summaries = group_records(records)

    assert [(item.model, item.n, item.n_errored) for item in summaries] == [
        ("x", 3, 1),
        ("y", 3, 1),
    ]


def test_cases_of_an_unknown_model_alone_have_a_summary():
    """A suite that never came to its model is not lost."""
    summaries = group_records(make_records("ee", model=None))

    assert [(item.model, item.n_errored) for item in summaries] == [(None, 2)]


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("ab"), st.sampled_from(["x", "y", None]), st.sampled_from("pmeus")
        ),
        max_size=30,
    )
)
def test_no_record_is_lost_in_groups(rows):
    """Every record stands in a summary of its suite, and none in another's."""
    records = [
        Record(suite=suite, model=model, case_id=f"c{index}", outcome=OUTCOMES[letter])
        for index, (suite, model, letter) in enumerate(rows)
    ]

    summaries = group_records(records)

    found = {id(record) for summary in summaries for record in summary.records}
    assert found == {id(record) for record in records}
    assert all(record.suite == item.suite for item in summaries for record in item.records)


@given(values=st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_a_mean_lies_between_its_extremes(values):
    """Sums of floats move no average past the values it is made of."""
    metric = metric_of(make_measured("cost_usd", values), "avg_cost")

    tolerance = 1e-12 * max(values)
    assert min(values) - tolerance <= metric.value <= max(values) + tolerance
    assert math.isfinite(metric.value)


def test_the_answers_of_another_model_are_no_repeats():
    """Pooled, a case has as many lists of repeats as models; the worst of all is the worst case."""
    records = [
        Record(suite="s", model=model, case_id=f"c{n}", outcome=outcome)
        for model, outcome in (("a", "passed"), ("b", "missed"))
        for n in range(10)
    ]

    pooled = summarize(records, suite="all")

    assert pooled.metric("pass@2").value is None
    assert pooled.metric("pass@2").note == "needs 2 repeats of each case"
    assert pooled.metric("case_pass_rate").value == 0
    assert summarize(records * 2, suite="all").metric("pass@2").value == 0.5
