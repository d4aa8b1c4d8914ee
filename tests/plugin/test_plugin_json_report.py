"""JSON reports of runs of many kinds, held against the schema."""

import json
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator

from pytest_modeleval.cli import main

SCHEMA = json.loads(
    files("pytest_modeleval.reports").joinpath("document.schema.json").read_text("utf-8")
)
SCORED = """
    import pytest

    @pytest.mark.model_eval("tickets.csv", tags="input")
    def test_ticket(case, prediction, model_eval):
        model_eval.score("tone", 0.5, reason="flat", min_score=0.2)
        if "unscored" in case.input:
            model_eval.unscored("the judge is away")
        if "skip" in case.input:
            pytest.skip("not today")
        assert prediction == case.expected
"""


def valid(path):
    """A report that is as the schema says."""
    found = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator(SCHEMA).validate(found)
    return found


def run(project, *args, apart=False):
    """Run and read the report, which a report of the stored run has to equal."""
    run = project.run_apart if apart else project.run
    run("--model-eval-report=out.json", *args)
    return valid(project.path / "out.json")


@pytest.fixture
def evals(project, monkeypatch):
    """Cases of every outcome."""
    project.suite("right-1", "wrong-2", "boom-3", "unscored-4", "skip-5", source=SCORED)
    project.thresholds("accuracy >= 50%", "score(tone) >= 40%", "avg_cost <= $1")
    monkeypatch.chdir(project.path)
    return project


def test_every_outcome(evals):
    """And thresholds that are met, not met and invalid."""
    found = run(evals)

    outcomes = [item["outcome"] for item in found["records"]]
    assert outcomes == ["passed", "missed", "errored", "unscored", "skipped"]
    assert found["run"]["exit_status"] == 1
    assert found["verdict"]["status"] == "not met"
    assert {item["status"] for item in found["thresholds"]} >= {"not met", "invalid"}


def test_over_workers(evals):
    """The same records in the same order."""
    found = run(evals, "-n", "2", apart=True)

    assert [item["case_id"] for item in found["records"]] == [
        "right-1",
        "wrong-2",
        "boom-3",
        "unscored-4",
        "skip-5",
    ]


def test_the_report_of_the_stored_run_is_the_same(evals, capsys):
    """But for where it is kept, as it is shown."""
    found = run(evals)

    assert main(["report", "-o", "again.json", "-o", "again.md", "-o", "again.csv"]) == 0
    assert capsys.readouterr().out.count("report: again.") == 3
    again = valid(evals.path / "again.json")
    assert again == found


def test_repeats_and_several_models(evals):
    """A record and numbers for each."""
    evals.pytester.makepyfile(other="def answer(text): return text.upper()")
    models = ["--model-eval-model=robot:answer", "--model-eval-model=other:answer"]
    found = run(evals, "--model-eval-repeats=2", *models)

    assert len(found["records"]) == 20
    assert [item["model"] for item in found["suites"]] == ["robot:answer", "other:answer"]


def test_compared_replayed_and_resumed(evals):
    """What only runs have that follow others."""
    run(evals, "--model-eval-save-baseline", "--model-eval-force-baseline")
    evals.thresholds("accuracy regression <= 1%")
    compared = run(evals)
    replayed = run(evals, "--model-eval-replay", evals.runs[-1].name)
    resumed = run(evals, "--model-eval-resume")

    assert compared["comparisons"][0]["n"] == 4
    assert compared["thresholds"][0]["threshold"] == "accuracy regression <= 1%"
    assert replayed["run"]["replayed_from"]
    assert resumed["run"]["resumed_from"]


def test_partial_and_cut_off(evals):
    """Not judged, and invalid."""
    partial = run(evals, "-k", "right")
    cut_off = run(evals, "-x")

    assert partial["verdict"]["status"] == "not judged"
    assert cut_off["verdict"]["status"] == "invalid"


def test_a_run_that_was_killed(evals):
    """Of which there is no summary."""
    run(evals)
    (evals.runs[-1] / "summary.json").unlink()

    assert main(["report", "-o", "again.json"]) == 0
    found = valid(evals.path / "again.json")
    assert "exit_status" not in found["run"]
    assert found["trouble"] == ["this run was cut off; what is on disk is shown"]


def test_shards_combined(evals):
    """The run that is made of them."""
    evals.thresholds("accuracy >= 50%")
    for half in ("right or wrong", "not right and not wrong"):
        evals.run("-k", half)
    names = [folder.name for folder in evals.runs]

    assert main(["combine", *names]) in (0, 1, 2)
    assert main(["report", evals.runs[-1].name, "-o", "whole.json"]) == 0
    found = valid(evals.path / "whole.json")
    assert sorted(found["run"]["combined"]) == sorted(names)
    assert len(found["records"]) == 5
