"""Statuses: what an HTTP error, or no HTTP at all, means for the case and for the next attempt.

Everything is read by status, code and header, never by an SDK's own words, which change between
its versions.
"""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pytest_modeleval.models.base import AttemptError, short

__all__ = ["retry_after", "status_error", "transport_error"]

_OVERLOADED = (429, 503, 529)
"""Statuses that say there were too many calls, so that fewer may do."""

_USED_UP = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
"""Codes of a 429, and of a 402 or 403, that no waiting cures."""


_HOPELESS = ("invalid_api_key", "model_not_found")
"""Codes of any other error that all further questions would meet too."""

_BROKEN = {
    *("TransportError", "DecodingError", "ClientError", "OSError", "ProtocolError"),
    # anyio's own, which the SDK's client lets through where a socket dies at the wrong moment
    *("BrokenResourceError", "ClosedResourceError", "EndOfStream"),
}


def transport_error(error: Exception, url: str) -> AttemptError:
    """The failure that an exception of an HTTP client stands for, by the names of its classes."""
    names = {kind.__name__ for kind in type(error).__mro__}
    reason = short(error) or type(error).__name__
    if names & {"InvalidURL", "UnsupportedProtocol", "NonHttpUrlClientError"}:
        return AttemptError("bad_request", f"{url} is no address to ask: {reason}", cost_usd=0.0)
    if names & {"TimeoutException", "TimeoutError"}:
        return AttemptError("timeout", f"{url} did not answer in time")
    if "ClientPayloadError" in names or "complete message body" in reason:
        message = f"the connection to {url} broke in the middle of the answer: {reason}"
        return AttemptError("connection", message, can_retry=True)
    if names & _BROKEN:
        return AttemptError("connection", f"no connection to {url}: {reason}", can_retry=True)
    return AttemptError("raised", f"{type(error).__name__}: {reason}")


def status_error(
    status: int, headers: Any, data: Any, *, url: str = "the server", key: str | None = None
) -> AttemptError:
    """The failure that an HTTP status stands for. Nobody bills an answer that is an error.

    Args:
        status: The status code, not 200.
        headers: The response's headers, for ``Retry-After``.
        data: The body as JSON, or None.
        url: The address, for the message.
        key: What the key is called that was sent, for the message.
    """
    data = data if isinstance(data, dict) else {}
    found = data.get("error") or data.get("detail") or data.get("message")
    error = found if isinstance(found, dict) else {"message": found}
    said = f": {short(error['message'])}" if error.get("message") else ""
    if error.get("code") in _USED_UP or error.get("type") in _USED_UP or status == 402:
        message = f"the account's quota is used up{said} (status {status} of {url})"
        return AttemptError("quota", message, cost_usd=0.0, is_final=True)
    if status in (408, 409, 429) or status >= 500:
        return AttemptError(
            "rate_limited" if status == 429 else "server_error",
            f"answered {status}{said} ({url})",
            can_retry=True,
            retry_after_s=retry_after(headers),
            is_overload=status in _OVERLOADED,
            cost_usd=0.0,
        )
    hints = {
        401: f"; the key ({key}) is not accepted" if key else "; the key is not accepted",
        403: "; the key may not use this model",
        404: "; check the model's name and base_url (it usually ends in /v1)",
    }
    if 300 <= status < 400:
        hints[status] = (
            f"; it redirects to {short(headers.get('location'))}, so set base_url to that"
        )
    return AttemptError(
        "bad_request",
        f"answered {status}{said.rstrip('.')}{hints.get(status, '')} ({url})",
        cost_usd=0.0,
        is_final=status == 401 or error.get("code") in _HOPELESS,
    )


def retry_after(headers: Any) -> float | None:
    """Seconds that ``Retry-After`` asks to wait: a number, a date, or milliseconds of its own."""
    readers = {
        "retry-after-ms": (lambda text: float(text) / 1000,),
        "retry-after": (float, _seconds_until),
    }
    for name, ways in readers.items():
        for read in ways:
            with suppress(TypeError, ValueError, AttributeError, OverflowError):
                seconds = read(headers.get(name))
                if math.isfinite(seconds):
                    return max(seconds, 0.0)
    return None


def _seconds_until(date: str) -> float:
    return (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
