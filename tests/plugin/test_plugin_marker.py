"""The marker ``model_eval`` and its arguments."""

import pytest


def marked(
    project, arguments, fixtures="case, prediction", body="assert prediction == case.expected"
):
    """A suite whose marker has these arguments."""
    project.suite(
        "right-1",
        "wrong-1",
        source=f"""
        import pytest

        @pytest.mark.model_eval({arguments})
        def test_ticket({fixtures}):
            {body}
        """,
    )


def collection_error(project):
    """The lines of the one collection error of a run that asks nothing."""
    result = project.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert project.asked == []
    lines = result.outlines
    at = next(i for i, line in enumerate(lines) if "ERROR collecting" in line)
    end = next(i for i, line in enumerate(lines) if i > at and line.startswith("="))
    return lines[at + 1 : end]


def test_thresholds_on_the_marker_are_judged(project):
    """They hold for its suite alone, and govern it."""
    marked(project, '"tickets.csv", thresholds=["accuracy >= 51%", "p95_latency <= 60s"]')
    project.ini()

    result = project.run()

    assert result.ret == 1
    assert result.parseoutcomes() == {"passed": 1, "missed": 1}
    result.stdout.fnmatch_lines(["not met: test_ticket: accuracy is 50.0 %, wanted >= 51% (n=2)"])
    result.stdout.fnmatch_lines(["gate: not met (thresholds: 1 not met, 1 met)"])


def test_a_threshold_on_the_marker_may_be_one_text(project):
    """A list of one needs no brackets."""
    marked(project, '"tickets.csv", thresholds="accuracy >= 50%"')
    project.ini()

    assert project.run().ret == 0
    assert project.status == "met"


def test_thresholds_of_marker_and_settings_add_up(project):
    """The stricter one decides."""
    marked(project, '"tickets.csv", thresholds="accuracy >= 50%"')
    project.thresholds("accuracy >= 51%")

    assert project.run().ret == 1


def test_a_threshold_on_the_marker_may_name_a_tag(project):
    """Of its own suite."""
    project.suite(
        "right-1",
        source="""
        import pytest

        CASES = [
            {"id": "a", "input": "right", "expected": "RIGHT", "tags": ["vip"]},
            {"id": "b", "input": "right too", "expected": "RIGHT TOO"},
        ]

        @pytest.mark.model_eval(CASES, thresholds="[vip]: accuracy >= 100%")
        def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.ini()

    assert project.run().ret == 0


def test_a_threshold_on_the_marker_names_no_other_suite(project):
    """It would be judged on nothing."""
    marked(project, '"tickets.csv", thresholds="other: accuracy >= 50%"')
    project.ini()

    (line,) = collection_error(project)

    assert line.startswith("test_evals.py::test_ticket: thresholds: 'other: accuracy >= 50%':")
    assert "holds for its own suite" in line


def test_the_name_is_the_suites(project):
    """In thresholds, records and the section."""
    marked(project, '"tickets.csv", name="tickets"')
    project.thresholds("tickets: accuracy >= 50%")

    result = project.run()

    assert result.ret == 0
    assert project.records["right-1"]["suite"] == "tickets"
    result.stdout.fnmatch_lines(["tickets, robot:answer, 2 cases*"])


@pytest.mark.parametrize(
    "model", ["'robot:answer'", "robot.answer", "Robot()", "Robot", "lambda text: text.upper()"]
)
def test_the_model_is_a_spec_or_the_thing_itself(project, model):
    """A callable, an object with predict, or its class."""
    project.suite(
        "right-1",
        source=f"""
        import pytest
        import robot

        class Robot:
            def predict(self, text):
                return text.upper()

        @pytest.mark.model_eval("tickets.csv", model={model})
        def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )

    assert project.run().ret == 0


def test_the_model_of_the_marker_wins_over_the_setting(project):
    """The setting is for suites that name none."""
    marked(project, '"tickets.csv", model="robot:answer"')

    project.run("--model-eval-model=no_such:thing")

    assert project.asked == ["right-1", "wrong-1"]


def test_columns_are_named(project):
    """``input=`` and ``expected=`` read a dataset that calls them otherwise."""
    marked(project, '"mails.csv", input="mail", expected="team", id="number"')
    (project.path / "mails.csv").write_text("number,mail,team\n7,right,RIGHT\n")
    project.ini()

    assert project.run().ret == 0
    assert project.records["7"]["input"] == "right"
    assert project.records["7"]["expected"] == "RIGHT"


