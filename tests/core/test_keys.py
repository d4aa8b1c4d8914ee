"""Keys: what tells answers apart, and what is said where there is none."""

import json

import pytest

from pytest_modeleval.core.keys import AnswerKey, hash_of, parameters_hash, why_missing

KEY = AnswerKey(
    suite="tickets",
    variant="",
    case_id="refund-1",
    repeat=0,
    model="openai:m",
    input_hash=hash_of("Where is my money?"),
)


@pytest.mark.parametrize(
    "key", [KEY, KEY._replace(variant="polite", repeat=2, parameters_hash="0123456789ab", call=3)]
)
def test_a_key_comes_back_as_it_was(key):
    """Through a line of JSON, in which what says nothing is left out."""
    data = json.loads(json.dumps(key.to_dict()))

    assert AnswerKey.from_dict(data) == key
    assert ("variant" in data, "call" in data) == (bool(key.variant), bool(key.call))


def test_the_same_question_has_the_same_hash():
    """Whatever the order of a mapping's keys; anything else has another."""
    assert hash_of({"a": 1, "b": [2]}) == hash_of({"b": [2], "a": 1})
    assert len({hash_of(value) for value in ("1", 1, [1], {"a": 1}, None, "", "Zürich")}) == 7


def test_what_json_cannot_hold_has_a_hash():
    """A test may ask with anything."""
    assert len(hash_of({"x": {1, 2}})) == 12
    assert len(hash_of("half an emoji \ud83d")) == 12


def test_a_suite_that_adds_nothing_has_no_hash_of_parameters():
    """So that naming none is the same as naming an empty one, and the line is short."""
    assert parameters_hash(None, {}) == ""
    hashes = {
        parameters_hash(None, {"temperature": 0}),
        parameters_hash(None, {"temperature": 1}),
        parameters_hash("Answer in one word.", {"temperature": 0}),
        parameters_hash("", {}),
    }
    assert len(hashes) == 4
    assert all(hashes)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ([], "it has no answer of the suite tickets"),
        ([KEY._replace(suite="other")], "it has no answer of the suite tickets"),
        ([KEY._replace(case_id="other")], "it has no answer to this case"),
        (
            [KEY._replace(model="openai:n"), KEY._replace(model="a:b")],
            "it asked a:b and openai:n, not openai:m",
        ),
        ([KEY._replace(input_hash="other")], "its question was another one"),
        (
            [KEY._replace(parameters_hash="other")],
            "it asked with another system prompt or other parameters",
        ),
        ([KEY._replace(repeat=1), KEY._replace(repeat=2)], "it asked it 2 times"),
        ([KEY._replace(call=1)], "its test asked it 1 time"),
    ],
)
def test_why_there_is_no_answer(known, said):
    """The first thing in which the run differs from what is wanted."""
    assert why_missing(KEY, known) == said


def test_the_variant_is_named():
    """A suite has answers of each of its variants."""
    wanted = KEY._replace(variant="polite")

    assert why_missing(wanted, [KEY]) == "it has no answer of the suite tickets (polite)"
