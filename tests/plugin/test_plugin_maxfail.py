"""``-x`` and ``--maxfail``: a run that is cut off is invalid, and stops asking."""

import pytest


def test_a_soft_miss_does_not_stop_a_run(project):
    """The gate decides about it, at the end."""
    project.suite("wrong-1", "right-1", "right-2")
    project.thresholds("accuracy >= 60%")

    result = project.run("-x")

    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 2, "missed": 1}
    assert project.status == "met"


def test_a_hard_failure_stops_the_run_and_makes_it_incomplete(project, section):
    """Exit 1, and the gate says how far it came."""
    project.suite("right-1", "boom-1", "right-2", "right-3")
    project.thresholds("accuracy >= 1%")

    result = project.run("-x")

    assert result.ret == 1
    result.assert_outcomes(passed=1, errors=1)
    assert project.status == "invalid"
    assert any("incomplete: 2 of 4 cases" in line for line in section(result))


def test_a_stopped_run_does_not_ask_the_rest(project):
    """With one call at once, no more than the next case is asked ahead."""
    project.suite("boom-1", *(f"right-{n}" for n in range(20)))
    project.thresholds("accuracy >= 1%")

    project.run("-x", "--model-eval-concurrency=1")

    assert len(project.asked) <= 2


@pytest.mark.parametrize(("maxfail", "n_ran"), [("1", 1), ("2", 2)])
def test_maxfail_counts_hard_failures(project, maxfail, n_ran):
    """Ungoverned misses are failures like any."""
    project.suite("wrong-1", "wrong-2", "wrong-3")
    project.ini()

    result = project.run(f"--maxfail={maxfail}")

    assert result.ret == 1
    result.assert_outcomes(failed=n_ran)


def test_a_run_that_is_stopped_at_its_last_case_is_complete(project):
    """Every case has its record, so the gate is judged; the failure stands."""
    project.suite("right-1", "boom-1")
    project.thresholds("accuracy >= 50%")

    result = project.run("-x")

    assert result.ret == 1
    judged = project.file("summary.json")["verdict"]["thresholds"]
    assert [item["status"] for item in judged if not item["implied"]] == ["met"]


def test_a_soft_error_does_not_stop_a_run(project):
    """Errors that the settings allow are counted by the gate."""
    project.suite("boom-1", "right-1", "right-2")
    project.thresholds("accuracy >= 60%")

    result = project.run("-x", "--model-eval-max-error-rate=40%")

    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 2, "errored": 1}


@pytest.mark.parametrize("fail_fast", ["-x", "--maxfail=5"])
def test_two_models_do_not_starve_each_other(project, fail_fast):
    """A fixture's model is asked though another suite's answers lie ready for later."""
    project.suite(*(f"right-{n}" for n in range(6)), name="test_z")
    project.pytester.makepyfile(
        test_a="""
        import pytest

        @pytest.fixture(scope="module")
        def model():
            return str.upper

        @pytest.mark.model_eval("tickets.csv")
        def test_first(case, prediction):
            assert prediction == case.expected
        """
    )
    project.thresholds("accuracy >= 100%")

    result = project.run_apart(fail_fast, "--model-eval-concurrency=2", timeout=10)

    assert result.ret == 0
    result.assert_outcomes(passed=12)


def test_calls_of_tests_and_prefetched_answers_do_not_starve_each_other(project):
    """A test that asks for itself is answered though a later suite is asked ahead."""
    project.suite(*(f"right-{n}" for n in range(6)), name="test_z")
    project.pytester.makepyfile(
        test_a="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_first(case, model):
            assert model.ask(case.input) == case.expected
        """
    )
    project.thresholds("accuracy >= 100%")

    result = project.run_apart("-x", "--model-eval-concurrency=2", timeout=10)

    assert result.ret == 0
    result.assert_outcomes(passed=12)


def test_a_keyboard_interrupt_leaves_an_incomplete_run(project):
    """Status 2 stands, and the cases that ran are on disk."""
    project.suite(
        "right-1",
        "right-2",
        "right-3",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            if case.id == "right-2":
                raise KeyboardInterrupt
        """,
    )
    project.thresholds("accuracy >= 1%")

    result = project.run_apart()

    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert project.status == "invalid"
    assert project.outcomes["right-1"] == "passed"
    result.stdout.fnmatch_lines(["*incomplete: 1 of 3 cases*"])
