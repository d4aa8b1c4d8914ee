"""How near an answer is to what is expected, held against the reference implementations."""

import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pytest_modeleval import Unscored, UsageError
from pytest_modeleval.scorers.similarities import bleu, chrf, edit_similarity, rouge_l, token_f1

WORDS = st.lists(
    st.sampled_from(["the", "a", "cat", "dog", "sat", "on", "42", "it's", "x"]), max_size=12
)
SENTENCES = WORDS.map(" ".join)
TEXTS = st.text(alphabet=string.printable, max_size=40) | SENTENCES


def levenshtein(left, right):
    """The table of Wagner and Fischer, row by row."""
    row = list(range(len(right) + 1))
    for i, one in enumerate(left, start=1):
        previous, row = row, [i]
        for j, other in enumerate(right, start=1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (one != other)))
    return row[-1]


@settings(deadline=None)  # the first call imports the reference
@given(TEXTS, TEXTS)
def test_edit_similarity(left, right):
    """Is 1 minus the distance as a share of the longer text."""
    wanted = 1 - levenshtein(left, right) / max(len(left), len(right), 1)

    assert edit_similarity(left, [right]) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("answer", "reference", "value"),
    [
        ("The cat sat.", "a cat sat", 1),
        ("cat", "the cat sat", 2 / 3),
        ("cat cat cat", "cat", 0.5),
        ("dog", "cat", 0),
        ("", "cat", 0),
        ("the", "a", 1),
        ("Zürich", "ZÜRICH", 1),
        ("it's", "its", 1),
        ("well-known", "well known", 0),
    ],
)
def test_token_f1(answer, reference, value):
    """Worked by hand from the definition of SQuAD's evaluation."""
    assert token_f1(answer, [reference]) == pytest.approx(value)


@settings(deadline=None)  # the first call imports the reference
@given(SENTENCES, SENTENCES)
def test_token_f1_without_articles_is_the_f1_of_multisets(left, right):
    """As scikit-learn has it for the words of a text, told apart by how often they came before."""
    from sklearn.metrics import f1_score

    def numbered(text):
        words = [word.replace("'", "") for word in text.split() if word not in ("a", "the")]
        return {(word, words[:index].count(word)) for index, word in enumerate(words)}

    ours, theirs = numbered(left), numbered(right)
    assume(ours or theirs)
    items = sorted(ours | theirs)
    wanted = f1_score([i in theirs for i in items], [i in ours for i in items], zero_division=0)

    assert token_f1(left, [right]) == pytest.approx(wanted)


@settings(deadline=None)  # the first call imports the reference
@given(TEXTS, TEXTS)
def test_rouge_l(left, right):
    """Is rouge-score's, on the letters and digits that it knows."""
    scorers = pytest.importorskip("rouge_score.rouge_scorer", reason="needs the extra dev")
    wanted = scorers.RougeScorer(["rougeL"]).score(right, left)["rougeL"].fmeasure

    assert rouge_l(left, [right]) == pytest.approx(wanted)


def test_rouge_l_of_other_scripts():
    """Has words, where rouge-score has none."""
    assert rouge_l("Straße nach Zürich", ["die Straße nach Zürich"]) == pytest.approx(6 / 7)
    assert rouge_l("שלום עולם", ["עולם"]) == pytest.approx(2 / 3)
    assert rouge_l("हिन्दी भाषा", ["हिन्दी"]) == pytest.approx(2 / 3)


@settings(deadline=None)  # the first call imports the reference
@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=3))
def test_bleu_and_chrf(answer, references):
    """Are sacrebleu's own, as a share of 1."""
    import sacrebleu

    wanted = sacrebleu.sentence_bleu(answer, references).score / 100
    assert bleu(answer, references) == pytest.approx(wanted)
    wanted = sacrebleu.sentence_chrf(answer, references).score / 100
    assert chrf(answer, references) == pytest.approx(wanted)


@pytest.mark.parametrize("by", ["edit", "token_f1", "rouge_l", "bleu", "chrf"])
def test_every_measure(score, by):
    """Is 1 for the expected text, less for another, and of several texts the nearest counts."""
    text = "the quick brown fox jumps over the lazy dog"
    spec = {"similar": {"by": by, "min_score": 0.5}}

    same = score(spec, text, expected=text)
    other = score(spec, text.replace("fox", "cat"), expected=text)
    nearest = score(spec, text, expected=["something else", text])

    assert (same.value, same.min_score) == (pytest.approx(1), 0.5)
    assert 0 < other.value < 1
    assert nearest.value == same.value
    assert other.reason == f"{by} {other.value:.2f}"
    assert score(spec, "", expected=text).value == 0
    assert score(spec, {"a": text}, expected=text).reason == "the answer is a mapping, not text"


def test_what_is_ignored(score):
    """Is so before anything is measured."""
    spec = {"similar": {"by": "edit", "ignore": ["case", "punctuation"]}}

    assert score(spec, "PARIS!", expected="Paris").value == 1


def test_texts_that_are_too_long_for_the_edit_distance(score):
    """Are unscored, since it takes time by the product of their lengths."""
    with pytest.raises(Unscored, match="more than 200,000 characters"):
        score({"similar": "edit"}, "a" * 200_001, expected="a")


def test_long_texts_are_measured_by_the_others(score):
    """In a moment."""
    text = "word " * 100_000

    assert score({"similar": "rouge_l"}, text, expected=text).value == 1
    assert score({"similar": "token_f1"}, text, expected=text).value == 1


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("similar", "'by' is missing: one of edit, token_f1, rouge_l, bleu, chrf, embedding"),
        ({"similar": "rouge"}, "did you mean 'rouge_l'?"),
        ({"similar": {"by": "edit", "model": "openai:m"}}, "'model' is for 'by: embedding'"),
    ],
)
def test_what_is_no_measure(check, spec, message):
    """Is refused with what would do."""
    with pytest.raises(UsageError) as raised:
        check(spec)
    assert str(raised.value).startswith("x.eval.yaml:3: scorers: similar: ")
    assert message in str(raised.value)
