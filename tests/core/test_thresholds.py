"""Thresholds: what the grammar takes, what it refuses, and in which words."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval.core.thresholds import Threshold, metric_unit, parse_threshold
from pytest_modeleval.errors import UsageError

RATES = ["accuracy", "mean_score", "case_pass_rate", "error_rate", "unscored_rate", "macro_f1"]
CLOCKS = ["latency", "total", "ttft"]
PERCENTILES = ["p50", "p90", "p95", "p99", "max"]


def refusal(line, **options):
    """The message with which a line is refused."""
    with pytest.raises(UsageError) as caught:
        parse_threshold(line, **options)
    return str(caught.value)


def threshold_or_message(line):
    """The threshold, or the message with which its line is refused."""
    try:
        return parse_threshold(line)
    except UsageError as error:
        return str(error)


# What is taken


@pytest.mark.parametrize(
    ("line", "operator", "bound"),
    [
        ("accuracy >= 90%", ">=", 0.9),
        ("accuracy >= 92.3%", ">=", 0.923),
        ("accuracy >= 90 %", ">=", 0.9),
        ("accuracy >= 0.9", ">=", 0.9),
        ("accuracy >= .9", ">=", 0.9),
        ("accuracy >= 100%", ">=", 1.0),
        ("accuracy >= 1", ">=", 1.0),
        ("error_rate <= 0", "<=", 0.0),
        ("accuracy>=90%", ">=", 0.9),
        ("p95_latency <= 800ms", "<=", 0.8),
        ("p95_latency <= 800 ms", "<=", 0.8),
        ("p95_latency <= 1.5s", "<=", 1.5),
        ("p95_latency <= 2m", "<=", 120.0),
        ("p95_latency <= 250us", "<=", 0.00025),
        ("avg_cost <= $0.002", "<=", 0.002),
        ("total_cost <= $5", "<=", 5.0),
        ("total_cost <= $2e-3", "<=", 0.002),
        ("total_cost <= $0", "<=", 0.0),
        ("error_rate <= 1", "<=", 1.0),
        ("p95_latency <= 8e2ms", "<=", 0.8),
    ],
)
def test_a_bound_is_read_in_the_unit_of_its_metric(line, operator, bound):
    """Percent and fractions, times with their unit and dollars become one number each."""
    threshold = parse_threshold(line)

    assert (threshold.operator, threshold.bound) == (operator, bound)


@pytest.mark.parametrize(
    ("line", "suite", "tag"),
    [
        ("accuracy >= 90%", None, None),
        ("tickets: accuracy >= 90%", "tickets", None),
        ("tickets[angry]: accuracy >= 90%", "tickets", "angry"),
        (" tickets [ angry ] : accuracy >= 90% ", "tickets", "angry"),
        ("[angry]: accuracy >= 90%", None, "angry"),
        ("all: accuracy >= 90%", "all", None),
        ("all[angry]: accuracy >= 90%", "all", "angry"),
        ("TestTickets.test_routes: accuracy >= 90%", "TestTickets.test_routes", None),
        ("support tickets: accuracy >= 90%", "support tickets", None),
    ],
)
def test_a_scope_names_suite_and_tag(line, suite, tag):
    """What stands before the colon is the suite, and in brackets the tag."""
    threshold = parse_threshold(line)

    assert (threshold.suite, threshold.tag) == (suite, tag)


@pytest.mark.parametrize(
    ("metric", "unit"),
    [
        *((name, "rate") for name in RATES),
        ("score(tone)", "rate"),
        ("score(tone of voice)", "rate"),
        ("pass@3", "rate"),
        ("pass^10", "rate"),
        *((f"{percentile}_{clock}", "seconds") for percentile in PERCENTILES for clock in CLOCKS),
        ("avg_cost", "dollars"),
        ("total_cost", "dollars"),
    ],
)
def test_every_metric_of_the_grammar_has_its_unit(metric, unit):
    """A metric counts a rate, seconds or dollars."""
    assert metric_unit(metric) == unit


@pytest.mark.parametrize(
    "metric", ["", "speed", "score()", "pass@0", "pass@K", "pass^K", "pass@", "p75_latency"]
)
def test_what_is_no_metric_has_no_unit(metric):
    """Other names have none, those that only stand for names in the grammar included."""
    assert metric_unit(metric) is None


def test_the_text_is_what_the_user_wrote_without_spare_spaces():
    """Reports show the line as it was meant to be read."""
    assert parse_threshold("  tickets:  accuracy   >=  90% ").text == "tickets: accuracy >= 90%"


@pytest.mark.parametrize(
    ("line", "value", "is_met"),
    [
        ("accuracy >= 90%", 90 / 100, True),
        ("accuracy >= 92.3%", 923 / 1000, True),
        ("accuracy >= 90%", 0.8996, False),
        ("p95_latency <= 800ms", 0.8, True),
        ("p95_latency <= 800ms", 0.8001, False),
        ("avg_cost <= $0.002", 0.002, True),
        ("total_cost <= $0.3", 0.1 + 0.1 + 0.1, True),
        ("total_cost <= $0.3", 0.30000001, False),
        ("error_rate <= 0", 1e-12, False),
    ],
)
def test_equal_is_met(line, value, is_met):
    """A number on the bound is on the right side of it."""
    assert parse_threshold(line).is_met_by(value) is is_met


@given(n=st.integers(1, 100_000), data=st.data())
def test_a_rate_equal_to_a_percentage_of_cases_is_met(n, data):
    """k of n cases always meet the bound of k/n written as a decimal."""
    k = data.draw(st.integers(0, n))

    threshold = parse_threshold(f"accuracy >= {k / n!r}")

    assert threshold.is_met_by(k / n)


@pytest.mark.parametrize(
    ("metric", "judges"),
    [
        ("accuracy >= 90%", True),
        ("mean_score >= 90%", True),
        ("case_pass_rate >= 90%", True),
        ("macro_f1 >= 90%", True),
        ("score(tone) >= 90%", True),
        ("pass@3 >= 90%", True),
        ("pass^3 >= 90%", True),
        ("error_rate <= 1%", False),
        ("unscored_rate <= 1%", False),
        ("p95_latency <= 800ms", False),
        ("avg_cost <= $1", False),
    ],
)
def test_thresholds_on_answers_take_over_from_single_cases(metric, judges):
    """Only a bound on quality decides about wrong answers; speed and cost do not."""
    assert parse_threshold(metric).judges_answers is judges


# What is refused


KNOWN = (
    "accuracy, mean_score, case_pass_rate, error_rate, unscored_rate, macro_f1, score(NAME), "
    "pass@K, pass^K, p50_latency, p90_latency, p95_latency, p99_latency, max_latency, p50_total, "
    "p90_total, p95_total, p99_total, max_total, p50_ttft, p90_ttft, p95_ttft, p99_ttft, max_ttft, "
    "avg_cost, total_cost, judge_cost"
)
NOT_A_THRESHOLD = (
    "not a threshold; write METRIC >= VALUE or METRIC <= VALUE, "
    "for example accuracy >= 90% or p95_latency <= 800ms"
)
REGRESSION = (
    "a regression is compared case by case, which macro_f1 is not; known are accuracy, "
    "mean_score, p95_latency (and its like) and avg_cost"
)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", NOT_A_THRESHOLD),
        ("accuracy", NOT_A_THRESHOLD),
        ("accuracy 90%", NOT_A_THRESHOLD),
        ("accuracy \u2265 90%", NOT_A_THRESHOLD),
        (">= 90%", NOT_A_THRESHOLD),
        ("accuracy[easy] >= 90%", "not a threshold; a tag stands first: [easy]: accuracy >= 90%"),
        ("a: b: accuracy >= 90%", NOT_A_THRESHOLD),
        (
            ": accuracy >= 90%",
            "nothing stands before the colon; name a suite or write all:",
        ),
        (
            "tickets[]: accuracy >= 90%",
            "the brackets hold no tag; name one or leave them out",
        ),
        ("macro_f1 regression <= 2%", REGRESSION),
        (
            "accuracy regression >= 2%",
            "a regression has an upper bound: accuracy regression <= 2%",
        ),
        (
            "accuracy regression <= 2",
            "for 2 percent write 2% or 0.02",
        ),
        ("accuracy regression <= few", "'few' is not a tolerance; write 2% or 0.02"),
        (
            "all: accuracy regression <= 2%",
            "a regression is judged on whole suites; leave out the scope",
        ),
        ("accuracy >=", "the value is missing"),
        ("accuracy > 90%", "'>' is not a bound; write accuracy >= VALUE"),
        ("p95_latency < 1s", "'<' is not a bound; write p95_latency <= VALUE"),
        ("accuracy == 90%", "'==' is not a bound; write accuracy >= VALUE"),
        ("accuracy = 90%", "'=' is not a bound; write accuracy >= VALUE"),
        (
            "accuracy >= 90",
            "a rate is between 0 and 1; for ninety percent write 90% or 0.9",
        ),
        (
            "accuracy >= 92.3",
            "a rate is between 0 and 1; for 92.3 percent write 92.3% or 0.923",
        ),
        (
            "error_rate <= 5",
            "a rate is between 0 and 1; for 5 percent write 5% or 0.05",
        ),
        (
            "accuracy >= 100",
            "a rate is between 0 and 1; for a hundred percent write 100% or 1",
        ),
        ("accuracy >= 101%", "a rate is between 0% and 100%, that is 0 and 1"),
        ("accuracy >= 900", "a rate is between 0% and 100%, that is 0 and 1"),
        ("accuracy >= -1%", "a rate is between 0% and 100%, that is 0 and 1"),
        ("accuracy >= high", "'high' is not a rate; write 90% or 0.9"),
        ("accuracy >= nan", "'nan' is not a rate; write 90% or 0.9"),
        ("accuracy >= %", "'%' is not a rate; write 90% or 0.9"),
        ("accuracy >= 90%%", "'90%%' is not a rate; write 90% or 0.9"),
        ("accuracy >= 800ms", "'800ms' is not a rate; write 90% or 0.9"),
        ("p95_latency <= 800", "a time needs its unit; write 800ms or 800s"),
        ("p95_latency <= fast", "'fast' is not a time; write 800ms or 1.5s"),
        ("p95_latency <= 1h", "'1h' is not a time; write 800ms or 1.5s"),
        ("p95_latency <= inf", "'inf' is not a time; write 800ms or 1.5s"),
        ("p95_latency <= 90%", "'90%' is not a time; write 800ms or 1.5s"),
        ("p95_latency <= 0ms", "a time is more than 0"),
        ("p95_latency <= -5ms", "a time is more than 0"),
        ("avg_cost <= 0.002", "avg_cost is in US dollars; write $0.002"),
        ("avg_cost <= 0.002$", "avg_cost is in US dollars; write $0.002"),
        ("avg_cost <= cheap", "avg_cost is in US dollars; write $0.002"),
        ("total_cost <= 5", "total_cost is in US dollars; write $5"),
        ("avg_cost <= $-1", "a cost is at least $0"),
        ("avg_cost <= -5", "a cost is at least $0"),
        ("p95_latency <= -5", "a time is more than 0"),
        ("accuracy >= -5", "a rate is between 0% and 100%, that is 0 and 1"),
        ("accuracy >= 9e1", "a rate is between 0 and 1; for ninety percent write 90% or 0.9"),
        ("p95_latency <= 8e2", "a time needs its unit; write 800ms or 800s"),
        ("total_cost <= 5e0", "total_cost is in US dollars; write $5"),
    ],
)
def test_a_line_that_is_not_of_the_grammar_says_what_would_be(line, message):
    """Each mistake has its sentence, with the place, the line, and what to write instead."""
    assert refusal(line) == f"model_eval_thresholds: {line.strip()!r}: {message}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("accuracy => 90%", "'=>' is not a bound; write accuracy >= VALUE"),
        ("p95_latency =< 800ms", "'=<' is not a bound; write p95_latency <= VALUE"),
        ("p95_latency = 800ms", "'=' is not a bound; write p95_latency <= VALUE"),
        ("avg_cost == $1", "'==' is not a bound; write avg_cost <= VALUE"),
        ("error_rate = 1%", "'=' is not a bound; write error_rate <= VALUE"),
    ],
)
def test_a_wrong_bound_is_answered_with_the_likely_one(line, message):
    """The advice is the bound that was meant: above for quality, below for time, cost, errors."""
    assert refusal(line) == f"model_eval_thresholds: {line!r}: {message}"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("acuracy >= 90%", "unknown metric 'acuracy'; did you mean 'accuracy'?"),
        ("p95_latncy <= 1s", "unknown metric 'p95_latncy'; did you mean 'p95_latency'?"),
        ("zebra >= 1", "unknown metric 'zebra'"),
        ("pass@0 >= 90%", "unknown metric 'pass@0'"),
        ("score() >= 90%", "unknown metric 'score()'"),
    ],
)
def test_an_unknown_metric_is_answered_with_a_near_one_and_all_known(line, hint):
    """A typo never turns the gate off."""
    message = refusal(line)

    assert message.startswith(f"model_eval_thresholds: {line!r}: {hint}")
    assert message.endswith(f"known are {KNOWN}")


@pytest.mark.parametrize("line", ["pass@K >= 50%", "pass^K <= 800ms"])
def test_the_placeholder_of_the_grammar_is_no_metric(line):
    """K stands for a number; copied as it is, it is refused and not taken for a time."""
    message = refusal(line)

    assert "unknown metric 'pass" in message
    assert "; K stands for a number, as in pass@3; known are " in message
    assert "did you mean" not in message


def test_a_question_is_followed_by_a_sentence():
    """Nobody writes "?;"."""
    assert "did you mean 'accuracy'? The names known are accuracy, " in refusal("acuracy >= 1")


def test_a_message_begins_with_where_the_line_stands():
    """A marker's threshold is found by its test."""
    message = refusal("accuracy >= 90", where="test_a.py::test_b: thresholds")

    assert message.startswith("test_a.py::test_b: thresholds: 'accuracy >= 90': ")


