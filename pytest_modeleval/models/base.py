"""The role of a model, and what one attempt at asking it can end in.

A model makes one attempt. Time-outs, retries, clocks of the whole and prices are the engine's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from pytest_modeleval.core.plain import NotPlainError, clean_text, plain
from pytest_modeleval.core.predictions import Failure, FailureKind, Prediction, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AttemptError",
    "Model",
    "describe",
    "read_answer",
    "read_chat_completion",
    "short",
    "time_out",
]


class Model(Protocol):
    """Something that answers.

    Attributes:
        name: The name it is known by in records and reports.
        max_concurrency: How many calls it takes at once, or None for as many as the settings say.
        price_list_url: Address by which public price lists know the server that answers, or None.
        queues_itself: The model holds calls back that are too many for it, and times each from
            its own beginning; a few may then wait there instead of in the engine.
    """

    name: str
    max_concurrency: int | None
    price_list_url: str | None
    queues_itself: bool

    async def predict(self, model_input: Any) -> Prediction:
        """One attempt at answering.

        Raises:
            AttemptError: There is no answer; the error says whether to try again.
            Exception: Whatever the model's own code raises.
        """

    async def close(self) -> None:
        """Give back sockets and threads."""


class AttemptError(Exception):
    """One attempt ended without an answer.

    Attributes:
        failure: What it is recorded as if it is the last one.
        can_retry: Whether another attempt may do better.
        retry_after_s: Seconds that the server asks to wait, or None.
        billed: Usage and model of an answer that is none but was billed all the same, or None.
        is_final: No further call to this model can do better: the key or the quota is at fault.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        can_retry: bool = False,
        retry_after_s: float | None = None,
        cost_usd: float | None = None,
        billed: Prediction | None = None,
        is_final: bool = False,
    ) -> None:
        super().__init__(message)
        self.failure = Failure(kind=kind, message=message, cost_usd=cost_usd)
        self.can_retry = can_retry
        self.retry_after_s = retry_after_s
        self.billed = billed
        self.is_final = is_final


def time_out(timeout_s: float) -> AttemptError:
    """The failure of an attempt that took longer than its time-out, which is its latency."""
    late = AttemptError("timeout", f"no answer within {timeout_s:g} s")
    late.failure = late.failure.timed(latency_s=timeout_s)
    return late


def read_answer(value: Any, latency_s: float | None = None) -> Prediction:
    """What a model's code returned, as a prediction of plain data.

    Text and any value that JSON holds are the output itself; a ``Prediction`` is taken as it is;
    a response object of the OpenAI SDK is read for its text, usage and model. ``latency_s`` is
    the time it took, for an answer that does not say so itself.

    Raises:
        AttemptError: It is no answer: None, or something that JSON cannot hold.
    """
    if type(value) is str and value.isascii():
        return Prediction(output=value, latency_s=latency_s)
    if not isinstance(value, Prediction) and hasattr(value, "model_dump"):
        return replace(_read_sdk_object(value), latency_s=latency_s)
    prediction = value if isinstance(value, Prediction) else Prediction(output=value)
    if prediction.output is None:
        raise AttemptError("no_answer", "the model returned None, which is no answer")
    try:
        output = plain(prediction.output)
    except NotPlainError as error:
        message = f"the model returned {error}, which JSON cannot hold; return text, a JSON value or a Prediction"
        raise AttemptError("bad_answer", message) from None
    names = ("latency_s", "cost_usd", "usage", "model", "cost_source", "finish_reason")
    known = {name: getattr(prediction, name) for name in names}
    for name in ("latency_s", "cost_usd"):  # numpy's numbers become Python's
        known[name] = None if known[name] is None else float(known[name])
    for name in ("model", "cost_source", "finish_reason"):
        known[name] = None if known[name] is None else clean_text(str(known[name]))
    if known["latency_s"] is None:
        known["latency_s"] = latency_s
    return Prediction(output=output, **known)


def _read_sdk_object(value: Any) -> Prediction:
    """A response object of the OpenAI SDK (chat completion, or response)."""
    data = value.model_dump()
    if isinstance(data, dict) and "choices" in data:
        return read_chat_completion(data)
    text = getattr(value, "output_text", None)
    if isinstance(data, dict) and isinstance(text, str):
        answer = _prediction(text, data, "input_tokens", "output_tokens")
        if not text:
            raise AttemptError("no_answer", "the response has no text", billed=answer)
        return answer
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    raise AttemptError(
        "bad_answer",
        f"the model returned a {kind}; return text, a JSON value or a Prediction",
    )


def read_chat_completion(data: Any) -> Prediction:
    """The body of a chat completion as a prediction; nothing of it is taken for granted.

    Raises:
        AttemptError: The body holds no answer.
    """
    if not isinstance(data, dict):
        raise AttemptError("bad_body", f"the server answered {short(data)}, not a completion")
    error = data.get("error")
    if error:
        text = error.get("message") if isinstance(error, dict) else error
        raise AttemptError("bad_body", f"the server answered with an error: {short(text)}")
    choices = data.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(message, dict):
        raise AttemptError("bad_body", "the completion has no choices; is this a chat model?")
    content, reason = message.get("content"), first.get("finish_reason")
    if isinstance(content, str) and content:
        stop = reason if isinstance(reason, str) else None
        return _prediction(content, data, "prompt_tokens", "completion_tokens", stop)
    billed = _prediction("", data, "prompt_tokens", "completion_tokens")
    if message.get("refusal"):
        said = f"the model refused: {short(message['refusal'])}"
        raise AttemptError("refused", said, billed=billed)
    stopped = f" (finish_reason {reason})" if reason else ""
    raise AttemptError("no_answer", f"the completion has no text{stopped}", billed=billed)


def _prediction(
    text: str, data: Mapping[str, Any], input_key: str, output_key: str, reason: str | None = None
) -> Prediction:
    model = data.get("model")
    return Prediction(
        output=plain(text),
        usage=_read_usage(data.get("usage"), input_key, output_key),
        model=plain(model) if isinstance(model, str) else None,
        finish_reason=reason,
    )


def _read_usage(usage: Any, input_key: str, output_key: str) -> Usage | None:
    """Tokens as the server counts them; None unless both counts are numbers."""
    if not isinstance(usage, dict):
        return None
    n_input, n_output = usage.get(input_key), usage.get(output_key)
    if type(n_input) is not int or type(n_output) is not int or min(n_input, n_output) < 0:
        return None
    return Usage(
        input_tokens=n_input,
        output_tokens=n_output,
        cached_input_tokens=_detail(usage, f"{input_key}_details", "cached_tokens"),
        reasoning_tokens=_detail(usage, f"{output_key}_details", "reasoning_tokens"),
    )


def _detail(usage: Mapping[str, Any], group: str, name: str) -> int:
    details = usage.get(group)
    count = details.get(name) if isinstance(details, dict) else None
    return count if type(count) is int and count >= 0 else 0


def describe(error: BaseException) -> str:
    """An exception on one line: its type, and what it says if it says anything."""
    return f"{type(error).__name__}: {short(error)}".removesuffix(": ")


def short(value: object) -> str:
    """A text on one line of at most 200 characters, for a message."""
    try:
        text = " ".join(clean_text(str(value)).split())
    except Exception:  # noqa: BLE001  (an exception of a user's class that can't even be shown)
        text = f"a {type(value).__name__} that can't be shown"
    return text if len(text) <= 200 else text[:197] + "..."
