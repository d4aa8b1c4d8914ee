"""Outcomes: what a case counts as, how pytest shows it, and what the session exits with."""

import pytest

GOVERNED = "accuracy >= 1%"


def test_right_answers_pass(project):
    """All right, threshold met: exit 0."""
    project.suite("right-1", "right-2")
    project.thresholds("accuracy >= 90%")

    result = project.run()

    result.assert_outcomes(passed=2)
    assert result.ret == 0
    assert project.outcomes == {"right-1": "passed", "right-2": "passed"}
    assert project.status == "met"


def test_a_miss_is_soft_where_accuracy_is_judged(project):
    """Letter m, exit 0 as long as the gate is met."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 50%")

    result = project.run()

    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 1, "missed": 1}
    result.stdout.fnmatch_lines(["test_evals.py .m *"])
    assert project.outcomes == {"right-1": "passed", "wrong-1": "missed"}
    assert project.metric("accuracy") == 0.5


def test_the_gate_fails_the_session_of_soft_misses(project):
    """Accuracy below its bound: exit 1, the cases still shown as missed."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 51%")

    result = project.run()

    assert result.ret == 1
    assert result.parseoutcomes() == {"passed": 1, "missed": 1}
    assert project.status == "not met"


def test_a_miss_fails_where_only_latency_is_judged(project):
    """Without a threshold on answers a wrong one is an ordinary failure."""
    project.suite("right-1", "wrong-1")
    project.thresholds("p95_latency <= 60s")

    result = project.run()

    assert result.ret == 1
    result.assert_outcomes(passed=1, failed=1)
    assert project.outcomes["wrong-1"] == "missed"
    assert project.status == "met"


def test_a_miss_fails_where_nothing_is_judged(project):
    """No thresholds at all: pytest's own assert, with its own explanation."""
    project.suite("right-1", "wrong-1")
    project.ini()

    result = project.run()

    assert result.ret == 1
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*assert '?' == 'WRONG-1'*"])


@pytest.mark.parametrize(
    "threshold", ["accuracy >= 1%", "mean_score >= 1%", "macro_f1 >= 1%", "case_pass_rate >= 0%"]
)
def test_a_miss_is_soft_under_any_threshold_on_answers(project, threshold):
    """Each of them decides about wrong answers."""
    project.suite("right-1", "wrong-1")
    project.thresholds(threshold)

    result = project.run()

    assert result.parseoutcomes() == {"passed": 1, "missed": 1}
    assert result.ret == 0


def test_a_miss_is_soft_under_a_threshold_on_a_score(project):
    """``score(NAME)`` governs as accuracy does."""
    project.suite(
        "right-1",
        "wrong-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, model_eval):
            model_eval.score("tone", 0.5)
            assert prediction == case.expected
        """,
    )
    project.thresholds("score(tone) >= 50%")

    result = project.run()

    assert result.parseoutcomes() == {"passed": 1, "missed": 1}
    assert result.ret == 0


def test_a_threshold_on_another_suite_does_not_govern(project):
    """Softness follows the scope."""
    project.suite("wrong-1")
    project.pytester.makepyfile(
        test_more="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_other(case, prediction):
            assert prediction == "?"
        """
    )
    project.thresholds("test_other: accuracy >= 1%")

    result = project.run()

    result.assert_outcomes(failed=1, passed=1)
    assert result.ret == 1


def test_pytest_fail_is_a_miss(project):
    """It is the test's own judgement, like an assert."""
    project.suite(
        "right-1",
        "wrong-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            if prediction != case.expected:
                pytest.fail(f"{prediction} is no answer")
        """,
    )
    project.thresholds(GOVERNED)

    result = project.run()

    assert result.parseoutcomes() == {"passed": 1, "missed": 1}
    assert project.records["wrong-1"]["reason"] == "? is no answer"


def test_pytest_fail_without_traceback_is_a_miss(project):
    """``pytrace=False`` changes what is shown and nothing else."""
    project.suite(
        "wrong-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            pytest.fail("no answer", pytrace=False)
        """,
    )
    project.thresholds("accuracy >= 0%")

    assert project.run().parseoutcomes() == {"missed": 1}


