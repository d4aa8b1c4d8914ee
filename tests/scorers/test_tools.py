"""Calls of tools, by name and arguments."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modeleval import Case, Prediction, UsageError
from pytest_modeleval.scorers import make_scorers, score_answer

PARIS = {"name": "weather", "arguments": {"city": "Paris"}}
ROME = {"name": "weather", "arguments": {"city": "Rome"}}
TIME = {"name": "time", "arguments": {}}


@pytest.mark.parametrize(
    ("spec", "expected", "made", "value"),
    [
        ("tool_calls", PARIS, [PARIS], 1),
        ("tool_calls", [PARIS, ROME], [PARIS, ROME], 1),
        ("tool_calls", [PARIS, ROME], [ROME, PARIS], 0),
        ("tool_calls", [PARIS], [PARIS, ROME], 0),
        ("tool_calls", [PARIS, ROME], [PARIS], 0),
        ("tool_calls", "weather", [ROME], 1),
        ("tool_calls", ["weather", "time"], [ROME, TIME], 1),
        ("tool_calls", json.dumps(PARIS), [PARIS], 1),
        ("tool_calls", {"name": "weather", "arguments": '{"city": "Paris"}'}, [PARIS], 1),
        ("tool_calls", [], [], 1),
        ("tool_calls", [], [PARIS], 0),
        ({"tool_calls": "time"}, None, [TIME], 1),
        ({"tool_calls": {"arguments": "ignored"}}, PARIS, [ROME], 1),
        ({"tool_calls": {"order": "any"}}, [PARIS, ROME], [ROME, PARIS], 1),
        ({"tool_calls": {"order": "any"}}, [PARIS, PARIS], [ROME, PARIS], 0),
        ({"tool_calls": {"more": True}}, [PARIS, ROME], [PARIS, TIME, ROME], 1),
        ({"tool_calls": {"more": True}}, [PARIS, ROME], [ROME, TIME, PARIS], 0),
        ({"tool_calls": {"more": True, "order": "any"}}, [PARIS], [ROME, TIME, PARIS], 1),
    ],
)
def test_calls(score, spec, expected, made, value):
    """Are those expected, or not."""
    found = score(spec, "", expected=expected, tool_calls=tuple(made) or None)

    assert found.value == value


@pytest.mark.parametrize(
    ("expected", "made", "reason"),
    [
        (PARIS, [ROME], "arguments of weather.city: expected 'Paris', got 'Rome'"),
        (PARIS, [TIME], "expected weather(city='Paris'), got time()"),
        (PARIS, [], "expected weather(city='Paris'), got no call"),
        ([], [PARIS], "expected no call, got weather(city='Paris')"),
        ([PARIS, ROME], [PARIS, TIME], "call 2: expected weather(city='Rome'), got time()"),
        (
            PARIS,
            [{"name": "weather", "arguments": '{"city'}],
            "the arguments of weather are no JSON: '{\"city'",
        ),
        (
            PARIS,
            [{"name": "weather", "arguments": {"city": "Paris", "unit": "C"}}],
            "arguments of weather.unit is not expected",
        ),
    ],
)
def test_the_reason_of_a_miss(score, expected, made, reason):
    """Names the call and what is wrong with it."""
    found = score("tool_calls", "", expected=expected, tool_calls=tuple(made) or None)

    assert (found.value, found.reason) == (0, reason)


def test_an_output_that_is_a_list_of_calls(score):
    """As a function that is a model returns them."""
    assert score("tool_calls", [PARIS], expected=PARIS).value == 1
    assert score("tool_calls", "I call weather(Paris)", expected=PARIS).value == 0
    assert score("tool_calls", [1, {"city": "Paris"}], expected=PARIS).value == 0


SENT = {"type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}


@pytest.mark.parametrize(
    "output",
    [
        *(PARIS, [SENT], SENT, json.dumps([SENT]), json.dumps(PARIS), {"tool_calls": [SENT]}),
        f"```json\n{json.dumps(PARIS)}\n```",
        f"<tool_call>{json.dumps(PARIS)}</tool_call>",
        f"<think>Which?</think>\n{json.dumps(PARIS)}",
        {"name": "weather", "parameters": {"city": "Paris"}},
        {"type": "tool_use", "name": "weather", "input": {"city": "Paris"}},
        {**PARIS, "thought": "it is about Paris"},
    ],
)
def test_calls_in_the_forms_that_servers_and_models_give(score, output):
    """They are calls where one is expected, and where none is."""
    assert score("tool_calls", output, expected=PARIS).value == 1
    assert score("tool_calls", output, expected=[]).value == 0


@pytest.mark.parametrize("arguments", [[], 0, False, '{"a": 1, "a": 2}'])
def test_odd_arguments_are_not_none(score, arguments):
    """A list, 0 and false are no empty mapping, and of a key that comes twice none counts."""
    made = ({"name": "time", "arguments": arguments},)

    assert score("tool_calls", "", expected=TIME, tool_calls=made).value == 0


@pytest.mark.parametrize("item", [{"tool": "rm"}, "rm", {"name": 5}, None])
def test_what_is_no_call_is_not_left_out(score, item):
    """It may be one that should not have been made."""
    found = score("tool_calls", [item, PARIS], expected=PARIS)

    assert found.value == 0
    assert found.reason.startswith("item 1 of the answer is no call: ")


@pytest.mark.parametrize(
    "output", [{"total": 5}, '{"total": 5}', [1, 2], {"name": "Ann", "age": 5}]
)
def test_data_that_hold_no_call_are_an_answer_without_one(score, output):
    """A structured answer is what may be wanted where no tool is."""
    assert score("tool_calls", output, expected=[]).value == 1
    assert score("tool_calls", output, expected=PARIS).value == 0


@pytest.mark.parametrize(
    "expected",
    [
        None,
        5,
        {"nam": "weather"},
        [{"name": "a", "args": {}}],
        "[1",
        {"name": "a", "arguments": [1]},
    ],
)
def test_what_are_no_calls(check, expected):
    """Is refused before the case is asked."""
    with pytest.raises(UsageError, match=r"t.csv:7: scorer tool_calls: "):
        check("tool_calls", expected)


ARGUMENTS = st.dictionaries(st.sampled_from("ab"), st.integers(0, 1))
CALLS = st.lists(st.builds(lambda a: {"name": "f", "arguments": a}, ARGUMENTS), max_size=4)


@settings(deadline=None)
@given(CALLS, CALLS)
def test_in_any_order(expected, made):
    """Some order of the calls serves each expected one, and no other way is found or missed."""
    spec = {"tool_calls": {"order": "any", "arguments": "subset", "more": True}}
    (scorer,) = make_scorers(spec, where="scorers")
    case = Case(id="a", input="?", expected=expected)
    found = score_answer(scorer, case, Prediction(output="", tool_calls=tuple(made)))

    def serves(order):
        pairs = zip(expected, order, strict=False)
        return all(call["arguments"].items() <= other["arguments"].items() for call, other in pairs)

    fits = len(made) >= len(expected) and any(map(serves, itertools.permutations(made)))
    assert found.value == float(fits)
