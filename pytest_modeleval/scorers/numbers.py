"""Numbers: an answer that is a number, or names one, within a tolerance.

Numbers are exact fractions here, so that 0.1 is a tenth and a tolerance has no dust at its edge.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from pytest_modeleval.core.plain import is_number
from pytest_modeleval.errors import UsageError
from pytest_modeleval.scorers.base import shown
from pytest_modeleval.scorers.rules import (
    EXPECTED,
    Rule,
    WrongAnswerError,
    case_value,
    kind_of,
    short_text_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modeleval.core.predictions import Prediction

__all__ = ["NumberInText", "find_numbers", "make_number"]

_DUST = Fraction(1, 10**9)
"""Relative difference up to which numbers are equal where no tolerance is given."""

_LONGEST = 400  # characters of a number; what is longer is none

_NARROW = "\u00a0\u2007\u2009\u202f'\u2019_"  # no-break and thin blanks, apostrophes, underscore
_MINUS = ("-", "\u2212")
_SCALES = {
    "hundred": 2,
    "thousand": 3,
    "lakh": 5,
    "million": 6,
    "crore": 7,
    "billion": 9,
    "trillion": 12,
}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻\u2212", "0123456789--")
_POWER_OF_TEN = r"""\s?(?:[\u00d7\u00b7x*]|\\times|\\cdot)\s?10
    (?:(?:\^|\*\*)(?P<brace>[{(])?(?P<power>[-+\u2212]?\d{1,3})(?(brace)[)}])|(?P<raised>⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3}))
    (?![\d.^⁰¹²³⁴⁵⁶⁷⁸⁹])"""

_CANDIDATE = re.compile(
    rf"""(?P<sign>[-\u2212\u2013](?=[\d.$€£¥₹]))? (?P<currency>[$€£¥₹]\s?)? (?P<late_sign>[-\u2212])?
        (?P<body>\d(?:[\d.,/:^{_NARROW}]|\x20(?=\d{{3}}(?!\d)))*|\.\d+)
        (?P<exponent>(?<=\d)[eE][-+]?\d{{1,3}}(?!\d))?
        (?P<times>{_POWER_OF_TEN})?
        (?P<scale>(?:[\s-]?(?i:{"|".join(_SCALES)})s?\b)*)
        (?P<unclear>[kKMBT]\b|\s?(?i:bn|mn|mln|mld|mio|mrd|tsd|dozen)\b|\s?[¼½¾⅐-⅞]
            |(?<=\b0)[xX][\da-fA-F]+\b|(?<=\b0)[oObB][0-7]+\b)?""",
    re.VERBOSE,
)

_SCALE = re.compile("|".join(_SCALES))


def _shape(point: str, comma: str) -> re.Pattern[str]:
    """A number with this decimal sign, and the other one, blanks or the like between its groups."""
    fraction = rf"(?:{re.escape(point)}\d+)?"
    groups = [
        r"\d+",
        *(rf"[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{3}})+" for mark in (comma, " ", *_NARROW)),
    ]
    if comma == ",":  # lakh and crore
        groups.append(r"[1-9]\d?(?:,\d{2})+,\d{3}")
    return re.compile(rf"(?:{'|'.join(groups)}){fraction}|{re.escape(point)}\d+")


_SHAPES = {".": _shape(".", ","), ",": _shape(",", ".")}
_BLANKS = str.maketrans("", "", f"{_NARROW} ")


@dataclass(frozen=True, slots=True)
class NumberInText:
    """A number as it stands in a text.

    Attributes:
        text: How it is written.
        value: What it is; None where that is unclear (``10k``, ``3/4``, ``1.2.3``).
    """

    text: str
    value: Fraction | None


def make_number(
    *,
    within: Sequence[tuple[str, bool]] = (),
    take: Literal["only", "first", "last"] = "only",
    decimal: str | None = None,
    expected: str = EXPECTED,
) -> Rule:
    """The answer is the number that is expected, give or take a tolerance.

    Args:
        within: Tolerances: an amount, or a share of what is expected; the larger one holds. The
            default is none between whole numbers, else a share of 1e-9. A number on the edge is
            within.
        take: Which number of a text is the answer's; ``only`` lets a text that names several
            different ones be wrong.
        decimal: The decimal sign, ``.`` or ``,``; None reads a number as it can be read, and with
            a point where it can be read both ways.
        expected: The field of the case that holds the number.
    """
    shares = [_tolerance(text, is_share) for text, is_share in within if is_share]
    amounts = [_tolerance(text, is_share) for text, is_share in within if not is_share]
    share = max(shares, default=Fraction(0) if amounts else _DUST)
    amount = max(amounts, default=Fraction(0))

    def score(reference: Fraction, prediction: Prediction) -> Any:
        got, note = _number_of(prediction, take, decimal)
        room = max(amount, share * abs(reference))
        if not within and got.denominator == reference.denominator == 1:
            room = Fraction(0)  # of whole numbers the last digit counts too
        if abs(got - reference) <= room:
            return True
        off = f"it says {_plain(got)}, which is {_plain(abs(got - reference))} off"
        return False, off + (f" ({note})" if note else "")

    return Rule(score, lambda case: _expected(case_value(case, expected), expected, decimal))


def find_numbers(text: str, decimal: str | None = None) -> list[NumberInText]:
    """The numbers in a text, in order.

    ``1,234.50``, ``1.234,50``, ``1 234,50``, ``1'234.50`` and ``12,34,567`` are read with the
    decimal sign that makes them one; ``1,234`` and ``1.234``, which have two readings, with a
    point, unless ``decimal`` says otherwise. Currencies, percent signs and units are not read:
    42 % is 42. ``2 million`` is 2000000 and ``4.2 x 10^3`` is 4200; ``10k``, ``3/4``, ``2½``,
    ``0x2A`` and ``12:30`` are unclear. Digits that belong to a word (``GPT-4``, ``x2``) are no
    number.
    """
    found = []
    for match in _CANDIDATE.finditer(text):
        if not _belongs_to_word(text, match):
            found += _read(match, text, decimal)
    return found


def _belongs_to_word(text: str, match: re.Match[str]) -> bool:
    """Whether the digits only go on what letters have begun: ``GPT-4``, ``x2``."""
    place = match.start("body")
    while place and text[place - 1] in _MINUS:
        place -= 1
    before = text[place - 1 : place] if place and not match["currency"] else ""
    return before.isascii() and (before.isalpha() or before == "_")


def _read(match: re.Match[str], text: str, decimal: str | None) -> list[NumberInText]:
    """What a match holds: a number, or several that blanks part."""
    body = match["body"].rstrip(f".,/:^{_NARROW} ")
    parts = [body] if _reading(body, decimal) is not None else body.split(" ")
    *others, last = [(part, _reading(part, decimal)) for part in parts]
    after = text[match.end() : match.end() + 1]
    is_cut = body != match["body"]
    is_unclear = match["unclear"] or (after.isnumeric() and not is_cut)  # 10k, 10², 10万
    tail = ("exponent", "times", "scale", "unclear")
    written = last[0] + "".join(match[name] or "" for name in tail)
    values = [*others, (written, None if is_unclear else _scaled(last[1], match))]
    if _is_negative(match, text):
        written, value = values[0]
        values[0] = (f"-{written}", None if value is None else -value)
    return [NumberInText(written, value) for written, value in values]


_MINUS_IN_WORDS = re.compile(r"(?<![\d)\]]\s)\b(?i:minus|negative)\s*\Z")


def _is_negative(match: re.Match[str], text: str) -> bool:
    """Whether the sign is one, and not the dash of a range or a date."""
    if match["late_sign"]:
        return True
    start = match.start()
    if _MINUS_IN_WORDS.search(text, max(start - 20, 0), start):
        return True
    before = text[start - 1 : start] if start else ""
    return bool(match["sign"]) and not (before.isalnum() or before in (")", "]"))


def _reading(text: str, decimal: str | None) -> Fraction | None:
    """A number's digits and separators as a number; None where they make none."""
    if len(text) > _LONGEST:
        return None
    for point in (decimal,) if decimal else (".", ","):
        if _SHAPES[point].fullmatch(text):
            other = "," if point == "." else "."
            digits = text.translate(_BLANKS).replace(other, "").replace(point, ".")
            return Fraction(Decimal(digits))
    return None


