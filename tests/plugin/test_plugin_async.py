"""Async tests: those that nobody awaits are errors, those of pytest-asyncio and anyio work."""

import pytest

NO_PLUGIN = ("-p", "no:asyncio", "-p", "no:anyio")


def test_an_async_test_that_nobody_awaits_is_an_error(project):
    """Never a pass and never a miss, whatever its body would have found."""
    project.suite(
        "right-1",
        "wrong-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        async def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 0%")

    result = project.run(*NO_PLUGIN)

    assert result.ret == 1
    result.assert_outcomes(failed=2)
    assert set(project.outcomes.values()) == {"errored"}


def test_an_async_test_without_its_mark_is_an_error(project):
    """In strict mode pytest-asyncio leaves an unmarked test alone."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        async def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 0%")

    assert project.run().ret == 1
    assert project.outcomes == {"right-1": "errored"}


def test_a_test_that_returns_a_coroutine_is_an_error(project):
    """A forgotten await is no right answer."""
    project.suite(
        "right-1",
        source="""
        import pytest

        async def check(one, other):
            assert one == other

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            return check(prediction, case.expected)
        """,
    )
    project.thresholds("accuracy >= 0%")

    result = project.run_apart()

    assert result.ret == 1
    assert project.outcomes == {"right-1": "errored"}


def test_an_error_of_an_unawaited_test_is_soft_under_max_error_rate(project):
    """It is an error like any other, so that the gate may count it."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        async def test_ticket(case, prediction):
            pass
        """,
    )
    project.thresholds("accuracy >= 0%")

    result = project.run(*NO_PLUGIN, "--model-eval-max-error-rate=50%")

    assert result.ret == 1
    assert result.parseoutcomes()["errored"] == 1


ASYNCIO = """
    import pytest

    @pytest.mark.asyncio
    @pytest.mark.model_eval("tickets.csv")
    async def test_ticket(case, {fixture}):
        {body}
        assert answer == case.expected
"""


def test_pytest_asyncio_runs_a_test_with_the_prediction(project):
    """Right and wrong answers come out as ever."""
    project.suite(
        "right-1",
        "wrong-1",
        source=ASYNCIO.format(fixture="prediction", body="answer = prediction"),
    )
    project.thresholds("accuracy >= 50%")

    result = project.run()

    assert result.ret == 0
    assert project.outcomes == {"right-1": "passed", "wrong-1": "missed"}
    assert project.asked == ["right-1", "wrong-1"]


def test_pytest_asyncio_runs_a_test_that_asks_the_model(project):
    """``await model.predict(...)`` answers, and the call is measured and kept."""
    project.suite(
        "right-1",
        "wrong-1",
        "boom-1",
        source=ASYNCIO.format(fixture="model", body="answer = await model.predict(case.input)"),
    )
    project.thresholds("accuracy >= 30%")

    result = project.run()

    assert result.ret == 1
    assert project.outcomes == {"right-1": "passed", "wrong-1": "missed", "boom-1": "errored"}
    assert project.records["right-1"]["latency_s"] > 0
    assert project.records["right-1"]["output"] == "RIGHT-1"
    assert project.records["right-1"]["model"] == "robot:answer"
    assert project.asked == ["boom-1", "right-1", "wrong-1"]
    assert len(project.lines("predictions.jsonl")) == 3


def test_a_test_may_ask_the_model_several_times_at_once(project):
    """Calls gathered in one test are one record: the costs and times add up."""
    project.suite(
        "right-1",
        source="""
        import asyncio
        import pytest

        @pytest.mark.asyncio
        @pytest.mark.model_eval("tickets.csv")
        async def test_ticket(case, model):
            one, two = await asyncio.gather(model.predict("a"), model.predict("b"))
            assert (one, two) == ("A", "B")
        """,
    )
    project.thresholds("accuracy >= 100%")

    result = project.run()

    assert result.ret == 0
    assert project.asked == ["a", "b"]
    assert project.records["right-1"]["n_attempts"] == 2


def test_pytest_asyncio_in_auto_mode(project):
    """No mark is needed there."""
    project.suite(
        "right-1",
        "wrong-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        async def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 50%")

    assert project.run("--asyncio-mode=auto").ret == 0
    assert project.outcomes == {"right-1": "passed", "wrong-1": "missed"}


ANYIO = """
    import pytest

    @pytest.fixture
    def anyio_backend():
        return "asyncio"

    @pytest.mark.anyio
    @pytest.mark.model_eval("tickets.csv")
    async def test_ticket(case, {fixture}):
        {body}
        assert answer == case.expected
"""


@pytest.mark.parametrize(
    ("fixture", "body"),
    [
        ("prediction", "answer = prediction"),
        ("model", "answer = await model.predict(case.input)"),
    ],
)
def test_anyio_runs_a_test(project, fixture, body):
    """With the prediction, and with the model."""
    project.suite("right-1", "wrong-1", source=ANYIO.format(fixture=fixture, body=body))
    project.thresholds("accuracy >= 50%")

    result = project.run()

    assert result.ret == 0
    assert project.outcomes == {"right-1": "passed", "wrong-1": "missed"}
    assert project.asked == ["right-1", "wrong-1"]


def test_an_async_model_is_asked(project):
    """A model may be a coroutine function."""
    project.suite(
        "right-1",
        source="""
        import asyncio
        import pytest

        async def answer(text):
            await asyncio.sleep(0)
            return text.upper()

        @pytest.mark.model_eval("tickets.csv", model=answer)
        def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 100%")

    assert project.run().ret == 0
