"""Everything that this package raises, drawn as one tree.

ModelEvalError
├── UsageError          the user's settings, files or names; one sentence, no traceback
│   └── DatasetError    a dataset file; the sentence begins with file and line
├── PredictionError     the model gave no answer to a case; carries the Failure
├── PreflightError      a judge got golden answers wrong, so nothing was asked
├── Unscored            a score that could not be given; raised by scorers and tests
└── EngineError         the engine was closed or died before it had the answer
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "DatasetError",
    "EngineError",
    "ModelEvalError",
    "PredictionError",
    "PreflightError",
    "Unscored",
    "UsageError",
    "did_you_mean",
]


class ModelEvalError(Exception):
    """Base of all errors of this package."""


class UsageError(ModelEvalError):
    """Something the user wrote can't be used; the message says where, what, and what would do."""


class DatasetError(UsageError):
    """A dataset can't be used; the message begins with the file and, where one is known, the line."""


class _Failure(Protocol):
    """What this module needs of ``core.predictions.Failure``, which it must not import."""

    @property
    def kind(self) -> str:
        """What went wrong, as a word to count by."""

    @property
    def message(self) -> str:
        """The sentence for the user."""


class PredictionError(ModelEvalError):
    """The model gave no answer to a case.

    Attributes:
        failure: The ``Failure``: what went wrong, as it is recorded.
    """

    def __init__(self, failure: _Failure) -> None:
        super().__init__(f"{failure.kind}: {failure.message}")
        self.failure = failure


class PreflightError(ModelEvalError):
    """A judge got golden answers wrong, so that nothing was asked; the message lists them."""


class Unscored(ModelEvalError):  # noqa: N818  (an outcome by its own name, like pytest's Skipped)
    """A scorer could not give a score; raise it with the reason.

    The case counts as unscored: left out of accuracy, counted, and bounded by
    ``model_eval_max_unscored_rate``.
    """


class EngineError(ModelEvalError):
    """The engine was closed, or died, before it had the answer that was waited for."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` where one of ``known`` is close to ``word``, else nothing."""
    import difflib  # slow to import, and only needed where something is wrong

    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
