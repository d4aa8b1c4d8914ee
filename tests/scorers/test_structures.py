"""Answers that are JSON values, hold one, or keep to a JSON Schema."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modeleval import Prediction, Unscored, UsageError
from pytest_modeleval.scorers.json_values import first_difference, is_same_json, json_of
from pytest_modeleval.scorers.rules import WrongAnswerError

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-2, 2) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("output", "value"),
    [
        ({"a": 1}, {"a": 1}),
        ([1], [1]),
        ('{"a": 1}', {"a": 1}),
        ("42", 42),
        ('"yes"', "yes"),
        (" null\n", None),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ("Sure!\n```\n[1, 2]\n```\nDone.", [1, 2]),
        ('Here it is: {"a": {"b": [1]}}. Good luck with {"c": 2}!', {"a": {"b": [1]}}),
        ('For {name} it is {"a": 1}', {"a": 1}),
        ('{"a": "```\\n{}\\n```"}', {"a": "```\n{}\n```"}),
        ("```python\nprint()\n```\nso [1]", [1]),
        ('As [1] and [2, 3] say, {"a": 1}', {"a": 1}),
        ("As [1] and [2] say", [1]),
        ("the scores are [1.5]", [1.5]),
        ('<think>Is it {"a": 2}?</think>\n{"a": 1}', {"a": 1}),
        ('<think>\n[0]\n</think>\nIt is {"a": 1}', {"a": 1}),
    ],
)
def test_a_value_is_taken_out_of_an_answer(output, value):
    """All of it, of a fence, or the first that is complete."""
    assert json_of(Prediction(output=output)) == (value, None)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("", "there is no JSON in the answer"),
        ("The answer is 42", "there is no JSON in the answer"),
        ('{"a": [1, 2], "b": ', "the JSON in the answer breaks off"),
        ('{"a": [1, 2], "b": "x', "the JSON in the answer is broken"),
        ('{"a": "x\ny", "b": [1]}', "the JSON in the answer is broken"),
        ("{'a': [1, 2]}", "there is no JSON in the answer"),
        ('{"a": NaN}', "NaN is no JSON"),
        ('{"a": 1, "a": 2}', "an object has the key 'a' more than once"),
        ('It is {"a": {"b": 1, "b": 1}}.', "an object has the key 'b' more than once"),
        ('{"a": 1e999}', "it holds the number inf"),
        ("[" * 100_000, "the JSON is nested too deeply"),
        ("[" * 200 + "]" * 200, "it holds a value nested deeper"),
    ],
)
def test_no_value_is_made_up(output, reason):
    """Least of all a part of one that is broken or cut off."""
    with pytest.raises(WrongAnswerError) as raised:
        json_of(Prediction(output=output))
    assert reason in str(raised.value)


def test_a_broken_value_is_repaired(score):
    """Where the suite asks for it, and the reason says so."""
    broken = "Here: {'a': [1, 2,], b: \"x\"}"
    spec = {"json_equal": {"repair": True}}
    expected = {"a": [1, 2], "b": "x"}

    assert score("json_equal", broken, expected=expected).value == 0
    found = score(spec, broken, expected=expected)
    assert (found.value, found.reason) == (1, "after repair: the answer was no valid JSON")
    assert score(spec, json.dumps(expected), expected=expected).reason is None
    nothing = score(spec, "nothing at all", expected=expected)
    assert (nothing.value, nothing.reason) == (
        0,
        "there is no JSON in the answer, even after repair",
    )


@pytest.mark.parametrize(
    ("expected", "got", "difference"),
    [
        (1, 1.0, None),
        (1, True, "$: expected a number, 1, got true or false, True"),
        (0, False, "$: expected a number, 0, got true or false, False"),
        ("1", 1, "$: expected text, '1', got a number, 1"),
        ("e\u0301", "\u00e9", None),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, None),
        ([1, 2], [2, 1], "$[0]: expected 1, got 2"),
        ([1, 2], [1], "$: expected 2 items, got 1"),
        ({"a": {"b": 1}}, {"a": {}}, "$.a.b is missing"),
        ({"a": 1}, {"a": 1, "b": 2}, "$.b is not expected"),
        ({"a": 1}, [1], "$: expected a mapping, {'a': 1}, got a list, [1]"),
        (None, None, None),
    ],
)
def test_values_are_compared_as_json_has_them(expected, got, difference):
    """And the first difference is told with its path."""
    assert first_difference(expected, got) == difference


@pytest.mark.parametrize(
    ("expected", "got", "value"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, 1),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3}, 1),
        ([{"a": 1}], [{"a": 1, "b": 2}], 1),
        ([{"a": 1}], [{"a": 1}, {"a": 1}], 0),
        ({"a": 1}, {"a": 2}, 0),
        ({}, [], 0),
    ],
)
def test_a_subset(score, expected, got, value):
    """May have further keys at any depth, and no further items."""
    assert score("json_subset", got, expected=expected).value == value


@settings(deadline=None)
@given(VALUES)
def test_a_value_equals_and_holds_itself(value):
    """Also after a way through JSON."""
    again = json.loads(json.dumps(value))

    assert is_same_json(value, again)
    assert first_difference(copy.deepcopy(value), value, subset=True) is None
    assert json_of(Prediction(output=f"Here: {json.dumps([value])}."))[0] == [again]


@settings(deadline=None)
@given(VALUES, VALUES)
def test_equality_is_that_of_json_schema(left, right):
    """As jsonschema's ``const`` has it."""
    import jsonschema

    is_same = jsonschema.Draft202012Validator({"const": left}).is_valid(right)

    # jsonschema compares texts by code points, and we in normal form C.
    assert (
        is_same_json(left, right) == is_same or not json.dumps(left, ensure_ascii=False).isascii()
    )


