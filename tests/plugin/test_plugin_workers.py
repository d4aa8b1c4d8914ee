"""Workers: what is divided among them, and what they have to have in common."""

from types import SimpleNamespace

import pytest

from pytest_modeleval.core.thresholds import parse_threshold
from pytest_modeleval.errors import UsageError
from pytest_modeleval.plugin.controllers import send_if_alive, share
from pytest_modeleval.plugin.state import n_workers
from pytest_modeleval.plugin.workers import difference, handed_settings, pack_settings
from pytest_modeleval.settings import Price, Settings


@pytest.mark.parametrize(
    ("concurrency", "n_workers", "shares"),
    [(16, 2, [8, 8]), (5, 2, [3, 2]), (7, 3, [3, 2, 2]), (1, 1, [1])],
)
def test_the_shares_add_up(concurrency, n_workers, shares):
    """The limit is the run's, however many workers there are."""
    assert [share(concurrency, n_workers, index) for index in range(n_workers)] == shares


def test_no_worker_is_without_a_share():
    """With more workers than calls at once each still has to ask."""
    assert [share(1, 3, index) for index in range(3)] == [1, 1, 1]


def test_a_worker_that_replaces_a_lost_one_has_the_smaller_share():
    """Its number is higher than any of the first."""
    assert share(5, 2, 2) == 2


@pytest.mark.parametrize(("tx", "n"), [(["popen"] * 2, 2), (["3*popen", "socket=a:1"], 4), ([], 0)])
def test_the_number_of_workers(tx, n):
    """A spec may stand for several."""
    options = {"dist": "load", "tx": tx}

    assert n_workers(SimpleNamespace(getoption=lambda name, default: options[name])) == n


def test_settings_travel_as_the_controller_reads_them():
    """The price file, the thresholds, whatever: a worker's own files say nothing."""
    settings = Settings(
        models=("robot:answer",),
        thresholds=(parse_threshold("accuracy >= 90%"),),
        prices={"robot:answer": Price(input=1e-7, output=2.0)},
    )
    worker = SimpleNamespace(workerinput={"model_eval": {"settings": pack_settings(settings)}})

    assert handed_settings(worker) == settings
    assert handed_settings(SimpleNamespace()) is None


def test_a_worker_of_another_version_is_refused():
    """Before anything of what it was handed is read."""
    worker = SimpleNamespace(workerinput={"model_eval": {"settings": ("0.0.1", b"")}})

    with pytest.raises(UsageError, match=r"is installed there and 0\.0\.1 here; install the same"):
        handed_settings(worker)


def plan(**changes):
    """What a worker says that it has collected."""
    contents = {"tickets": {"cases": {"a": "1", "b": "2", "c": "3"}, "asked": "gpt"}}
    return {"contents": contents, "coverages": []} | changes


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (plan(), None),
        (
            plan(contents={"tickets": {"cases": {"a": "1", "b": "2", "c": "4"}, "asked": "gpt"}}),
            "the case c of tickets",
        ),
        (
            plan(contents={"tickets": {"cases": {"a": "1", "d": "2"}, "asked": "gpt"}}),
            "the cases b, c and d of tickets",
        ),
        (
            plan(contents={"tickets": {"cases": {"a": "1", "b": "2", "c": "3"}, "asked": "o"}}),
            "how tickets asks (model, system, parameters)",
        ),
        (plan(contents={}), "the suite tickets"),
        (plan(coverages=[1]), "the thresholds, or which cases are selected"),
    ],
)
def test_what_workers_differ_in(other, said):
    """Or they would be judged as one run."""
    assert difference(plan(), other) == said


def test_a_worker_that_has_just_died_is_sent_its_work_in_vain():
    """xdist learns a moment later that it died; until then it is no error."""
    sent = []

    def send(name, **content):
        sent.append((name, content))
        raise OSError("cannot send (already closed?)")

    send_if_alive(send, "runtests", indices=[1, 2])

    assert sent == [("runtests", {"indices": [1, 2]})]
