"""Similarities: how near the text of an answer is to the text that is expected, from 0 to 1.

Of several expected texts the nearest counts.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

from pytest_modeleval.errors import Unscored, UsageError
from pytest_modeleval.scorers.rules import EXPECTED, Rule, text_of
from pytest_modeleval.scorers.texts import fold, letters_of, texts_of_case

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from pytest_modeleval.core.predictions import Prediction

__all__ = ["bleu", "chrf", "edit_similarity", "make_similar", "rouge_l", "token_f1"]

Measure = Literal["edit", "token_f1", "rouge_l", "bleu", "chrf", "embedding"]

_LONGEST = 200_000  # characters of a text for the edit distance, which takes time by their product


def make_similar(
    *,
    by: Measure,
    ignore: frozenset[str] = frozenset(),
    model: str | None = None,
    expected: str = EXPECTED,
) -> Rule:
    """The answer is as near to what is expected as its mark says.

    Args:
        by: ``edit``, ``token_f1``, ``rouge_l``, ``bleu``, ``chrf``, or ``embedding``: see the
            functions of these names.
        ignore: What of both texts is ignored before they are measured.
        model: For ``embedding``, the model that embeds: ``openai-embeddings:NAME``.
        expected: The field of the case that holds the text, or a list of texts.
    """
    if by == "embedding":
        from pytest_modeleval.scorers.embeddings import make_embedding

        return make_embedding(model=model, ignore=ignore, expected=expected)
    if model is not None:
        raise UsageError(f"'model' is for 'by: embedding'; {by} asks none")
    measure = _MEASURES[by]
    _require(by)

    def score(reference: Sequence[str], prediction: Prediction) -> Any:
        answer = fold(text_of(prediction), ignore)
        folded = [fold(text, ignore) for text in reference]
        value = min(max(measure(answer, folded), 0.0), 1.0)
        return value, f"{by} {value:.2f}"

    return Rule(score, lambda case: texts_of_case(case, expected))


def edit_similarity(answer: str, references: Sequence[str]) -> float:
    """1 minus the edit distance, as a share of the longer text's characters.

    Levenshtein 1966, insertions, deletions and substitutions at 1 each, as rapidfuzz has it; two
    empty texts are equal.

    Raises:
        Unscored: A text is longer than 200,000 characters.
    """
    from rapidfuzz.distance import Levenshtein

    if max(map(len, (answer, *references))) > _LONGEST:
        raise Unscored(f"a text of more than {_LONGEST:,} characters is too long for 'by: edit'")
    return max(float(Levenshtein.normalized_similarity(answer, text)) for text in references)


def token_f1(answer: str, references: Sequence[str]) -> float:
    """The F1 of the words that both texts have, each as often as both have it.

    The definition of SQuAD v1.1 (Rajpurkar et al. 2016): lower case, without ASCII punctuation
    and without a, an and the, words parted by white space. Texts of which one has no words left
    are equal or have nothing in common, as in v2.0 (Rajpurkar et al. 2018).
    """
    return max(_f1_of_words(_squad_words(answer), _squad_words(text)) for text in references)


def rouge_l(answer: str, references: Sequence[str]) -> float:
    """The F1 of the longest common subsequence of words: ROUGE-L of Lin 2004, with beta = 1.

    The whole text is one sequence, as in rouge-score's ``rougeL``; words are runs of letters and
    digits of any script in lower case, not stemmed.
    """
    return max(_rouge_l(_words(answer), _words(text)) for text in references)


def bleu(answer: str, references: Sequence[str]) -> float:
    """BLEU of one sentence: Papineni et al. 2002, as sacrebleu's ``sentence_bleu`` has it.

    Up to four words in a row, the tokens of mteval-v13a, exponential smoothing, and no longer
    sequences than the answer has (``effective_order``).
    """
    import sacrebleu

    return float(sacrebleu.sentence_bleu(answer, list(references)).score) / 100


def chrf(answer: str, references: Sequence[str]) -> float:
    """chrF2 of one sentence: Popović 2015, up to six characters in a row, as sacrebleu has it."""
    import sacrebleu

    return float(sacrebleu.sentence_chrf(answer, list(references)).score) / 100


_MEASURES: Mapping[str, Callable[[str, Sequence[str]], float]] = {
    "edit": edit_similarity,
    "token_f1": token_f1,
    "rouge_l": rouge_l,
    "bleu": bleu,
    "chrf": chrf,
}


def _require(by: str) -> None:
    """See at once whether what a measure needs is there.

    Raises:
        UsageError: It is not installed.
    """
    extras = {"edit": ("rapidfuzz", "similarity"), "bleu": ("sacrebleu", "bleu")}
    name, extra = extras.get("bleu" if by == "chrf" else by, (None, None))
    if name is None:
        return
    try:
        __import__(name)
    except ImportError:
        raise UsageError(
            f"{name} is not installed; pip install 'pytest-modeleval[{extra}]'"
        ) from None


_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def _squad_words(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


def _words(text: str) -> list[str]:
    text = text.lower()
    return re.findall(f"{letters_of(text, '_')}+", text)


def _f1_of_words(answer: Sequence[str], reference: Sequence[str]) -> float:
    if not answer or not reference:
        return float(answer == reference)
    n_common = sum((Counter(answer) & Counter(reference)).values())
    return 2 * n_common / (len(answer) + len(reference))


def _rouge_l(answer: Sequence[str], reference: Sequence[str]) -> float:
    if not answer or not reference:
        return 0.0
    return 2 * _longest_common(answer, reference) / (len(answer) + len(reference))


def _longest_common(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    """Length of the longest common subsequence, a row of the table at a time as bits (Hyyrö 2004)."""
    places: dict[Hashable, int] = {}
    for index, item in enumerate(left):
        places[item] = places.get(item, 0) | 1 << index
    all_ones = (1 << len(left)) - 1
    row = all_ones
    for item in right:
        matches = row & places.get(item, 0)
        row = ((row + matches) | (row - matches)) & all_ones
    return len(left) - row.bit_count()
