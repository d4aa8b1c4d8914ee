"""Replies: the bodies of OpenAI-compatible servers, read as predictions.

Nothing in a body is taken for granted: servers of many makes send them, and the SDK checks none.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.plain import NotPlainError, clean_text, plain
from pytest_modeleval.core.predictions import Prediction, Usage
from pytest_modeleval.models.base import AttemptError, short

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_chat_completion", "read_embeddings", "read_response", "read_usage"]


def read_chat_completion(data: Any, *, wants_json: bool = False, **clocks: float) -> Prediction:
    """The body of a chat completion as a prediction, with these of its fields.

    The output is the text; where the model answered with tool calls alone, these. Text that was
    asked for as JSON is read as JSON where it is.

    Raises:
        AttemptError: The body holds no answer.
    """
    _check_body(data)
    choices = data.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(message, dict):
        raise AttemptError("bad_body", "the completion has no choices; is this a chat model?")
    reason = first.get("finish_reason")
    calls = message.get("tool_calls")
    functions = [call.get("function") for call in _mappings(calls)]
    return _answer(
        data,
        text=message.get("content"),
        calls=[_read_call(function) for function in _mappings(functions)],
        refusal=message.get("refusal"),
        finish_reason=reason if isinstance(reason, str) else None,
        wants_json=wants_json,
        clocks=clocks,
    )


def read_response(data: Any, *, wants_json: bool = False, **clocks: float) -> Prediction:
    """The body of OpenAI's responses endpoint as a prediction; see ``read_chat_completion``.

    Raises:
        AttemptError: The body holds no answer.
    """
    _check_body(data)
    output = data.get("output")
    if not isinstance(output, list):
        raise AttemptError("bad_body", "the response has no output; is this the right address?")
    items = _mappings(output)
    parts = [part for item in items for part in _mappings(item.get("content"))]
    texts = [part.get("text") for part in parts if part.get("type") == "output_text"]
    refusals = [part.get("refusal") for part in parts if part.get("type") == "refusal"]
    details = data.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    cause = reason if isinstance(reason, str) else None
    stopped = {"max_output_tokens": "length", None: None if texts else data.get("status")}
    return _answer(
        data,
        text="".join(text for text in texts if isinstance(text, str)),
        calls=[_read_call(item) for item in items if item.get("type") == "function_call"],
        refusal=refusals[0] if refusals else None,
        finish_reason=stopped.get(cause, cause),
        wants_json=wants_json,
        clocks=clocks,
    )


def read_embeddings(data: Any, *, wants_json: bool = False, **clocks: float) -> Prediction:
    """The body of an embeddings endpoint as a prediction: its output is a list of vectors.

    Raises:
        AttemptError: The body holds no vectors of numbers.
    """
    del wants_json
    _check_body(data)
    items = _mappings(data.get("data"))
    try:
        found = {item.get("index", place): item["embedding"] for place, item in enumerate(items)}
        output = [[float(number) for number in found[place]] for place in range(len(items))]
    except (KeyError, TypeError, ValueError):
        output = []
    if not output:
        raise AttemptError("bad_body", "the answer has no embeddings; is this an embedding model?")
    model = data.get("model")
    return Prediction(
        output=output,
        usage=read_usage(data.get("usage")),
        model=plain(model) if isinstance(model, str) else None,
        **clocks,  # type: ignore[arg-type]
    )


def read_usage(usage: Any) -> Usage | None:
    """Tokens as a server counts them; None unless both counts are numbers."""
    if not isinstance(usage, dict):
        return None
    is_chat = "prompt_tokens" in usage
    names = ("prompt_tokens", "completion_tokens") if is_chat else ("input_tokens", "output_tokens")
    n_input, n_output = usage.get(names[0]), usage.get(names[1])
    if n_output is None and names[1] not in usage and is_chat:
        n_output = 0  # an embedding has none
    if type(n_input) is not int or type(n_output) is not int or min(n_input, n_output) < 0:
        return None
    return Usage(
        input_tokens=n_input,
        output_tokens=n_output,
        cached_input_tokens=_detail(usage, f"{names[0]}_details", "cached_tokens"),
        reasoning_tokens=_detail(usage, f"{names[1]}_details", "reasoning_tokens"),
    )


def _check_body(data: Any) -> None:
    """Refuse a body that is an error in spite of its status."""
    if not isinstance(data, dict):
        raise AttemptError("bad_body", f"the server answered {short(data)}, not a completion")
    error = data.get("error")
    if error:
        text = error.get("message") if isinstance(error, dict) else error
        raise AttemptError("bad_body", f"the server answered with an error: {short(text)}")


def _answer(
    data: Mapping[str, Any],
    *,
    text: Any,
    calls: list[dict[str, Any]],
    refusal: Any,
    finish_reason: str | None,
    wants_json: bool,
    clocks: Mapping[str, float],
) -> Prediction:
    """What was answered, or why that is no answer; both were paid for."""
    model, tier = data.get("model"), data.get("service_tier")
    known: dict[str, Any] = {
        **clocks,
        "usage": read_usage(data.get("usage")),
        "model": plain(model) if isinstance(model, str) else None,
        "service_tier": plain(tier) if isinstance(tier, str) else None,
        "finish_reason": None if finish_reason is None else clean_text(str(finish_reason)),
        "tool_calls": tuple(calls) or None,
    }
    has_text = isinstance(text, str) and bool(text)
    if has_text and not (finish_reason == "length" and wants_json):
        return Prediction(output=_as_json(text) if wants_json else plain(text), **known)
    stopped = f" (finish_reason {finish_reason})" if finish_reason else ""
    billed = Prediction(output="", **known)
    if has_text:
        raise AttemptError("truncated", f"the JSON was cut off{stopped}", billed=billed)
    if refusal:
        raise AttemptError("refused", f"the model refused: {short(refusal)}", billed=billed)
    if calls:
        if finish_reason == "length" and isinstance(calls[-1]["arguments"], str):
            message = f"the arguments of the tool call were cut off{stopped}"
            raise AttemptError("truncated", message, billed=billed)
        return Prediction(output=calls, **known)
    if finish_reason == "content_filter":
        raise AttemptError("refused", f"the answer was filtered{stopped}", billed=billed)
    if finish_reason == "length":
        more = "all tokens were spent before the answer began; allow more of them"
        raise AttemptError("truncated", f"{more}{stopped}", billed=billed)
    raise AttemptError("no_answer", f"the completion has no text{stopped}", billed=billed)


def _read_call(function: Mapping[str, Any]) -> dict[str, Any]:
    """A tool call as name and arguments, the arguments read where they are JSON."""
    name, arguments = function.get("name"), function.get("arguments")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"name": plain(name) if isinstance(name, str) else None, "arguments": _as_json(text)}


def _as_json(text: str) -> Any:
    """The value that a text holds as JSON, or the text itself."""
    try:
        return plain(json.loads(text))
    except (ValueError, RecursionError, NotPlainError):
        return plain(text)


def _mappings(values: Any) -> list[Mapping[str, Any]]:
    """The mappings among the items of a list; none where it is no list."""
    return [value for value in values if isinstance(value, dict)] if type(values) is list else []


def _detail(usage: Mapping[str, Any], group: str, name: str) -> int:
    details = usage.get(group)
    count = details.get(name) if isinstance(details, dict) else None
    return count if type(count) is int and count >= 0 else 0
