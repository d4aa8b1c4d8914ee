"""Numbers as people read them: the unit at the value, and never on the other side of a bound."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_modeleval.core.metrics import Metric
from pytest_modeleval.core.thresholds import parse_threshold
from pytest_modeleval.reports.numbers import bound_text, interval_text, value_text

UNITS = {" %": Decimal("0.01"), " s": Decimal(1), " ms": Decimal("1e-3"), " us": Decimal("1e-6")}


def shown_number(text):
    """The number that a reader takes from a text, in the unit of the metric."""
    for suffix, scale in UNITS.items():
        if text.endswith(suffix):
            return Decimal(text.removesuffix(suffix)) * scale
    return Decimal(text.removeprefix("$"))


def side(number, bound):
    """-1 below the bound, 0 on it, 1 above it."""
    return (number > bound) - (number < bound)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "rate", "n/a"),
        (None, "dollars", "n/a"),
        (0.0, "rate", "0.0 %"),
        (0.9, "rate", "90.0 %"),
        (0.92345, "rate", "92.3 %"),
        (1.0, "rate", "100.0 %"),
        (0.0, "seconds", "0.00 us"),
        (0.0000123, "seconds", "12.3 us"),
        (0.00123, "seconds", "1.23 ms"),
        (0.0123, "seconds", "12.3 ms"),
        (0.812, "seconds", "812 ms"),
        (1.0, "seconds", "1.00 s"),
        (12.34, "seconds", "12.3 s"),
        (123.4, "seconds", "123 s"),
        (0.0, "dollars", "$0"),
        (12.345, "dollars", "$12.35"),
        (0.5, "dollars", "$0.50"),
        (0.0123, "dollars", "$0.012"),
        (0.00123, "dollars", "$0.0012"),
        (0.0000025, "dollars", "$0.0000025"),
    ],
)
def test_a_number_is_shown_with_its_unit(value, unit, text):
    """A rate in percent, a time in the unit that suits it, money with two digits that count."""
    assert value_text(value, unit) == text


@pytest.mark.parametrize(
    ("value", "unit", "bound", "text"),
    [
        (0.9, "rate", 0.9, "90.0 %"),
        (0.8996, "rate", 0.9, "89.96 %"),
        (0.90004, "rate", 0.9, "90.004 %"),
        (0.85, "rate", 0.9, "85.0 %"),
        (0.923, "rate", 0.923, "92.3 %"),
        (0.9234, "rate", 0.9234, "92.34 %"),
        (0.8125, "seconds", 0.8125, "812.5 ms"),
        (0.00125, "dollars", 0.00125, "$0.00125"),
        (0.92345, "rate", 0.9234, "92.345 %"),
        (0.8004, "seconds", 0.8, "800.4 ms"),
        (0.7996, "seconds", 0.8, "799.6 ms"),
        (0.99996, "seconds", 1.0, "999.96 ms"),
        (1.0004, "seconds", 1.0, "1.0004 s"),
        (0.00200004, "dollars", 0.002, "$0.00200004"),
        (0.00199, "dollars", 0.002, "$0.00199"),
        (0.0009, "rate", 0.0, "0.1 %"),
        (0.0004, "rate", 0.0, "0.04 %"),
    ],
)
def test_digits_are_added_until_the_number_is_on_its_side(value, unit, bound, text):
    """89.96 % is never shown as 90.0 % beside a bound of 90 %."""
    assert value_text(value, unit, bound=bound) == text


def test_several_bounds_count_each():
    """The number of a row lies on its side of every bound beside it."""
    assert value_text(0.89964, "rate", bound=[0.8, 0.9, 0.8996]) == "89.964 %"


@given(n=st.integers(1, 100_000), bound=st.integers(0, 10_000), data=st.data())
def test_a_rate_is_shown_on_its_side_of_the_bound(n, bound, data):
    """Whatever part of up to 100,000 cases, against any bound in hundredths of a percent."""
    near = bound * n // 10_000
    value = data.draw(st.integers(max(near - 2, 0), min(near + 2, n))) / n

    shown = shown_number(value_text(value, "rate", bound=bound / 10_000))

    assert side(shown, Decimal(bound) / 10_000) == side(value, bound / 10_000)


@pytest.mark.parametrize("unit", ["rate", "seconds", "dollars"])
@given(data=st.data())
def test_a_number_is_never_shown_on_the_other_side_of_its_bound(unit, data):
    """However near the two are, the text agrees with the verdict."""
    high = 1 if unit == "rate" else 1000
    bound = float(data.draw(st.decimals(0, high, places=6)))
    near = st.floats(-1, 1).map(lambda part: bound * (1 + part * 1e-6))
    value = data.draw(near | st.floats(0, high))
    assume(0 <= value <= high)

    shown = shown_number(value_text(value, unit, bound=bound))

    assert side(shown, Decimal(repr(bound))) in (side(value, bound), 0)


@pytest.mark.parametrize("unit", ["rate", "seconds", "dollars"])
@given(data=st.data())
def test_a_number_that_is_not_its_bound_is_not_shown_as_it(unit, data):
    """From a billionth of the bound on, a reader sees the difference that the verdict saw."""
    high = 1 if unit == "rate" else 1000
    bound = float(data.draw(st.decimals(0, high, places=4)))
    value = data.draw(st.floats(-1, 1).map(lambda part: bound + part / 1000))
    assume(0 <= value <= high)
    assume(value == bound or abs(value - bound) > max(bound * 1e-8, 1e-8))

    shown = shown_number(value_text(value, unit, bound=bound))

    assert side(shown, Decimal(repr(bound))) == side(value, bound)


@given(value=st.floats(0, 1000))
def test_a_time_is_shown_to_within_half_a_percent(value):
    """Three digits count, in whatever unit they stand."""
    shown = float(shown_number(value_text(value, "seconds")))

    assert shown == pytest.approx(value, rel=0.0051, abs=1e-8)


@given(value=st.floats(1e-7, 1000))
def test_money_is_shown_to_within_five_percent(value):
    """A small price is never shown as nothing."""
    shown = float(shown_number(value_text(value, "dollars")))

    assert shown == pytest.approx(value, rel=0.051)


@pytest.mark.parametrize(
    ("unit", "value", "low", "high", "text"),
    [
        ("rate", 0.9, 0.8256, 0.9448, "82.6 to 94.5 %"),
        ("rate", 1.0, 0.5656, 1.0, "56.6 to 100.0 %"),
        ("seconds", 0.105, 0.1012, 0.108, "101 to 108 ms"),
        ("seconds", 0.159, 0.107, None, "107 ms to n/a"),
        ("seconds", 0.159, None, 0.2, "n/a to 200 ms"),
        ("seconds", 0.9, 0.2, 1.5, "0.20 to 1.50 s"),
        ("dollars", 0.002, 0.0015, 0.0025, "$0.0015 to $0.0025"),
        ("dollars", 0.0, 0.0, 0.0, "$0 to $0"),
        ("rate", 0.9, None, None, ""),
    ],
)
def test_an_interval_says_its_unit_once(unit, value, low, high, text):
    """Both ends are in one unit; an end that does not exist is n/a."""
    metric = Metric(name="x", unit=unit, value=value, low=low, high=high)

    assert interval_text(metric) == text


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("accuracy >= 90%", ">= 90%"),
        ("tickets[angry]: accuracy>=0.9", ">= 0.9"),
        ("p95_latency <= 800 ms", "<= 800 ms"),
        ("avg_cost <= $0.002", "<= $0.002"),
    ],
)
def test_a_bound_is_shown_as_it_was_written(line, text):
    """The user finds the number that stands in the ini file."""
    assert bound_text(parse_threshold(line)) == text
