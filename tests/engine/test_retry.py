"""How long to wait before the next attempt: arithmetic on what the last one said."""

import random

import pytest
import tenacity

from pytest_modeleval.engine.retry import MAX_WAIT_S, read_error, wait_s
from pytest_modeleval.models.base import AttemptError


def state(attempt_number, error):
    """The state after an attempt of this number that ended with this error."""
    state = tenacity.RetryCallState(None, None, (), {})
    state.attempt_number = attempt_number
    state.set_exception((type(error), error, None))
    return state


def failed(retry_after_s=None):
    return AttemptError("server_error", "busy", can_retry=True, retry_after_s=retry_after_s)


@pytest.mark.parametrize("attempt_number", [1, 2, 3, 4])
def test_doubles_with_jitter(attempt_number):
    """Half a second, doubled with each attempt, a quarter more or less."""
    waits = [wait_s(state(attempt_number, failed()), random.Random(seed)) for seed in range(50)]

    middle = 0.5 * 2 ** (attempt_number - 1)
    assert middle * 0.75 <= min(waits) < max(waits) <= middle * 1.25


def test_never_too_long():
    """Also after many attempts the wait stays bounded."""
    assert wait_s(state(20, failed()), random.Random(0)) <= MAX_WAIT_S


@pytest.mark.parametrize("asked_s", [0.1, 2.0, 60.0])
def test_what_the_server_asks_for(asked_s):
    """Retry-After is waited for in full, and little longer."""
    waits = [wait_s(state(3, failed(asked_s)), random.Random(seed)) for seed in range(50)]

    assert asked_s <= min(waits)
    assert max(waits) <= asked_s + 0.1


@pytest.mark.parametrize("asked_s", [0.0, 0.05])
def test_a_server_that_asks_for_no_time_is_given_the_usual(asked_s):
    """As where its clock is ahead: all retries would be over before it is ready."""
    waits = [wait_s(state(3, failed(asked_s)), random.Random(seed)) for seed in range(50)]

    assert min(waits) >= 2.0 * 0.75


def test_the_same_seed_waits_the_same():
    """All randomness comes from the generator that is handed in."""
    waits = {wait_s(state(2, failed()), random.Random(7)) for _ in range(3)}

    assert len(waits) == 1


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_statuses_that_pass(status):
    """These may be cured by asking again."""
    error = type("StatusError", (Exception,), {"status_code": status})("busy")

    assert read_error(error).can_retry


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 413, 422])
def test_statuses_that_stay(status):
    """These are the request's own fault."""
    error = type("StatusError", (Exception,), {"status_code": status})("bad")

    assert not read_error(error).can_retry


def test_connection_errors_by_their_names():
    """Errors of an SDK that is not imported here are known by the names of their classes."""
    lost = type("APIConnectionError", (Exception,), {})("gone")
    late = type("APITimeoutError", (type(lost),), {})("late")

    assert (read_error(lost).failure.kind, read_error(lost).can_retry) == ("connection", True)
    assert (read_error(late).failure.kind, read_error(late).can_retry) == ("timeout", False)


def test_the_servers_words_are_told():
    """The failure holds status and message of the SDK's error."""
    kinds = {"status_code": 400, "body": {"message": "no such parameter", "code": None}}
    error = type("BadRequestError", (Exception,), kinds)("bad")

    failure = read_error(error).failure

    assert "400" in failure.message
    assert "no such parameter" in failure.message
