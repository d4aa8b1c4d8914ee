"""Lineages: which run is the one to go on with."""

import pytest

from pytest_modeleval import Failure, Prediction, UsageError
from pytest_modeleval.core.keys import AnswerKey
from pytest_modeleval.core.redaction import Redactor
from pytest_modeleval.store.lineages import find_unfinished, is_finished
from pytest_modeleval.store.runs import Run

YES = Prediction(output="yes")
DOWN = Failure(kind="connection", message="the server hung up")


@pytest.fixture
def store(tmp_path):
    """A store with no run in it."""
    return tmp_path / ".modeleval"


def make(store, run_id, *answers, n_total=None, has_summary=True, records=None, **manifest):
    """A run of as many cases as there are answers; None for one that was never answered."""
    run = Run(store / "runs" / run_id, Redactor({}))
    coverage = {"n_selected": len(answers), "n_total": n_total or len(answers)}
    run.create({"run_id": run_id, "coverages": [coverage], **manifest})
    for number, answer in enumerate(answers):
        if answer is None:
            continue
        key = AnswerKey("tickets", "", str(number), 0, "openai:m", "0" * 12)
        run.keep_predictions([(key, answer)])
        kind = {"error_kind": answer.kind} if isinstance(answer, Failure) else {}
        outcome = "errored" if kind else "passed"
        line = {"suite": "tickets", "case_id": str(number), "outcome": outcome, **kind}
        run.records.append(Redactor({}).json_line(line | (records or {})))
    if has_summary:
        run.write_summary({})
    run.close()
    return run.folder


def test_a_whole_run_is_finished(store):
    """Each case has an answer, be it right or wrong."""
    assert is_finished(make(store, "r1", YES, YES))


@pytest.mark.parametrize(
    "run",
    [
        {"answers": [YES, YES], "has_summary": False},
        {"answers": [YES, None]},
        {"answers": [YES, DOWN]},
        {"answers": [YES, Failure(kind="raised", message="the model's own code")]},
        {"answers": [YES], "records": {"outcome": "errored", "error_kind": "crashed"}},
        {"answers": [], "has_summary": False},
    ],
    ids=["killed", "interrupted", "failed", "raised", "worker died", "killed at once"],
)
def test_a_run_that_has_something_left_to_ask(store, run):
    """It was cut off, or a case has no answer."""
    assert not is_finished(make(store, "r1", *run.pop("answers"), **run))


def test_an_error_of_the_test_itself_leaves_nothing_to_ask(store):
    """Its answer is there; a replay judges it again."""
    error = {"outcome": "errored", "error_kind": "raised"}

    assert is_finished(make(store, "r1", YES, records=error))


def test_the_newest_unfinished_run(store):
    """Runs after it that are finished, and replays, do not hide it."""
    make(store, "r1", YES, has_summary=False)
    wanted = make(store, "r2", YES, None)
    make(store, "r3", YES)
    make(store, "r4", DOWN, replayed_from="r1")

    assert find_unfinished(store) == wanted


def test_what_went_on_already_is_not_unfinished_any_more(store):
    """The run that went on with it has all of its answers."""
    make(store, "r1", YES, None, has_summary=False)
    wanted = make(store, "r2", YES, None, has_summary=False, resumed_from="r1")

    assert find_unfinished(store) == wanted
    assert find_unfinished(store, "r1") == wanted


def test_nothing_is_left(store):
    """The sentence for the run's heir names both."""
    make(store, "r1", YES, None, has_summary=False)
    make(store, "r2", YES, YES, resumed_from="r1")

    with pytest.raises(UsageError, match=r"each run in .* is finished: there is nothing left"):
        find_unfinished(store)
    with pytest.raises(UsageError, match=r"^run r1 went on as run r2, which is finished: "):
        find_unfinished(store, "r1")
    with pytest.raises(UsageError, match=r"^run r2 is finished: .*--model-eval-replay=r2 judges"):
        find_unfinished(store, "r2")


def test_a_part_that_is_finished_leaves_the_rest(store):
    """Who resumes with -k asks a few of the cases, and resumes again for the others."""
    make(store, "r1", YES, None, None, has_summary=False)
    part = make(store, "r2", YES, n_total=3, resumed_from="r1")

    assert find_unfinished(store) == part


def test_a_dataset_that_lost_cases_is_finished_without_them(store):
    """A whole run has all there is."""
    make(store, "r1", YES, None, None, has_summary=False)
    make(store, "r2", YES, resumed_from="r1")

    with pytest.raises(UsageError, match="nothing left to ask"):
        find_unfinished(store)


def test_no_run_at_all(store):
    """The sentence says what makes one."""
    with pytest.raises(UsageError, match=r"no run in .*; pytest --model-eval makes one"):
        find_unfinished(store)


def test_runs_that_name_each_other(store):
    """Whatever somebody wrote into the files, the search ends."""
    make(store, "r1", YES, None, n_total=5, resumed_from="r2")
    make(store, "r2", YES, None, n_total=5, resumed_from="r1")

    with pytest.raises(UsageError):
        find_unfinished(store)
    find_unfinished(store, "r1")