def test_a_column_that_is_not_there_is_said_with_file_and_line(project):
    """And what there is."""
    marked(project, '"mails.csv", input="mial"')
    (project.path / "mails.csv").write_text("number,mail,team\n7,right,RIGHT\n")
    project.ini()

    (line,) = collection_error(project)

    assert line.startswith("mails.csv:1: ")
    assert "'mial'" in line
    assert "did you mean 'mail'" in line


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            '"tickets.csv", threshold="accuracy >= 1%"',
            "model_eval: unknown argument 'threshold'; did you mean 'thresholds'?",
        ),
        (
            "",
            "model_eval: one dataset is wanted: a path, a list of cases, or a callable; found 0",
        ),
        (
            '"a.csv", "b.csv"',
            "model_eval: one dataset is wanted: a path, a list of cases, or a callable; found 2",
        ),
        ('"tickets.csv", name=""', "model_eval: name is text without [, ] and :, not ''"),
        ('"tickets.csv", name="a[b]"', "model_eval: name is text without [, ] and :, not 'a[b]'"),
        ('"tickets.csv", name=3', "model_eval: name is text without [, ] and :, not 3"),
        (
            '"tickets.csv", thresholds=[0.9]',
            "model_eval: thresholds is a list of texts, not [0.9]",
        ),
        ('"tickets.csv", thresholds=0.9', "model_eval: thresholds is a list of texts, not 0.9"),
        (
            '"tickets.csv", thresholds=None',
            "model_eval: thresholds is a list of texts, not None",
        ),
        ('"tickets.csv", input=3', "model_eval: input names a column, not 3"),
    ],
)
def test_a_wrong_argument_is_one_sentence(project, arguments, sentence):
    """A collection error that names the test, without a traceback."""
    marked(project, arguments)
    project.ini()

    assert collection_error(project) == [f"test_evals.py::test_ticket: {sentence}"]


def test_a_wrong_threshold_is_one_sentence(project):
    """With the place where it stands."""
    marked(project, '"tickets.csv", thresholds="accuracy >= 90"')
    project.ini()

    (line,) = collection_error(project)

    assert line.startswith("test_evals.py::test_ticket: thresholds: 'accuracy >= 90': ")
    assert line.endswith("for ninety percent write 90% or 0.9")


def test_a_test_that_takes_no_case_is_refused(project):
    """It would judge nothing."""
    marked(project, '"tickets.csv"', fixtures="", body="pass")
    project.ini()

    assert collection_error(project) == [
        "test_evals.py::test_ticket: a model_eval test takes case, prediction or model_eval"
    ]


def test_a_fixture_without_the_marker_says_what_is_missing(project):
    """One sentence, for each of the four."""
    project.pytester.makepyfile("""
        def test_case(case): pass
        def test_prediction(prediction): pass
        def test_model(model): pass
        def test_model_eval(model_eval): pass
    """)

    result = project.run()

    result.assert_outcomes(errors=4)
    text = result.stdout.str()
    assert text.count("needs @pytest.mark.model_eval(CASES) on the test") >= 4
    assert "pytest_modeleval/plugin" not in text


def test_two_suites_of_one_name_are_refused(project):
    """A threshold could not tell them apart."""
    project.suite("right-1")
    project.pytester.makepyfile(
        test_more="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            pass
        """
    )
    project.ini()

    assert collection_error(project) == [
        (
            "test_more.py::test_ticket: test_evals.py::test_ticket is a suite named 'test_ticket' "
            "too; give one of them another with model_eval(..., name=...)"
        )
    ]


def test_methods_of_a_class_are_suites(project):
    """Named with their class."""
    project.suite(
        "right-1",
        "wrong-1",
        source="""
        import pytest

        class TestTickets:
            @pytest.mark.model_eval("tickets.csv")
            def test_one(self, case, prediction):
                assert prediction == case.expected

            @pytest.mark.model_eval("tickets.csv")
            def test_two(self, case, prediction):
                assert prediction in ("?", case.expected)
        """,
    )
    project.thresholds(
        "TestTickets.test_one: accuracy >= 50%", "TestTickets.test_two: accuracy >= 1"
    )

    result = project.run()

    assert result.ret == 0
    assert {line["suite"] for line in project.lines("records.jsonl")} == {
        "TestTickets.test_one",
        "TestTickets.test_two",
    }


def test_a_marker_on_a_class_makes_each_method_a_suite(project):
    """One dataset, two questions."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        class TestTickets:
            def test_one(self, case, prediction):
                assert prediction == case.expected

            def test_two(self, case, prediction):
                assert str(prediction).isupper()
        """,
    )
    project.ini()

    project.run().assert_outcomes(passed=2)


def test_a_dataset_is_a_list_or_a_function(project):
    """Made in Python. A function takes the keyword: pytest decorates a lone callable."""
    project.suite(
        "right-1",
        source="""
        import pytest

        def cases():
            return [{"input": "right", "expected": "RIGHT"}]

        @pytest.mark.model_eval(cases=cases)
        def test_one(case, prediction):
            assert prediction == case["expected"]

        @pytest.mark.model_eval(cases())
        def test_two(case, prediction):
            assert prediction == case["expected"]
        """,
    )
    project.ini()

    project.run().assert_outcomes(passed=2)


def test_a_path_is_looked_for_beside_the_test_first(project):
    """Then below rootdir."""
    project.suite("right-1")
    (project.path / "evals").mkdir()
    (project.path / "test_evals.py").rename(project.path / "evals" / "test_evals.py")
    (project.path / "other.csv").write_text("input\nright\n")
    project.ini()
    project.run().assert_outcomes(passed=1)
    (project.path / "evals" / "tickets.csv").write_text("id,input,expected\nnear,right,RIGHT\n")

    project.run()

    assert list(project.outcomes) == ["near"]
