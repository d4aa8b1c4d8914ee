"""Replay: answers of an earlier run, and what stands for those that it does not have."""

import asyncio

import pytest

from pytest_modeleval import Failure, Prediction
from pytest_modeleval.core.keys import AnswerKey
from pytest_modeleval.engine.replay import StoredAnswers, StoredModel
from pytest_modeleval.models.base import AttemptError

KEY = AnswerKey(
    suite="tickets", variant="", case_id="a", repeat=0, model="openai:m", input_hash="0" * 12
)
OTHER = KEY._replace(case_id="b")
YES = Prediction(output="yes")


def test_a_replay_has_an_answer_as_often_as_it_is_wanted():
    """A test that runs again is judged on the same answer."""
    stored = StoredAnswers("r1", {KEY: YES}, is_replay=True)

    assert stored.take(KEY) is YES
    assert stored.take(KEY) is YES


def test_a_replay_says_what_it_does_not_have():
    """It is a failure with the way out, never something to ask for."""
    stored = StoredAnswers("r1", {KEY: YES}, is_replay=True)

    answer = stored.take(OTHER)

    assert isinstance(answer, Failure)
    assert (answer.kind, answer.n_attempts, answer.cost_usd) == ("not_replayed", 0, None)
    assert answer.message == (
        "not in run r1: it has no answer to this case; run without --model-eval-replay to ask it"
    )


def test_a_resumed_run_has_each_answer_once():
    """A test that runs again asks afresh, as it does in any run."""
    stored = StoredAnswers("r1", {KEY: YES}, is_replay=False)

    assert stored.take(KEY) is YES
    assert stored.take(KEY) is None


def test_what_a_resumed_run_does_not_have_is_asked():
    """Nothing stands for it."""
    assert StoredAnswers("r1", {KEY: YES}, is_replay=False).take(OTHER) is None


def test_a_model_that_stands_for_another_is_never_asked():
    """Whatever goes wrong elsewhere, no call is made."""
    with pytest.raises(AttemptError, match="nowhere:answer is not asked in a run that is replayed"):
        asyncio.run(StoredModel("nowhere:answer").predict("hello"))
