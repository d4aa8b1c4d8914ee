"""``model.ask``: the model from a test that is not async."""

ASK = """
    import pytest

    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, model):
        assert model.ask(case.input) == case.expected
"""


def test_the_answer_is_measured_and_kept(project):
    """As if the test had asked for ``prediction``."""
    project.suite("right-1", "wrong-1", "boom-1", source=ASK)
    project.thresholds("accuracy >= 30%")

    result = project.run()

    assert result.ret == 1
    assert project.outcomes == {"right-1": "passed", "wrong-1": "missed", "boom-1": "errored"}
    record = project.records["right-1"]
    assert record["output"] == "RIGHT-1"
    assert record["model"] == "robot:answer"
    assert record["latency_s"] > 0
    assert project.records["boom-1"]["reason"].startswith(
        "RuntimeError: the model is down (robot.py:"
    )
    assert len(project.lines("predictions.jsonl")) == 3


def test_nothing_is_asked_ahead(project):
    """Only the test knows what it will ask."""
    project.suite(
        "right-1", "right-2", source=ASK.replace("model.ask(case.input)", "case.expected")
    )
    project.thresholds("accuracy >= 100%")

    result = project.run()

    assert result.ret == 0
    assert project.asked == []


def test_a_case_that_is_asked_twice_counts_once(project):
    """One record, with the times of both calls."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, model):
            draft = model.ask("draft")
            assert model.ask(case.input) == case.expected
        """,
    )
    project.thresholds("accuracy >= 100%")

    result = project.run()

    assert result.ret == 0
    assert project.asked == ["draft", "right-1"]
    assert project.records["right-1"]["n_attempts"] == 2
    assert project.records["right-1"]["output"] == "RIGHT-1"


def test_a_test_may_catch_the_error_of_a_call(project):
    """And judge for itself what it means."""
    project.suite(
        "boom-1",
        source="""
        import pytest
        from pytest_modeleval.errors import PredictionError

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, model):
            with pytest.raises(PredictionError, match="the model is down"):
                model.ask(case.input)
        """,
    )
    project.thresholds("accuracy >= 100%")

    assert project.run().ret == 0
    assert project.outcomes == {"boom-1": "passed"}


def test_the_model_says_its_name(project):
    """For whoever wants to print it."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, model):
            assert model.name == "robot:answer"
        """,
    )
    project.thresholds("accuracy >= 100%")

    assert project.run().ret == 0


def test_more_calls_than_the_look_ahead_do_not_hang_under_maxfail(project):
    """What a test asks for itself is fetched, and gives its place back."""
    project.suite(*(f"right-{n}" for n in range(6)), source=ASK)
    project.thresholds("accuracy >= 100%")

    result = project.run_apart("-x", "--model-eval-concurrency=2", timeout=10)

    assert result.ret == 0
    assert len(project.asked) == 6


def test_the_header_says_that_it_asks_one_at_a_time(project):
    """Nothing can be asked ahead of a test that asks for itself."""
    project.suite("right-1", source=ASK)
    project.thresholds("accuracy >= 100%")

    project.run().stdout.fnmatch_lines(["model eval: robot:answer, 1 case, one at a time"])
