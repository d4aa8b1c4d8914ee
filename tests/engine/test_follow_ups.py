"""What is done with an answer at once: asks about it, under the same limits, before the plan."""

import asyncio

import pytest
from test_prefetcher import WAIT_S, Asked, prefetching

from pytest_modeleval import EngineError, Failure, Prediction
from pytest_modeleval.engine.prefetch import Ask
from pytest_modeleval.models.function import as_model

pytestmark = pytest.mark.filterwarnings("error")


def asks_of(model, judge, texts):
    """An ask for each text, whose answer the judge is asked about."""

    async def then(answer, put):
        return await put(judge, f"about {answer.output}")

    return [Ask(key=text, model=model, input=text, then=then) for text in texts]


def both(prefetcher, ask):
    answer, found = prefetcher.result_and_after(ask)
    return answer.output, found.output


def test_an_answer_and_what_is_asked_about_it():
    """Come together, also for an ask that nobody has planned."""
    asks = asks_of(as_model(Asked()), as_model(Asked()), ["a", "b"])
    with prefetching() as prefetcher:
        prefetcher.plan(asks[:1])

        assert [both(prefetcher, ask) for ask in asks] == [("a", "about a"), ("b", "about b")]


def test_they_are_asked_before_anybody_wants_them():
    """So that no item waits for the judge of the item before it."""
    judge = Asked()
    asks = asks_of(as_model(Asked()), as_model(judge), ["a", "b", "c"])
    with prefetching() as prefetcher:
        prefetcher.plan(asks)
        prefetcher.wait("c")
        prefetcher.wait("a")
        prefetcher.wait("b")

        assert sorted(judge.started) == ["about a", "about b", "about c"]
        assert prefetcher.peek_after("a").output == "about a"
        assert prefetcher.progress().n_done == prefetcher.progress().n_planned == 3


def test_one_model_asked_both_ways():
    """Keeps its limit, and what is about an answer goes before the rest of the plan."""
    own = Asked()
    model = as_model(own, concurrency=1)
    asks = asks_of(model, model, ["a", "b", "c"])
    with prefetching(concurrency=1) as prefetcher:
        prefetcher.plan(asks)
        for ask in asks:
            both(prefetcher, ask)

    assert own.most == 1
    assert own.started.index("about a") < own.started.index("c")


def test_a_full_look_ahead_lets_it_through():
    """An answer that nobody has fetched yet is judged all the same."""
    asks = asks_of(as_model(Asked()), as_model(Asked()), ["a", "b"])
    with prefetching(look_ahead=1) as prefetcher:
        prefetcher.plan(asks)

        assert both(prefetcher, asks[0]) == ("a", "about a")
        assert both(prefetcher, asks[1]) == ("b", "about b")


def test_an_answer_that_was_there_already():
    """Is judged like a new one."""
    (ask,) = asks_of(as_model(Asked()), as_model(Asked()), ["a"])
    with prefetching() as prefetcher:
        prefetcher.put(ask, Prediction(output="old"))

        assert both(prefetcher, ask) == ("old", "about old")


def test_only_answers_of_cases_are_kept():
    """A judge's reply is no prediction of the run."""
    kept = []
    asks = asks_of(as_model(Asked()), as_model(Asked()), ["a"])
    with prefetching(on_answers=kept.extend) as prefetcher:
        both(prefetcher, asks[0])

    assert [ask.key for ask, _ in kept] == ["a"]


def test_trouble_belongs_to_its_case():
    """Whoever fetches that case hears of it, and nobody else."""

    async def then(answer, put):
        raise ValueError("no good")

    model = as_model(Asked())
    with prefetching() as prefetcher:
        with pytest.raises(ValueError, match="no good"):
            prefetcher.result_and_after(Ask(key="a", model=model, input="a", then=then))
        assert prefetcher.result(Ask(key="b", model=model, input="b")).output == "b"


def test_a_failure_to_judge_is_an_answer():
    """What a judge's model raises comes as a failure, as of any model."""

    def judge(text):
        raise RuntimeError("no judge")

    (ask,) = asks_of(as_model(Asked()), as_model(judge), ["a"])
    with prefetching() as prefetcher:
        _, found = prefetcher.result_and_after(ask)

    assert isinstance(found, Failure)


def test_close_ends_what_is_asked_about_an_answer():
    """Who waits for it is told, and the thread ends."""
    judge = Asked(is_open=False)
    (ask,) = asks_of(as_model(Asked()), as_model(judge), ["a"])
    with prefetching() as prefetcher:
        prefetcher.plan([ask])
        prefetcher.block_on(prefetcher.ask(ask))
        waiting = prefetcher._slots["a"].after
        prefetcher.run(lambda: asyncio.wait_for(_until(lambda: judge.started), WAIT_S))
        prefetcher.close()

        with pytest.raises(EngineError, match="was stopped"):
            prefetcher.block_on(waiting)
    assert judge.cancelled == ["about a"]


async def _until(is_so):
    while not is_so():  # noqa: ASYNC110  (it changes on this very loop)
        await asyncio.sleep(0.001)