def test_an_assertion_of_a_helper_is_a_miss(project):
    """A test may hand its judgement to a function in another file."""
    project.suite(
        "right-1",
        "wrong-1",
        source="""
        import pytest
        from checks import same

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            same(prediction, case.expected)
        """,
    )
    project.pytester.makepyfile(checks="def same(one, other):\n    assert one == other\n")
    project.thresholds(GOVERNED)

    assert project.run().parseoutcomes() == {"passed": 1, "missed": 1}


def test_a_model_that_raises_is_an_error(project):
    """No answer is no miss: E, exit 1 though the accuracy is met."""
    project.suite("right-1", "boom-1")
    project.thresholds("accuracy >= 50%")

    result = project.run()

    assert result.ret == 1
    result.assert_outcomes(passed=1, errors=1)
    record = project.records["boom-1"]
    assert record["outcome"] == "errored"
    assert record["error_kind"] == "raised"
    assert record["reason"].startswith("RuntimeError: the model is down (robot.py:")
    assert project.metric("accuracy") == 0.5  # errors stay in the denominator


def test_none_is_no_answer(project):
    """A model that returns None has not answered."""
    project.suite("none-1")
    project.thresholds("accuracy >= 0%")

    result = project.run()

    assert result.ret == 1
    assert project.records["none-1"]["error_kind"] == "no_answer"
    assert project.records["none-1"]["reason"] == "the model returned None, which is no answer"


def test_an_assertion_inside_the_model_is_an_error(project):
    """The model broke; it gave no wrong answer."""
    project.suite("assert-1")
    project.thresholds("accuracy >= 0%")

    result = project.run()

    assert result.ret == 1
    assert project.outcomes == {"assert-1": "errored"}


def test_an_assertion_of_a_model_in_the_test_file_is_an_error(project):
    """Also where the model stands in the file that judges it."""
    project.suite(
        "right-1",
        source="""
        import pytest

        def fragile(text):
            assert text == "something else"

        @pytest.mark.model_eval("tickets.csv", model=fragile)
        def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 0%")

    project.run()

    assert project.outcomes == {"right-1": "errored"}


def test_an_assertion_in_a_fixture_is_an_error(project):
    """Setup that fails has judged nothing."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.fixture
        def ready():
            assert 1 == 2

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, ready):
            assert prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 0%")

    result = project.run()

    assert result.ret == 1
    result.assert_outcomes(errors=1)
    assert project.outcomes == {"right-1": "errored"}


def test_an_assertion_in_a_fixture_that_the_body_asks_for_is_an_error(project):
    """``getfixturevalue`` runs a fixture late; it is a fixture all the same."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.fixture
        def ready():
            assert 1 == 2

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, request):
            request.getfixturevalue("ready")
            assert prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 0%")

    project.run()

    assert project.outcomes == {"right-1": "errored"}


def test_another_exception_in_the_test_is_an_error(project):
    """A KeyError says that the test broke, not that the answer is wrong."""
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
    project.thresholds("accuracy >= 0%")

    result = project.run()

    assert result.ret == 1
    result.assert_outcomes(failed=1, passed=1)
    record = project.records["right-1"]
    assert record["outcome"] == "errored"
    assert record["error_kind"] == "raised"
    assert record["reason"] == "KeyError: 'label'"
    assert project.metric("error_rate") == 0.5


def test_an_error_shows_one_sentence_and_none_of_our_code(project):
    """What the model did is said; how this package waited for it is nobody's business."""
    project.suite("boom-1")
    project.thresholds("accuracy >= 0%")

    result = project.run()

    result.stdout.fnmatch_lines(["*RuntimeError: the model is down*"])
    assert "pytest_modeleval/plugin" not in result.stdout.str()