@pytest.mark.parametrize(
    "line",
    [
        "p95_latency <= 1E999s",
        "p95_latency <= 1E-999s",
        "avg_cost <= $1e999",
        "avg_cost <= $1e-999",
        "accuracy >= 1e-999",
        pytest.param(f"p95_latency <= {'9' * 400}s", id="400 digits"),
    ],
)
def test_a_bound_beyond_all_numbers_is_refused(line):
    """A bound that a float can't hold would be met by everything, or by nothing."""
    assert refusal(line).startswith("model_eval_thresholds: ")


# Laws

words = st.sampled_from(
    [
        *("accuracy", "p95_latency", "avg_cost", "pass@", "score(", ")", "pass^K", "regression"),
        *(">=", "<=", "=", ">", ":", "[", "]", "all", "tickets", " ", "\n", "%", "$", "ms", "s"),
        *("90", "0.9", "-", "1e999", "1E-999", "nan", "inf", ".", "\u0967", "\x00", "\ud800"),
    ]
)
lines = st.lists(words, max_size=9).map("".join) | st.text()


@given(line=lines)
def test_any_text_is_a_threshold_or_a_usage_error(line):
    """Whatever stands in the ini file, it is understood in full or refused with a sentence."""
    found = threshold_or_message(line)

    if isinstance(found, Threshold):
        assert math.isfinite(found.bound)
        assert found.bound >= 0
    else:
        assert found.startswith(f"model_eval_thresholds: {line.strip()!r}: ")


