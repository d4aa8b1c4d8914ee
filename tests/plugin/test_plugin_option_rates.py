"""``--model-eval-max-error-rate`` and ``--model-eval-max-unscored-rate``."""

import pytest

UNSURE = """
    import pytest

    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, prediction, model_eval):
        if case.id.startswith("unsure"):
            model_eval.unscored("who knows")
"""


@pytest.mark.parametrize(("rate", "status", "verdict"), [("25%", 0, "met"), ("24%", 1, "not met")])
def test_errors_up_to_the_rate_are_met(project, rate, status, verdict):
    """They are soft, and the gate counts them; equal is met."""
    project.suite("right-1", "right-2", "right-3", "boom-1")
    project.thresholds("accuracy >= 75%")

    result = project.run(f"--model-eval-max-error-rate={rate}")

    assert result.ret == status
    assert result.parseoutcomes() == {"passed": 3, "errored": 1}
    result.stdout.fnmatch_lines(["test_evals.py ...e *"])
    assert project.status == verdict


def test_errors_count_as_wrong_in_the_accuracy(project):
    """A model that crashes on 1 of 4 cases has at most 75 %."""
    project.suite("right-1", "right-2", "right-3", "boom-1")
    project.thresholds("accuracy >= 76%")

    assert project.run("--model-eval-max-error-rate=50%").ret == 1
    assert project.metric("accuracy") == 0.75


def test_an_error_of_the_test_itself_is_soft_too(project):
    """Whatever the test raised, nobody got an answer to judge."""
    project.suite(
        "right-1",
        "right-2",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            if case.id == "right-1":
                {}["label"]
        """,
    )
    project.ini()

    result = project.run("--model-eval-max-error-rate=50%")

    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 1, "errored": 1}


def test_at_rate_zero_an_error_is_pytests_own(project):
    """The default."""
    project.suite("right-1", "boom-1")
    project.thresholds("accuracy >= 1%")

    result = project.run("--model-eval-max-error-rate=0")

    assert result.ret == 1
    result.assert_outcomes(passed=1, errors=1)


def test_a_miss_where_nothing_governs_stays_hard(project):
    """Lenience with errors is none with wrong answers."""
    project.suite("right-1", "wrong-1")
    project.ini()

    result = project.run("--model-eval-max-error-rate=50%")

    assert result.ret == 1
    result.assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize(("rate", "status"), [("50%", 0), ("49%", 1)])
def test_unscored_cases_up_to_the_rate_are_met(project, rate, status):
    """They are left out of the accuracy."""
    project.suite("right-1", "unsure-1", source=UNSURE)
    project.thresholds("accuracy >= 100%")

    result = project.run(f"--model-eval-max-unscored-rate={rate}")

    assert result.ret == status
    assert result.parseoutcomes() == {"passed": 1, "unscored": 1}


def test_a_run_in_which_nothing_was_scored_is_invalid(project):
    """However many may be unscored: an accuracy of no case is none."""
    project.suite("unsure-1", source=UNSURE)
    project.thresholds("accuracy >= 0%")

    assert project.run("--model-eval-max-unscored-rate=100%").ret == 1
    assert project.status == "invalid"
