"""The letter of a multiple-choice answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval import UsageError
from pytest_modeleval.scorers.choices import find_letters


@pytest.mark.parametrize(
    "text",
    [
        "B",
        "b",
        "(b)",
        "[B]",
        "**B**",
        "B.",
        "\u200fB\u200f",
        "B) because it rains",
        "b) because it rains",
        "(B) Paris",
        "B. Paris",
        "B: Paris",
        "B - Paris",
        "B because it rains",
        "B\n\nBecause it rains.",
        "B, because C is wrong",
        "It rains.\n\nB",
        "The answer is (B).",
        "The answer is B",
        "the answer is b.",
        "Answer: b",
        "Answer:B",
        "Answer: **B**",
        'The answer is "B"',
        "The correct answer to this question would be option B!",
        "The answer is B, a city.",
        "The best choice is B since it rains",
        "Die Antwort ist B.",
        "\\boxed{B}",
        "Vitamin C helps, so the answer is B.",
        "Option A is wrong. The answer is (B).",
        "I'd go with option B",
        "I think B",
        "It’s B.",
        "B is correct.",
        "A) dog\nB) cat\nC) cow\n\nThe answer is B",
    ],
)
def test_a_letter_is_found(text):
    """However the answer says it."""
    assert find_letters(text) == ["B"]


@pytest.mark.parametrize(
    "text",
    [
        "The wrong answer is A, so it is B",
        "A) is false. B) is true.",
        "(A) is wrong, (B) is right",
        "Option A is a trap, so I pick B",
        "The answer is not A, it's B",
        "It must be B",
        "I'm not sure, the answer is B",
        "I can't be certain but I'd say (B)",
        "No doubt about it: the answer is B",
        "The answer is B, not A",
        "The incorrect option is B.",
        "*A* is false; *B* is true",
        "A: too small. B: just right. C: too big. So B.",
        "A is the capital of nothing, so B",
        "B is incorrect.",
        "The one that does not fit: (B)",
        "The drug that does not have this effect (B)",
    ],
)
def test_a_letter_that_is_rejected_is_not_chosen(text):
    """One that is called wrong is, where it is the only one: it may have been asked for."""
    assert find_letters(text) == ["B"]


@pytest.mark.parametrize(
    "text",
    [
        "The answer cannot be B.",
        "I don't think option B is right",
        "I would not choose (B).",
        "I rule out option B",
        "B is not the answer",
        "The answer is B? No.",
        "Die Antwort ist nicht B.",
    ],
)
def test_a_letter_that_is_denied_alone_is_no_choice(text):
    """Which of the others is meant nobody knows."""
    assert find_letters(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A dog",
        "a dog",
        "The answer is A dog",
        "The answer is a dog",
        "I choose A dog",
        "Answer: A dog",
        "Vitamin C is good",
        "E = mc2",
        "It is not (B)",
        "The answer is not B",
        "I am sure",
        "Paris",
        "ABC",
    ],
)
def test_no_letter_is_found(text):
    """Where none is meant as one."""
    assert find_letters(text) == []


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("The answer is B. Wait, the answer is C.", ["B", "C"]),
        ("B) because it rains. The answer is (C)", ["B", "C"]),
        ("B or C", ["B", "C"]),
        ("The answer is B, C and D.", ["B", "C", "D"]),
        ("It is (A) or (B).", ["A", "B"]),
        ("(A) Paris (B) Rome (C) Oslo. I choose (C)", ["A", "B", "C"]),
        ("(A) Paris is wrong. (B) is right", ["A", "B"]),
    ],
)
def test_letters_that_contradict_each_other(text, letters):
    """Are all found, so that the answer is no choice."""
    assert find_letters(text) == letters


@pytest.mark.parametrize("text", ["A is 3, B is 4, so the larger is B.", "The answer is C++"])
def test_a_letter_that_is_only_spoken_of_is_no_choice(text):
    """Neither what a sentence begins with nor a name."""
    assert find_letters(text) == []


@pytest.mark.parametrize(("text", "found"), [("The answer is A.", "A"), ("A", "A"), ("a", "A")])
def test_the_letter_a_is_no_article(text, found):
    """Where a sentence could not go on with a noun."""
    assert find_letters(text) == [found]


@pytest.mark.parametrize(
    ("output", "expected", "value", "reason"),
    [
        ("(B)", "B", 1, None),
        ("(B)", "(b)", 1, None),
        ("C", "B", 0, "it chooses C"),
        ("A dog", "A", 0, "the answer names none of A to E"),
        ("B or C", "B", 0, "the answer names both B and C"),
        ({"answer": "B"}, "B", 0, "the answer is a mapping, not text"),
        ("B" * 200_000, "B", 0, "the answer has 200,000 characters, and is read up to 100,000"),
    ],
)
def test_a_choice(score, output, expected, value, reason):
    """Is right where it is one, and the one expected."""
    found = score("choice", output, expected=expected)

    assert (found.value, found.reason) == (value, reason)


def test_other_letters(score):
    """Are those that the suite names."""
    assert score({"choice": "АБВГ"}, "В) потому что", expected="в").value == 1
    assert score({"choice": {"letters": ["F", "G"]}}, "The answer is G", expected="G").value == 1


@pytest.mark.parametrize("expected", ["F", "AB", "", 1, None, ["A"]])
def test_what_is_expected_is_no_letter(check, expected):
    """Is refused before the case is asked."""
    with pytest.raises(UsageError, match=r"t.csv:7: scorer choice: .*expected"):
        check("choice", expected)


@pytest.mark.parametrize("letters", ["A", "AA", "A-D", "", 4, ["A", "B", "b"]])
def test_what_are_no_letters(check, letters):
    """Are refused with what would do."""
    with pytest.raises(UsageError, match=r"x.eval.yaml:3: scorers: choice: "):
        check({"choice": letters})


@given(st.text(alphabet="ABCab()[].,:*\n 'theanswerisoption", max_size=80))
def test_any_text_is_read(text):
    """And what is found are letters of those named, each once."""
    found = find_letters(text)

    assert set(found) <= set("ABCDE")
    assert len(set(found)) == len(found)