@given(
    metric=st.sampled_from(["accuracy", "score(tone)", "pass@2"]),
    operator=st.sampled_from([">=", "<="]),
    bound=st.decimals(0, 1, places=6),
    suite=st.sampled_from([None, "all", "tickets"]),
    tag=st.sampled_from([None, "angry"]),
)
def test_what_is_written_is_what_is_read(metric, operator, bound, suite, tag):
    """Each part of a line ends in its field, and its text reads the same again."""
    scope = (suite or "") + (f"[{tag}]" if tag else "")
    line = f"{scope}: {metric} {operator} {bound}" if scope else f"{metric} {operator} {bound}"

    threshold = parse_threshold(line)

    assert (threshold.metric, threshold.operator, threshold.bound) == (
        metric,
        operator,
        float(bound),
    )
    assert (threshold.suite, threshold.tag) == (suite, tag)
    assert parse_threshold(threshold.text) == threshold


def test_the_time_to_the_first_token():
    """A streamed answer has a clock of its own."""
    threshold = parse_threshold("p95_ttft <= 1s")

    assert (threshold.metric, threshold.unit, threshold.bound) == ("p95_ttft", "seconds", 1.0)


@pytest.mark.parametrize(
    ("line", "bound"),
    [
        ("accuracy regression <= 2%", 0.02),
        ("tickets: p95_latency regression <= 150%", 1.5),
        ("avg_cost regression <= 0.1", 0.1),
    ],
)
def test_a_regression(line, bound):
    """How much worse than the baseline it may be: points for rates, a share for times and money."""
    threshold = parse_threshold(line)

    assert threshold.is_regression
    assert threshold.bound == pytest.approx(bound)
    assert parse_threshold(threshold.text) == threshold
