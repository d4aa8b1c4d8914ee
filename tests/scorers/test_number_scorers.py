"""Numbers within a tolerance, in whatever way they are written."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval import UsageError
from pytest_modeleval.scorers.numbers import find_numbers


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("$1,234.50", [1234.5]),
        ("the answer is 42.", [42]),
        ("1.234,50 €", [1234.5]),
        ("1 234,50", [1234.5]),
        ("1\u202f234,50 €", [1234.5]),
        ("1'234.50 CHF", [1234.5]),
        ("12,34,567", [1234567]),
        ("1.234.567", [1234567]),
        ("1,234,567.89", [1234567.89]),
        ("3,5", [3.5]),
        ("0,123", [0.123]),
        (".5", [0.5]),
        ("-5", [-5]),
        ("\u22125", [-5]),
        ("-$5", [-5]),
        ("$-5", [-5]),
        ("x = -5", [-5]),
        ("- 5", [5]),
        ("\u20135 °C", [-5]),
        ("minus 5", [-5]),
        ("It is negative 5.", [-5]),
        ("10 minus 5", [10, 5]),
        ("terminus 5", [5]),
        ("3\u20135", [3, 5]),
        ("10-20", [10, 20]),
        ("2026-11-22", [2026, 11, 22]),
        ("1e6.", [1000000]),
        ("2 million", [2000000]),
        ("2.5 Billion", [2500000000]),
        ("5kg, 42 %, US$7", [5, 42, 7]),
        ("2024 100 people", [2024, 100]),
        ("共42个", [42]),
        ("\u0664\u0662", [42]),
        ("GPT-4, COVID-19, x2", []),
        ("", []),
        ("ten", []),
        ("5 hundred", [500]),
        ("5 hundred thousand people", [500000]),
        ("3 millions", [3000000]),
        ("1.5 crore or 2 lakh", [15000000, 200000]),
        ("4 hundredths", [4]),
        ("4.2 x 10^3", [4200]),
        ("4.2 \u00d7 10\u207b\u00b3", [0.0042]),
        (r"4.2 \times 10^{3}", [4200]),
        ("3 * 10**-2", [0.03]),
        ("3 x 10", [3, 10]),
        ("1 x 10^3^2", [1, None]),
        ("5 mln", [None]),
        ("3 dozen", [None]),
        ("2\u00bd", [None]),
        ("2 \u00bd", [None]),
        ("0x2A", [None]),
        ("0b101", [None]),
        ("10k", [None]),
        ("5 bn", [None]),
        ("3/4", [None]),
        ("12:30", [None]),
        ("10^6", [None]),
        ("10²", [None]),
        ("10万", [None]),
        ("1.2.3", [None]),
        ("1" * 500, [None]),
    ],
)
def test_numbers_in_a_text(text, values):
    """Are read with the decimal sign that makes them numbers; what is unclear is None."""
    wanted = [None if value is None else Fraction(str(value)) for value in values]

    assert [number.value for number in find_numbers(text)] == wanted


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("1,234", None, 1234),
        ("1.234", None, "1.234"),
        ("1,234", ",", "1.234"),
        ("1.234", ",", 1234),
    ],
)
def test_a_number_of_two_readings(text, decimal, value):
    """Has a decimal point, unless the suite says otherwise."""
    (number,) = find_numbers(text, decimal)

    assert number.value == Fraction(value)


@pytest.mark.parametrize(
    ("spec", "output", "expected", "value"),
    [
        ("number", 42, "42", 1),
        ("number", 42.0, 42, 1),
        ("number", 0.1 + 0.2, 0.3, 1),
        ("number", 43, "42", 0),
        ("number", "It costs $1,234.50.", "1234.5", 1),
        ("number", "42 = 42.0", 42, 1),
        ({"number": "1%"}, 101, 100, 1),
        ({"number": "1%"}, 101.01, 100, 0),
        ({"number": "1%"}, -101, -100, 1),
        ({"number": 0.5}, 1.5, 1, 1),
        ({"number": 0.5}, 1.51, 1, 0),
        ({"number": {"within": [0.5, "10%"]}}, 109, 100, 1),
        ({"number": {"within": [0.5, "10%"]}}, 0.4, 0, 1),
        ({"number": {"within": 0}}, 0.1 + 0.2, 0.3, 0),
        ({"number": {"take": "last"}}, "6 * 7 is 42", 42, 1),
        ({"number": {"take": "first"}}, "42 is 6 * 7", 42, 1),
        ({"number": {"take": "last"}}, "42, or 10k", 42, 0),
        ({"number": {"decimal": ","}}, "1.234", "1234", 1),
    ],
)
def test_a_number(score, spec, output, expected, value):
    """Is right within its tolerance, the edge included."""
    assert score(spec, output, expected=expected).value == value


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("6 * 7 is 42", "the answer names several numbers: 6, 7, 42; 'take: last' takes the last"),
        ("forty-two", "there is no number in the answer"),
        ("42k", "'42k' can't be read as a number"),
        ("41", "it says 41, which is 1 off"),
        (
            "1.042",
            "it says 1.042, which is 40.958 off (1.042 is read with a decimal point; 'decimal: \",\"' reads it otherwise)",
        ),
        (True, "the answer is true or false, not a number"),
        ([42], "the answer is a list, not a number"),
        (None, "the answer is null, not a number"),
        (float("nan"), "the answer is nan, not a number"),
        ("4" * 200_000, "the answer has 200,000 characters, and is read up to 100,000"),
    ],
)
def test_the_reason_of_a_miss(score, output, reason):
    """Says how the answer was read."""
    found = score("number", output, expected=42)

    assert (found.value, found.reason) == (0, reason)


@pytest.mark.parametrize("expected", ["many", "1 or 2", "10k", True, None, [1], float("inf")])
def test_what_is_expected_is_no_number(check, expected):
    """Is refused before the case is asked."""
    with pytest.raises(UsageError, match=r"t.csv:7: scorer number: .*expected"):
        check("number", expected)


@pytest.mark.parametrize("within", [-1, "-1%", "abc", True, "", float("nan"), {}, "1 %%"])
def test_what_is_no_tolerance(check, within):
    """Is refused with what would do."""
    with pytest.raises(UsageError, match=r"x.eval.yaml:3: scorers: number: within: "):
        check({"number": {"within": within}})


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=0, max_value=10**12))
def test_groups_and_decimal_signs(number):
    """Whichever way a number of two decimals is written, it is the same number."""
    english = f"{number:,.2f}"
    swapped = english.translate(str.maketrans(",.", ".,"))
    ways = [english, swapped, english.replace(",", "\u202f"), swapped.replace(".", " ")]

    for text in ways:
        assert [found.value for found in find_numbers(f"It is {text}.")] == [Fraction(number)]


@given(st.text(alphabet="0123456789.,-+ eEkM$%'/:^\u202f²½aé", max_size=60))
def test_any_text_is_read(text):
    """Without an error, and each number is of the text."""
    for number in find_numbers(text):
        assert number.value is None or isinstance(number.value, Fraction)
