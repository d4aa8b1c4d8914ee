"""Judge replies: the verdict in what a judge said, or the fact that there is none to be read.

A verdict is read where it is said and nothing else: as JSON, or as a last line that is the verdict.
It is never looked for inside of a word or a sentence, so that INCORRECT, "not correct" and an
answer that the judge quotes are no CORRECT.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.plain import RepeatedKeyError, clean_text, unique_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["ReplyError", "Said", "read_reply"]

_LONGEST = 1000  # characters of a reason; a record is not the place for an essay
_MAX_STARTS = 50  # lines that may begin a JSON object
_THOUGHTS = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
_LABEL = re.compile(
    r"(?:my |the )?(?:final |overall )?"
    r"(?:verdict|judge?ment|decision|answer|result|grade)\**(?: is)?\s*[:=-]?\s*",
    re.IGNORECASE,
)
_BOLD = " \t*_#"
"""What may stand around a verdict; quotes and brackets may not, since "[ ] PASS" is no PASS."""


class ReplyError(ValueError):
    """A judge's reply holds no verdict, or several that differ; the message says so."""


@dataclass(frozen=True, slots=True)
class Said:
    """One verdict of a judge.

    Attributes:
        verdict: One of the words that it could choose from.
        reason: Why, in its own words; "" where it gave none.
    """

    verdict: str
    reason: str = ""


def read_reply(output: Any, fields: Sequence[str], words: Sequence[str]) -> tuple[Said, ...]:
    """What a judge said: one verdict, or one for each field.

    Args:
        output: The reply: text, or the value of the JSON that was asked for.
        fields: Names of the verdicts wanted; none where there is one verdict.
        words: The verdicts there are.

    Raises:
        ReplyError: A verdict is missing, unknown, or contradicted by another.
    """
    if not isinstance(output, str):
        return _read_value(output, fields, words)
    text = _THOUGHTS.sub("", output, count=1).strip()
    objects = list(_objects(text))
    found = [_read_value(value, fields, words) for value, _ in objects]
    is_last = bool(objects) and objects[-1][1]
    if not fields:
        lines = [line for line in text.splitlines() if line.strip(_BOLD)]
        said = [(line, verdict) for line in lines if (verdict := _verdict_of_line(line, words))]
        is_last = is_last or bool(said and said[-1][0] is lines[-1])
        found += [(Said(word, " ".join(lines[:-1])[:_LONGEST]),) for _, word in said]
    if not found:
        raise ReplyError(f"it holds no verdict ({', '.join(words)}): {_end_of(text)}")
    if len({tuple(item.verdict for item in said) for said in found}) > 1:
        raise ReplyError(f"it holds verdicts that differ: {_end_of(text)}")
    if not is_last:  # what stands in the middle may be quoted
        raise ReplyError(f"it does not end with its verdict: {_end_of(text)}")
    return found[len(objects) - 1]  # JSON says the reason too; without any, the last line


def _read_value(value: Any, fields: Sequence[str], words: Sequence[str]) -> tuple[Said, ...]:
    """The verdicts of a JSON value of the shape that was asked for."""
    if not isinstance(value, Mapping):
        raise ReplyError(f"it is no JSON object: {_end_of(repr(value))}")
    parts = [value.get(name) for name in fields] if fields else [value]
    return tuple(_read_part(part, words) for part in parts)


def _read_part(part: Any, words: Sequence[str]) -> Said:
    verdict = part.get("verdict") if isinstance(part, Mapping) else part
    known = {word.casefold(): word for word in words}
    word = known.get(verdict.strip().casefold()) if isinstance(verdict, str) else None
    if word is None:
        raise ReplyError(f"its verdict is {_end_of(repr(verdict))}, not one of {', '.join(words)}")
    reason = part.get("reason") if isinstance(part, Mapping) else None
    return Said(word, clean_text(str(reason))[:_LONGEST] if reason else "")


def _objects(text: str) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """The JSON objects that begin a line, fenced or not, each with whether the text ends with it."""
    starts = [found.end() - 1 for found in re.finditer(r"(?m)^[ \t]*\{", text)]
    if len(starts) > _MAX_STARTS:
        raise ReplyError(f"it holds too many pieces of JSON: {_end_of(text)}")
    decoder = json.JSONDecoder(object_pairs_hook=unique_keys)
    end = 0
    for start in starts:
        if start < end:
            continue  # inside of the one before
        try:
            value, end = decoder.raw_decode(text, start)
        except RepeatedKeyError as error:  # of two verdicts neither is the verdict
            raise ReplyError(str(error)) from None
        except (ValueError, RecursionError):
            continue
        yield value, not text[end:].strip(" \t\r\n`")


def _verdict_of_line(line: str, words: Sequence[str]) -> str | None:
    """The verdict that a line is, with or without a label before it; None where it is none."""
    bare = line.strip(_BOLD).rstrip(".!" + _BOLD)
    label = _LABEL.match(bare)
    if label is not None:
        bare = bare[label.end() :].strip(_BOLD)
    known = {word.casefold(): word for word in words}
    return known.get(bare.casefold())


def _end_of(text: str) -> str:
    """The end of a reply, where its verdict should be, on one line."""
    line = " ".join(clean_text(text).split())
    return repr(line if len(line) <= 80 else f"... {line[-76:]}")
