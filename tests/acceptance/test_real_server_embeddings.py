"""Embeddings of a server that many people run: llama.cpp's."""

import pytest

from pytest_modeleval import evaluate_model


def test_answers_are_compared_by_their_embeddings(real_server):
    """The same text is as near as can be, another less near."""
    cases = [
        {"id": "same", "input": "my card is lost", "expected": "my card is lost"},
        {"id": "other", "input": "my card is lost", "expected": "0000 ????"},
    ]
    spec = {"by": "embedding", "model": f"openai-embeddings:tiny@{real_server}"}

    report = evaluate_model(lambda text: text, cases, scorers={"similar": spec}, timeout=60)

    same, other = (record.scores["similar"]["value"] for record in report.records)
    assert same == pytest.approx(1)
    assert 0 <= other < same
