"""Requests: a case's input and the suite's parameters as the JSON that a server wants."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.plain import NotPlainError, plain
from pytest_modeleval.errors import UsageError, did_you_mean
from pytest_modeleval.models.base import AttemptError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ChatRequests", "EmbeddingRequests", "Requests", "ResponseRequests"]

_OURS = ("model", "messages", "input", "n", "background")
"""What a suite can't set: the case says it, or there would be several answers or none."""

_NOT_OF_CASES = frozenset({"model", "n", "background", "stream", "stream_options"})
"""What a case that is a whole request doesn't set: a suite's answers are asked for in one way."""

_MAPPINGS = {"extra_body", "json_schema", "reasoning", "text", "stream_options"}
_SYNONYMS = (
    ("json_schema", "response_format"),
    ("max_tokens", "max_completion_tokens", "max_output_tokens"),
)


_to_json = json.JSONEncoder(ensure_ascii=False).encode


class Requests:
    """Makes the bodies of one model's requests.

    Args:
        model: The model's name at the server.
        system: Instructions that come before every case; None for none.
        parameters: What else each request says, by the API's own names. ``json_schema`` stands
            for a strict ``response_format`` of that schema; ``extra_body`` holds what a server
            knows beyond OpenAI's API.
        where: Where the user wrote the parameters; messages begin with it.

    Attributes:
        path: The endpoint's path below the base URL.
        is_streamed: The answers are to come in pieces.
        wants_json: The answers are to be JSON.

    Raises:
        UsageError: A parameter is unknown, or not for suites to set.
    """

    path: str
    _renamed: Mapping[str, str] = {}

    def __init__(
        self,
        model: str,
        *,
        system: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        where: str = "parameters",
    ) -> None:
        given = self._checked(parameters or {}, where)
        self.model = model
        self._system = system
        self.is_streamed = bool(given.get("stream"))
        self._parameters = self._translate(given, where)
        self.wants_json = self._asks_for_json()

    def body(self, model_input: Any) -> bytes:
        """The request for one case.

        Raises:
            AttemptError: The input is nothing that can be asked.
        """
        question = self._question(model_input)
        if isinstance(model_input, dict):
            question = {key: question[key] for key in question if key not in _NOT_OF_CASES}
        request = {"model": self.model, **self._parameters, **question}
        return _to_json(request).encode("utf-8", "replace")

    @property
    def max_output_tokens(self) -> int | None:
        """The most tokens that an answer may have, where the parameters say."""
        names = ("max_completion_tokens", "max_output_tokens", "max_tokens")
        counts = [self._parameters.get(name) for name in names]
        return next((count for count in counts if type(count) is int), None)

    def _checked(self, parameters: Mapping[str, Any], where: str) -> dict[str, Any]:
        """The parameters as plain data, each of them one that the API knows."""
        if not parameters:
            return {}
        names = {*self._known(), *self._renamed, "json_schema", "stream", "extra_body"} - set(_OURS)
        for name in parameters:
            if name in _OURS:
                raise UsageError(f"{where}: {name} can't be set for a suite")
            if name not in names:
                hint = did_you_mean(str(name), sorted(names))
                more = "what only your server knows goes into extra_body"
                message = f"there is no parameter {name!r} at {self.path}{hint}; {more}"
                raise UsageError(f"{where}: {message}")
        _check_values(parameters, where)
        try:
            return dict(plain(dict(parameters)))
        except NotPlainError as error:
            message = f"the parameters hold {error}, which JSON cannot hold"
            raise UsageError(f"{where}: {message}") from None

    def _question(self, model_input: Any) -> Mapping[str, Any]:
        raise NotImplementedError

    def _known(self) -> list[str]:
        """The API's parameters, as the SDK lists them."""
        raise NotImplementedError

    def _translate(self, given: dict[str, Any], where: str) -> dict[str, Any]:
        """The parameters in the words of this endpoint."""
        raise NotImplementedError

    def _asks_for_json(self) -> bool:
        raise NotImplementedError


