"""Beside a case that was not passed: what became of it in earlier runs."""

import json
import subprocess

import pytest

from pytest_modeleval.cli import main


def keep_as(project, name):
    """Give the last run another id, so that runs of one second have an order."""
    project.runs[-1].rename(project.path / ".modeleval" / "runs" / name)


def remarks(result):
    """What the section says of pasts."""
    return [line.split(None, 1)[1] for line in result.outlines if line.startswith("  past ")]


@pytest.fixture
def evals(project):
    """Two cases, the second of which is answered wrong by ``robot:answer``."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 10%")
    return project


def test_from_run_to_run(evals):
    """Nothing of the first run; then each run that the case was part of."""
    assert remarks(evals.run()) == []
    keep_as(evals, "20000101-a")
    evals.run("-k", "right-1")
    keep_as(evals, "20000102-a")

    result = evals.run()

    assert remarks(result) == ["missed in each of the last 2 runs"]
    result.stdout.fnmatch_lines(["missed: wrong-1", "  got *", "  past     missed in each *"])


def test_show_says_what_was_known_then(evals, monkeypatch, capsys):
    """A run that came later is not its past."""
    for name in ("20000101-a", "20000102-a", "20000103-a"):
        evals.run()
        keep_as(evals, name)
    monkeypatch.chdir(evals.path)
    capsys.readouterr()

    assert main(["show", "20000102-a"]) == 0

    assert "  past     missed in each of the last 2 runs\n" in capsys.readouterr().out


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_flaky_at_a_commit(evals, workers):
    """A case that one commit passed and missed; with changes on top nothing is proven."""
    (evals.path / ".gitignore").write_text("*.txt\n__pycache__\n")
    for command in ("init -q", "add -A", "-c user.name=a -c user.email=a@b commit -qm a"):
        subprocess.run(["git", *command.split()], cwd=evals.path, check=True)
    evals.run_apart()
    keep_as(evals, "20000101-a")
    outcomes = evals.path / ".modeleval" / "runs" / "20000101-a" / "outcomes.json"
    outcomes.write_text(outcomes.read_text().replace(' m"', ' p"'))

    with (evals.path / "robot.py").open("a") as file:
        file.write("\n")
    assert remarks(evals.run_apart(*workers)) == ["missed for the first time in 2 runs"]
    assert evals.file("run.json")["git_is_dirty"] is True
    keep_as(evals, "20000102-a")
    subprocess.run(["git", "checkout", "-q", "robot.py"], cwd=evals.path, check=True)

    (remark,) = remarks(evals.run_apart(*workers))

    commit = evals.file("run.json")["git_commit"]
    assert remark == f"flaky at commit {commit[:7]}: missed in 2 of the last 3 runs"


def test_the_html_report_has_it(evals, monkeypatch):
    """Of the passed cases too, written at the end of a session or later."""
    evals.run()
    keep_as(evals, "20000101-a")
    evals.run("--model-eval-report=now.html")
    monkeypatch.chdir(evals.path)

    assert main(["report", "-o", "later.html"]) == 0

    for name in ("now.html", "later.html"):
        text = (evals.path / name).read_text(encoding="utf-8")
        assert "missed in each of the last 2 runs" in text
        assert '"passed in each of the last 2 runs",". ."' in text


def test_a_damaged_run_changes_nothing(evals):
    """It is counted, and the verdict is the same."""
    evals.run()
    keep_as(evals, "20000101-a")
    evals.run()
    (evals.runs[-1] / "outcomes.json").write_text("{")
    keep_as(evals, "20000102-a")

    result = evals.run()

    assert result.ret == 0
    assert remarks(result) == ["missed in each of the last 2 runs"]
    result.stdout.fnmatch_lines(["past: 1 earlier run can't be read, and count nowhere"])


def test_nothing_is_read_where_nothing_is_shown(evals):
    """Neither where every case was passed, nor for ``-q``."""
    evals.run()
    keep_as(evals, "20000101-a")
    (evals.path / ".modeleval" / "runs" / "20000101-a" / "outcomes.json").write_text("{")

    assert "earlier run" not in evals.run("-k", "right").stdout.str()
    assert "earlier run" not in evals.run("-q").stdout.str()


def test_outcomes_on_disk(evals):
    """For each suite and model the cases with content hash and outcomes."""
    evals.run("--model-eval-repeats=2")

    (suite,) = evals.file("outcomes.json")["suites"]
    assert (suite["suite"], suite["model"]) == ("test_ticket", "robot:answer")
    letters = {case_id: text.split()[1] for case_id, text in suite["cases"].items()}
    assert letters == {"right-1": "pp", "wrong-1": "mm"}
    hashes = {line["case_id"]: line["content_hash"] for line in evals.lines("records.jsonl")}
    assert suite["cases"]["right-1"].split()[0] == hashes["right-1"]


def test_outcomes_that_cannot_be_written(evals, monkeypatch):
    """A warning, and the same verdict."""

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pytest_modeleval.plugin.gatekeeper.write_outcomes", fail)

    result = evals.run()

    assert result.ret == 0
    result.stdout.fnmatch_lines(["warning: outcomes.json was not written: *No space left*"])
    assert json.loads((evals.runs[-1] / "summary.json").read_text())
