"""Replay: answers of an earlier run, handed out in place of asking for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from pytest_modeleval.core.keys import why_missing
from pytest_modeleval.core.predictions import Failure, Prediction
from pytest_modeleval.models.base import AttemptError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from pytest_modeleval.core.keys import AnswerKey

__all__ = ["StoredAnswers", "StoredModel"]

Answer = Prediction | Failure


class StoredAnswers:
    """Answers of an earlier run; see the module.

    Args:
        run_id: Id of that run.
        answers: Its answers. Where the run is resumed, they hold no failure.
        is_replay: Nothing at all is to be asked; otherwise what is missing here is.
    """

    def __init__(
        self, run_id: str, answers: Mapping[AnswerKey, Answer], *, is_replay: bool
    ) -> None:
        self.run_id = run_id
        self.answers = answers
        self.is_replay = is_replay
        self._taken: set[AnswerKey] = set()

    def __contains__(self, key: AnswerKey) -> bool:
        return key in self.answers

    def take(self, key: AnswerKey) -> Answer | None:
        """The answer to this; None where it is to be asked for.

        A run that is resumed has each answer once: what asks a second time wants a new one.
        """
        answer = self.answers.get(key)
        if self.is_replay:
            return self.missing(why_missing(key, self.answers)) if answer is None else answer
        if key in self._taken:
            return None
        self._taken.add(key)
        return answer

    def missing(self, why: str) -> Failure:
        """What stands for an answer that the replayed run does not have."""
        message = f"not in run {self.run_id}: {why}; run without --model-eval-replay to ask it"
        return Failure(kind="not_replayed", message=message, n_attempts=0)


class StoredModel:
    """Stands for a model that is named and never asked, so that it need not even exist.

    Args:
        name: The name it is known by.
    """

    max_concurrency: int | None = None
    price_list_url: str | None = None
    queues_itself = False
    is_contained = True

    def __init__(self, name: str) -> None:
        self.name = self.billed_as = name

    @property
    def limit_key(self) -> Hashable:
        """Its name."""
        return self.name

    async def predict(self, model_input: Any) -> NoReturn:
        """Never an answer.

        Raises:
            AttemptError: Always.
        """
        del model_input
        raise AttemptError("not_replayed", f"{self.name} is not asked in a run that is replayed")

    def resize(self, concurrency: int) -> None:
        """There is nothing to run."""

    async def close(self) -> None:
        """There is nothing to close."""
