"""Plain data: what a model or a file hands over becomes exact builtins, or is refused by name."""

import enum
import json
import math
from collections import OrderedDict, UserDict
from datetime import UTC, datetime
from typing import NamedTuple

import execnet
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval.core.plain import NotPlainError, clean_text, json_encoder, plain


class Team(str, enum.Enum):  # noqa: UP042  (the older way, which users have)
    """A label as applications write it."""

    BILLING = "billing"
    KASSE = "Kässe"


class NewTeam(enum.StrEnum):
    """A label as newer applications write it."""

    BILLING = "billing"


class Level(enum.IntEnum):
    """A number with a name."""

    HIGH = 3


class Loud(str):
    """Text that shows itself as other text."""

    __slots__ = ()

    def __str__(self):
        return self.upper()


class Pair(NamedTuple):
    """A tuple with names."""

    left: int
    right: int


any_text = st.text(st.characters(exclude_categories=[]))
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | any_text,
    lambda inner: st.lists(inner) | st.dictionaries(any_text, inner) | st.tuples(inner, inner),
    max_leaves=12,
)  # fmt: skip
any_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**31))  # execnet 2.1 packs every smaller one as four bytes, and breaks
    | st.floats()
    | any_text
    | st.binary()
    | st.datetimes()
    | st.sampled_from([*Team, *NewTeam, *Level, Loud("quiet"), np.float64(0.5), np.int32(2)])
    | st.sampled_from(
        [np.float32(math.nan), np.array([1, 2]), np.bool_(True), np.str_("x"), object]
    )
    | st.integers(10**4299, 10**4301),
    lambda inner: (
        st.lists(inner) | st.dictionaries(any_text | st.integers(), inner) | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


def assert_exact(value):
    """Every type inside is the builtin itself, which is all that execnet takes."""
    assert type(value) in (type(None), bool, int, float, str, list, dict)
    if type(value) is list:
        for item in value:
            assert_exact(item)
    if type(value) is dict:
        for key, item in value.items():
            assert type(key) is str
            assert_exact(item)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        (Team.BILLING, "billing"),
        (Team.KASSE, "Kässe"),
        (NewTeam.BILLING, "billing"),
        (Level.HIGH, 3),
        (Loud("quiet"), "quiet"),
        (np.str_("x"), "x"),
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.int64(2), 2),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(1.5), 1.5),
        ((1, (2, 3)), [1, [2, 3]]),
        (Pair(1, 2), [1, 2]),
        (OrderedDict(a=1), {"a": 1}),
        ({Team.BILLING: 1}, {"billing": 1}),
        (True, True),
        (None, None),
    ],
    ids=repr,
)
def test_a_value_becomes_the_builtin_it_stands_for(value, expected):
    """Enums, numpy values and tuples are labels, numbers and lists."""
    result = plain(value)

    assert result == expected
    assert_exact(result)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "a object"),
        ({1, 2}, "a set"),
        (b"bytes", "a bytes"),
        (datetime(2026, 1, 1, tzinfo=UTC), "a datetime.datetime"),
        (UserDict(a=1), "a collections.UserDict"),
        (math.nan, "the number nan"),
        (-math.inf, "the number -inf"),
        (np.float64("nan"), "the number nan"),
        (np.array([1.0, math.inf]), "the number inf"),
        ({1: "a"}, "a mapping with the key 1, which is not text,"),
        ({"a": {None: 1}}, "a mapping with the key None, which is not text,"),
        ([[set()]], "a set"),
        (10**4300, "a whole number of more than 4,300 digits"),
        (np.float64, "a type"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_cannot_hold_is_refused_by_its_name(value, message):
    """The message says what was found, fit to stand in a sentence."""
    with pytest.raises(NotPlainError) as caught:
        plain(value)

    assert str(caught.value) == message


def test_a_value_nested_too_deep_is_refused():
    """A list that holds itself ends in a message, not in a recursion."""
    circle = []
    circle.append(circle)

    with pytest.raises(NotPlainError, match=r"^a value nested deeper than 100 levels$"):
        plain(circle)


def test_a_hundred_levels_are_taken():
    """The limit is where the message says."""
    value = "leaf"
    for _ in range(100):
        value = [value]

    assert plain(value) == value


def test_the_value_itself_is_left_as_it_is():
    """The caller's list and mapping are rebuilt, not changed or shared."""
    value = {"a": [1, 2]}

    result = plain(value)
    result["a"].append(3)

    assert value == {"a": [1, 2]}


@given(value=plain_values)
def test_plain_values_stay_what_they_are(value):
    """What JSON reads back from JSON is what ``plain`` gives."""
    assert plain(plain(value)) == plain(value)
    assert json.loads(json.dumps(plain(value))) == plain(value)


@given(value=any_values)
def test_a_value_is_plain_or_refused(value):
    """What comes out is fit for JSON, for a file and for execnet; nothing else comes out."""
    try:
        result = plain(value)
    except NotPlainError:
        return

    assert_exact(result)
    json.dumps(result, allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert execnet.loads(execnet.dumps(result)) == result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\ud800b", "a\ufffdb"),
        ("\udcff", "\ufffd"),
        ("Gepäck \N{PILE OF POO}", "Gepäck \N{PILE OF POO}"),
        ("", ""),
    ],
    ids=ascii,
)
def test_a_lone_surrogate_becomes_one_replacement_character(text, expected):
    """Text that can't be encoded is made encodable, character by character."""
    assert clean_text(text) == expected


@given(text=any_text)
def test_clean_text_can_be_written(text):
    """Any text becomes one that a file takes, and text that it takes already is kept."""
    cleaned = clean_text(text)

    cleaned.encode("utf-8")
    assert type(cleaned) is str
    assert clean_text(cleaned) == cleaned


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)


@given(JSON)
def test_the_quick_encoder_writes_what_the_usual_one_does(value):
    """It is the same code of the standard library, made once."""
    usual = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=repr)

    assert json_encoder(repr)(value) == usual.encode(value)


def test_the_quick_encoder_refuses_what_the_usual_one_refuses():
    """No NaN, and nothing that holds itself."""
    endless = []
    endless.append(endless)

    with pytest.raises(ValueError, match="Out of range"):
        json_encoder(repr)({"a": math.nan})
    with pytest.raises(RecursionError):
        json_encoder(repr)(endless)


def test_without_the_c_part_the_usual_encoder_does_it(monkeypatch):
    """As on PyPy."""
    monkeypatch.setattr(json.encoder, "c_make_encoder", None)

    assert json_encoder(repr)({"a": {1.5: "é"}}) == '{"a": {"1.5": "é"}}'
