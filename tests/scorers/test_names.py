"""How suites name scorers."""

import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modeleval import Case, Prediction, Unscored, UsageError
from pytest_modeleval.scorers import Scorer, check_cases, make_scorers, score_all, score_answer
from pytest_modeleval.scorers.names import COMMON, SCORERS

WHERE = "x.eval.yaml:3: scorers"

EVERY = {
    "exact": None,
    "one_of": ["a", "b"],
    "contains": "a",
    "regex": "a",
    "number": "1%",
    "choice": "ABC",
    "json_equal": {"repair": True},
    "json_subset": None,
    "json_schema": {"schema": {"type": "object"}},
    "tool_calls": "a",
    "similar": "token_f1",
    "latency": "1s",
    "cost": "$1",
}
"""A way to write each scorer."""


def test_every_scorer_is_tried_here():
    """And none that there is not."""
    assert set(EVERY) == set(SCORERS)


@pytest.mark.parametrize("spec", [{name: given} for name, given in EVERY.items()], ids=EVERY)
def test_a_scorer_and_its_common_parameters(spec):
    """Name, mark and weight are everyone's."""
    [(name, given)] = spec.items()
    (plain,) = make_scorers(spec, where=WHERE)
    recipe = SCORERS[name]
    main = {recipe.main: given} if not isinstance(given, dict) and given is not None else given
    common = {"name": "mine", "min_score": "50%", "weight": 2}

    (full,) = make_scorers({name: {**(main or {}), **common}}, where=WHERE)

    assert (plain.name, plain.min_score, plain.weight) == (name, 1, 1)
    assert (full.name, full.min_score, full.weight) == ("mine", 0.5, 2)
    assert full.version == plain.version


def test_the_version_of_a_score():
    """Is of the parameters that are not the usual ones, however they are written."""

    def version(spec):
        return make_scorers(spec, where=WHERE)[0].version

    assert version("contains") == version({"contains": {"whole_words": False}}) == ""
    assert version({"contains": "a"}) == version({"contains": {"all_of": ["a"]}}) != ""
    assert version({"contains": "a"}) != version({"contains": "b"})
    assert version({"exact": {"ignore": ["case", "space"]}}) == version(
        {"exact": {"ignore": ["space", "case"]}}
    )


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ("exakt", "there is no scorer 'exakt'; did you mean 'exact'?"),
        ("zzz", "there is no scorer 'zzz'; known are exact, one_of, contains,"),
        ([], "the list is empty; name a scorer, such as exact"),
        (["exact", "exact"], "two scorers are named 'exact'; give one of them another name:"),
        (["exact", {"contains": {"name": "exact"}}], "two scorers are named 'exact'"),
        ([{"exact": {"weight": 0}}], "all weights are 0, so no answer would have a score"),
        ({"a": 1, "b": 2}, "a scorer is a name, or a mapping of one name to its parameters"),
        ({}, "a scorer is a name, or a mapping of one name to its parameters, not {}"),
        ({5: None}, "a scorer's name is text, not 5"),
        (5, "a scorer is a name or a mapping, not 5"),
        ([None], "a scorer is a name or a mapping, not None"),
        ({"exact": "a"}, "exact: its parameters are a mapping, not 'a'"),
        ({"exact": {"ignroe": "case"}}, "exact: unknown key 'ignroe'; did you mean 'ignore'?"),
        ({"exact": {5: 1}}, "exact: unknown key 5; known are ignore, expected, name,"),
        ({"exact": {"ignore": "cases"}}, "exact: ignore: it is case, space or punctuation, not"),
        ({"exact": {"name": "a(b)"}}, "exact: name: a name is text without parentheses"),
        ({"exact": {"name": " "}}, "exact: name: a name is text without parentheses"),
        ({"exact": {"min_score": 80}}, "for eighty percent write 80% or 0.8"),
        ({"exact": {"min_score": True}}, "exact: min_score: it is text, not True"),
        ({"exact": {"min_score": float("nan")}}, "exact: min_score: "),
        ({"exact": {"weight": "2"}}, "a weight is a number from 0 to 1,000,000, not '2'"),
        ({"exact": {"weight": 1e308}}, "a weight is a number from 0 to 1,000,000, not 1e+308"),
        ({"exact": {"weight": float("inf")}}, "a weight is a number from 0 to 1,000,000, not inf"),
        ({"contains": 42}, "contains: it is text, not 42; write it in quotes"),
        ({"contains": []}, "contains: the list is empty"),
        ({"contains": ""}, "contains: the text is empty"),
        ({"contains": {"whole_words": "yes"}}, "whole_words: it is true or false, not 'yes'"),
        (
            {"contains": {"none_of": "!", "ignore": "punctuation"}},
            "contains: '!' is empty where punctuation is ignored, and every answer contains it",
        ),
        (
            {"regex": "a("},
            "regex: the pattern 'a(' is broken: missing ), unterminated subpattern at position 1",
        ),
    ],
)
def test_what_is_no_scorer(specs, message):
    """Is refused with its place and what would do."""
    with pytest.raises(UsageError) as raised:
        make_scorers(specs, where=WHERE)
    assert str(raised.value).startswith(f"{WHERE}: ")
    assert message in str(raised.value)


