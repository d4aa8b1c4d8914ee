"""rerunfailures: a re-run asks afresh, and doubles nothing."""

import pytest

pytestmark = pytest.mark.usefixtures("reruns")

FLAKY = """
    import pytest

    ANSWERS = {"flaky": iter(["?", "FLAKY"]), "right": iter(["RIGHT", "?"])}

    def answer(text):
        from robot import note
        note(text)
        return next(ANSWERS[text])

    @pytest.mark.model_eval("tickets.csv", model=answer)
    def test_ticket(case, prediction):
        assert prediction == case.expected
"""


def test_a_rerun_asks_afresh(project):
    """The second answer counts, and it alone."""
    project.suite("flaky", "right", source=FLAKY)
    project.ini()

    result = project.run("--reruns=1")

    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 2, "rerun": 1}
    assert project.asked == ["flaky", "flaky", "right"]
    assert project.outcomes == {"flaky": "passed", "right": "passed"}


def test_a_rerun_makes_no_second_record(project):
    """Records are of cases; predictions of answers, each of them paid for."""
    project.suite("flaky", "right", source=FLAKY)
    project.ini()

    project.run("--reruns=1")

    assert len(project.lines("records.jsonl")) == 2
    assert len(project.lines("predictions.jsonl")) == 3
    assert project.file("summary.json")["suites"][0]["n"] == 2


def test_an_error_is_asked_again(project):
    """Also where the setup failed."""
    project.suite("boom-1", "right-1")
    project.thresholds("accuracy >= 1%")

    result = project.run("--reruns=1")

    assert result.ret == 1
    assert project.asked == ["boom-1", "boom-1", "right-1"]
    assert len(project.lines("records.jsonl")) == 2


def test_a_soft_miss_is_not_run_again(project):
    """It is no failure; the gate decides about it."""
    project.suite("wrong-1", "right-1")
    project.thresholds("accuracy >= 50%")

    result = project.run("--reruns=2")

    assert result.ret == 0
    assert project.asked == ["right-1", "wrong-1"]


def test_what_a_first_try_measured_is_forgotten(project):
    """Scores and costs of a try that is repeated leave no trace."""
    project.suite(
        "right-1",
        source="""
        import pytest

        tries = []

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, model_eval):
            tries.append(1)
            with model_eval.measure() as m:
                m.cost_usd = 0.5
            if len(tries) == 1:
                model_eval.score("first", 0.1)
                raise KeyError("once")
        """,
    )
    project.ini()

    assert project.run("--reruns=1").ret == 0
    assert project.records["right-1"]["cost_usd"] == 0.5
    assert "scores" not in project.records["right-1"]
