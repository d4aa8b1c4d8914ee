"""``--model-eval-plan``: what a run would ask, cost, take and see, and nothing is asked."""

import textwrap

import pytest

PRICED = """
    from pytest_modeleval import Prediction

    def answer(text):
        open("asked.txt", "a").write("x")
        return Prediction(output=text, cost_usd=0.25, latency_s=2.0)
"""

SUITE = """
    import pytest

    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, prediction):
        assert prediction
"""


@pytest.fixture
def priced(project):
    """A project of four cases whose model reports what it costs, and notes that it was asked."""
    project.suite("a-1", "b-2", "c-3", "d-4", source=SUITE)
    (project.path / "priced.py").write_text(textwrap.dedent(PRICED))
    return project


def test_nothing_is_asked_and_nothing_written(priced):
    """A plan costs nothing, and says so."""
    result = priced.run("--model-eval-model=priced:answer", "--model-eval-plan")

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "test_ticket, priced:answer: 4 cases, 4 calls",
            "  cost   n/a (no earlier run*",
            "nothing was asked",
        ]
    )
    assert not (priced.path / "asked.txt").exists()
    assert not (priced.path / ".modeleval").exists()


def test_cost_and_time_of_the_last_run(priced):
    """An earlier run says what a case costs, and how long it takes."""
    args = ["--model-eval-model=priced:answer", "--model-eval-concurrency=2"]
    priced.run(*args)

    result = priced.run(*args, "--model-eval-plan", "-k", "a-1 or b-2 or c-3")

    result.stdout.fnmatch_lines(
        [
            "test_ticket, priced:answer: 3 cases, 3 calls",
            "  cost   $0.75 (as many tokens a case as in the last run)",
            "  time   3.00 s (at the last run's latency, 2 at once)",
            "  sees   no drop of accuracy under 50 points: too few cases",
        ]
    )


def test_a_plan_above_the_budget_says_so(priced):
    """Better now than half-way."""
    priced.run("--model-eval-model=priced:answer")

    result = priced.run(
        "--model-eval-model=priced:answer", "--model-eval-plan", "--model-eval-max-cost=$0.5"
    )

    result.stdout.fnmatch_lines(["this is more than model_eval_max_cost ($0.50) allows"])


def test_a_guess_is_called_one(priced, monkeypatch):
    """Without an earlier run the length of the questions has to do."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-123456")

    result = priced.run("--model-eval-model=openai:gpt-5-mini", "--model-eval-plan")

    result.stdout.fnmatch_lines(
        ["  cost   $0.002* (a guess from the length of the questions: no earlier run)"]
    )


def test_settings_that_cannot_work_are_refused(priced):
    """What a run refuses, its plan refuses."""
    result = priced.run("--model-eval-model=nowhere:answer", "--model-eval-plan")

    assert result.ret == 4


def test_with_workers(priced):
    """A plan has nothing to share."""
    result = priced.run_apart("--model-eval-model=priced:answer", "--model-eval-plan", "-n2")

    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["ERROR: --model-eval-plan runs nothing that workers could share; add -n0"]
    )
