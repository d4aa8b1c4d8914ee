"""Meters: count the tokens of an OpenAI client that belongs to the application.

A metered client works as before. Each of its calls is entered in the ledger of the case that it
was made for, so that an application which makes three calls for a case, and returns nothing but
its answer, is known to have cost their sum.
"""

from __future__ import annotations

import contextvars
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

__all__ = ["Ledger", "MeteredCall", "add_up", "entered_in", "is_metering", "meter", "take_strays"]


_Client = TypeVar("_Client")


@dataclass(slots=True, kw_only=True)
class MeteredCall:
    """One call of a metered client.

    Attributes:
        url: The server's address.
        is_judge: The client judges answers, and its cost is kept apart.
        model: Name of the model that answered, or None.
        service_tier: The tier it was served at, or None.
        usage: Tokens; None where the server has not said, or not yet.
    """

    url: str
    is_judge: bool = False
    model: str | None = None
    service_tier: str | None = None
    usage: Usage | None = None

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
        return [call for call in self.calls if call.is_judge == is_judge]


_case: contextvars.ContextVar[Ledger | None] = contextvars.ContextVar("model_eval", default=None)
_strays = Ledger()
_fallback: list[Ledger] = []  # of the test that runs, for code that starts in no context of ours
_n_clients = 0


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
    global _n_clients  # noqa: PLW0603  (nothing is set up for cases while nobody meters)
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
    _n_clients += 1
    return client


def is_metering() -> bool:
    """Whether any client is metered in this process."""
    return _n_clients > 0


@contextmanager
def entered_in(ledger: Ledger, *, is_fallback: bool = False) -> Iterator[None]:
    """Enter what is called inside the block in this ledger.

    Args:
        ledger: The ledger.
        is_fallback: Also what is called in a thread or task that knows of no ledger.
    """
    token = _case.set(ledger)
    if is_fallback:
        _fallback.append(ledger)
    try:
        yield
    finally:
        _case.reset(token)
        if is_fallback:
            _fallback.remove(ledger)


def take_strays() -> list[MeteredCall]:
    """The calls so far that were made for no case, each handed out once."""
    strays, _strays.calls = _strays.calls, []
    return strays


def add_up(calls: Iterable[MeteredCall], prices: Mapping[str, Price]) -> Prediction | None:
    """Tokens and cost of several calls as those of one answer; None for no calls.

    The cost is unknown as soon as one call's is.
    """
    calls = list(calls)
    if not calls:
        return None
    costs = [_cost(call, prices) for call in calls]
    usages = [call.usage for call in calls if call.usage is not None]
    counts = {name: sum(getattr(usage, name) for usage in usages) for name in Usage.__slots__}
    models = {call.model for call in calls}
    sources = sorted({cost.source for cost in costs if cost.source is not None})
    usd = total_cost([cost.usd for cost in costs])
    return Prediction(
        output=None,
        usage=Usage(**counts) if usages else None,
        cost_usd=usd,
        cost_source="+".join(sources) if usd is not None else None,
        unit_prices=costs[0].unit_prices if len(models) == 1 else None,
        model=", ".join(sorted(model for model in models if model)) or None,
    )


def _cost(call: MeteredCall, prices: Mapping[str, Price]) -> Any:
    answer = Prediction(
        output=None, usage=call.usage, model=call.model, service_tier=call.service_tier
    )
    return price_of(
        answer,
        asked_model=call.model or "",
        price_list_url=price_list_url(call.url),
        prices=prices,
    )


# The methods of a metered client; ``request`` is what all of the SDK's resources call.


def _request(self: Any, *args: Any, **kwargs: Any) -> Any:
    result = super(type(self), self).request(*args, **kwargs)
    call = _enter(self, result)
    iterator = getattr(result, "_iterator", None)
    if call is not None and iterator is not None:
        result._iterator = _watched(iterator, call)  # noqa: SLF001  (there is no public way)
    return result


async def _request_async(self: Any, *args: Any, **kwargs: Any) -> Any:
    result = await super(type(self), self).request(*args, **kwargs)
    call = _enter(self, result)
    iterator = getattr(result, "_iterator", None)
    if call is not None and iterator is not None:
        result._iterator = _watched_async(iterator, call)  # noqa: SLF001  (as above)
    return result


def _enter(client: Any, result: Any) -> MeteredCall | None:
    """Enter a call that is billed by tokens; None for any other, such as a list of models."""
    is_stream = hasattr(result, "_iterator")
    is_raw = hasattr(result, "http_response")
    if not (is_stream or is_raw or hasattr(result, "usage")):
        return None
    call = MeteredCall(url=str(client.base_url), is_judge=client._model_eval_judge)  # noqa: SLF001
    call.note(_raw_body(result) if is_raw else _body(result))
    ledger = _case.get() or (_fallback[-1] if _fallback else _strays)
    ledger.calls.append(call)
    return call


def _body(result: Any) -> Any:
    dump = getattr(result, "model_dump", None)
    return dump() if callable(dump) else None


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
