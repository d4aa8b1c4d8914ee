"""Pasts: which runs are evidence on a case, and what is called flaky."""

import pytest

from pytest_modeleval.core.pasts import Appearance, Past, appearances
from pytest_modeleval.core.records import Record

OUTCOMES = {"p": "passed", "m": "missed", "e": "errored", "u": "unscored", "s": "skipped"}


def make_record(letter, **known):
    return Record(**({"suite": "s", "case_id": "c", "outcome": OUTCOMES[letter]} | known))


def make_past(*runs):
    """A past of runs written as ``pm@abc``: the outcomes and the commit; the last one is now."""
    items = []
    for run in runs:
        letters, _, commit = run.partition("@")
        outcomes = tuple(OUTCOMES[letter] for letter in letters)
        items.append(Appearance(outcomes=outcomes, content_hash="h", commit=commit or None))
    return Past(now=items[-1], earlier=tuple(items[:-1]))


def test_an_error_is_no_wrong_answer():
    """Runs without an answer count where errors are asked for, not where misses are."""
    past = make_past("p", "e", "u", "m")

    assert past.happened("missed") == [False, True]
    assert past.happened("errored") == [False, True, False, False]
    assert past.n_errored == 1


@pytest.mark.parametrize(
    ("runs", "commit"),
    [
        (("p@a", "m@a"), "a"),
        (("p@a", "m@b"), None),
        (("p@a", "m@b", "p@b", "m@c"), "b"),
        (("p", "m", "p", "m"), None),
        (("p@a", "e@a"), None),
    ],
)
def test_flaky_is_what_changes_while_the_code_does_not(runs, commit):
    """Only at one commit that is known: another commit may be the reason."""
    past = make_past(*runs)

    assert past.flaky_commit == commit
    assert past.is_flaky is (commit is not None)


def test_a_run_that_passed_and_missed_is_flaky_by_itself():
    """Whatever the commit, since one run is of one code."""
    assert make_past("pm", "p").is_flaky
    assert not make_past("pe", "p").is_flaky


def test_replayed_and_skipped_answers_are_no_evidence():
    """The one is an earlier answer once more, the other none."""
    records = [
        make_record("p", case_id="measured"),
        make_record("m", case_id="replayed", measured_in="r1"),
        make_record("e", case_id="not replayed", error_kind="not_replayed"),
        make_record("s", case_id="skipped"),
    ]

    assert [key[3] for key in appearances(records)] == ["measured"]


def test_the_repeats_of_a_case_are_one_appearance():
    """A case is the same only in the same suite, variant and model."""
    records = [make_record("p"), make_record("m", repeat=1), make_record("m", model="other")]

    found = appearances(records, commit="abc")

    assert [item.outcomes for item in found.values()] == [("passed", "missed"), ("missed",)]
    assert {item.commit for item in found.values()} == {"abc"}
