"""What is said of a case's past: beside a failure, and run by run."""

from dataclasses import replace

import pytest

from pytest_modeleval.core.pasts import Appearance, CaseRun, Past
from pytest_modeleval.core.records import Record
from pytest_modeleval.reports.pasts import case_history, past_text

OUTCOMES = {"p": "passed", "m": "missed", "e": "errored", "u": "unscored"}


def make_past(runs, **known):
    """A past of runs written as ``p@abc m@abc pm``; the last one is now."""
    items = []
    for run in runs.split():
        letters, _, commit = run.partition("@")
        outcomes = tuple(OUTCOMES[letter] for letter in letters)
        items.append(Appearance(outcomes=outcomes, content_hash="h", commit=commit or None))
    return Past(now=items[-1], earlier=tuple(items[:-1]), **known)


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        ("p p p m", "missed for the first time in 4 runs"),
        ("m m m", "missed in each of the last 3 runs"),
        ("p p m m m", "missed in the last 3 runs, not in the 2 before"),
        ("m p p m", "missed in 2 of the last 4 runs, on and off"),
        ("m@a p@a p@b m@b", "flaky at commit b: missed in 2 of the last 4 runs"),
        ("p@a p@b m@b", "flaky at commit b: missed for the first time in 3 runs"),
        ("p e m", "missed for the first time in 2 runs, errored in 1 more"),
        ("pm m m", "flaky: missed at least once in 3 of the last 3 runs"),
        ("p m e", "errored for the first time in 3 runs"),
        ("e e e", "errored in each of the last 3 runs"),
        ("p u u", "unscored in the last 2 runs, not in the 1 before"),
        ("e u m", "no answer to be right or wrong in the 2 runs before"),
        ("m", None),
    ],
)
def test_the_remark_beside_a_failure(runs, text):
    """How often in how many runs; flaky only where one commit or run did both."""
    past = make_past(runs)
    outcome = {"m": "missed", "e": "errored", "u": "unscored"}[
        runs.rpartition("@")[0][-1:] or runs[-1]
    ]

    assert past_text(past, outcome) == text


def test_an_answer_that_is_no_evidence():
    """A case whose other repeats were asked anew, and this one replayed."""
    assert past_text(make_past("m p"), "missed") is None


def test_why_there_is_no_past():
    """A new case, a changed one, or the first run of all, of which nothing is said."""
    assert past_text(make_past("m", is_new=True), "missed") == "first run of this case"
    changed = past_text(make_past("m", has_changed=True), "missed")
    assert changed == "first run since question or expectation changed"


def make_run(letters, run_id="r1", *, is_dirty=False, **known):
    fields = {
        "suite": "tickets",
        "model": "a:b",
        "case_id": "c1",
        "input": "Where?",
        "expected": "here",
        "output": "there",
        "latency_s": 0.25,
        "content_hash": "h1",
    } | known
    records = tuple(
        Record(outcome=OUTCOMES[letter], repeat=repeat, **fields)
        for repeat, letter in enumerate(letters)
    )
    return CaseRun(run_id=run_id, commit="abcdef0123", is_dirty=is_dirty, records=records)


def texts(runs, **known):
    return [line.text for line in case_history(runs, **known)]


def test_a_case_run_by_run():
    """What was asked, then a line for each answer with commit, outcome, latency and answer."""
    runs = [
        make_run("p", "r1", output="here"),
        make_run("m", "r2", is_dirty=True),
        make_run("m", "r3", measured_in="r2"),
    ]

    assert texts(runs) == [
        "tickets, a:b: c1",
        "  2 runs: 1 passed, 1 missed",
        "  input    Where?",
        "  expected here",
        "  run  commit   outcome     latency  got",
        "  r1   abcdef0  passed       250 ms  here",
        "  r2   abcdef0+ missed       250 ms  there",
        "  r3   abcdef0  missed     replayed  there",
        "",
        "+ with changes that were not committed",
    ]


def test_flaky_at_a_commit():
    """Both at one commit without changes is flagged; with repeats answers are counted."""
    runs = [make_run("p", "r1"), make_run("pm", "r2")]

    lines = texts(runs)

    assert lines[1] == "  2 runs, 3 answers: 2 passed, 1 missed"
    assert lines[2] == "  flaky: passed and missed at commit abcdef0"
    assert not any(
        "flaky" in line for line in texts([replace(runs[0], is_dirty=None), make_run("m")])
    )


def test_a_changed_question():
    """Only the runs of the present content are counted, and the others are shown."""
    lines = texts([make_run("m", "r1", content_hash="h0"), make_run("p", "r2")], n_unreadable=2)

    assert lines[1] == "  1 run of this content: 1 passed"
    assert lines[6] == "  here question or expectation changed"
    assert lines[-1] == "2 runs can't be read, and count nowhere"


def test_no_answer_and_strange_characters():
    """The reason stands where the answer would, in one line that fits."""
    run = make_run("e", output=None, reason="down\x1b[31m\n" + "x" * 200, latency_s=None)

    line = texts([run], width=80)[5]

    assert line.startswith("  r1   abcdef0  errored         n/a  down\\x1b[31m x")
    assert len(line) == 80
