"""Embeddings: how near the meaning of an answer is to what is expected, by a provider's vectors.

The model is asked through ``ask``, so that its calls keep the run's limits, retries and budget.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pytest_modeleval.errors import Unscored, UsageError
from pytest_modeleval.scorers.base import shown
from pytest_modeleval.scorers.rules import Rule, WrongAnswerError, text_of
from pytest_modeleval.scorers.texts import fold, texts_of_case

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.predictions import Prediction
    from pytest_modeleval.scorers.base import AskModel

__all__ = ["cosine_similarity", "make_embedding"]

PROVIDER = "openai-embeddings"


def make_embedding(*, model: str | None, ignore: frozenset[str], expected: str) -> Rule:
    """The cosine of the angle between the embeddings of the answer and of what is expected.

    Of several expected texts the nearest counts; a cosine below 0 is 0. Which mark means "the same"
    depends on the model: measure it on answers that are known to be right and wrong.

    Args:
        model: Spec of the model, ``openai-embeddings:NAME`` or ``openai-embeddings:NAME@URL``.
        ignore: What of both texts is ignored before they are embedded.
        expected: The field of the case that holds the text, or a list of texts.

    Raises:
        UsageError: No model is named, or one of another kind.
    """
    if model is None or not model.startswith(f"{PROVIDER}:"):
        said = "is missing" if model is None else f"embeds texts, which {shown(model)} does not"
        raise UsageError(f"'model' {said}; write model: {PROVIDER}:text-embedding-3-small")

    async def score(
        reference: Sequence[str],
        prediction: Prediction,
        ask: AskModel,
    ) -> Any:
        answer = fold(text_of(prediction), ignore)
        texts = [fold(text, ignore) for text in reference]
        if not answer.strip():
            raise WrongAnswerError("the answer is empty")
        vectors = (await ask([answer, *texts])).output
        if len(vectors) != 1 + len(texts):
            raise Unscored(f"there are {len(vectors)} embeddings of {1 + len(texts)} texts")
        first, *others = vectors
        value = max(cosine_similarity(first, other) for other in others)
        return max(value, 0.0), f"embedding {value:.2f}"

    def reference(case: Case) -> Sequence[str]:
        texts = texts_of_case(case, expected)
        if not all(fold(text, ignore).strip() for text in texts):
            raise UsageError(f"{expected!r} holds an empty text, which no model embeds")
        return texts

    return Rule(score, reference, model=model)


def cosine_similarity(left: Sequence[float], right: Sequence[float]) -> float:
    """The cosine of the angle between two vectors, in [-1, 1].

    Raises:
        Unscored: They have no angle: one is of length 0 or not finite, or they differ in size.
    """
    if len(left) != len(right):
        raise Unscored(f"the embeddings have {len(left)} and {len(right)} numbers")
    lengths = math.hypot(*left), math.hypot(*right)
    if not all(0 < length < math.inf for length in lengths):
        raise Unscored("an embedding is of length 0, or not finite, and has no direction")
    parts = ((x / lengths[0]) * (y / lengths[1]) for x, y in zip(left, right, strict=True))
    return min(max(math.fsum(parts), -1.0), 1.0)