def _scaled(value: Fraction | None, match: re.Match[str]) -> Fraction | None:
    if value is None:
        return None
    power = int(match["exponent"][1:]) if match["exponent"] else 0
    power += int((match["power"] or match["raised"] or "0").translate(_SUPERSCRIPTS))
    power += sum(_SCALES[word] for word in _SCALE.findall(match["scale"].lower()))
    return value * Fraction(10) ** power


def _number_of(
    prediction: Prediction, take: str, decimal: str | None
) -> tuple[Fraction, str | None]:
    """The number of an answer, and how it was read where that is not plain.

    Raises:
        WrongAnswerError: There is none, or several different ones.
    """
    if is_number(prediction.output):
        return Fraction(Decimal(repr(prediction.output))), None
    if not isinstance(prediction.output, str):
        raise WrongAnswerError(f"the answer is {kind_of(prediction.output)}, not a number")
    numbers = find_numbers(short_text_of(prediction), decimal)
    if not numbers:
        raise WrongAnswerError("there is no number in the answer")
    number = numbers[-1 if take == "last" else 0]
    if take == "only" and len({item.value for item in numbers}) > 1:
        names = ", ".join(dict.fromkeys(item.text for item in numbers[:8]))
        raise WrongAnswerError(
            f"the answer names several numbers: {names}; 'take: last' takes the last"
        )
    if number.value is None:
        raise WrongAnswerError(f"{number.text!r} can't be read as a number")
    return number.value, None if decimal else _ambiguity(number.text)


def _ambiguity(text: str) -> str | None:
    """How a number was read that could have been read otherwise."""
    is_plain = not set(text) & {".", ","}
    if is_plain or not all(shape.fullmatch(text) for shape in _SHAPES.values()):
        return None
    return f"{text} is read with a decimal point; 'decimal: \",\"' reads it otherwise"


def _expected(value: Any, field: str, decimal: str | None) -> Fraction:
    """What a case expects as a number.

    Raises:
        UsageError: It is none, or several.
    """
    if is_number(value):
        return Fraction(Decimal(repr(value)))
    found = find_numbers(value, decimal) if isinstance(value, str) else []
    if len(found) != 1 or found[0].value is None:
        raise UsageError(f"{field!r} is no number: {shown(value)}")
    return found[0].value


def _tolerance(text: str, is_share: bool) -> Fraction:
    return Fraction(Decimal(text)) / (100 if is_share else 1)


def _plain(number: Fraction) -> str:
    """A number in few digits."""
    try:
        return f"{float(number):.10g}"
    except OverflowError:
        return "a huge number"
