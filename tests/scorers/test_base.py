"""What a scorer may return, and how a suite names one."""

import pytest

from pytest_modeleval import Case, Prediction, Unscored, UsageError
from pytest_modeleval.scorers import make_scorers, read_score, score_answer, scorer

CASE = Case(id="a", input="2+2", expected="4")


@pytest.mark.parametrize(
    ("returned", "value", "reason"),
    [
        (True, 1.0, None),
        (0.25, 0.25, None),
        ((0, "no"), 0.0, "no"),
        ({"score": 1, "reason": "yes"}, 1.0, "yes"),
    ],
)
def test_what_a_scorer_may_return(returned, value, reason):
    """A number, a bool, either with a reason, or a mapping."""
    score = read_score(returned, name="mine")

    assert (score.name, score.value, score.reason) == ("mine", value, reason)


def test_no_score():
    """Is unscored, never 0."""
    with pytest.raises(Unscored, match="mine gave no score"):
        read_score(None, name="mine")


@pytest.mark.parametrize("returned", [1.5, -0.1, float("nan"), "good", object, [1]])
def test_what_is_no_score(returned):
    """Is refused with what would do."""
    with pytest.raises(UsageError, match="return a number from 0 to 1"):
        read_score(returned, name="mine")


def test_a_function_is_made_a_scorer():
    """By the decorator, under its own name."""

    @scorer
    def short(case, prediction):
        return len(prediction.output) <= len(case.expected)

    score = score_answer(short, CASE, Prediction(output="4"))

    assert (score.name, score.value, score.min_score) == ("short", 1.0, 1.0)


def test_a_scorer_is_named():
    """By its name; a wrong one is refused with the nearest."""
    (exact,) = make_scorers(["exact"], where="x.eval.yaml:3: scorers")

    assert score_answer(exact, CASE, Prediction(output="4")).value == 1.0
    assert score_answer(exact, CASE, Prediction(output="5")).value == 0.0
    with pytest.raises(UsageError, match=r"x.eval.yaml:3: scorers: .* 'exakt'.* 'exact'"):
        make_scorers(["exakt"], where="x.eval.yaml:3: scorers")
