"""Subtests (in pytest since 9.0): what happens in one is the case's."""

import pytest

pytestmark = pytest.mark.skipif(not hasattr(pytest, "Subtests"), reason="pytest before 9.0")

SUITE = """
    import pytest

    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, prediction, subtests):
        with subtests.test("shape"):
            assert str(prediction).isupper()
        with subtests.test("value"):
            assert prediction == case.expected
"""


def test_a_miss_in_a_subtest_is_a_miss_of_the_case(project):
    """Soft where the suite is governed: the parent is missed, never silently passed."""
    project.suite("right-1", "wrong-1", source=SUITE)
    project.thresholds("accuracy >= 50%")

    result = project.run()

    assert result.ret == 0
    assert project.outcomes == {"right-1": "passed", "wrong-1": "missed"}
    assert result.parseoutcomes()["missed"] == 1
    assert project.metric("accuracy") == 0.5


def test_a_miss_in_a_subtest_fails_where_nothing_governs(project):
    """Exit 1, and the record says missed."""
    project.suite("right-1", "wrong-1", source=SUITE)
    project.ini()

    result = project.run()

    assert result.ret == 1
    assert project.outcomes == {"right-1": "passed", "wrong-1": "missed"}
    assert result.parseoutcomes()["failed"] >= 1


def test_an_error_in_a_subtest_is_an_error_of_the_case(project):
    """A KeyError in a subtest is no right answer."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, subtests):
            with subtests.test("broken"):
                {}["label"]
        """,
    )
    project.thresholds("accuracy >= 0%")

    result = project.run()

    assert result.ret == 1
    assert project.outcomes == {"right-1": "errored"}


def test_the_reason_names_what_missed(project):
    """A count alone sends the reader to search."""
    project.suite("wrong-1", source=SUITE)
    project.thresholds("accuracy >= 0%")

    project.run()

    assert "shape" in project.records["wrong-1"]["reason"]


def test_subtests_that_pass_make_no_record_of_their_own(project):
    """One case, one record."""
    project.suite("right-1", source=SUITE)
    project.thresholds("accuracy >= 100%")

    assert project.run().ret == 0
    assert len(project.lines("records.jsonl")) == 1


def test_an_unscored_subtest_leaves_the_case_unscored(project):
    """Neither right nor wrong, and never a silent pass."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, model_eval, subtests):
            with subtests.test("judge"):
                model_eval.unscored("the judge did not answer")
        """,
    )
    project.thresholds("accuracy >= 0%")

    assert project.run().ret == 1
    assert project.outcomes == {"right-1": "unscored"}


def test_an_error_after_a_missed_subtest_is_an_error(project):
    """A crash of the body is not hidden behind a soft miss."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, subtests):
            with subtests.test("shape"):
                assert False
            raise RuntimeError("crashed")
        """,
    )
    project.thresholds("accuracy >= 0%")

    result = project.run()

    assert result.ret == 1
    assert project.outcomes == {"right-1": "errored"}
