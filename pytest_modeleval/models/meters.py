"""Meters: count the tokens of an OpenAI client that belongs to the application.

A metered client works as before. Each of its calls is entered in the ledger of the case that it
was made for, so that an application which makes three calls for a case, and returns nothing but
its answer, is known to have cost their sum.
"""

from __future__ import annotations

import contextvars
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_modeleval.core.predictions import Prediction, Usage, total_cost
from pytest_modeleval.errors import UsageError
from pytest_modeleval.models.endpoints import price_list_url
from pytest_modeleval.models.prices import price_of
from pytest_modeleval.models.replies import read_usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from pytest_modeleval.settings import Price

__all__ = ["Ledger", "MeteredCall", "add_up", "entered_in", "meter", "metered_test", "take_strays"]


_Client = TypeVar("_Client")

_BY_TOKENS = (
    *("/completions", "/responses", "/embeddings", "/speech", "/transcriptions", "/translations"),
    *("/generations", "/edits", "/variations"),
)
"""Ends of the paths whose calls are billed, whatever their results look like."""


@dataclass(slots=True, kw_only=True)
class MeteredCall:
    """One call of a metered client.

    Attributes:
        url: The server's address.
        is_judge: The client judges answers, and its cost is kept apart.
        asked_model: Name of the model that was asked, or None where the call names none.
        model: Name of the model that answered, or None.
        service_tier: The tier it was served at, or None.
        usage: Tokens; None where the server has not said, or not yet.
        is_billed: Nobody bills an answer that is an error, or a list of models.
    """

    url: str
    is_judge: bool = False
    asked_model: str | None = None
    model: str | None = None
    service_tier: str | None = None
    usage: Usage | None = None
    is_billed: bool = True

    def note(self, body: Any) -> None:
        """Take what a body, a chunk or an event says of the call."""
        if not isinstance(body, dict):
            return
        body = body["response"] if isinstance(body.get("response"), dict) else body
        for name in ("model", "service_tier"):
            if isinstance(body.get(name), str):
                setattr(self, name, body[name])
        self.usage = read_usage(body.get("usage")) or self.usage


@dataclass(slots=True)
class Ledger:
    """The metered calls of one case."""

    calls: list[MeteredCall] = field(default_factory=list)

    def of(self, *, is_judge: bool) -> list[MeteredCall]:
        """The calls of judges, or of all others."""
        return [call for call in self.calls if call.is_billed and call.is_judge == is_judge]


@dataclass(slots=True)
class _Test:
    """The test that this process runs; contexts hold this and not its ledger, as they may outlive it.

    Attributes:
        ledger: Its ledger; None between tests.
        thread: The thread that it runs in.
        has_all: What is called in a thread or task that knows of no case is its own too.
    """

    ledger: Ledger | None = None
    thread: int = 0
    has_all: bool = False


_test = _Test()
_case: contextvars.ContextVar[Ledger | _Test | None]
_case = contextvars.ContextVar("model_eval", default=None)
_strays = Ledger()


def meter(client: _Client, *, judge: bool = False) -> _Client:
    """Count the calls of a client of the openai SDK from now on, and give the client back.

    Calls are entered for the case during which they are made, also where cases run concurrently:
    in the task or thread in which the model was called, and in tasks that it starts. Threads that
    the application starts itself have to be given the context (``contextvars.copy_context``).

    Args:
        client: An ``OpenAI`` or ``AsyncOpenAI``, or a client derived from one. What
            ``with_options`` makes of it is metered too; what was made of it before is not.
        judge: The client judges answers: what it costs is kept apart from what the answers cost.

    Raises:
        UsageError: It is no such client.
    """
    import openai

    kind: Any = type(client)
    if not isinstance(client, openai.OpenAI | openai.AsyncOpenAI):
        raise UsageError(
            f"meter: a {kind.__qualname__} is no client of the openai SDK (OpenAI or AsyncOpenAI)"
        )
    original = getattr(kind, "_model_eval_original", kind)
    method = _request_async if isinstance(client, openai.AsyncOpenAI) else _request
    members = {"request": method, "_model_eval_original": original, "_model_eval_judge": judge}
    # A class of its own, since copies of a client are made by calling its class.
    client.__class__ = type(original.__name__, (original,), members)
    return client


@contextmanager
def entered_in(ledger: Ledger) -> Iterator[None]:
    """Enter what a model calls inside the block in this ledger."""
    token = _case.set(ledger)
    try:
        yield
    finally:
        _case.reset(token)


@contextmanager
def metered_test(ledger: Ledger, *, has_all: bool) -> Iterator[None]:
    """Enter what a test calls inside the block in this ledger.

    Args:
        ledger: The ledger.
        has_all: Also what is called in a thread or task that knows of no case.
    """
    _test.ledger, _test.thread, _test.has_all = ledger, threading.get_ident(), has_all
    token = _case.set(_test)
    try:
        yield
    finally:
        _case.reset(token)
        _test.ledger, _test.thread, _test.has_all = None, 0, False


