"""Tools: an answer that calls the tools it should, with the arguments it should."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pytest_modeleval.core.plain import unique_keys
from pytest_modeleval.errors import UsageError
from pytest_modeleval.scorers.base import shown
from pytest_modeleval.scorers.json_values import expected_json, first_difference
from pytest_modeleval.scorers.rules import EXPECTED, Rule, WrongAnswerError, case_value, spoken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.predictions import Prediction

__all__ = ["make_tool_calls"]

_ARGUMENTS = ("arguments", "parameters", "input")
"""What servers and models call them."""

_WRAPPED = re.compile(r"<tool_call>(.*?)</tool_call>|```(?:json)?\s(.*?)```", re.DOTALL)
_KEYS_OF_CALLS = frozenset({"name", "arguments", "id", "call_id", "type", "status"})

Arguments = Literal["equal", "subset", "ignored"]


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that is expected, or was made.

    Attributes:
        name: Name of the tool.
        arguments: Its arguments; None where any will do.
    """

    name: Any
    arguments: Any

    def __str__(self) -> str:
        if not isinstance(self.arguments, dict):
            return str(self.name) if self.arguments is None else f"{self.name}({self.arguments!r})"
        return f"{self.name}({', '.join(f'{k}={v!r}' for k, v in self.arguments.items())})"


def make_tool_calls(
    *,
    calls: Any = None,
    arguments: Arguments = "equal",
    order: Literal["same", "any"] = "same",
    more: bool = False,
    expected: str = EXPECTED,
) -> Rule:
    """The answer calls the tools that are expected, by name and arguments.

    Calls are those of ``prediction.tool_calls``, or of an output that is a list of them.

    Args:
        calls: What is expected: a tool's name, a call (``{"name": ..., "arguments": {...}}``), or
            a list of either, of which an empty one expects no call; None for what the case
            expects. Without ``arguments`` a call may have any.
        arguments: ``equal`` as JSON; ``subset`` allows further keys at any depth; ``ignored``.
        order: ``same``, or ``any``.
        more: Further calls are allowed, between the expected ones as well.
        expected: The field of the case that holds the calls.
    """

    def score(reference: Sequence[_Call], prediction: Prediction) -> Any:
        made = _made(prediction)
        if len(made) < len(reference) or (len(made) > len(reference) and not more):
            return False, f"expected {_listed(reference)}, got {_listed(made)}"
        if order == "any":
            lone = _unmatched(reference, made, arguments)
            why = None if lone is None else f"expected {lone}, got {_listed(made)}"
            return lone is None, why
        why = _difference_in_order(reference, made, arguments, more=more)
        return why is None, why

    if calls is not None:
        given = _read_calls(calls, "calls")
        return Rule(score, lambda _: given)

    def reference(case: Case) -> Sequence[_Call]:
        return _read_calls(case_value(case, expected), expected)

    return Rule(score, reference)


def _made(prediction: Prediction) -> list[_Call]:
    """The calls that an answer makes; none where it is text, or data that hold no call.

    Raises:
        WrongAnswerError: What stands beside a call is none, and may be one that nobody can read.
    """
    calls = prediction.tool_calls
    items: Sequence[Any] = _items(prediction.output) if calls is None else calls
    made = [_made_call(item) for item in items]
    for number, (item, call) in enumerate(zip(items, made, strict=True), start=1):
        if call is None and (any(made) or calls):
            raise WrongAnswerError(f"item {number} of the answer is no call: {shown(item)}")
    return [call for call in made if call is not None]


def _items(output: Any) -> Sequence[Any]:
    """The items of an answer that may be calls, be it JSON or the text of it."""
    if isinstance(output, str):
        text = spoken(output)
        wrapped = [found[1] or found[2] for found in _WRAPPED.finditer(text)]
        try:
            values = [json.loads(one) for one in wrapped or [text]]
        except (ValueError, RecursionError):
            return []
        output = values[0] if len(values) == 1 else values
    if isinstance(output, dict):
        calls = output.get("tool_calls")
        return calls if isinstance(calls, list) else [output]
    return output if isinstance(output, list) else []


