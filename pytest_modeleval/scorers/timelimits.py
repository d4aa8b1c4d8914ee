"""Time limits: patterns of a suite that would take for ever are given up.

Python's regular expressions backtrack: ``(a+)+b`` takes twice as long for each further ``a``. They
look for signals meanwhile, though only in the main thread, which is where pytest runs tests.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_modeleval.errors import Unscored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

__all__ = ["MATCHING_S", "time_limit"]

MATCHING_S = 2.0
"""Seconds of CPU that matching one answer may take."""


class _TooLongError(Exception):
    """The time is up."""


@contextmanager
def time_limit(seconds: float, what: str) -> Iterator[None]:
    """Give up what is matched inside the block once the process has used so much CPU.

    Outside the main thread, and where the system has no such timer, nothing is limited.

    Raises:
        Unscored: The time was up; ``what`` is the subject of the sentence.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not hasattr(signal, "setitimer"):
        yield
        return
    # CPU time and not the clock's: SIGALRM belongs to pytest-timeout.
    before = signal.signal(signal.SIGVTALRM, _give_up)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except _TooLongError:
        raise Unscored(f"{what} took more than {seconds:g} s on this answer") from None
    finally:
        signal.signal(signal.SIGVTALRM, before)


def _give_up(_number: int, _frame: object) -> NoReturn:
    raise _TooLongError
