"""Similarity by embeddings: the arithmetic, and what is asked."""

import asyncio
import math

import fake_server
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modeleval import Case, Prediction, Unscored, UsageError, evaluate_model
from pytest_modeleval.scorers import make_scorers
from pytest_modeleval.scorers.embeddings import cosine_similarity

SPEC = {"similar": {"by": "embedding", "model": "openai-embeddings:m"}}
NUMBERS = st.floats(-1, 1).map(lambda number: round(number, 6))
VECTORS = st.lists(NUMBERS, min_size=3, max_size=3)


def scored(output, expected, vectors, spec=SPEC):
    """What the scorer returns where the model says these vectors, and what it was asked."""
    (scorer,) = make_scorers(spec, where="scorers")
    asked = []

    async def ask(request):
        asked.append(request)
        return Prediction(output=vectors)

    case = Case(id="a", input="?", expected=expected)
    return asyncio.run(scorer.function(case, Prediction(output=output), ask)), asked


@settings(deadline=None)
@given(VECTORS, VECTORS)
def test_the_cosine(left, right):
    """Is that of numpy, within [-1, 1]."""
    lengths = np.linalg.norm(left) * np.linalg.norm(right)
    if not lengths:
        with pytest.raises(Unscored, match="length 0"):
            cosine_similarity(left, right)
        return
    found = cosine_similarity(left, right)

    assert -1 <= found <= 1
    assert found == pytest.approx(np.dot(left, right) / lengths, abs=1e-9)


@pytest.mark.parametrize(
    ("left", "right"), [([1.0], [1.0, 0.0]), ([math.nan], [1.0]), ([math.inf], [1.0]), ([], [])]
)
def test_vectors_without_an_angle(left, right):
    """Are unscored, and never NaN."""
    with pytest.raises(Unscored):
        cosine_similarity(left, right)


def test_all_texts_are_embedded_in_one_request():
    """The answer first; the nearest of the expected texts counts."""
    returned, asked = scored("car", ["tree", "auto"], [[1, 0], [0, 1], [0.6, 0.8]])

    assert asked == [["car", "tree", "auto"]]
    assert returned == (pytest.approx(0.6), "embedding 0.60")


def test_a_cosine_below_0():
    """Is a score of 0."""
    assert scored("car", "tree", [[1, 0], [-1, 0]])[0][0] == 0


def test_an_answer_that_no_model_embeds():
    """Scores 0 without asking."""
    returned, asked = scored(" ", "tree", [])
    assert (returned, asked) == ((0.0, "the answer is empty"), [])
    assert scored([1], "tree", [])[0] == (0.0, "the answer is a list, not text")


def test_too_few_vectors():
    """Leave the answer unscored."""
    with pytest.raises(Unscored, match="1 embeddings of 2 texts"):
        scored("car", "tree", [[1, 0]])


@pytest.mark.parametrize("model", [None, "openai:gpt-5-mini", "my_models:embed"])
def test_what_is_no_embedding_model(model):
    """Is refused with what would do."""
    parameters = {"by": "embedding"} | ({"model": model} if model else {})
    with pytest.raises(UsageError, match="write model: openai-embeddings:text-embedding-3-small"):
        make_scorers({"similar": parameters}, where="scorers")


def test_a_server_is_asked():
    """Under the engine, and what it costs is that of judging."""
    cases = [
        {"input": "my card is lost", "expected": "lost is my card"},
        {"input": "my card is lost", "expected": "the weather tomorrow", "id": "other"},
    ]
    with fake_server.running() as server:
        spec = {
            "by": "embedding",
            "model": f"openai-embeddings:m@{server.base_url}",
            "min_score": 0.9,
        }
        report = evaluate_model(
            lambda text: text,
            cases,
            scorers={"similar": spec},
            prices="m input=1000000 output=0",
            timeout=30,
        )

    right, wrong = report.records
    assert (right.outcome, wrong.outcome) == ("passed", "missed")
    assert right.scores["similar"]["value"] == pytest.approx(1)
    assert wrong.reason.startswith("score similar is ")
    assert right.judge_cost_usd == pytest.approx(8)
    assert report["n_unscored"] == 0


def test_a_server_that_is_not_there():
    """Leaves the answers unscored, never wrong."""
    spec = {"by": "embedding", "model": "openai-embeddings:m@http://127.0.0.1:9/v1"}
    report = evaluate_model(
        lambda text: text,
        [{"input": "a", "expected": "a"}],
        scorers={"similar": spec},
        retries=0,
    )

    assert (report["n_unscored"], report["n_missed"]) == (1, 0)
    assert "connection" in report["failures"][0]["reason"]
