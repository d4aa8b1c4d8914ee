"""Choices: the letter of a multiple-choice answer, wherever the answer says it.

A letter counts where it is meant as one, so that the A of "A dog" and the C of "vitamin C" are
none. Some places say more than others, and of those that an answer has only the clearest count;
letters there that contradict each other are no choice.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pytest_modeleval.errors import UsageError
from pytest_modeleval.scorers.base import shown
from pytest_modeleval.scorers.rules import (
    EXPECTED,
    Rule,
    WrongAnswerError,
    case_value,
    short_text_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.predictions import Prediction

__all__ = ["find_letters", "make_choice"]

_LETTERS = "ABCDE"


def make_choice(*, letters: str = _LETTERS, expected: str = EXPECTED) -> Rule:
    """The answer chooses the letter that is expected, in either case.

    Args:
        letters: The letters to choose from.
        expected: The field of the case that holds the right one.
    """

    def score(reference: str, prediction: Prediction) -> Any:
        found = find_letters(short_text_of(prediction), letters)
        if not found:
            raise WrongAnswerError(f"the answer names none of {_named(letters)}")
        if len(found) > 1:
            raise WrongAnswerError(f"the answer names both {' and '.join(found)}")
        return found[0] == reference, None if found[0] == reference else f"it chooses {found[0]}"

    def reference(case: Case) -> str:
        value = case_value(case, expected)
        found = value.strip(" ().[]").upper() if isinstance(value, str) else ""
        if len(found) != 1 or found not in letters:
            raise UsageError(
                f"{expected!r} is none of the letters {_named(letters)}: {shown(value)}; other "
                "letters are named as in 'choice: ABCDEFG'"
            )
        return found

    return Rule(score, reference)


def find_letters(text: str, letters: str = _LETTERS) -> list[str]:
    """The letters that a text chooses, each once, in order; one where it makes up its mind.

    From the clearest place on: a line of its own, the beginning ("B) because") and what "the
    answer is" names; "option B"; in brackets; a capital after "it's", "I choose" and the like.
    A letter that the text denies ("not B") is not chosen, and one that it calls wrong only where it
    names no other, since that may be what was asked for.
    """
    text = _cleaned(text)

    def is_denied(match: re.Match[str]) -> bool:
        return _is_denied(match, text)

    def is_out(match: re.Match[str]) -> bool:
        return _is_denied(match, text) or _is_called_wrong(match, text)

    return _letters_of(text, letters, is_out) or _letters_of(text, letters, is_denied)


def _letters_of(text: str, letters: str, is_rejected: Callable[[re.Match[str]], bool]) -> list[str]:
    """The letters at the clearest place that has one which is not rejected."""
    patterns = _patterns(letters)
    listed = {found["letter"].upper() for found in patterns["item"][0].finditer(text)}
    for name, tier in patterns.items():
        if name == "item" or (name == "beginning" and len(listed) > 1):  # the options once more
            continue
        found = [match for pattern in tier for match in pattern.finditer(text)]
        if name == "beginning":
            found += [match for pattern in patterns["named"] for match in pattern.finditer(text)]
        found = [match for match in found if not is_rejected(match)]
        if found:
            found.sort(key=lambda match: match.start("letter"))
            several = [letter for match in found for letter in _with_next(match, text, letters)]
            return list(dict.fromkeys(several))
    return []


def _is_denied(match: re.Match[str], text: str) -> bool:
    """Whether the text says that it is not this letter, or only asks whether it is."""
    before, after = text[: match.start("letter")], text[match.end("letter") :]
    return bool(_DENYING.search(before[-80:]) or _DENIED.match(after))


def _is_called_wrong(match: re.Match[str], text: str) -> bool:
    """Whether the text calls this letter wrong."""
    before, after = text[: match.start("letter")], text[match.end("letter") :]
    return bool(_WRONG_BEFORE.search(before[-80:]) or _WRONG_AFTER.match(after))


# Words that leave the letter what is denied: "not go with option B", and not "not fit: (B)".
_BETWEEN = (
    r"(?: (?i:be|is|are|it|its|that|this|the|a|an|one|think|believe|say|choose|pick|select|go|with|"
    r"for|would|could|option|choice|letter|answer|statement|correct|right|necessarily|likely|die|"
    r"antwort)){0,6} ?[(\[]?\Z"
)
_DENYING = re.compile(
    r"(?i:\b(?:not|cannot|never|nicht|rul\w+ out|eliminat\w+)\b|n't\b)" + _BETWEEN
)
_DENIED = re.compile(r"[)\]]? ?(?:\? ?(?i:no)\b|(?i:is|are) (?i:not)\b|(?i:isn't|aren't)\b)")
_WRONG_BEFORE = re.compile(r"(?i:\b(?:wrong|incorrect|false|falsch\w*)\b)" + _BETWEEN)
_WRONG_AFTER = re.compile(r"[)\]]? ?(?i:is|are) (?i:wrong|incorrect|false|a trap)\b")


def _with_next(match: re.Match[str], text: str, letters: str) -> Iterator[str]:
    """A letter that was found, and those that are named in one breath with it ("B or C")."""
    yield match["letter"].upper()
    place = match.end("letter")
    while found := _NEXT.match(text, place):
        if found["letter"] not in letters:
            return
        yield found["letter"]
        place = found.end()


def _cleaned(text: str) -> str:
    """A text without what Markdown and quotation put around a letter, in single blanks."""
    text = _DRESSING.sub("", unicodedata.normalize("NFC", text).translate(_TYPOGRAPHY))
    return _LINE_ENDS.sub("\n", _BLANKS.sub(" ", text)).strip()


_TYPOGRAPHY = {0x2019: "'", 0x2013: "-", 0x2014: "-"}
_DRESSING = re.compile('[*_`"\u201c\u201d\u201e\u00ab\u00bb\u200e\u200f]+')
_BLANKS = re.compile(r"[^\S\n]+")
_LINE_ENDS = re.compile(r" ?\n[ \n]*")

_NEXT = re.compile(
    r"[)\]]?(?: ?[,/&] ?| ?,? (?:or|and|oder|und|ou|et) )(?:both )?[(\[]?(?P<letter>\w)(?![\w'-])"
    r"(?:(?<![AI])|(?! \w))"
)

_ANSWER = r"(?:answer|solution|antwort|lösung|réponse|respuesta|risposta)"
_OPTION = r"(?:option|choice|letter)"
_IS = r"(?:[^.!?\n:=]{0,60}?(?:\b(?:is|be|ist|lautet|est|es|è)\b ?:?|[:=]))"
_SAYING = (
    r"(?:it'?s|it is|it must be|that'?s|i(?:'d)? (?:think|say|guess)|choose|chose|pick|select|"
    r"(?:go|goes|going) with|opt for|definitely|probably|therefore|thus|hence|so)"
)


@lru_cache
def _patterns(letters: str) -> Mapping[str, Sequence[re.Pattern[str]]]:
    """For each place, the clearest first, the patterns that find a letter there."""
    small = f"(?P<letter>[{letters}{letters.lower()}])"
    # A and I are words: they are meant as letters where a sentence could not go on with the word.
    no_word = (
        r"(?:(?<![AI])|(?= ?[.,;:!?)\]\n]| ?\Z| (?:because|since|as|and|or|which|is|weil|ist)\b))"
    )
    capital = rf"(?P<letter>[{letters}])(?![\w'+#-]){no_word}"
    any_capital = rf"(?P<letter>[{letters}])(?![\w'+#-])"
    judged = (
        r" (?:clearly |probably |likely |obviously )?(?:the |my )?"
        r"(?:correct|right|best|true|answer|incorrect|wrong|false)"
    )
    in_brackets = rf"[(\[] ?{small} ?[)\]]"
    at_end = rf"{small}(?= ?(?:[.,;)!?\n]|\Z))"
    subject = rf"\b(?i:{_ANSWER}\b{_IS}?|{_OPTION}\b{_IS})"
    is_named = rf"{subject} ?(?i:(?:the )?(?:correct )?(?:{_OPTION} )?)"
    tiers = {
        "item": [rf"(?:^[^\w\n]*|\s\(?){small} ?(?:[).:\]](?=\s)|-\s)"],
        "beginning": [
            rf"\A\W*{small} ?[)\]]",
            rf"\A\W*{any_capital} ?(?:[.:,](?!\w)|- |\n)",
            rf"\A\W*{any_capital} (?:because|since|as|and|or|weil|is{judged})\b",
        ],
        "named": [
            rf"^[^\w\n]*{small}[^\w\n]*$",
            rf"\\boxed\{{(?:\\text\{{)?\(?{small}",
            *(is_named + form for form in (in_brackets, capital, at_end)),
        ],
        "option": [rf"\b(?i:{_OPTION}) (?:{form})" for form in (in_brackets, any_capital)],
        "brackets": [rf"(?<!not ){in_brackets}", rf"(?<!not )(?<![\w(\[]){small}\)"],
        "saying": [
            rf"\b(?i:{_SAYING})[,:]? {capital}",
            rf"(?:\A|[.,;!?\n] ?){any_capital} is{judged}\b",
        ],
    }
    return {
        name: [re.compile(form, re.MULTILINE) for form in forms] for name, forms in tiers.items()
    }


def _named(letters: str) -> str:
    return f"{letters[0]} to {letters[-1]}" if letters in _ALPHABET else ", ".join(letters)


_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
