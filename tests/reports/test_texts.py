"""Texts of models and files: nothing they hold moves a cursor, breaks a line, or is too long."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval.reports.texts import (
    columns,
    cut,
    cut_where_they_part,
    one_line,
    squeezed,
    visible,
)

any_text = st.text(st.characters(exclude_categories=[]))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, Gepäck, 钱, 😀", "plain text, Gepäck, 钱, 😀"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("bell\x07 null\x00", "bell\\x07 null\\x00"),
        ("\u202eright to left", "\\u202eright to left"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("c1\x9b31m", "c1\\x9b31m"),
        ("lone \ud800", "lone \\ud800"),
        ("para\u2029graph", "para\\u2029graph"),
        ("it's a \\ and a \"\x07", "it's a \\ and a \"\\x07"),
    ],
    ids=ascii,
)
def test_what_a_terminal_would_act_on_is_escaped(text, shown):
    """Control and direction characters are shown; letters of any script stay."""
    assert visible(text) == shown


@given(text=any_text)
def test_no_control_character_is_left(text):
    """Whatever a model says, the terminal shows it and does not obey it."""
    shown = visible(text)

    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs"}
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("  two\n lines\t here ", "two lines here"),
        ("", ""),
        (3, "3"),
        (None, "null"),
        ({"team": "Gepäck"}, '{"team": "Gepäck"}'),
        ([1, "a\nb"], '[1, "a\\nb"]'),
        ("red \x1b[31m", "red \\x1b[31m"),
    ],
    ids=repr,
)
def test_a_value_is_shown_on_one_line(value, line):
    """Text with its white space folded, anything else as JSON."""
    assert one_line(value) == line


@given(value=any_text | st.lists(any_text) | st.dictionaries(any_text, any_text))
def test_one_line_is_one_line(value):
    """No value breaks the line it stands in."""
    line = one_line(value)

    assert len(line.splitlines()) <= 1
    line.encode("utf-8")


def test_a_long_text_costs_no_time():
    """Only what could be shown is looked at."""
    assert len(one_line("x" * 10_000_000)) <= 2000
    assert len(json.dumps(one_line(["y" * 5000]))) < 2100


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("short", 5, "short"),
        ("longer", 5, "lo..."),
        ("", 5, ""),
        ("abcdefgh", 4, "a..."),
        ("abc", 2, ".."),
        ("\u9322\u9322", 4, "\u9322\u9322"),
        ("\u9322\u9322\u9322", 5, "\u9322..."),
        ("\u9322\u9322\u9322", 4, "..."),
    ],
)
def test_a_text_that_is_too_long_ends_in_dots(text, width, shown):
    """A reader sees that something is missing."""
    assert cut(text, width) == shown


@given(text=st.text(), width=st.integers(1, 100))
def test_a_cut_text_is_never_wider_than_its_width(text, width):
    """However narrow the terminal is."""
    assert columns(cut(text, width)) <= width


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("card_payment", 12, "card_payment"),
        ("card_payment_fee", 11, "card..._fee"),
        ("card_payment_fee", 10, "card...fee"),
        ("钱钱钱钱钱钱", 9, "钱钱...钱"),
        ("abcdef", 3, "..."),
        ("abcdef", 1, "."),
    ],
)
def test_a_squeezed_name_keeps_its_ends(text, width, shown):
    """Labels of one family differ at the end."""
    assert squeezed(text, width) == shown


@given(text=st.text(), width=st.integers(0, 40))
def test_a_squeezed_name_is_never_wider_than_its_width(text, width):
    """Wide characters count twice here too."""
    assert columns(squeezed(text, width)) <= width


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        ("billing", "login", ("billing", "login")),
        ("an answer", "an answer", ("an answer", "an answer")),
        ("no, never ever", "yes, always and ever", ("no, neve...", "yes, alw...")),
        ("the very same", "the very same!", ("...me", "...me!")),
    ],
)
def test_two_texts_are_cut_where_they_part(one, other, shown):
    """Texts that fit stay whole, and what they begin with alike is left out of long ones."""
    assert cut_where_they_part(one, other, 11) == shown


def test_two_json_answers_are_shown_where_they_part():
    """They mostly begin with the same."""
    start = '{"tone": "calm", "language": "en", "label": '

    shown = cut_where_they_part(start + '"billing"}', start + '"login"}', 28)

    assert shown == ('... "label": "billing"}', '... "label": "login"}')


@given(start=st.text(), one=st.text(), other=st.text(), width=st.integers(9, 60))
def test_two_cut_texts_are_never_wider_than_the_width(start, one, other, width):
    """Wide characters count twice here too."""
    shown = cut_where_they_part(start + one, start + other, width)

    assert max(map(columns, shown)) <= width


@given(start=st.text(st.sampled_from("ab ")), width=st.integers(9, 60))
def test_what_tells_two_texts_apart_is_seen(start, width):
    """However much of them is the same."""
    one, other = cut_where_they_part(f"{start}x and more", f"{start}y and more", width)

    assert "x" in one
    assert "y" in other
