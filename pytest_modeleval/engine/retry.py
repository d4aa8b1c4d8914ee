"""Retries: which errors are worth another attempt, and how long to wait before it."""

from __future__ import annotations

import asyncio
import sysconfig
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING

from pytest_modeleval.models.base import AttemptError, describe
from pytest_modeleval.models.statuses import status_error

if TYPE_CHECKING:
    import random

    import tenacity

__all__ = ["MAX_WAIT_S", "read_error", "wait_s"]

MAX_WAIT_S = 60.0
"""The longest wait between two attempts; a server that asks for more is not waited for."""

_FIRST_WAIT_S = 0.5
_LEAST_ASKED_S = 0.1  # a wait that is shorter is none
_NOT_OF_MODELS = (
    str(Path(__file__).parent.parent),  # this package
    *{sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")},
    "<",  # code without a file
)
"""Where files lie whose lines say nothing to who wrote the model."""


def read_error(error: BaseException) -> AttemptError:
    """The failure that an exception of a model's code stands for.

    A model that is Python code may well use an SDK of its own: errors with a ``status_code`` are
    read like the server's, connection errors are retried, everything else is the code's own.
    """
    if isinstance(error, AttemptError):
        return error
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status >= 400:
        headers = getattr(getattr(error, "response", None), "headers", None) or {}
        body = getattr(error, "body", None)
        data = {"error": body if isinstance(body, dict) else str(error)}
        return status_error(status, headers, data)
    names = {kind.__name__ for kind in type(error).__mro__}
    text = describe(error)
    if "APITimeoutError" in names or isinstance(error, asyncio.TimeoutError):
        return AttemptError("timeout", text)
    if "APIConnectionError" in names or isinstance(error, ConnectionError):
        return AttemptError("connection", text, can_retry=True)
    place = _place_of(error)
    return AttemptError("raised", f"{text} ({place})" if place else text)


def _place_of(error: BaseException) -> str | None:
    """``router.py:12``: where the model's own code was when the error came out of it."""
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    own = [found for found in frames if not found[0].startswith(_NOT_OF_MODELS)]
    if not own:
        return None
    path, line = own[-1]
    return f"{Path(path).name}:{line}"


def wait_s(state: tenacity.RetryCallState, rng: random.Random) -> float:
    """Seconds before the next attempt: what the server asks, else doubled each time, with jitter.

    A server that asks for next to nothing, or for a moment that its clock has passed, is given the
    usual time: all retries would be used up before it is ready.
    """
    asked = retry_after_of(state)
    if asked is not None and asked >= _LEAST_ASKED_S:
        return asked + rng.uniform(0, 0.1)
    backoff: float = _FIRST_WAIT_S * 2.0 ** (state.attempt_number - 1)
    return min(backoff, MAX_WAIT_S / 4) * rng.uniform(0.75, 1.25)


def retry_after_of(state: tenacity.RetryCallState) -> float | None:
    """What the last attempt's server asked to wait, or None."""
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after_s if isinstance(error, AttemptError) else None
