"""``-k``, ``-m``, ``--deselect``, node ids: a partial selection asks less and is not judged."""

import os

import pytest

PARTS = [
    ("-k", "right-1"),
    ("--deselect=test_evals.py::test_ticket[wrong-1]",),
    ("test_evals.py::test_ticket[right-1]",),
    ("-k", "not wrong"),
]


@pytest.mark.parametrize("args", PARTS)
def test_a_partial_selection_is_not_judged(project, section, args):
    """Neither met nor a failure: exit 0, and the section says so."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 100%")

    result = project.run(*args)

    assert result.ret == 0
    assert project.asked == ["right-1"]
    assert project.status == "not judged"
    assert any("partial: 1 of 2 cases" in line for line in section(result))
    result.stdout.fnmatch_lines(["gate: not judged*"])


def test_a_missed_case_alone_is_not_judged(project):
    """Looking at one wrong case is no failed gate."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 100%")

    result = project.run("-k", "wrong-1")

    assert result.ret == 0
    assert result.parseoutcomes() == {"missed": 1, "deselected": 1}
    assert project.asked == ["wrong-1"]


def test_a_marker_expression_is_a_selection(project):
    """``-m`` leaves a whole suite out; the other is judged."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.slow
        @pytest.mark.model_eval("tickets.csv")
        def test_slow(case, prediction):
            assert prediction == "?"

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.ini("markers = slow", "model_eval_thresholds = accuracy >= 100%")

    result = project.run("-m", "not slow")

    assert result.ret == 0
    assert project.asked == ["right-1"]
    assert project.status == "met"


def test_a_threshold_on_a_suite_that_was_left_out_is_not_judged(project):
    """Its scope exists; none of its cases ran."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_one(case, prediction):
            assert prediction == "?"

        @pytest.mark.model_eval("tickets.csv")
        def test_two(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.thresholds("test_one: accuracy >= 100%")

    result = project.run("-k", "test_two")

    assert result.ret == 0
    assert project.status == "not judged"


def test_one_of_two_files_is_no_usage_error(project):
    """A threshold on the other file's suite does not trouble a run of this one."""
    project.suite("right-1")
    project.pytester.makepyfile(
        test_more="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_other(case, prediction):
            assert prediction == case.expected
        """
    )
    project.thresholds("test_other: accuracy >= 100%", "test_ticket: accuracy >= 100%")

    result = project.run("test_evals.py")

    assert result.ret == 0
    assert project.asked == ["right-1"]


def test_a_whole_file_is_judged(project):
    """Naming the file leaves no case of its suite out."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 100%")

    result = project.run("test_evals.py")

    assert result.ret == 1
    assert project.status == "not met"


def test_a_whole_function_is_judged(project):
    """Nor does naming the function."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 100%")

    assert project.run("test_evals.py::test_ticket").ret == 1
    assert project.status == "not met"


def test_selecting_nothing_is_invalid(project):
    """pytest's own status 5 stands, and the gate says why it judged nothing."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 100%")

    result = project.run("-k", "nothing")

    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert project.asked == []
    result.stdout.fnmatch_lines(["gate: invalid: no case was selected*"])
    assert project.runs == []


def test_selecting_nothing_without_thresholds_says_nothing(project):
    """There was nothing to judge."""
    project.suite("right-1")
    project.ini()

    result = project.run("-k", "nothing")

    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "invalid" not in result.stdout.str()


def test_an_ordinary_failure_of_a_partial_run_fails_it(project):
    """Not judged lets pytest's own status stand."""
    project.suite("right-1", "right-2")
    project.pytester.makepyfile(test_more="def test_right(): assert 0\n")
    project.thresholds("accuracy >= 100%")

    result = project.run("-k", "right-1 or test_right")

    assert result.ret == 1
    assert project.status == "not judged"


def test_an_ungoverned_miss_of_a_partial_run_fails_it(project):
    """An assertion that no gate judges is an ordinary failure, selected or not."""
    project.suite("right-1", "wrong-1")
    project.ini()

    assert project.run("-k", "wrong-1").ret == 1


@pytest.mark.parametrize(
    ("selection", "status", "verdict"), [("right", 0, "met"), ("wrong", 1, "not met")]
)
def test_judge_partial_judges_a_partial_selection(project, selection, status, verdict):
    """``--model-eval-judge-partial`` holds what ran against the threshold."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 100%")

    result = project.run("-k", selection, "--model-eval-judge-partial")

    assert result.ret == status
    assert project.status == verdict


def test_judge_partial_of_nothing_stays_invalid(project):
    """There is still nothing to judge."""
    project.suite("right-1")
    project.thresholds("accuracy >= 100%")

    result = project.run("-k", "nothing", "--model-eval-judge-partial")

    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["gate: invalid*"])


def test_addopts_select_too(project, monkeypatch):
    """``PYTEST_ADDOPTS`` means what it means elsewhere."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 100%")
    monkeypatch.setenv("PYTEST_ADDOPTS", os.environ["PYTEST_ADDOPTS"] + " -k right-1")

    assert project.run().ret == 0
    assert project.asked == ["right-1"]
    assert project.status == "not judged"


def test_a_plugin_that_drops_items_makes_a_partial_selection(project):
    """Whoever leaves cases out, and whether or not they are reported as deselected."""
    project.suite("right-1", "wrong-1")
    project.pytester.makeconftest("""
        def pytest_collection_modifyitems(items):
            items[:] = [item for item in items if "wrong" not in item.name]
    """)
    project.thresholds("accuracy >= 100%")

    assert project.run().ret == 0
    assert project.status == "not judged"
    assert project.asked == ["right-1"]


def test_reordering_is_no_selection(project):
    """All cases in another order are all cases."""
    project.suite("right-1", "wrong-1")
    project.pytester.makeconftest("""
        def pytest_collection_modifyitems(items):
            items.reverse()
    """)
    project.thresholds("accuracy >= 50%")

    assert project.run().ret == 0
    assert project.status == "met"


def test_no_suite_is_named_all(project):
    """Its thresholds would be judged on all suites together."""
    project.suite(
        "good",
        source='import pytest\n\n@pytest.mark.model_eval("tickets.csv", name="all")\n'
        "def test_ticket(case, prediction):\n    assert prediction == case.expected\n",
    )

    result = project.run()

    assert result.ret == 4 or result.ret == 2
    result.stdout.fnmatch_lines(["*a suite can't be named 'all'*"])


def test_a_file_that_could_not_be_collected_makes_the_run_invalid(project):
    """Its suite may be the one that fails."""
    project.suite("good")
    project.ini("model_eval_thresholds = accuracy >= 50%")
    project.pytester.makepyfile(test_broken="import nothing_of_that_name")

    result = project.run("--continue-on-collection-errors")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["*gate: invalid: a file could not be collected*"])
