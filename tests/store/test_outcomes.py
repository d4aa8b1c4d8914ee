"""Outcomes: what became of each case of a run, read for many runs."""

import json

import pytest

from pytest_modeleval.core.pasts import case_key
from pytest_modeleval.core.records import Record
from pytest_modeleval.core.redaction import Redactor
from pytest_modeleval.store.outcomes import read_case, read_pasts, write_outcomes

OUTCOMES = {"p": "passed", "m": "missed", "e": "errored", "u": "unscored", "s": "skipped"}


def make_records(letters, **known):
    """A record for each letter, of cases c0, c1, ..."""
    fields = {"suite": "tickets", "model": "a:b", "content_hash": "h"} | known
    return [
        Record(**({"case_id": f"c{index}", "outcome": OUTCOMES[letter]} | fields))
        for index, letter in enumerate(letters)
    ]


@pytest.fixture
def runs(tmp_path):
    """Writes runs into a store: their names, and the outcomes of their cases."""
    return Runs(tmp_path / "runs")


class Runs:
    def __init__(self, folder):
        self.folder = folder

    def write(self, name, letters, *, manifest=None, **known):
        path = self.folder / name
        path.mkdir(parents=True)
        about = {"format_version": 1, "git_commit": "abc", "git_is_dirty": False} | (manifest or {})
        (path / "run.json").write_text(json.dumps(about))
        records = make_records(letters, **known)
        lines = [Redactor({}).json_line(record.to_dict()) + "\n" for record in records]
        (path / "records.jsonl").write_text("".join(lines), encoding="utf-8")
        write_outcomes(path, records)
        return path

    def pasts(self, letters="m", name="r9", about=None, **known):
        """What the store says of a run that is not there yet."""
        records = make_records(letters, **known)
        wanted = [case_key(record) for record in records]
        return read_pasts(self.folder / name, records, wanted, about or {})

    def earlier(self, *args, **known):
        """The outcomes of the first case in the runs before."""
        past = next(iter(self.pasts(*args, **known).by_case.values()))
        return ["".join(outcome[0] for outcome in item.outcomes) for item in past.earlier]


def test_the_runs_before_in_their_order(runs):
    """Later runs and the run itself are not before it; a selection counts for what it has."""
    runs.write("r1", "pp")
    runs.write("r2", "m")
    runs.write("r3", "sp")
    runs.write("r9", "p")
    runs.write("ra", "p")

    assert runs.earlier() == ["p", "m"]


def test_the_repeats_of_a_run(runs):
    """Each time that the case was asked, in order."""
    runs.write("r1", "pme", case_id="c0")

    assert runs.earlier() == ["pme"]


@pytest.mark.parametrize("other", [{"suite": "x"}, {"model": "x"}, {"variant": "x"}])
def test_another_suite_or_model_says_nothing(runs, other):
    """The case is then another one, and not even new."""
    runs.write("r1", "p", **other)

    past = next(iter(runs.pasts().by_case.values()))

    assert (past.earlier, past.is_new, past.has_changed) == ((), False, False)


def test_new_and_changed_cases(runs):
    """A suite that ran without the case; the case with another content."""
    runs.write("r1", "p")

    assert [past.is_new for past in runs.pasts("mm").by_case.values()] == [False, True]
    past = next(iter(runs.pasts("m", content_hash="other").by_case.values()))
    assert past.has_changed
    assert past.earlier == ()


def test_only_a_commit_without_changes_is_known(runs):
    """Otherwise the code may have been another."""
    runs.write("r1", "p")
    runs.write("r2", "p", manifest={"git_is_dirty": True})
    runs.write("r3", "p", manifest={"git_is_dirty": None})
    past = next(iter(runs.pasts().by_case.values()))

    assert [item.commit for item in past.earlier] == ["abc", None, None]
    assert past.now.commit is None


def test_a_combined_run_counts_and_its_parts_do_not(runs):
    """They are the same answers."""
    runs.write("r1", "m")
    runs.write("r2", "p")
    runs.write("r3", "m", manifest={"combined": ["r1", "r2"]})

    assert runs.earlier() == ["m"]
    assert runs.earlier(name="r3", about={"combined": ["r1", "r2"]}) == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("outcomes.json", "{"),
        ("outcomes.json", "[]"),
        ("outcomes.json", '{"format_version": 2, "suites": []}'),
        ("outcomes.json", '{"format_version": 1}'),
        ("outcomes.json", '{"format_version": 1, "suites": [{"suite": [], "cases": {}}]}'),
        ("outcomes.json", '{"format_version": 1, "suites": [{"cases": 1}]}'),
        ("run.json", ""),
        ("run.json", '{"format_version": 2}'),
        ("run.json", '{"format_version": 1, "combined": 3}'),
    ],
)
def test_a_damaged_or_later_run_is_counted_and_left_out(runs, file, text):
    """The others still say what they know."""
    runs.write("r1", "p")
    (runs.write("r2", "p") / file).write_text(text)

    assert runs.pasts().n_unreadable == 1
    assert runs.earlier() == ["p"]


def test_what_is_no_run_is_passed_over(runs):
    """A killed run has no outcomes; files and other folders are nobody's."""
    runs.write("r1", "p")
    (runs.write("r2", "p") / "outcomes.json").unlink()
    (runs.folder / "r3").mkdir()
    (runs.folder / "r4").write_text("")

    assert runs.pasts().n_unreadable == 0
    assert runs.earlier() == ["p"]
    assert read_case(runs.folder, "c0", n_runs=9)[1] == 0


def test_twenty_runs_are_enough(runs):
    """With this one; runs of other suites don't use them up."""
    for index in range(25):
        runs.write(f"r1-{index:02}", "p")
        runs.write(f"r2-{index:02}", "p", suite="other")

    assert len(runs.earlier()) == 19


def test_no_store_at_all(runs):
    """Then there is no past."""
    assert runs.earlier() == []


def test_a_case_is_found_by_its_id(runs):
    """The last runs that have it, the oldest first; half a line of a killed run is passed over."""
    runs.write("r1", "pp")
    path = runs.write("r2", "mm") / "records.jsonl"
    path.write_text(path.read_text() + '{"case_id": "c1", "outc')
    runs.write("r3", "p")
    (runs.write("r4", "pp") / "run.json").write_text("{")

    found, n_unreadable = read_case(runs.folder, "c1", n_runs=9)

    assert [(run.run_id, run.records[0].outcome) for run in found] == [
        ("r1", "passed"),
        ("r2", "missed"),
    ]
    assert n_unreadable == 1
    assert [run.run_id for run in read_case(runs.folder, "c1", n_runs=1)[0]] == ["r2"]


def test_an_id_of_any_characters(runs):
    """It is found as it was written."""
    name = 'é "x" \\ 日本 c1'
    runs.write("r1", "p", case_id=name)

    assert len(read_case(runs.folder, name, n_runs=9)[0]) == 1
