"""Rules: how a built-in scorer compares, before it has a name, a mark and a weight."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_modeleval.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.predictions import Prediction

__all__ = [
    "EXPECTED",
    "Rule",
    "WrongAnswerError",
    "case_value",
    "kind_of",
    "short_text_of",
    "spoken",
    "text_of",
]

EXPECTED = "expected"
"""The field of a case that an answer is compared with where a suite names no other."""


_LONGEST = 100_000
_THINKING = re.compile(r"\A\s*<think(?:ing)?>(?:.*?</think(?:ing)?>\s*|.*\Z)", re.DOTALL)


class WrongAnswerError(Exception):
    """The answer is of a kind that can't be right; it scores 0, and the message is the reason."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How answers are compared with what cases expect.

    Attributes:
        score: Takes the reference and the prediction, and returns what ``read_score`` reads; may
            raise ``WrongAnswerError``. Where ``model`` is named, a coroutine function that takes
            ``ask`` as well.
        reference: Takes a case and gives what its answer is compared with; raises ``UsageError``
            where the case holds nothing of the kind. None where nothing of the case is needed.
        model: Spec of the model that is asked; None for none.
    """

    score: Callable[..., Any]
    reference: Callable[[Case], Any] | None = None
    model: str | None = None


def case_value(case: Case, field: str) -> Any:
    """What a case holds under a name.

    Raises:
        UsageError: Nothing.
    """
    try:
        value = case[field]
    except KeyError as error:
        raise UsageError(str(error.args[0])) from None
    if value is None:
        raise UsageError(f"the case has no {field!r} to compare the answer with")
    return value


def spoken(text: str) -> str:
    """A text without what a model thinks aloud before it answers (``<think>``), if it does.

    Of thoughts that broke off there is no answer.
    """
    return _THINKING.sub("", text, count=1)


def text_of(prediction: Prediction) -> str:
    """The answer as text, without the thoughts before it.

    Raises:
        WrongAnswerError: It is none.
    """
    if not isinstance(prediction.output, str):
        raise WrongAnswerError(f"the answer is {kind_of(prediction.output)}, not text")
    return spoken(prediction.output)


def short_text_of(prediction: Prediction) -> str:
    """The answer as text in which something can be looked for in reasonable time.

    Raises:
        WrongAnswerError: It is none, or of more than 100,000 characters.
    """
    text = text_of(prediction)
    if len(text) > _LONGEST:
        raise WrongAnswerError(
            f"the answer has {len(text):,} characters, and is read up to {_LONGEST:,}"
        )
    return text


def kind_of(value: Any) -> str:
    """What a value is, as JSON calls it."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "text",
        list: "a list",
        tuple: "a list",
        dict: "a mapping",
        type(None): "null",
    }
    return names.get(type(value), f"a {type(value).__name__}")
