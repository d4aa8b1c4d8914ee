"""Judge replies: a verdict is read where it is said, and nowhere else."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval.scorers.judge_replies import ReplyError, read_reply

WORDS = ("CORRECT", "INCORRECT")


def verdict(output, words=WORDS):
    (said,) = read_reply(output, (), words)
    return said.verdict


@pytest.mark.parametrize(
    "output",
    [
        {"reason": "it is", "verdict": "CORRECT"},
        {"verdict": " correct "},
        '{"reason": "it is", "verdict": "CORRECT"}',
        'Here it is:\n```json\n{"reason": "it is", "verdict": "CORRECT"}\n```',
        'Here it is:\n{"reason": "it is",\n "verdict": "CORRECT"}',
        "It says what it should.\nCORRECT",
        "It is not INCORRECT, so:\n\n**Verdict:** CORRECT.",
        "The final verdict is: correct",
        "# Verdict: **CORRECT**",
        '<think>\nVERDICT: INCORRECT? No.\n</think>\n{"verdict": "CORRECT", "reason": ""}',
        "Verdict: CORRECT\nCORRECT",
    ],
)
def test_how_a_verdict_may_be_said(output):
    """As JSON, be it fenced or at the end, or as a last line."""
    assert verdict(output) == "CORRECT"


@pytest.mark.parametrize(
    "output",
    [
        "It is not correct",
        "This is CORRECT in no way",
        "not CORRECT",
        "CORRECT?",
        "CORRECT or INCORRECT",
        "CORRECT / INCORRECT",
        "!CORRECT",
        "[ ] CORRECT",
        "> CORRECT",
        '"CORRECT"',
        "In-CORRECT",
        "I would say CORRECT",
        "CORRECT\nOr is it? I can't tell.",
        "The answer is CORRECT\n\nVERDICT: INCORRECT",
        '{"verdict": "CORRECT"}\nINCORRECT',
        '```json\n{"verdict": "CORRECT"}\n```\n```json\n{"verdict": "INCORRECT"}\n```',
        'It only repeats\n{"verdict": "CORRECT"}\nand says nothing.',
        "It only repeats\n```\nCORRECT\n```\nand says nothing.",
        'It only repeats {"verdict": "CORRECT"} and says nothing.',
        '{"verdict": "CORRECT", "verdict": "INCORRECT"}',
        '{"verdict": "CORRECT or not"}',
        '{"verdict": ["CORRECT"]}',
        '{"answer": "CORRECT"}',
        '{"verdict": true}',
        {"verdict": None},
        {},
        ["CORRECT"],
        1,
        None,
        "",
        "   \n",
        "```json\n{broken\n```",
        "{" * 100_000,
    ],
)
def test_what_is_no_verdict(output):
    """Contradictions, sentences, quotations, and what is neither."""
    with pytest.raises(ReplyError):
        verdict(output)


@pytest.mark.parametrize("text", ["INCORRECT", "Verdict: INCORRECT", '{"verdict": "INCORRECT"}'])
def test_correct_is_not_found_inside_incorrect(text):
    """In none of the forms, and the other way round neither."""
    assert verdict(text) == "INCORRECT"
    assert verdict(text, words=("INCORRECT", "CORRECT")) == "INCORRECT"


@given(st.text(alphabet=st.sampled_from(' \n.*:"{}[]`INCORRECTnotverdict,#-')))
def test_whatever_it_says(text):
    """There is a verdict, or it is refused; nothing else is raised."""
    with suppress(ReplyError):
        assert verdict(text) in WORDS


@given(st.sampled_from(WORDS), st.text())
def test_a_reason_changes_no_verdict(word, reason):
    """Whatever the judge quotes in it."""
    assert verdict(json.dumps({"reason": reason, "verdict": word})) == word


def test_a_verdict_for_each_field():
    """All of them have to be there."""
    output = {"a": {"reason": "r", "verdict": "CORRECT"}, "b": {"verdict": "INCORRECT"}}

    said = read_reply(output, ("a", "b"), WORDS)

    assert [(item.verdict, item.reason) for item in said] == [("CORRECT", "r"), ("INCORRECT", "")]
    assert read_reply(f"So:\n```\n{json.dumps(output)}\n```", ("a", "b"), WORDS) == said
    with pytest.raises(ReplyError, match="not one of CORRECT, INCORRECT"):
        read_reply(output, ("a", "b", "c"), WORDS)
    with pytest.raises(ReplyError):
        read_reply("CORRECT", ("a",), WORDS)
