"""Texts: an answer that equals, is one of, contains, or matches something.

All text is compared in Unicode's normal form C (NFC), so that an accent is the same however it was
typed; compatibility forms (a ligature, a full-width letter) stay different.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from pytest_modeleval.errors import UsageError
from pytest_modeleval.scorers.base import shown
from pytest_modeleval.scorers.json_values import first_difference
from pytest_modeleval.scorers.rules import EXPECTED, Rule, case_value, spoken, text_of
from pytest_modeleval.scorers.timelimits import MATCHING_S, time_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.predictions import Prediction

__all__ = [
    "IGNORABLE",
    "fold",
    "letters_of",
    "make_contains",
    "make_exact",
    "make_one_of",
    "make_regex",
    "texts_of_case",
]

IGNORABLE = ("case", "space", "punctuation")
"""What a comparison of texts may ignore."""

_NOTHING: frozenset[str] = frozenset()

# Marks that show nothing and that a copied text may begin with: byte order, width and direction.
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e"))
_INVISIBLE |= dict.fromkeys(range(0x2066, 0x206A))


def fold(text: str, ignore: frozenset[str] = _NOTHING) -> str:
    """A text as it is compared: in NFC, and without what is ignored.

    Args:
        text: The text.
        ignore: ``case`` folds it as Unicode does (so that ß is ss); ``punctuation`` leaves out the
            characters of Unicode's categories P, but for the sign of a number; ``space`` drops white space at the ends and
            invisible marks, and makes one blank of what stands between words.
    """
    if "punctuation" in ignore:
        marks = _ASCII_PUNCTUATION if text.isascii() else _punctuation(set(text))
        text = "".join(
            part if index % 2 else part.translate(marks)
            for index, part in enumerate(_SIGN.split(text))
        )
    if "case" in ignore:
        text = unicodedata.normalize("NFC", text).casefold()
    if "space" in ignore:
        text = " ".join(text.translate(_INVISIBLE).split())
    return unicodedata.normalize("NFC", text)


_SIGN = re.compile(r"(?<![^\W_])(?<![)\]])([-\u2212])(?=\.?\d)")


def _punctuation(characters: Iterable[str]) -> dict[int, None]:
    """Those that are punctuation, as ``str.translate`` drops them."""
    marks = (mark for mark in characters if unicodedata.category(mark).startswith("P"))
    return dict.fromkeys(map(ord, marks))


_ASCII_PUNCTUATION = _punctuation(map(chr, range(128)))


def make_exact(*, ignore: frozenset[str] = _NOTHING, expected: str = EXPECTED) -> Rule:
    """The answer equals what is expected: text in NFC, any other value as JSON has it."""

    def score(reference: Any, prediction: Prediction) -> Any:
        output = prediction.output
        if isinstance(output, str):
            output = spoken(output)
        if not (isinstance(reference, str) and isinstance(output, str)):
            difference = first_difference(reference, output)
            return difference is None, difference
        if fold(output, ignore) == fold(reference, ignore):
            return True
        return False, _near_miss(output, reference, ignore)

    return Rule(score, lambda case: case_value(case, expected))


def make_one_of(
    *,
    values: Sequence[str] = (),
    ignore: frozenset[str] = _NOTHING,
    expected: str = EXPECTED,
) -> Rule:
    """The answer equals one of several texts: those given, or those that the case expects."""

    def score(reference: Sequence[str], prediction: Prediction) -> Any:
        answer = fold(text_of(prediction), ignore)
        if any(answer == fold(text, ignore) for text in reference):
            return True
        return False, f"it is none of {', '.join(map(shown, reference))}"

    return Rule(score, _given_or_of_case(values, expected))


def make_contains(
    *,
    all_of: Sequence[str] = (),
    any_of: Sequence[str] = (),
    none_of: Sequence[str] = (),
    ignore: frozenset[str] = _NOTHING,
    whole_words: bool = False,
    expected: str = EXPECTED,
) -> Rule:
    """The answer contains all of some texts, any of some, and none of some.

    Where none are given, it has to contain what the case expects: a text, or all of a list. With
    ``whole_words`` the characters before and after must not be letters, digits or underscores.
    """

    def score(reference: Sequence[str], prediction: Prediction) -> Any:
        answer = fold(text_of(prediction), ignore)

        def has(wanted: str) -> bool:
            return _holds(answer, fold(wanted, ignore), whole_words=whole_words)

        missing = ", ".join(shown(text) for text in reference if not has(text))
        unwanted = ", ".join(shown(text) for text in none_of if has(text))
        has_any = not any_of or any(map(has, any_of))
        reasons = (
            f"it lacks {missing}" if missing else None,
            None if has_any else f"it has none of {', '.join(map(shown, any_of))}",
            f"it has {unwanted}" if unwanted else None,
        )
        why = "; ".join(filter(None, reasons))
        return not why, why or None

    for text in (*all_of, *any_of, *none_of):
        _require_something(text, ignore)
    if all_of or any_of or none_of:
        return Rule(score, lambda _: all_of)

    def reference(case: Case) -> Sequence[str]:
        texts = texts_of_case(case, expected)
        for text in texts:
            _require_something(text, ignore)
        return texts

    return Rule(score, reference)


def make_regex(
    *,
    pattern: str | None = None,
    flags: frozenset[str] = _NOTHING,
    match: str = "search",
    expected: str = EXPECTED,
) -> Rule:
    """A regular expression of Python's ``re`` is found in the answer, or with ``full`` is all of it.

    Without a pattern it is what the case expects. Matching is given up after 2 s of CPU, which
    leaves the answer unscored.
    """
    number = 0
    for flag in flags:
        number |= _FLAGS[flag]

    def compiled(text: str) -> re.Pattern[str]:
        return _compiled(unicodedata.normalize("NFC", text), number)

    def score(reference: re.Pattern[str], prediction: Prediction) -> Any:
        text = fold(text_of(prediction))
        with time_limit(MATCHING_S, f"the pattern {shown(reference.pattern)}"):
            found = reference.fullmatch(text) if match == "full" else reference.search(text)
        how = "does not match all of it" if match == "full" else "is not found in it"
        return found is not None, None if found else f"{shown(reference.pattern)} {how}"

    if pattern is not None:
        one = compiled(pattern)
        return Rule(score, lambda _: one)

    def reference(case: Case) -> re.Pattern[str]:
        value = case_value(case, expected)
        if not isinstance(value, str) or not value:
            raise UsageError(f"the pattern in {expected!r} is text, not {shown(value)}")
        return compiled(value)

    return Rule(score, reference)


def _holds(answer: str, wanted: str, *, whole_words: bool) -> bool:
    if not whole_words:
        return wanted in answer
    letters = letters_of(answer)
    return re.search(rf"(?<!{letters}){re.escape(wanted)}(?!{letters})", answer) is not None


def letters_of(text: str, beside: str = "") -> str:
    """What a letter of this text is as a regular expression: a word character or one of the text's marks.

    Vowel signs as of Hindi, and accents without a form of one character, are no word characters
    to ``re``.

    Args:
        text: The text.
        beside: Word characters that are no letters here.
    """
    marks = sorted({char for char in text if not char.isascii() and _is_mark(char)})
    return f"(?:[^\\W{beside}]|[{''.join(marks)}])" if marks else f"[^\\W{beside}]"


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def texts_of_case(case: Case, field: str) -> tuple[str, ...]:
    """The text that a case expects, or all of a list of them.

    Raises:
        UsageError: It expects nothing, or something else.
    """
    value = case_value(case, field)
    values = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not values or not all(isinstance(item, str) for item in values):
        raise UsageError(f"{field!r} is text or a list of texts, not {shown(value)}")
    return values


def _given_or_of_case(given: Sequence[str], field: str) -> Callable[[Case], Sequence[str]]:
    if given:
        return lambda _: given
    return lambda case: texts_of_case(case, field)


def _near_miss(output: str, reference: str, ignore: frozenset[str]) -> str | None:
    """What the answer and the reference differ in, where that is nothing but form."""
    for what, also in _FORMS:
        if fold(output, ignore | also) == fold(reference, ignore | also):
            return f"it is equal but for {what}"
    return None


def _require_something(text: str, ignore: frozenset[str]) -> None:
    """Refuse what every answer contains.

    Raises:
        UsageError: The text is empty, or is where something is ignored.
    """
    if not fold(text, ignore):
        why = f" where {' and '.join(sorted(ignore))} is ignored" if text else ""
        raise UsageError(f"{shown(text)} is empty{why}, and every answer contains it")


_FORMS = (
    ("white space", frozenset({"space"})),
    ("case", frozenset({"case"})),
    ("punctuation", frozenset({"punctuation"})),
    ("case, white space and punctuation", frozenset(IGNORABLE)),
)
_FLAGS = {"ignorecase": re.IGNORECASE, "multiline": re.MULTILINE, "dotall": re.DOTALL}


def _compiled(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """A compiled pattern.

    Raises:
        UsageError: It is broken; the message says where in it.
    """
    try:
        return re.compile(pattern, flags)
    except (re.error, RecursionError, OverflowError, Warning) as error:
        raise UsageError(f"the pattern {shown(pattern)} is broken: {error}") from None