def test_several_scorers_of_one_kind():
    """Have names of their own."""
    specs = [{"contains": "a"}, {"contains": {"all_of": "b", "name": "has_b"}}]

    assert [one.name for one in make_scorers(specs, where=WHERE)] == ["contains", "has_b"]


def test_a_scorer_that_is_one_already():
    """Is taken as it is."""
    one = Scorer(name="mine", function=lambda case, prediction: 1)

    assert make_scorers([one, "exact"], where=WHERE)[0] is one


def test_all_scorers_are_asked():
    """Also after one that could not say; an error of a scorer's own comes before that."""

    def unsure(case, prediction):
        raise Unscored("who knows")

    def broken(case, prediction):
        raise ZeroDivisionError

    case, answer = Case(id="a", input="?", expected="b"), Prediction(output="b")

    scores, error = score_all(make_scorers([unsure, "exact"], where=WHERE), case, answer)
    assert [score.name for score in scores] == ["exact"]
    assert str(error) == "who knows"
    _, error = score_all(make_scorers([unsure, broken, "exact"], where=WHERE), case, answer)
    assert isinstance(error, ZeroDivisionError)
    assert score_all(make_scorers("exact", where=WHERE), case, answer)[1] is None


def test_a_score_has_the_mark_the_weight_and_the_version_of_its_scorer():
    """And no mark where it is only noted."""
    case, answer = Case(id="a", input="?", expected="b"), Prediction(output="b")
    (one,) = make_scorers({"contains": {"all_of": "b", "weight": 2, "min_score": 0}}, where=WHERE)

    score = score_answer(one, case, answer)

    assert (score.min_score, score.weight, score.version) == (None, 2, one.version)


def test_cases_are_checked_before_they_are_asked():
    """The message begins with where the first bad one stands."""
    cases = [
        Case(id="a", input="?", expected="1", source="t.csv:2"),
        Case(id="b", input="?", expected="one", source="t.csv:3"),
        Case(id="c", input="?"),
    ]

    check_cases(make_scorers({"contains": "x"}, where=WHERE), cases)
    with pytest.raises(
        UsageError, match=r"^t.csv:3: scorer number: 'expected' is no number: 'one'"
    ):
        check_cases(make_scorers("number", where=WHERE), cases)
    with pytest.raises(UsageError, match=r"^case c: scorer exact: "):
        check_cases(make_scorers("exact", where=WHERE), cases[2:])


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.parametrize("name", EVERY)
@settings(deadline=None, max_examples=60)
@given(output=ANYTHING)
def test_any_answer_has_a_score(name, output):
    """Or is unscored; whatever it is, it is no error."""
    expected = {"number": 1, "choice": "A", "json_equal": [1], "json_subset": [1]}.get(name, "a")
    (one,) = make_scorers({name: EVERY[name]}, where=WHERE)

    try:
        score = score_answer(
            one, Case(id="a", input="?", expected=expected), Prediction(output=output)
        )
    except Unscored:
        assert name in ("latency", "cost")
        return
    assert 0 <= score.value <= 1
    json.dumps(score.reason)


@pytest.mark.parametrize("name", EVERY)
@settings(deadline=None, max_examples=60)
@given(given=ANYTHING)
def test_any_parameters_are_read(name, given):
    """Or refused in a sentence; whatever is read is what the schema for editors allows."""
    try:
        make_scorers({name: given}, where=WHERE)
    except UsageError as error:
        refused = str(error)
    else:
        refused = None
    if refused is not None:
        assert refused.startswith(f"{WHERE}: ")
        return
    recipe = SCORERS[name]
    kinds = {**recipe.parameters, **COMMON}
    if given is None:
        return
    parameters = given if isinstance(given, dict) else {recipe.main: given}
    for key, value in parameters.items():
        jsonschema.validate(value, kinds[key].schema)


def test_what_a_scorer_changes_no_one_else_sees():
    """Neither the scorers after it, nor the record."""

    def meddles(case, prediction):
        prediction.output["a"] = 1
        return True

    scorers = make_scorers([meddles, "json_equal"], where="x")
    case = Case(id="c", input="?", expected={"a": 1})
    answer = Prediction(output={"a": 0})

    scores, error = score_all(scorers, case, answer)

    assert error is None
    assert [score.value for score in scores] == [1.0, 0.0]
    assert answer.output == {"a": 0}


def test_a_number_of_any_size_is_a_number():
    """An integer that no float takes."""
    (scorer,) = make_scorers("number", where="x")
    case = Case(id="c", input="?", expected=10**400)

    assert score_answer(scorer, case, Prediction(output=10**400)).value == 1.0
    assert score_answer(scorer, case, Prediction(output=7)).value == 0.0
