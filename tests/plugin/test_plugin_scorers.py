"""Scorers of a suite in Python, beside its test."""

import json
import re

import pytest

SUITE = """
    import pytest
    from pytest_modeleval import Unscored, scorer

    @scorer(min_score=0.5, weight=3)
    def brief(case, prediction):
        return 1 / len(prediction.output), "length"

    @scorer
    def broken(case, prediction):
        assert prediction.output == "x", "the scorer's own"

    @scorer
    def unsure(case, prediction):
        raise Unscored("who knows")

    @pytest.mark.model_eval("tickets.csv", scorers={scorers})
    def test_ticket(case, prediction):
        {body}
"""


@pytest.fixture
def run(project):
    """Run a suite over these inputs with these scorers, written in Python."""

    def run(inputs, scorers, *args, body="...", thresholds=("accuracy >= 1%",), apart=False):
        project.suite(*inputs, source=SUITE.format(scorers=scorers, body=body))
        project.thresholds(*thresholds)
        return (project.run_apart if apart else project.run)(*args)

    return run


def test_scorers_decide(run, project):
    """In a test that asserts nothing; the record has each score with its reason."""
    result = run(["right", "wrong"], '["exact", {"contains": {"all_of": "I", "weight": 2}}]')

    result.assert_outcomes(passed=1)
    right, wrong = (project.records[name] for name in ("right", "wrong"))
    assert right["scores"] == {
        "exact": {"value": 1.0, "min_score": 1.0},
        "contains": {
            "value": 1.0,
            "min_score": 1.0,
            "weight": 2.0,
            "version": right["scores"]["contains"]["version"],
        },
    }
    assert (right["outcome"], wrong["outcome"]) == ("passed", "missed")
    assert wrong["reason"] == (
        "score exact is 0, below 1; score contains is 0, below 1: it lacks 'I'"
    )
    result.stdout.fnmatch_lines(
        [
            "missed: wrong",
            f"  why      {wrong['reason']}",
            "  score(contains) *",
            "  score(exact) *",
        ]
    )


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["single", "workers"])
def test_the_mean_of_scores_is_weighted(run, project, workers):
    """Also where workers have scored."""
    result = run(
        ["aa", "bbbb"],
        '[brief, "exact"]',
        *workers,
        thresholds=("mean_score >= 70%", "score(brief) >= 30%"),
        apart=bool(workers),
    )

    assert result.ret == 1
    metrics = project.file("summary.json")["suites"][0]["metrics"]
    assert metrics["mean_score"]["value"] == pytest.approx((2.5 / 4 + 1.75 / 4) / 2)
    assert metrics["score(brief)"]["value"] == pytest.approx(0.375)
    assert project.records["bbbb"]["reason"] == "score brief is 0.25, below 0.5: length"


def test_the_test_decides_as_well(run, project):
    """Its assertion makes a miss of what the scorers pass, and the scores are kept."""
    run(["right"], '["exact"]', body="assert prediction != case.expected")

    record = project.records["right"]
    assert record["outcome"] == "missed"
    assert record["scores"]["exact"]["value"] == 1


def test_an_exception_of_a_scorer(run, project):
    """Is an error with its traceback, an assertion too; the other scores are kept."""
    result = run(["right"], '[broken, "exact"]')

    assert result.ret == 1
    record = project.records["right"]
    assert (record["outcome"], record["error_kind"]) == ("errored", "raised")
    assert record["scores"]["exact"]["value"] == 1
    result.stdout.fnmatch_lines(["*def broken(case, prediction):*", "*the scorer's own*"])


def test_an_answer_that_can_not_be_scored(run, project):
    """Is unscored, and fails the run that allows none."""
    result = run(["right"], '[unsure, {"cost": "$1"}, "exact"]')

    assert result.ret == 1
    record = project.records["right"]
    assert (record["outcome"], record["reason"]) == ("unscored", "who knows")
    assert set(record["scores"]) == {"exact"}


def test_a_case_that_a_scorer_can_never_score(run, project):
    """Is a collection error with file and line, and nothing is asked."""
    result = run(["right"], '["number"]')

    assert result.ret == 2
    result.stdout.fnmatch_lines(["tickets.csv:2: scorer number: 'expected' is no number: 'RIGHT'"])
    assert project.asked == []


def test_files_are_looked_for_beside_the_test(run, project):
    """And from the rootdir on."""
    folder = project.path / "evals"
    folder.mkdir()
    (folder / "answer.json").write_text(json.dumps({"minLength": 1, "type": "string"}))
    (folder / "my_own_scorers.py").write_text("def yes(case, prediction):\n    return True\n")
    run(["right"], '[{"json_schema": "answer.json"}, "my_own_scorers:yes"]')
    (project.path / "test_evals.py").rename(folder / "test_evals.py")
    (project.path / "answers.txt").write_text("x")

    result = project.run("evals")

    result.stdout.no_fnmatch_line("*no file*")
    result.stdout.no_fnmatch_line("*no module*")


def test_a_suite_with_scorers_without_the_flag(run, project):
    """Is one skipped test; no scorer is made."""
    project.suite("right", source=SUITE.format(scorers='["no_such_module:f"]', body="..."))

    result = project.pytester.runpytest()

    result.assert_outcomes(skipped=1)


def test_scores_of_other_parameters_are_not_compared(run, project):
    """With a baseline: the section says why."""
    run(["right"], '[{"contains": "R"}]', "--model-eval-save-baseline")
    text = (project.path / "evals" / "baseline.jsonl").read_text()
    version = project.records["right"]["scores"]["contains"]["version"]
    assert json.loads(text.splitlines()[1])["scorers"] == [f"contains@{version}"]

    same = run(["right"], '[{"contains": "R"}]')
    other = run(["right"], '[{"contains": "I"}]')

    same.stdout.no_fnmatch_line("*not comparable*")
    other.stdout.fnmatch_lines(
        ["    score     not comparable: other scorers, parameters or weights"]
    )


def test_the_page_of_scorers_names_them_all():
    """With each of their parameters."""
    from pathlib import Path

    from pytest_modeleval.scorers.names import COMMON, SCORERS

    page = (Path(__file__).parents[2] / "docs" / "scorers.md").read_text(encoding="utf-8")
    for name, recipe in SCORERS.items():
        for word in (name, *recipe.parameters, *COMMON):
            assert re.search(rf"(`|{{){word}\b", page), f"{name}: {word}"
