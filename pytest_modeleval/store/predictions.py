"""Predictions on disk: ``predictions.jsonl``, a line for each answer with the key it is found by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.keys import AnswerKey
from pytest_modeleval.core.predictions import Failure, Prediction
from pytest_modeleval.core.records import FORMAT_VERSION, answer_from_dict, answer_to_dict
from pytest_modeleval.store.journals import read_numbered

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["answer_of", "line_of", "read_predictions"]


def line_of(key: AnswerKey, answer: Prediction | Failure) -> dict[str, Any]:
    """An answer and its key as plain data."""
    return {
        "format_version": FORMAT_VERSION,
        **key.to_dict(),
        "failed": isinstance(answer, Failure),
        **answer_to_dict(answer),
    }


def answer_of(line: Mapping[str, Any]) -> tuple[AnswerKey, Prediction | Failure]:
    """The answer and its key that ``line_of`` made a line of.

    Raises:
        ValueError: A field is missing, or is not what it should be.
    """
    try:
        is_failure = bool(line.get("failed"))
        return AnswerKey.from_dict(line), answer_from_dict(line, is_failure=is_failure)
    except TypeError as error:  # a field that has no default is missing
        raise ValueError(str(error)) from None


def read_predictions(
    folder: Path, *, trouble: list[str] | None = None
) -> dict[AnswerKey, Prediction | Failure]:
    """The answers that a run has on disk; of several to one question the last.

    Args:
        folder: Folder of the run.
        trouble: Gets a sentence for each line that is damaged, and passed over.

    Raises:
        UsageError: The file can't be read, or is of a later version of the format.
    """
    answers = {}
    path = folder / "predictions.jsonl"
    for number, line in read_numbered(path):
        try:
            if line is None:
                raise ValueError("it is no JSON object")  # noqa: TRY301  (one sentence for both)
            key, answer = answer_of(line)
        except ValueError as error:
            if trouble is not None:
                trouble.append(f"{path}:{number}: the line is damaged, and passed over: {error}")
            continue
        answers[key] = answer
    return answers
