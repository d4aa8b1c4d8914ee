"""Texts that equal, are one of, contain and match."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval import Unscored, UsageError
from pytest_modeleval.scorers import timelimits
from pytest_modeleval.scorers.texts import IGNORABLE, fold

E_ACUTE = "\N{LATIN SMALL LETTER E WITH ACUTE}"


@pytest.mark.parametrize(
    ("spec", "output", "expected", "value"),
    [
        ("exact", "bug", "bug", 1),
        ("exact", "Bug", "bug", 0),
        ("exact", "bug\n", "bug", 0),
        ("exact", "", "", 1),
        ("exact", "e\u0301", E_ACUTE, 1),
        ("exact", "\ufb01", "fi", 0),
        ("exact", {"a": 1.0}, {"a": 1}, 1),
        ("exact", True, 1, 0),
        ("exact", "<think>no</think>\n\nyes", "yes", 1),
        ("contains", "<think>yes</think>no", "yes", 0),
        ({"regex": "yes"}, "<thinking>yes</thinking>no", None, 0),
        ("contains", "<think>is it yes", "yes", 0),
        ("choice", "<think>The answer is B</think>A", "B", 0),
        ("number", "<think>is it 5", "5", 0),
        ("number", "3084835271", "3084835269", 0),
        ("number", "0.30000000000000004", "0.3", 1),
        ("json_equal", '<think>{"a": 1}', {"a": 1}, 0),
        ("exact", 42, "42", 0),
        ({"exact": {"ignore": "case"}}, "STRASSE", "Straße", 1),
        ({"exact": {"ignore": "space"}}, "\u200f a\u00a0 b\n", "a b", 1),
        ({"exact": {"ignore": "space"}}, "ab", "a b", 0),
        ({"exact": {"ignore": "punctuation"}}, "“No.”", "No", 1),
        ({"exact": {"ignore": "punctuation"}}, "$5", "5", 0),
        ({"exact": {"ignore": "punctuation"}}, "-5", "5", 0),
        ({"exact": {"ignore": "punctuation"}}, "It is -.5!", "It is -.5", 1),
        ({"exact": {"ignore": "punctuation"}}, "well-known, 3-4", "wellknown 34", 1),
        ({"exact": {"ignore": ["case", "space", "punctuation"]}}, " שלום ! ", "שלום", 1),
        ({"one_of": ["yes", "ja"]}, "ja", None, 1),
        ({"one_of": ["yes", "ja"]}, "no", None, 0),
        ("one_of", "b", ["a", "b"], 1),
        ("one_of", "a", "a", 1),
        ({"one_of": {"values": "Yes", "ignore": "case"}}, "yes", None, 1),
        ("contains", "a refund is due", "refund", 1),
        ("contains", "a and b", ["a", "b", "c"], 0),
        ({"contains": "refund"}, "Refund", None, 0),
        ({"contains": {"all_of": "refund", "ignore": "case"}}, "Refund", None, 1),
        ({"contains": {"any_of": ["refund", "money back"]}}, "money back", None, 1),
        ({"contains": {"any_of": ["refund", "money back"]}}, "nothing", None, 0),
        ({"contains": {"none_of": "sorry"}}, "I am sorry", None, 0),
        ({"contains": {"none_of": "sorry"}}, "I am glad", "what is expected does not matter", 1),
        ({"contains": "CORRECT"}, "INCORRECT", None, 1),
        ({"contains": {"all_of": "CORRECT", "whole_words": True}}, "INCORRECT", None, 0),
        ({"contains": {"all_of": "हिन्", "whole_words": True}}, "हिन्दी", None, 0),
        ({"contains": {"all_of": "हिन्दी", "whole_words": True}}, "यह हिन्दी है", None, 1),
        ({"contains": {"all_of": "c++", "whole_words": True}}, "in c++ or c", None, 1),
        ({"regex": r"\d{3}"}, "room 101", None, 1),
        ({"regex": {"pattern": r"\d{3}", "match": "full"}}, "room 101", None, 0),
        ({"regex": {"pattern": "^b", "flags": ["multiline", "ignorecase"]}}, "a\nB", None, 1),
        ({"regex": {"pattern": "a.b", "flags": "dotall"}}, "a\nb", None, 1),
        ("regex", "2026-11-22", r"\d+-\d+-\d+", 1),
        ({"regex": f"^{E_ACUTE}$"}, "e\u0301", None, 1),
    ],
)
def test_a_text(score, spec, output, expected, value):
    """Is compared as its scorer says."""
    assert score(spec, output, expected=expected).value == value


@pytest.mark.parametrize(
    ("spec", "output", "expected", "reason"),
    [
        ("exact", "Bug", "bug", "it is equal but for case"),
        ("exact", "bug\n", "bug", "it is equal but for white space"),
        ("exact", "bug.", "bug", "it is equal but for punctuation"),
        ("exact", " Bug.", "bug", "it is equal but for case, white space and punctuation"),
        ("exact", "account", "bug", None),
        ("exact", 42, "42", "$: expected text, '42', got a number, 42"),
        ("exact", {"a": [1]}, {"a": [2]}, "$.a[0]: expected 2, got 1"),
        ("contains", {"a": 1}, "a", "the answer is a mapping, not text"),
        ("contains", None, "a", "the answer is null, not text"),
        ({"one_of": ["a", "b"]}, "c", None, "it is none of 'a', 'b'"),
        (
            {"contains": {"all_of": ["a", "b"], "any_of": ["c", "d"], "none_of": ["e"]}},
            "be",
            None,
            "it lacks 'a'; it has none of 'c', 'd'; it has 'e'",
        ),
        ({"regex": "a+"}, "b", None, "'a+' is not found in it"),
        ({"regex": {"pattern": "a", "match": "full"}}, "ab", None, "'a' does not match all of it"),
    ],
)
def test_the_reason_of_a_miss(score, spec, output, expected, reason):
    """Says what is wrong, and what little would make it right."""
    found = score(spec, output, expected=expected)

    assert (found.value, found.reason) == (0, reason)


@pytest.mark.parametrize(
    ("spec", "expected", "message"),
    [
        ("exact", None, "exact: the case has no 'expected' to compare the answer with"),
        ("contains", "", "'' is empty, and every answer contains it"),
        ("contains", {"a": 1}, "'expected' is text or a list of texts, not {'a': 1}"),
        ("one_of", ["a", 1], "'expected' is text or a list of texts, not"),
        ("one_of", [], "'expected' is text or a list of texts, not"),
        ("regex", "a(", "'a(' is broken: missing ), unterminated subpattern at position 1"),
        ("regex", 5, "the pattern in 'expected' is text, not 5"),
        ({"exact": {"expected": "label"}}, "a", "case 'a' has no 'label'"),
    ],
)
def test_a_case_that_no_answer_could_satisfy(check, spec, expected, message):
    """Is refused before it is asked, with its place."""
    with pytest.raises(UsageError) as raised:
        check(spec, expected)

    assert str(raised.value).startswith("t.csv:7: scorer ")
    assert message in str(raised.value)


def test_another_column_is_compared_with(score):
    """Where the parameter ``expected`` names it."""
    spec = {"contains": {"expected": "keyword"}}

    assert score(spec, "a refund", expected="?", metadata={"keyword": "refund"}).value == 1


def test_a_pattern_that_backtracks_for_ever(score, monkeypatch):
    """Is given up, and the answer unscored."""
    monkeypatch.setattr("pytest_modeleval.scorers.texts.MATCHING_S", 0.05)

    with pytest.raises(Unscored, match=r"the pattern '\(a\+\)\+b' took more than 0.05 s"):
        score({"regex": "(a+)+b"}, "a" * 200)
    assert score({"regex": "(a+)+b"}, "aab").value == 1


def test_the_time_limit_leaves_no_trace():
    """The handler of the signal is the one before, also after it has struck."""
    import signal

    before = signal.getsignal(signal.SIGVTALRM)
    with pytest.raises(Unscored), timelimits.time_limit(0.01, "it"):
        all(iter(lambda: True, False))  # for ever

    assert signal.getsignal(signal.SIGVTALRM) is before
    assert signal.getitimer(signal.ITIMER_VIRTUAL)[0] == 0


def test_outside_the_main_thread_a_pattern_still_matches(score):
    """Where no limit can be set."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(score, {"regex": "b"}, "abc").result().value == 1


@given(st.text(), st.sets(st.sampled_from(IGNORABLE)))
def test_folding(text, ignore):
    """Twice is once; the normal form of a text does not matter."""
    ignore = frozenset(ignore)
    once = fold(text, ignore)

    assert fold(once, ignore) == once
    assert fold(unicodedata.normalize("NFD", text), ignore) == once
    assert unicodedata.is_normalized("NFC", once)
