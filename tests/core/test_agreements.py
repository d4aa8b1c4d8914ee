"""Agreements: a judge's verdicts beside people's, against scikit-learn and statsmodels' numbers."""

import math
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from pytest_modeleval import Case
from pytest_modeleval.core.agreements import agreements, cohen_kappa, read_label
from pytest_modeleval.core.records import Score, make_record

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


def pairs_of(both, first, second, neither):
    return (
        [(True, True)] * both
        + [(True, False)] * first
        + [(False, True)] * second
        + [(False, False)] * neither
    )


@given(PAIRS)
def test_kappa_is_scikit_learn_s(pairs):
    """Where it is defined; where chance alone would agree on everything there is none."""
    people, judge = zip(*pairs, strict=True)
    found = cohen_kappa(pairs)

    if len({*people, *judge}) == 1:
        assert found is None
        return
    assert found.value == pytest.approx(cohen_kappa_score(people, judge), abs=1e-12)


@pytest.mark.parametrize(
    ("counts", "value", "error"),
    [  # statsmodels 0.14: cohens_kappa([[a, b], [c, d]]).kappa and .std_kappa
        ((20, 5, 10, 15), 0.4, 0.1269961),
        ((45, 15, 25, 15), 0.1304348, 0.0986615),
        ((90, 2, 3, 5), 0.6397694, 0.1489696),
    ],
)
def test_the_interval_is_that_of_fleiss(counts, value, error):
    """The value, and 1.96 standard errors on either side of it."""
    found = cohen_kappa(pairs_of(*counts))

    assert found.value == pytest.approx(value, abs=1e-6)
    assert (found.high - found.low) / 2 == pytest.approx(1.959964 * error, abs=1e-5)


def test_the_interval_covers():
    """The true kappa of 100 answers lies in it nearly as often as it says."""
    rng = random.Random(1)
    cells, shares = pairs_of(1, 1, 1, 1), (0.45, 0.1, 0.1, 0.35)
    true = cohen_kappa(pairs_of(45, 10, 10, 35)).value
    found = [cohen_kappa(rng.choices(cells, shares, k=100)) for _ in range(2000)]

    assert 0.92 <= sum(item.low <= true <= item.high for item in found) / 2000 <= 0.97


@given(PAIRS)
def test_kappa_does_not_mind_who_is_who(pairs):
    """Nor which verdict is called which."""
    found = cohen_kappa(pairs)
    assume(found is not None)
    for others in (
        [(judge, people) for people, judge in pairs],
        [(not people, not judge) for people, judge in pairs],
    ):
        other = cohen_kappa(others)
        assert other.value == pytest.approx(found.value)
        assert (other.low is None) == (found.low is None)
        assert found.low is None or other.low == pytest.approx(found.low)


def test_nothing_has_no_kappa():
    """And full agreement has one without an interval."""
    assert cohen_kappa([]) is None
    full = cohen_kappa(pairs_of(3, 0, 0, 2))
    assert (full.value, full.low, full.high) == (1.0, None, None)


@pytest.mark.parametrize(
    ("label", "mark", "is_right"),
    [
        ("pass", 1.0, True),
        (" Failed ", 1.0, False),
        (True, 1.0, True),
        ("no", 0.5, False),
        (1, 1.0, True),
        ("0.7", 0.5, True),
        (0.7, 0.8, False),
        ("maybe", 0.5, None),
        (4, 0.5, None),
        ("nan", 0.5, None),
        ([1], 0.5, None),
    ],
)
def test_what_people_may_write(label, mark, is_right):
    """Pass or fail in their words, or a number that is held against the judge's mark."""
    assert read_label(label, mark) is is_right


def record(number, human, value, **more):
    case = Case(id=str(number), input="?", metadata={} if human is None else {"human": human})
    scores = [
        Score(name="tone", value=value, min_score=1.0, judged_by="m"),
        Score(name="exact", value=value, min_score=1.0),
    ]
    return make_record(case, suite="s", outcome="passed", scores=scores, **more)


def test_agreement_of_records():
    """Of judges alone, over the answers that people have judged; of repeats the first counts."""
    (found,) = agreements(
        [
            record(1, "pass", 1.0),
            record(2, "fail", 0.5),
            record(3, "fail", 1.0),
            record(4, "hm", 1.0),
            record(5, None, 1.0),
            record(6, "", 1.0),
            record(1, "pass", 0.0, repeat=1),
        ]
    )

    assert (found.scorer, found.judged_by, found.n, found.n_agreed) == ("tone", "m", 3, 2)
    assert (found.n_passed_by_judge, found.n_failed_by_judge, found.n_unreadable) == (1, 0, 1)
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.interval.low < found.accuracy < found.interval.high
    assert math.isfinite(found.kappa.value)
    assert agreements([record(5, None, 1.0)]) == []