class ChatRequests(Requests):
    """Chat completions."""

    path = "/chat/completions"

    def _known(self) -> list[str]:
        from openai.types.chat.completion_create_params import CompletionCreateParamsBase

        return list(CompletionCreateParamsBase.__annotations__)

    def _translate(self, given: dict[str, Any], where: str) -> dict[str, Any]:
        del where
        schema = given.pop("json_schema", None)
        if schema is not None:
            named = {"name": "answer", "strict": True, "schema": schema}
            given["response_format"] = {"type": "json_schema", "json_schema": named}
        if given.get("stream"):
            given.setdefault("stream_options", {"include_usage": True})
        return _merged(given)

    def _asks_for_json(self) -> bool:
        wanted = self._parameters.get("response_format")
        return isinstance(wanted, dict) and str(wanted.get("type")).startswith("json")

    def _question(self, model_input: Any) -> Mapping[str, Any]:
        if isinstance(model_input, dict):
            if "messages" not in model_input:
                raise _no_question("messages", model_input)
            messages = model_input["messages"]
            return {**model_input, "messages": self._with_system(messages)}
        return {"messages": self._with_system(_messages(model_input))}

    def _with_system(self, messages: Any) -> Any:
        """The system prompt before the messages, unless they begin with one of their own."""
        if self._system is None or not isinstance(messages, list) or _has_system(messages):
            return messages
        return [{"role": "system", "content": self._system}, *messages]


class ResponseRequests(Requests):
    """OpenAI's responses endpoint, with the chat endpoint's names for the same parameters."""

    path = "/responses"
    _renamed = {  # noqa: RUF012  (a table, never changed)
        "max_tokens": "max_output_tokens",
        "max_completion_tokens": "max_output_tokens",
        "reasoning_effort": "reasoning",
        "verbosity": "text",
        "response_format": "text",
        "json_schema": "text",
    }

    def _known(self) -> list[str]:
        from openai.types.responses.response_create_params import ResponseCreateParamsBase

        return list(ResponseCreateParamsBase.__annotations__)

    def _translate(self, given: dict[str, Any], where: str) -> dict[str, Any]:
        for name in ("max_tokens", "max_completion_tokens"):
            if name in given:
                given["max_output_tokens"] = given.pop(name)
        if "reasoning_effort" in given:
            effort = {"effort": given.pop("reasoning_effort")}
            given["reasoning"] = {**given.get("reasoning", {}), **effort}
        text = dict(given.get("text", {}))
        if "verbosity" in given:
            text["verbosity"] = given.pop("verbosity")
        schema = given.pop("json_schema", None)
        wanted = given.pop("response_format", None)
        if schema is not None:
            text["format"] = {
                "type": "json_schema",
                "name": "answer",
                "strict": True,
                "schema": schema,
            }
        elif wanted is not None:
            text["format"] = _flat(wanted, "json_schema", f"{where}: response_format")
        if text:
            given["text"] = text
        if isinstance(given.get("tools"), list):
            given["tools"] = [_flat(tool, "function", f"{where}: tools") for tool in given["tools"]]
        if isinstance(given.get("tool_choice"), dict):
            given["tool_choice"] = _flat(given["tool_choice"], "function", f"{where}: tool_choice")
        return _merged(given)

    def _asks_for_json(self) -> bool:
        text = self._parameters.get("text")
        wanted = text.get("format") if isinstance(text, dict) else None
        return isinstance(wanted, dict) and str(wanted.get("type")).startswith("json")

    def _question(self, model_input: Any) -> Mapping[str, Any]:
        if isinstance(model_input, dict):
            if "input" not in model_input:
                raise _no_question("input", model_input)
            return self._with_instructions(model_input["input"]) | model_input
        given = model_input if isinstance(model_input, str) else _messages(model_input)
        return self._with_instructions(given)

    def _with_instructions(self, given: Any) -> dict[str, Any]:
        """The system prompt beside the input, unless that or the parameters hold one."""
        is_told = "instructions" in self._parameters
        if self._system is None or is_told or (isinstance(given, list) and _has_system(given)):
            return {"input": given}
        return {"input": given, "instructions": self._system}