def _ledger() -> Ledger:
    """The ledger of the case that this code runs for."""
    case = _case.get()
    if isinstance(case, Ledger):
        return case
    is_test = case is _test or _test.has_all or _test.thread == threading.get_ident()
    return (_test.ledger if is_test else None) or _strays


def take_strays() -> list[MeteredCall]:
    """The calls so far that were made for no case, each handed out once."""
    strays, _strays.calls = _strays.calls, []
    return [call for call in strays if call.is_billed]


def add_up(calls: Iterable[MeteredCall], prices: Mapping[str, Price]) -> Prediction | None:
    """Tokens and cost of several calls as those of one answer; None for no calls.

    Cost and tokens are unknown as soon as one call's are.
    """
    calls = list(calls)
    if not calls:
        return None
    costs = [_cost(call, prices) for call in calls]
    usages = [call.usage for call in calls if call.usage is not None]
    counts = {name: sum(getattr(usage, name) for usage in usages) for name in Usage.__slots__}
    models = {call.model for call in calls}
    unit_prices = costs[0].unit_prices
    sources = sorted({cost.source for cost in costs if cost.source is not None})
    usd = total_cost([cost.usd for cost in costs])
    return Prediction(
        output=None,
        usage=Usage(**counts) if len(usages) == len(calls) else None,
        cost_usd=usd,
        cost_source="+".join(sources) if usd is not None else None,
        unit_prices=unit_prices if all(cost.unit_prices == unit_prices for cost in costs) else None,
        model=", ".join(sorted(model for model in models if model)) or None,
    )


def _cost(call: MeteredCall, prices: Mapping[str, Price]) -> Any:
    answer = Prediction(
        output=None, usage=call.usage, model=call.model, service_tier=call.service_tier
    )
    return price_of(
        answer,
        asked_model=call.asked_model or call.model or "",
        price_list_url=price_list_url(call.url),
        prices=prices,
    )


# The methods of a metered client; ``request`` is what all of the SDK's resources call.


def _request(self: Any, cast_to: Any, options: Any, **kwargs: Any) -> Any:
    with _entered(self, options) as call:
        result = self._model_eval_original.request(self, cast_to, options, **kwargs)
        if _note(call, result, options):
            result._iterator = _watched(result._iterator, call)  # noqa: SLF001  (there is no public way)
    return result


async def _request_async(self: Any, cast_to: Any, options: Any, **kwargs: Any) -> Any:
    with _entered(self, options) as call:
        result = await self._model_eval_original.request(self, cast_to, options, **kwargs)
        if _note(call, result, options):
            result._iterator = _watched_async(result._iterator, call)  # noqa: SLF001  (as above)
    return result


@contextmanager
def _entered(client: Any, options: Any) -> Iterator[MeteredCall]:
    """A call, entered from its beginning, since one that is cut off may have been billed."""
    import openai

    asked = options.json_data.get("model") if isinstance(options.json_data, dict) else None
    call = MeteredCall(
        url=str(client.base_url),
        is_judge=client._model_eval_judge,  # noqa: SLF001
        asked_model=asked if isinstance(asked, str) else None,
    )
    call.is_billed = str(options.method).lower() == "post"  # to look at an answer again is free
    _ledger().calls.append(call)
    try:
        yield call
    except openai.APIStatusError:
        call.is_billed = False  # nobody bills an answer that is an error
        raise
    except Exception as error:
        # What came may be no answer to the application, and was billed all the same.
        call.note(_body(getattr(error, "completion", None)))
        raise


def _note(call: MeteredCall, result: Any, options: Any) -> bool:
    """Note what a result says of its call, and give whether it is a stream that will say more."""
    is_stream, is_raw = hasattr(result, "_iterator"), hasattr(result, "http_response")
    has_usage = hasattr(result, "usage") or (isinstance(result, dict) and "usage" in result)
    path = str(options.url).partition("?")[0].rstrip("/")
    call.is_billed &= is_stream or is_raw or has_usage or path.endswith(_BY_TOKENS)
    call.note(_raw_body(result) if is_raw else _body(result))
    return is_stream


def _body(result: Any) -> Any:
    """What a result, a chunk or an event of the SDK says, as far as it is of use."""
    if isinstance(result, dict):  # the application asked for it as it came
        return result
    result = getattr(result, "response", None) or result
    body = {name: getattr(result, name, None) for name in ("model", "service_tier", "usage")}
    dump = getattr(body["usage"], "model_dump", None)
    if callable(dump):
        body["usage"] = dump(warnings=False)  # servers send what the SDK's types do not allow
    return body


def _raw_body(result: Any) -> Any:
    try:
        return result.http_response.json()
    except Exception:  # noqa: BLE001  (a body that is not read, or no JSON: the usage is unknown)
        return None


def _watched(chunks: Iterator[Any], call: MeteredCall) -> Iterator[Any]:
    for chunk in chunks:
        call.note(_body(chunk))
        yield chunk


async def _watched_async(chunks: AsyncIterator[Any], call: MeteredCall) -> AsyncIterator[Any]:
    async for chunk in chunks:
        call.note(_body(chunk))
        yield chunk