def test_a_teardown_error_fails_the_session_and_leaves_the_outcome(project):
    """The answer was right; the clean-up was not."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.fixture
        def broken():
            yield
            raise RuntimeError("clean-up")

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, broken):
            assert prediction == case.expected
        """,
    )
    project.thresholds(GOVERNED)

    result = project.run()

    assert result.ret == 1
    result.assert_outcomes(passed=1, errors=1)
    assert project.outcomes == {"right-1": "passed"}


def test_an_unscored_case_is_left_out_and_fails_the_run(project):
    """Not in accuracy, counted, and exit 1 since none is allowed by default."""
    project.suite(
        "right-1",
        "right-2",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, model_eval):
            if case.id == "right-2":
                model_eval.unscored("the judge did not answer")
        """,
    )
    project.thresholds("accuracy >= 100%")

    result = project.run()

    assert result.ret == 1
    assert result.parseoutcomes() == {"passed": 1, "unscored": 1}
    result.stdout.fnmatch_lines(["test_evals.py .u *"])
    assert project.metric("accuracy") == 1.0
    assert project.records["right-2"]["reason"] == "the judge did not answer"


def test_an_unscored_case_is_soft_without_thresholds_too(project):
    """The setting judges, whether or not anything else does."""
    project.suite(
        "right-1",
        source="""
        import pytest
        from pytest_modeleval.errors import Unscored

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            raise Unscored("who knows")
        """,
    )
    project.ini()

    result = project.run()

    assert result.ret == 1
    assert result.parseoutcomes() == {"unscored": 1}


def test_a_skipped_case_is_left_out(project):
    """Not in accuracy, counted."""
    project.suite(
        "right-1",
        "wrong-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            if case.id == "wrong-1":
                pytest.skip("not today")
            assert prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 100%")

    result = project.run()

    assert result.ret == 0
    result.assert_outcomes(passed=1, skipped=1)
    assert project.records["wrong-1"]["outcome"] == "skipped"
    assert project.records["wrong-1"]["reason"] == "not today"
    assert project.metric("accuracy") == 1.0


def test_a_run_that_skips_every_case_is_invalid(project, section):
    """Nothing was judged where something should have been: exit 1."""
    project.suite(
        "right-1",
        "right-2",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            pytest.skip("not today")
        """,
    )
    project.thresholds("accuracy >= 50%")

    result = project.run()

    assert result.ret == 1
    result.assert_outcomes(skipped=2)
    assert project.status == "invalid"
    assert any("all 2 cases were skipped" in line for line in section(result))


def test_a_failing_ordinary_test_fails_the_session_though_the_gate_is_met(project):
    """Met lets pytest's own status stand."""
    project.suite("right-1")
    project.pytester.makepyfile(test_more="def test_a(): assert 0\n")
    project.thresholds(GOVERNED)

    result = project.run()

    assert result.ret == 1
    result.assert_outcomes(passed=1, failed=1)
    assert project.status == "met"


def test_a_passing_ordinary_test_does_not_save_a_gate_that_is_not_met(project):
    """And the other way round."""
    project.suite("wrong-1")
    project.pytester.makepyfile(test_more="def test_a(): pass\n")
    project.thresholds(GOVERNED)

    result = project.run()

    assert result.ret == 1
    assert result.parseoutcomes() == {"passed": 1, "missed": 1}


def test_the_summary_states_the_exit_status_of_the_session(project):
    """Screen, file and status are one."""
    project.suite("wrong-1")
    project.thresholds(GOVERNED)

    result = project.run()

    assert result.ret == 1
    assert project.file("summary.json")["exit_status"] == 1


