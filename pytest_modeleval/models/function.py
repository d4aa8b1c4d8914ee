"""Models that are Python code: a callable, or an object with ``predict``, sync or async."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from typing import TYPE_CHECKING, Any

from pytest_modeleval.errors import UsageError
from pytest_modeleval.models.answers import read_answer
from pytest_modeleval.models.awaiting import wait_for
from pytest_modeleval.models.pools import ThreadPool
from pytest_modeleval.settings import CONCURRENCY, TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modeleval.core.predictions import Prediction
    from pytest_modeleval.models.base import Model

__all__ = ["FunctionModel", "as_model", "is_async"]


class FunctionModel:
    """A callable as a model.

    A sync callable runs in a thread of a pool, so that it too is concurrent. One that must not
    be called in parallel says so with an attribute: ``predict.model_eval_concurrency = 1``. Its
    calls then take their turns in such a pool also where it is async, since only a thread keeps
    its place for as long as a call hangs that does not heed its cancellation.

    Args:
        function: Takes a case's input; returns text, any JSON value, a ``Prediction``, or a
            response of the OpenAI SDK. May return an awaitable of one.
        name: The name it is known by.
        max_concurrency: Calls it takes at once, or None.
        concurrency: Calls that the run makes at once.
        timeout_s: Seconds that one call may take.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        name: str,
        max_concurrency: int | None = None,
        concurrency: int = CONCURRENCY,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.name = self.billed_as = name
        self.limit_key = object()
        self.max_concurrency = max_concurrency
        self.price_list_url: str | None = None
        self.queues_itself = max_concurrency is not None or not is_async(function)
        self.is_contained = self.queues_itself  # a thread has a context of its own for each call
        self._function = function
        self._timeout_s = timeout_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pool = ThreadPool(
            min(max_concurrency or concurrency, concurrency),
            timeout_s=timeout_s,
            is_strict=max_concurrency is not None,
        )

    async def predict(self, model_input: Any) -> Prediction:
        """One call; its time is the callable's own where it gives none.

        Raises:
            CallError: A call in a thread raised.
            AttemptError: It brought no answer, or a call in a thread took longer than the time-out.
        """
        if self.queues_itself:
            self._loop = asyncio.get_running_loop()
            value, seconds = await self._pool.call(self._call, model_input)
            return read_answer(value, seconds)
        started = time.perf_counter()
        value = await self._function(model_input)
        return read_answer(value, time.perf_counter() - started)

    def resize(self, concurrency: int) -> None:
        """Run so many calls at once from now on."""
        if self.max_concurrency is None:
            self._pool.resize(concurrency)

    async def close(self) -> None:
        """End the idle threads."""
        self._pool.close()

    # In a thread:

    def _call(self, model_input: Any) -> Any:
        value = self._function(model_input)
        if inspect.isawaitable(value):
            assert self._loop is not None
            return wait_for(value, self._loop, self._timeout_s)
        return value


def as_model(
    value: Any,
    *,
    name: str | None = None,
    concurrency: int = CONCURRENCY,
    timeout_s: float = TIMEOUT_S,
    where: str = "model",
) -> Model:
    """A user's object as a model.

    Args:
        value: A model, an object with ``predict(input)``, or a callable.
        name: The name it is known by; by default its own.
        concurrency: Calls that the run makes at once.
        timeout_s: Seconds that one call may take.
        where: Where the user named it; messages begin with it.

    Raises:
        UsageError: It can't be called, or its class can't be made.
    """
    if isinstance(value, FunctionModel):
        return value
    if inspect.isclass(value) and callable(getattr(value, "predict", None)):
        value = _instance(value, where)
    predict = getattr(value, "predict", None)
    function = predict if callable(predict) else value
    if not callable(function):
        shown = name or repr(value)
        raise UsageError(
            f"{where}: {shown}: a {type(value).__qualname__} can't be called; "
            "a model is a callable or an object with predict(input)"
        )
    return FunctionModel(
        function,
        name=name or _name_of(value),
        max_concurrency=_max_concurrency(value, function),
        concurrency=concurrency,
        timeout_s=timeout_s,
    )


def _instance(kind: type, where: str) -> Any:
    try:
        return kind()
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{where}: the class {kind.__qualname__} can't be made without arguments "
            f"({type(error).__name__}: {error}); name an instance of it"
        ) from error


def is_async(function: Any) -> bool:
    """Whether a callable is declared with ``async def``, itself or what it wraps."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  (an object's own async __call__)
    )


def _name_of(value: Any) -> str:
    own = getattr(value, "name", None) or getattr(value, "model_name", None)
    if isinstance(own, str) and own:
        return own
    name = getattr(value, "__qualname__", None)
    if name is None:
        value = type(value)
        name = value.__qualname__
    module = getattr(value, "__module__", None)  # a method of a builtin has none
    return (f"{module}:{name}" if module else str(name)).replace(".<locals>", "")


def _max_concurrency(*holders: Any) -> int | None:
    for holder in holders:
        number = getattr(holder, "model_eval_concurrency", None)
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise UsageError(
                f"model {_name_of(holder)}: model_eval_concurrency is a whole number of at least "
                f"1, not {number!r}"
            )
        return number
    return None
