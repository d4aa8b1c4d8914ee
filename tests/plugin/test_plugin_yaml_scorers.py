"""Scorers and judges of suites without Python: each that a marker may name works there too."""

import json

import fake_server
import pytest

CASES = """\
cases:
- {id: good a, input: good a, expected: good a}
- {id: bad b, input: bad b, expected: good b}
"""


@pytest.fixture(scope="module")
def server():
    with fake_server.running() as server:
        yield server


@pytest.fixture
def run(project, server):
    """Runs a suite that asks ``parrot:answer``, which says what it is asked."""

    def run(text, *args, cases=CASES, apart=False):
        (project.path / "evals").mkdir(exist_ok=True)
        (project.path / "evals" / "it.eval.yaml").write_text(text + cases, encoding="utf-8")
        project.pytester.makepyfile(
            parrot="def answer(text):\n    return text\n",
            marks="def is_short(case, prediction):\n    return len(prediction.output) < 7, 'length'\n"
            "def fails(case, prediction):\n    raise RuntimeError('the scorer is broken')\n",
        )
        project.ini(
            "model_eval_judge = openai:judge",
            f"model_eval_base_url = {server.base_url}",
            "model_eval_retries = 0",
        )
        text = (project.path / "pytest.ini").read_text().replace("robot:answer", "parrot:answer")
        (project.path / "pytest.ini").write_text(text)
        return (project.run_apart if apart else project.run)(*args)

    return run


@pytest.mark.parametrize(
    "scorer",
    [
        "exact",
        "exact: {ignore: [case, space]}",
        "one_of: [good a, x]",
        "contains: good",
        "regex: ^good",
        "similar: {by: edit, min_score: 0.9}",
        "marks:is_short: {min_score: 0}",
        "latency: {at_most: 30s, min_score: 1}",
    ],
)
def test_a_scorer_works_as_in_a_marker(run, project, scorer):
    """By its name, or by its name with parameters."""
    run(f"scorers:\n- {scorer}\n")

    (score,) = project.records["good a"]["scores"].values()
    assert project.records["good a"]["outcome"] == "passed"
    assert score["value"] == 1.0


def test_the_scorers_that_fail_a_case_are_named(run, project):
    """With their reasons; the others are shown beside them."""
    result = run("scorers: [exact, {contains: good}, {marks:is_short: {min_score: 0}}]\n")

    record = project.records["bad b"]
    assert record["reason"] == (
        "score exact is 0, below 1; score contains is 0, below 1: it lacks 'good'"
    )
    result.stdout.fnmatch_lines(
        [
            "evals/it.eval.yaml:4: score exact is 0, below 1; score contains is 0*",
            "  input    bad b",
            "  expected good b",
            "  got      bad b",
            "  score    exact 0, below 1",
            "  score    contains 0, below 1: it lacks 'good'",
            "  score    is_short 1: length",
        ]
    )
    assert "Traceback" not in result.stdout.str()


def test_a_scorers_own_error_shows_its_line_alone(run, project):
    """None of ours, nor of pytest's."""
    result = run("scorers: [marks:fails]\n")

    assert project.outcomes == {"good a": "errored", "bad b": "errored"}
    result.stdout.fnmatch_lines(['  File "*marks.py", line 4, in fails', "*the scorer is broken*"])
    result.stdout.no_fnmatch_line("*runner.py*")


def test_a_judge_decides(run, project):
    """It is tried on golden answers first; its reason stands in the failure."""
    result = run("scorers: [{judge: It is good.}]\n")

    assert project.outcomes == {"good a": "passed", "bad b": "missed"}
    record = project.records["bad b"]
    assert record["scores"]["judge"]["judged_by"] == "openai:judge"
    result.stdout.fnmatch_lines(
        [
            "*score judge is 0, below 1: I have looked at it.",
            "  got      bad b",
            "preflight: 4 golden answers for 1 judge, all right*",
        ]
    )


def test_judges_are_tried_on_the_suites_own_golden_answers(run, project):
    """A file of them is looked for beside the suite; one that the judge gets wrong ends the run."""
    (project.path / "evals").mkdir()
    golden = [
        {"input": "q", "output": "bad c", "verdict": "pass"},
        {"input": "q", "output": "bad d", "verdict": "fail"},
    ]
    lines = "".join(json.dumps(one) + "\n" for one in golden)
    (project.path / "evals" / "golden.jsonl").write_text(lines)

    result = run("scorers: [{judge: {rubric: It is good., golden: golden.jsonl}}]\n")

    assert result.ret == 1
    assert project.status == "invalid"


def test_workers_try_judges_once(run, project, server):
    """And give the same scores."""
    before = server.stats()["n_requests"]

    run("scorers: [{judge: It is good.}]\n", "-n2", apart=True)

    assert project.outcomes == {"good a": "passed", "bad b": "missed"}
    assert server.stats()["n_requests"] - before == 4 + 2


def test_a_judge_is_held_against_people(run):
    """By the field ``human`` of the metadata."""
    cases = """\
cases:
- {input: good a, metadata: {human: pass}}
- {input: bad b, metadata: {human: fail}}
"""
    result = run("scorers: [{judge: It is good.}]\n", cases=cases)

    result.stdout.fnmatch_lines(["*agrees with people in 2 of 2 answers*"])


def test_a_judge_of_one_case_alone(run, project):
    """The others are scored by what the suite says."""
    cases = """\
cases:
- {id: a, input: good, scorers: [{judge: It is good.}]}
- {id: b, input: x, expected: x}
"""
    run("", cases=cases)

    assert list(project.records["a"]["scores"]) == ["judge"]
    assert list(project.records["b"]["scores"]) == ["exact"]


def test_the_weighted_mean_decides_where_the_suite_says_so(run, project):
    """And the reason has each score."""
    scorers = "[{exact: {weight: 3}}, {marks:is_short: {weight: 1}}]"
    run(f"min_score: 0.3\nscorers: {scorers}\n")

    assert project.outcomes == {"good a": "passed", "bad b": "missed"}
    assert project.records["bad b"]["reason"] == (
        "the mean of its scores is 0.25, below 0.3: exact 0, is_short 1"
    )


def test_a_scorer_that_lacks_what_it_needs_is_said_with_the_case(run):
    """Before anything is asked."""
    result = run("scorers: [one_of]\n", cases="cases:\n- {input: x}\n")

    result.stdout.fnmatch_lines(["*evals/it.eval.yaml:3: *one_of*expected*"])


def test_a_wrong_scorer_is_said_with_its_own_line(run):
    """A list may be long."""
    result = run("scorers:\n  - exact\n  - contians: refund\n", cases="cases:\n- {input: x}\n")

    result.stdout.fnmatch_lines(["*evals/it.eval.yaml:3: scorers: *contians*did you mean*"])


def test_a_replay_scores_the_answers_again(run, project):
    """Without asking."""
    run("", "--model-eval-thresholds=accuracy >= 1%")
    (before,) = project.runs

    run("scorers: [{contains: bad}]\n", f"--model-eval-replay={before.name}")

    assert project.outcomes == {"good a": "missed", "bad b": "passed"}
    assert project.file("run.json")["replayed_from"] == before.name