@pytest.mark.parametrize("answer", ["1e999", "object()", "{1: 2}"])
def test_an_answer_that_json_cannot_hold_is_an_error(project, answer):
    """One sentence says what the model returned."""
    project.suite(
        "right-1",
        source=f"""
        import pytest

        @pytest.mark.model_eval("tickets.csv", model=lambda text: {answer})
        def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 0%")

    result = project.run()

    assert result.ret == 1
    record = project.records["right-1"]
    assert record["outcome"] == "errored"
    assert record["error_kind"] == "bad_answer"
    assert "JSON cannot hold" in record["reason"]


def test_an_exception_that_cannot_be_shown_is_an_error(project):
    """Its ``__str__`` raises, and nothing else is lost."""
    project.suite(
        "right-1",
        "right-2",
        source="""
        import pytest

        class Mute(Exception):
            def __str__(self):
                raise ValueError

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            if case.id == "right-1":
                raise Mute
        """,
    )
    project.thresholds("accuracy >= 0%")

    result = project.run()

    assert result.ret == 1
    assert project.outcomes == {"right-1": "errored", "right-2": "passed"}


def test_an_assertion_of_the_application_keeps_its_traceback(project):
    """It is an error, so the line that raised it is shown."""
    project.suite(
        "right-1",
        source="""
        import pytest

        def application():
            assert 1 == 2, "flaky app"

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, model_eval):
            with model_eval.measure():
                application()
        """,
    )
    project.thresholds("accuracy >= 0%")

    result = project.run()

    assert project.outcomes == {"right-1": "errored"}
    result.stdout.fnmatch_lines(['*assert 1 == 2, "flaky app"*'])


def test_a_dist_mode_without_workers_runs_the_evals(project):
    """``--dist`` in addopts says nothing as long as there is no ``-n``."""
    project.suite("right-1")
    project.thresholds("accuracy >= 50%")

    result = project.run("--dist=loadgroup")

    assert result.ret == 0
    assert project.outcomes == {"right-1": "passed"}


def test_a_miss_that_no_threshold_counts_fails(project):
    """A threshold on one tag says nothing of the other cases."""
    project.suite(
        source="""
        import pytest

        CASES = [
            {"id": "right-1", "input": "right-1", "expected": "RIGHT-1", "tags": ["a"]},
            {"id": "wrong-1", "input": "wrong-1", "expected": "WRONG-1", "tags": ["b"]},
        ]

        @pytest.mark.model_eval(CASES)
        def test_ticket(case, prediction):
            assert prediction == case.expected
        """
    )
    project.thresholds("[a]: accuracy >= 50%")

    result = project.run()

    assert result.ret == 1
    result.assert_outcomes(passed=1, failed=1)


def test_an_upper_bound_on_the_accuracy_makes_no_miss_soft(project):
    """Wrong answers can only help to meet it."""
    project.suite("wrong-1")
    project.thresholds("accuracy <= 90%")

    assert project.run().ret == 1


def test_a_returned_comparison_is_an_error(project):
    """``return`` instead of ``assert`` would pass whatever the answer."""
    project.suite(
        "wrong-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            return prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 0%")

    result = project.run()

    assert result.ret == 1
    assert project.outcomes == {"wrong-1": "errored"}


def test_two_marks_on_one_test_are_refused(project):
    """One of the datasets would be dropped in silence."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            pass
        """,
    )
    project.ini()

    result = project.run()

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*two model_eval marks; write a test for each dataset*"])


def test_a_unittest_case_is_refused(project):
    """It can't be parametrized, and would pass without an answer."""
    project.suite(
        "right-1",
        source="""
        import unittest
        import pytest

        class TestIt(unittest.TestCase):
            @pytest.mark.model_eval("tickets.csv")
            def test_ticket(self):
                pass
        """,
    )
    project.ini()

    result = project.run()

    assert result.ret == 1
    result.stdout.fnmatch_lines(["*model_eval does not work on unittest.TestCase*"])


def test_a_case_that_was_skipped_after_the_answer_was_paid_for(project):
    """Its cost is in the sum."""
    project.suite(
        "right-1",
        "right-2",
        source="""
        import pytest
        from pytest_modeleval import Prediction

        def answer(text):
            return Prediction(output=text.upper(), cost_usd=1.0)

        @pytest.mark.model_eval("tickets.csv", model=answer)
        def test_ticket(case, prediction):
            if case.id == "right-2":
                pytest.skip("not today")
        """,
    )
    project.thresholds("total_cost <= $1.50")

    assert project.run().ret == 1
    assert project.metric("total_cost") == 2.0