def test_what_is_expected_may_be_text(score, check):
    """As a CSV file has it; text that is no JSON is refused before the case is asked."""
    assert score("json_equal", {"a": 1}, expected='{"a": 1.0}').value == 1
    with pytest.raises(
        UsageError, match=r"t.csv:7: scorer json_equal: 'expected' is no JSON: 'a: 1'"
    ):
        check("json_equal", "a: 1")


SCHEMA = {
    "type": "object",
    "properties": {"team": {"enum": ["billing", "login"]}, "urgent": {"type": "boolean"}},
    "required": ["team"],
}


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ({"team": "billing", "urgent": True}, None),
        ('```json\n{"team": "login"}\n```', None),
        ({"urgent": True}, "$: 'team' is a required property"),
        ({"team": "login", "urgent": "yes"}, "$.urgent: 'yes' is not of type 'boolean'"),
        ("no", "there is no JSON in the answer"),
    ],
)
def test_a_schema(score, output, reason):
    """Is kept to, or what offends it most is told."""
    found = score({"json_schema": {"schema": SCHEMA}}, output)

    assert (found.value, found.reason) == (float(reason is None), reason)


def test_a_schema_in_a_file_or_of_the_case(score, tmp_path, monkeypatch):
    """Is read before anything is asked."""
    (tmp_path / "answer.json").write_text(json.dumps(SCHEMA))
    monkeypatch.chdir(tmp_path)

    assert score({"json_schema": "answer.json"}, {"team": "login"}).value == 1
    assert score("json_schema", {"team": "x"}, expected=SCHEMA).value == 0


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("nowhere.json", "there is no file 'nowhere.json' in ."),
        ({"schema": {"type": "strin"}}, "it is no JSON Schema: $.type: 'strin' is not valid"),
        ({"schema": [1]}, "schema: a JSON Schema is a mapping, or the name of a file, not [1]"),
        ({"type": "object"}, "unknown key 'type'"),
    ],
)
def test_what_is_no_schema(check, schema, message):
    """Is refused with its place."""
    with pytest.raises(UsageError) as raised:
        check({"json_schema": schema})
    assert str(raised.value).startswith("x.eval.yaml:3: scorers: json_schema: ")
    assert message in str(raised.value)


def test_nothing_is_fetched_for_a_schema(score):
    """A reference that leads elsewhere is the suite's mistake."""
    schema = {"$ref": "http://127.0.0.1:9/answer.json"}

    with pytest.raises(UsageError, match=r"refers to 'http://127.0.0.1:9/answer.json'"):
        score({"json_schema": {"schema": schema}}, {})


def test_a_pattern_in_a_schema_that_backtracks_for_ever(score, monkeypatch):
    """Is given up as any other."""
    monkeypatch.setattr("pytest_modeleval.scorers.structures.MATCHING_S", 0.05)

    with pytest.raises(Unscored, match=r"the JSON Schema took more than 0.05 s"):
        score({"json_schema": {"schema": {"pattern": "(a+)+b"}}}, f'"{"a" * 200}"')


@pytest.mark.parametrize(
    ("module", "spec", "extra"),
    [
        ("jsonschema", {"json_schema": {"schema": {}}}, "schema"),
        ("json_repair", {"json_equal": {"repair": True}}, "json"),
        ("rapidfuzz", {"similar": "edit"}, "similarity"),
        ("sacrebleu", {"similar": "chrf"}, "bleu"),
    ],
)
def test_an_extra_that_is_not_installed(check, monkeypatch, module, spec, extra):
    """Is named with the command that installs it, before anything is asked."""
    monkeypatch.setitem(__import__("sys").modules, module, None)

    with pytest.raises(UsageError, match=rf"pip install 'pytest-modeleval\[{extra}\]'"):
        check(spec)
