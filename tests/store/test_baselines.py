"""Baselines: a run and its own file are the same numbers."""

import pytest

from pytest_modeleval.core.comparisons import compare, numbers_of
from pytest_modeleval.core.records import Record
from pytest_modeleval.core.redaction import Redactor
from pytest_modeleval.store.baselines import load_baseline, save_baseline


@pytest.fixture
def cases():
    """Cases whose numbers have more digits than anybody wants to read."""
    return numbers_of(
        Record(
            suite="tickets",
            model="router",
            case_id=f"c{index}",
            repeat=repeat,
            outcome="passed" if repeat <= index % 3 else "missed",
            latency_s=0.123456789 * (index + 1),
            cost_usd=0.00123456789,
            scores={"tone": {"value": (index + repeat) / 7}},
            cluster="greetings" if index < 2 else None,
        )
        for index in range(4)
        for repeat in range(3)
    )


def test_what_is_read_is_what_was_saved(tmp_path, cases):
    """To the last digit, since a case must not differ from its own line."""
    path = tmp_path / "baseline.jsonl"

    save_baseline(path, cases, {"run_id": "r1"}, redactor=Redactor({}))

    assert list(load_baseline(path, shown="b", where="here").cases) == cases


def test_a_run_is_no_worse_than_its_own_file(tmp_path, cases):
    """Nothing broke, and no cost rose by what a file leaves out."""
    path = tmp_path / "baseline.jsonl"
    save_baseline(path, cases, {"run_id": "r1"}, redactor=Redactor({}))

    (comparison,) = compare(cases, load_baseline(path, shown="b", where="here").cases)

    assert comparison.broke == comparison.mended == []
    assert comparison.accuracy.value == comparison.score.value == 0
    assert comparison.latency.value == comparison.cost.value == 1


def test_a_cluster_that_is_no_text_is_refused(tmp_path, cases):
    """As the other texts are."""
    path = tmp_path / "baseline.jsonl"
    save_baseline(path, cases, {"run_id": "r1"}, redactor=Redactor({}))
    path.write_text(path.read_text().replace('"greetings"', "7", 1))

    with pytest.raises(Exception, match="here: b:2: cluster is text, not 7"):
        load_baseline(path, shown="b", where="here")
