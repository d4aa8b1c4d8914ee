"""``--lf``: missed cases are run again like failures."""

import pytest


def test_missed_cases_are_run_again(project):
    """And they alone; the partial run is not judged."""
    project.suite("right-1", "wrong-1", "wrong-2")
    project.thresholds("accuracy >= 1%")
    project.run()
    project.forget()

    result = project.run("--lf")

    assert result.ret == 0
    assert result.parseoutcomes()["missed"] == 2
    assert project.asked == ["wrong-1", "wrong-2"]
    assert project.status == "not judged"


def test_errored_and_unscored_cases_are_run_again(project):
    """Whatever was not passed, soft or not."""
    project.suite(
        "right-1",
        "boom-1",
        "unsure-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, model_eval):
            if case.id == "unsure-1":
                model_eval.unscored("who knows")
        """,
    )
    project.thresholds("accuracy >= 1%")
    project.run("--model-eval-max-error-rate=50%")
    project.forget()

    project.run("--lf", "--model-eval-max-error-rate=50%")

    assert project.asked == ["boom-1", "unsure-1"]


def test_hard_failures_are_run_again(project):
    """Where nothing governs pytest remembers by itself."""
    project.suite("right-1", "wrong-1")
    project.ini()
    project.run()
    project.forget()

    project.run("--lf")

    assert project.asked == ["wrong-1"]


def test_a_case_that_passes_is_forgotten(project):
    """The next ``--lf`` runs everything again, since nothing failed."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 1%")
    project.run()
    (project.path / "robot.py").write_text("def answer(text): return text.upper()\n")
    project.run_apart("--lf")

    result = project.run_apart("--lf")

    result.assert_outcomes(passed=2)


def test_failed_first_runs_the_missed_first(project):
    """``--ff`` orders as it does for failures, and is no selection."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 50%")
    project.run()

    result = project.run("--ff", "-v")

    assert result.ret == 0
    assert project.status == "met"
    result.stdout.fnmatch_lines(["*test_ticket?wrong-1?*MISSED*", "*test_ticket?right-1?*PASSED*"])


def test_the_users_own_xfail_is_not_remembered(project):
    """An expected failure is no failure for ``--lf``, here as elsewhere."""
    project.suite(
        "wrong-1",
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            if case.id == "wrong-1":
                pytest.xfail("known")
        """,
    )
    project.thresholds("accuracy >= 1%")
    project.run()
    project.forget()

    project.run("--lf")

    assert project.asked == ["right-1", "wrong-1"]


@pytest.mark.parametrize("case_id", ["größe", "a[b]", "two words"])
def test_any_case_id_is_remembered(project, case_id):
    """As pytest spells it."""
    project.suite("right-1", f"wrong {case_id}")
    project.thresholds("accuracy >= 1%")
    project.run()
    project.forget()

    project.run("--lf")

    assert project.asked == [f"wrong {case_id}"]


def test_a_run_without_the_cache_works(project):
    """``-p no:cacheprovider`` remembers nothing and breaks nothing."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 50%")

    assert project.run("-p", "no:cacheprovider").ret == 0
    assert not (project.path / ".pytest_cache").exists()


def test_a_run_without_the_flag_keeps_what_was_missed(project):
    """Skipping the suites does not make them forget."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 1%")
    project.run()
    project.pytester.runpytest()
    project.forget()

    project.run("--lf")

    assert project.asked == ["wrong-1"]