class EmbeddingRequests(Requests):
    """Embeddings: the input is a text or a list of texts, the answer a vector for each."""

    path = "/embeddings"

    @property
    def max_output_tokens(self) -> int:
        """Vectors are no tokens."""
        return 0

    def _known(self) -> list[str]:
        from openai.types.embedding_create_params import EmbeddingCreateParams

        return list(EmbeddingCreateParams.__annotations__)

    def _translate(self, given: dict[str, Any], where: str) -> dict[str, Any]:
        for name in ("stream", "json_schema"):
            if name in given:
                raise UsageError(f"{where}: there is no {name} at {self.path}")
        return {"encoding_format": "float"} | _merged(given)

    def _asks_for_json(self) -> bool:
        return False

    def _question(self, model_input: Any) -> Mapping[str, Any]:
        texts = [model_input] if isinstance(model_input, str) else model_input
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise AttemptError(
                "bad_request",
                f"the input is a {type(model_input).__name__}; an embedding model is asked with "
                "text, or with a list of texts",
                cost_usd=0.0,
            )
        return {"input": texts}


def _check_values(parameters: Mapping[str, Any], where: str) -> None:
    """Refuse values that would break a request, and two words for one thing."""
    for name in parameters.keys() & _MAPPINGS:
        if not isinstance(parameters[name], dict):
            raise UsageError(f"{where}: {name} is a mapping, not {parameters[name]!r}")
    if not isinstance(parameters.get("stream", False), bool):
        raise UsageError(f"{where}: stream is true or false, not {parameters['stream']!r}")
    for name in parameters.get("extra_body", ()):
        if name in _OURS or name == "stream":
            raise UsageError(f"{where}: extra_body: {name} can't be set there")
    for words in _SYNONYMS:
        given = [word for word in words if word in parameters]
        if len(given) > 1:
            raise UsageError(f"{where}: {' and '.join(given)} set the same; keep one of them")


def _merged(given: dict[str, Any]) -> dict[str, Any]:
    """The parameters, with those that only the user's server knows beside the others."""
    extra: dict[str, Any] = given.pop("extra_body", {})
    return given | extra


def _messages(model_input: Any) -> list[Any]:
    """Text is one message of the user's; a list is the messages themselves."""
    if isinstance(model_input, str):
        return [{"role": "user", "content": model_input}]
    if isinstance(model_input, list):
        return model_input
    raise AttemptError(
        "bad_request",
        f"the input is a {type(model_input).__name__}; a chat model is asked with text, a list of "
        "messages, or a mapping that holds one",
        cost_usd=0.0,
    )


def _no_question(wanted: str, model_input: Mapping[str, Any]) -> AttemptError:
    keys = ", ".join(map(str, model_input)) or "nothing"
    return AttemptError(
        "bad_request",
        f"the input is a mapping of {keys}; one that is asked as it is holds {wanted!r}",
        cost_usd=0.0,
    )


def _has_system(messages: list[Any]) -> bool:
    roles = [message.get("role") for message in messages if isinstance(message, dict)]
    return "system" in roles or "developer" in roles


def _flat(value: Any, inner: str, where: str) -> Any:
    """``{"type": T, "function": {...}}`` as the responses endpoint has it: ``{"type": T, ...}``."""
    if not isinstance(value, dict):
        raise UsageError(f"{where} is made of mappings, not {value!r}")
    nested = value.get(inner)
    if not isinstance(nested, dict):
        return value
    return {**{key: item for key, item in value.items() if key != inner}, **nested}
