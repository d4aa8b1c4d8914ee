"""Answers: what a model's own code returned, read as a prediction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_modeleval.core.plain import NotPlainError, clean_text, plain
from pytest_modeleval.core.predictions import Prediction
from pytest_modeleval.models.base import AttemptError
from pytest_modeleval.models.replies import read_chat_completion, read_response

__all__ = ["read_answer"]


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
    return Prediction(output=output, **_known(prediction, latency_s))


def _known(prediction: Prediction, latency_s: float | None) -> dict[str, Any]:
    """What a user's prediction says beside its output, as plain data."""
    known: dict[str, Any] = {"usage": prediction.usage}
    for name in ("latency_s", "cost_usd", "ttft_s"):  # numpy's numbers become Python's
        value = getattr(prediction, name)
        known[name] = None if value is None else float(value)
    for name in ("model", "cost_source", "finish_reason", "service_tier"):
        value = getattr(prediction, name)
        known[name] = None if value is None else clean_text(str(value))
    if prediction.tool_calls is not None:
        try:
            known["tool_calls"] = tuple(plain(list(prediction.tool_calls))) or None
        except NotPlainError as error:
            raise AttemptError(
                "bad_answer", f"tool_calls hold {error}, which JSON cannot hold"
            ) from None
    if known["latency_s"] is None:
        known["latency_s"] = latency_s
    return known


def _read_sdk_object(value: Any) -> Prediction:
    """A response object of the OpenAI SDK (chat completion, or response)."""
    data = value.model_dump()
    if isinstance(data, dict) and "choices" in data:
        return read_chat_completion(data)
    if isinstance(data, dict) and data.get("object") == "response":
        return read_response(data)
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    raise AttemptError(
        "bad_answer",
        f"the model returned a {kind}; return text, a JSON value or a Prediction",
    )
