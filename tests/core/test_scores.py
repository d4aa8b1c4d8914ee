"""What several scores together say of an answer."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval.core.comparisons import CaseNumbers, compare, numbers_of
from pytest_modeleval.core.records import Record, Score
from pytest_modeleval.core.scores import weighted_mean, why_missed
from pytest_modeleval.core.summaries import summarize


def scored(name="a", value=1.0, **known):
    return Score(name=name, value=value, **known)


def record(case_id="c", outcome="passed", **scores):
    return Record(suite="s", case_id=case_id, outcome=outcome, scores=scores)


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0, 0.5, 1, 3])), max_size=5))
def test_the_weighted_mean(pairs):
    """Lies between the least and the largest value; nothing that weighs nothing has one."""
    mean = weighted_mean(pairs)

    if not math.fsum(weight for _, weight in pairs):
        assert mean is None
        return
    values = [value for value, weight in pairs if weight]
    assert min(values) - 1e-9 <= mean <= max(values) + 1e-9


def test_a_score_below_its_mark():
    """Is a miss, and each that is below is named; one without a mark is only noted."""
    scores = [
        scored("a", 0.5, min_score=0.8, reason="short"),
        scored("b", 0.9, min_score=0.8),
        scored("c", 0.0),
        scored("d", 0.0, min_score=1),
    ]

    assert why_missed(scores) == "score a is 0.5, below 0.8: short; score d is 0, below 1"
    assert why_missed(scores[1:3]) is None
    assert why_missed([]) is None


def test_the_mean_of_the_scores_decides():
    """Where the suite has a mark of its own; what each says is in the reason."""
    scores = [scored("a", 0.0, min_score=1, reason="short"), scored("b", 1.0, weight=3)]

    assert why_missed(scores, 0.75) is None
    assert why_missed(scores, 0.8) == (
        "the mean of its scores is 0.75, below 0.8: a 0 (short), b 1"
    )


def test_a_score_on_its_mark():
    """Reaches it, whatever a sum of floats has lost."""
    assert why_missed([scored(value=0.1 + 0.7, min_score=0.8)]) is None
    assert why_missed([scored("a", 0.1), scored("b", 0.2), scored("c", 0.3)], 0.2) is None


@pytest.mark.parametrize(
    ("one", "score"),
    [
        (record(), 1),
        (record(outcome="missed"), 0),
        (record(outcome="missed", a={"value": 0.5}, b={"value": 1.0}), 0.75),
        (record(a={"value": 0.5}, b={"value": 1.0, "weight": 3}), 0.875),
        (record(a={"value": 0.5, "weight": 0}), 1),
        (record(outcome="errored", a={"value": 0.5}), 0),
    ],
)
def test_the_score_of_a_case(one, score):
    """Is the weighted mean of its scores, and says what its outcome says where there are none."""
    assert one.score == score
    assert summarize([one]).metric("mean_score").value == score
    assert numbers_of([one])[0].score == score


VERSIONED = {"value": 1.0, "version": "1a2b3c4d"}


@pytest.mark.parametrize(
    ("scores", "labels"),
    [
        ({}, ()),
        ({"b": {"value": 1.0}, "a": {"value": 1.0}}, ("a", "b")),
        ({"a": VERSIONED}, ("a@1a2b3c4d",)),
        ({"a": {**VERSIONED, "weight": 2.0}}, ("a@1a2b3c4d*2",)),
        ({"a": {"value": 1.0, "weight": 0.5}}, ("a*0.5",)),
    ],
)
def test_what_a_score_is_made_of(scores, labels):
    """Is kept for a baseline in a word for each scorer."""
    numbers = numbers_of([record(**scores)])[0]

    assert numbers.scorers == labels
    assert CaseNumbers.from_dict(numbers.to_dict()) == numbers


def compared(before, after):
    (one,) = compare(numbers_of(after), numbers_of(before))
    return one


def test_scores_of_the_same_scorers_are_compared():
    """A case without an answer has none, and counts 0 in both runs."""
    before = [record(str(n), a={**VERSIONED, "value": 0.5}) for n in range(8)]
    after = [record(str(n), a={**VERSIONED, "value": 0.75}) for n in range(7)]
    comparison = compared(before, [*after, record("7", outcome="errored")])

    assert comparison.score_note is None
    assert comparison.score.value == pytest.approx((7 * 0.25 - 0.5) / 8)


@pytest.mark.parametrize(
    "other",
    [
        {"a": {"value": 1.0}},
        {"a": {**VERSIONED, "version": "99999999"}},
        {"a": {**VERSIONED, "weight": 2.0}},
        {"b": VERSIONED},
        {"a": VERSIONED, "b": VERSIONED},
        {},
    ],
)
def test_scores_of_other_scorers_are_not_compared(other):
    """Nor those of other parameters or weights."""
    before = [record(str(n), a=VERSIONED) for n in range(8)]
    after = [record(str(n), **other) for n in range(8)]

    for comparison in (compared(before, after), compared(after, before)):
        assert comparison.score is None
        assert comparison.score_note == "not comparable: other scorers, parameters or weights"


def test_a_baseline_of_an_earlier_version():
    """Has the names of scorers alone, which still are those of scorers without parameters."""
    old = CaseNumbers.from_dict({"suite": "s", "case_id": "c", "score": 0.5, "scorers": ["a"]})

    (comparison,) = compare(numbers_of([record(a={"value": 1.0})]), [old])

    assert comparison.score_note is None


def test_a_case_without_scores_in_a_baseline():
    """Scores what it passed: a failure to answer is not left out."""
    errored = numbers_of([record(outcome="errored")])[0]

    assert "score" not in errored.to_dict()
    assert CaseNumbers.from_dict(errored.to_dict()).score == 0
