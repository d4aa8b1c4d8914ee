"""``--model-eval-repeats`` and ``repeats=``: each case is asked several times."""

FLAKY = """
    import collections

    seen = collections.Counter()

    def answer(text):
        seen[text] += 1
        return text.upper() if text.startswith("right") or seen[text] % 2 else "no"

    answer.model_eval_concurrency = 1
"""


def write_robot(project):
    import textwrap

    (project.path / "robot.py").write_text(textwrap.dedent(FLAKY))


def test_a_case_is_the_unit(project):
    """Two cases, four times each: one always right, one half of the times."""
    project.suite("right-1", "flaky-1")
    project.thresholds("accuracy >= 70%", "case_pass_rate >= 50%", "pass@2 >= 90%", "pass^2 >= 50%")
    write_robot(project)

    result = project.run_apart("--model-eval-repeats=4")

    assert result.ret == 0, result.stdout.str()
    records = project.lines("records.jsonl")
    assert len(records) == 8
    assert sorted(record.get("repeat", 0) for record in records) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert project.metric("accuracy") == 0.75
    result.stdout.fnmatch_lines(
        [
            "model eval: robot:answer, 2 cases asked 8 times, one at a time",
            "missed: flaky-1 (2 of 4 times)",
            "flaky: 1 of 2 cases passed and failed",
            "  flaky-1: 2 passed, 2 missed",
            "test_ticket, robot:answer, 2 cases 4 times: 6 passed, 2 missed",
            "gate: met (thresholds: 4 met)",
        ]
    )


def test_two_workers_come_to_the_same(project):
    """Each repeat is an item of its own."""
    project.suite("right-1", "right-2", "wrong-1")
    project.thresholds("accuracy >= 60%")

    result = project.run_apart("--model-eval-repeats=3", "-n2")

    assert result.ret == 0, result.stdout.str()
    assert len(project.lines("records.jsonl")) == 9
    assert project.status == "met"


def test_a_repeat_that_is_left_out_makes_the_run_partial(project):
    """Three of six items are no whole suite."""
    project.suite("right-1", "right-2")
    project.thresholds("accuracy >= 90%")

    result = project.run("--model-eval-repeats=3", "-k", "right-1")

    result.stdout.fnmatch_lines(["not judged: test_ticket: partial: 3 of 6 cases"])


def test_the_marker_beats_the_setting(project):
    """A suite knows best how often it has to be asked."""
    project.suite(
        "right-1",
        source="""
            import pytest

            @pytest.mark.model_eval("tickets.csv", repeats=2)
            def test_ticket(case, prediction):
                assert prediction == case.expected
        """,
    )
    project.ini("model_eval_repeats = 5")

    project.run()

    assert len(project.lines("records.jsonl")) == 2


def test_wrong_numbers(project):
    """A setting is a usage error, a marker a collection error."""
    project.suite("right-1")
    assert project.run("--model-eval-repeats=0").ret == 4
    project.suite(
        "right-1",
        source="""
            import pytest

            @pytest.mark.model_eval("tickets.csv", repeats=0)
            def test_ticket(case, prediction):
                assert prediction == case.expected
        """,
    )

    result = project.run()

    result.stdout.fnmatch_lines(["*repeats is a whole number from 1 to 1000, not 0*"])