def _made_call(item: Any) -> _Call | None:
    """A call in our form or in that of OpenAI's servers; None for anything else."""
    call = item.get("function") if isinstance(item, dict) and "function" in item else item
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        return None
    named = [key for key in _ARGUMENTS if key in call]
    if not named and not set(call) <= _KEYS_OF_CALLS:
        return None
    arguments = call[named[0]] if named else None
    if isinstance(arguments, str) and arguments:
        with suppress(ValueError, RecursionError):
            arguments = json.loads(arguments, object_pairs_hook=unique_keys)
    return _Call(call["name"], {} if arguments in (None, "") else arguments)


def _read_calls(value: Any, field: str) -> tuple[_Call, ...]:
    """What is expected, as calls.

    Raises:
        UsageError: It is no call, or holds what is none.
    """
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        value = expected_json(value, field)
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(_read_call(item, field) for item in values)


def _read_call(value: Any, field: str) -> _Call:
    if isinstance(value, str) and value.strip():
        return _Call(value.strip(), None)
    is_call = isinstance(value, dict) and isinstance(value.get("name"), str)
    if not is_call or not {"name", "arguments"} >= set(value):
        raise UsageError(
            f'{field!r}: a call is a tool\'s name or {{"name": ..., "arguments": {{...}}}}, not '
            f"{shown(value)}"
        )
    wanted = value.get("arguments")
    if isinstance(wanted, str):  # as servers send them
        wanted = expected_json(wanted, field)
    if wanted is not None and not isinstance(wanted, dict):
        raise UsageError(f"{field!r}: the arguments of a call are a mapping, not {shown(wanted)}")
    return _Call(value["name"], wanted)


def _difference(expected: _Call, made: _Call, arguments: Arguments) -> str | None:
    """What is wrong with a call, in a sentence; None where it is the one expected."""
    if made.name != expected.name:
        return f"expected {expected}, got {made}"
    if expected.arguments is None or arguments == "ignored":
        return None
    if isinstance(made.arguments, str):
        return f"the arguments of {made.name} are no JSON: {shown(made.arguments)}"
    subset = arguments == "subset"
    found = first_difference(expected.arguments, made.arguments, subset=subset, path=made.name)
    return found and f"arguments of {found}"


def _difference_in_order(
    expected: Sequence[_Call], made: Sequence[_Call], arguments: Arguments, *, more: bool
) -> str | None:
    """What is wrong with the first call that is; None where all are there, in order."""
    place = 0
    for index, wanted in enumerate(expected):
        why = None
        for there in made[place:]:
            place += 1
            why = _difference(wanted, there, arguments)
            if why is None or not more:
                break
        else:
            why = f"expected {wanted}, got {_listed(made)}"
        if why is not None:
            return f"call {index + 1}: {why}" if len(expected) > 1 else why
    return None


def _unmatched(
    expected: Sequence[_Call], made: Sequence[_Call], arguments: Arguments
) -> _Call | None:
    """An expected call that no call is left for; None where each has its own.

    Augmenting paths (Kuhn 1955): with ``subset`` a call may serve several, so that taking the
    first that fits would leave others without.
    """
    taken: dict[int, int] = {}

    def place(index: int, tried: set[int]) -> bool:
        for there, call in enumerate(made):
            if there not in tried and _difference(expected[index], call, arguments) is None:
                tried.add(there)
                if there not in taken or place(taken[there], tried):
                    taken[there] = index
                    return True
        return False

    return next((call for index, call in enumerate(expected) if not place(index, set())), None)


def _listed(calls: Sequence[_Call]) -> str:
    text = ", ".join(map(str, calls[:5]))
    return (text[:300] + (", ..." if len(calls) > 5 or len(text) > 300 else "")) or "no call"
