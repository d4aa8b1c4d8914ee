"""Cases: how their columns are read, and the ids that are made of their content."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval.core.cases import Case, content_hash, content_id

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
inputs = st.text() | json_values


def make_case(**known):
    """A case as a dataset gives it."""
    fields = {"id": "refund-1", "input": "Where is my money?", "expected": "billing"}
    return Case(**(fields | known))


def test_a_field_is_read_like_a_column():
    """``case["input"]`` is ``case.input``."""
    case = make_case(tags=("angry",), cluster="c1")

    assert case["input"] == case.input == "Where is my money?"
    assert case["tags"] == ("angry",)
    assert case["cluster"] == "c1"


def test_an_unknown_column_is_found_in_the_metadata():
    """A column of the dataset is read by its name, wherever it is kept."""
    assert make_case(metadata={"customer": "Ada"})["customer"] == "Ada"


def test_a_missing_column_is_answered_with_a_near_one():
    """The error names the case and the column that was probably meant."""
    with pytest.raises(KeyError) as caught:
        make_case(metadata={"customer": "Ada"})["custmer"]

    assert caught.value.args == ("case 'refund-1' has no 'custmer'; did you mean 'customer'?",)


def test_get_gives_the_default_only_where_there_is_no_column():
    """An expectation that is None is there, and a column that is missing is not."""
    case = make_case(expected=None)

    assert case.get("expected", "x") is None
    assert case.get("customer", "x") == "x"
    assert case.get("customer") is None


def test_the_representation_never_shows_the_payload():
    """pytest puts it into messages, and an input may be long or private."""
    assert repr(make_case()) == "<Case refund-1>"


def test_a_case_can_be_a_parameter_whatever_it_holds():
    """Cases compare by identity, so that one with a list inside can still be a key."""
    case = make_case(input=[{"role": "user", "content": "hi"}])

    assert {case: 1}[case] == 1
    assert case != make_case(input=case.input)


@given(value=inputs, expected=json_values)
def test_the_hash_is_of_the_content_alone(value, expected):
    """The same question and expectation have the same twelve digits, today and tomorrow."""
    digits = content_hash(value, expected)

    assert re.fullmatch(r"[0-9a-f]{12}", digits)
    assert digits == content_hash(value, expected)


def test_the_hash_does_not_change_between_versions():
    """It joins runs over months, so its value is pinned."""
    assert content_hash("Where is my money?", "billing") == "3ba39e2cb06a"


def test_the_order_of_keys_does_not_change_the_hash():
    """A mapping is the same question however its keys are ordered."""
    assert content_hash({"a": 1, "b": 2}, None) == content_hash({"b": 2, "a": 1}, None)


@pytest.mark.parametrize(
    "other", [("where is my money?", "billing"), ("Where is my money?", "login")]
)
def test_another_question_or_expectation_has_another_hash(other):
    """A case whose content changed is not the same case any more."""
    assert content_hash("Where is my money?", "billing") != content_hash(*other)


@pytest.mark.parametrize(
    ("value", "slug"),
    [
        ("Where is my money?", "where-is-my-money"),
        ("Wo ist mein Gepäck?", "wo-ist-mein-gepack"),
        ("  -- hi -- ", "hi"),
        ("x" * 100, "x" * 32),
        ([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hi"}], "hi"),
    ],
)
def test_an_id_begins_with_the_first_words(value, slug):
    """A reader recognizes the case in the list of tests."""
    assert re.fullmatch(re.escape(slug) + "-[0-9a-f]{8}", content_id(value, None))


def test_an_id_of_no_ascii_word_is_its_hash():
    """Texts in other scripts have an id too."""
    assert content_id("钱在哪里", None) == content_hash("钱在哪里", None)[:8]


@given(value=inputs, expected=json_values)
def test_an_id_is_plain_and_short(value, expected):
    """Whatever the input, the id can stand in a node id, a file name and a line."""
    assert re.fullmatch(r"([a-z0-9-]{1,32}-)?[0-9a-f]{8}", content_id(value, expected))
