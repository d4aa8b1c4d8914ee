"""Marks of the user's own: skip, skipif and xfail."""

import pytest

SUITE = """
    import pytest

    {mark}
    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, prediction):
        assert prediction == case.expected

    @pytest.mark.model_eval("others.csv")
    def test_other(case, prediction):
        assert prediction == case.expected
"""


@pytest.fixture
def marked(project):
    """A suite of two cases under a mark, and one of a case without."""

    def prepare(mark, *thresholds):
        project.suite("right-1", "wrong-1", source=SUITE.format(mark=mark))
        project.cases("right-3", file="others.csv")
        project.thresholds(*(thresholds or ("accuracy >= 0%",)))
        return project

    return prepare


@pytest.mark.parametrize(
    "mark",
    [
        '@pytest.mark.skip(reason="not today")',
        '@pytest.mark.skipif(True, reason="not today")',
        "@pytest.mark.skipif(\"1 + 1 == 2\", reason='not today')",
    ],
)
def test_a_skipped_case_is_never_asked(marked, mark):
    """Skipped by a mark: recorded as such, and nothing is paid for it."""
    project = marked(mark, "test_other: accuracy >= 100%")

    result = project.run()

    result.assert_outcomes(passed=1, skipped=2)
    assert project.asked == ["right-3"]
    assert project.outcomes == {"right-1": "skipped", "wrong-1": "skipped", "right-3": "passed"}
    assert project.records["right-1"]["reason"] == "not today"


def test_a_skipif_that_does_not_hold_asks(marked):
    """Only what is sure to skip is left out."""
    project = marked('@pytest.mark.skipif(False, reason="not today")')

    project.run()

    assert project.asked == ["right-1", "right-3", "wrong-1"]


def test_a_skip_in_a_param_skips_a_variant(project):
    """A mark on one variant leaves the other."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.skip)])
        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, n):
            assert prediction == case.expected
        """,
    )
    project.ini()

    project.run().assert_outcomes(passed=1, skipped=1)
    assert project.asked == ["right-1"]


def test_a_broken_skipif_is_reported_and_not_asked(marked):
    """pytest's own error message, and no call."""
    project = marked('@pytest.mark.skipif("no_such_name", reason="x")')

    result = project.run()

    assert result.ret == 1
    assert project.asked == ["right-3"]
    result.stdout.fnmatch_lines(["*no_such_name*"])


def test_an_expected_failure_is_a_miss_that_fails_nothing(marked):
    """xfail keeps its own word; the record says what the answer was."""
    project = marked('@pytest.mark.xfail(reason="known")', "p95_latency <= 60s")

    result = project.run()

    assert result.ret == 0
    result.assert_outcomes(passed=1, xfailed=1, xpassed=1)
    assert project.outcomes == {"right-1": "passed", "wrong-1": "missed", "right-3": "passed"}


def test_an_expected_failure_in_a_governed_suite_keeps_its_word(marked):
    """The user's own xfail is not renamed."""
    project = marked('@pytest.mark.xfail(reason="known")')

    result = project.run()

    assert result.ret == 0
    result.assert_outcomes(passed=1, xfailed=1, xpassed=1)


def test_a_strict_expected_failure_that_passes_fails(marked):
    """As ever, and no gate hides it."""
    project = marked('@pytest.mark.xfail(strict=True, reason="known")')

    result = project.run()

    assert result.ret == 1
    result.assert_outcomes(passed=1, xfailed=1, failed=1)
    assert project.outcomes["right-1"] == "passed"


def test_an_expected_failure_that_is_not_run_is_not_asked_and_not_judged(marked):
    """``run=False`` leaves a case out, as a skip does: nobody asked, so nothing was missed."""
    project = marked('@pytest.mark.xfail(run=False, reason="hangs")', "test_other: accuracy >= 1%")

    project.run()

    assert project.asked == ["right-3"]
    assert project.outcomes == {"right-1": "skipped", "wrong-1": "skipped", "right-3": "passed"}


def test_xfail_called_in_the_test_is_a_miss(project):
    """The test itself says that the answer is wrong, and expected to be."""
    project.suite(
        "wrong-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            pytest.xfail("known")
        """,
    )
    project.thresholds("accuracy >= 0%")

    result = project.run()

    assert result.ret == 0
    result.assert_outcomes(xfailed=1)
    assert project.outcomes == {"wrong-1": "missed"}


def test_importorskip_in_a_module_skips_the_suite(project):
    """A module that skips itself has no cases, and asks nothing."""
    project.suite(
        "right-1",
        source="""
        import pytest

        pytest.importorskip("no_such_module")

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.ini()

    project.run().assert_outcomes(skipped=1)
    assert project.asked == []
