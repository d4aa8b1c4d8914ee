"""``--model-eval-timeout`` and ``--model-eval-retries``."""


def test_a_model_that_hangs_is_an_error_after_the_time_out(project):
    """With the time-out as its latency, since leaving it out would flatter the p95."""
    project.suite(
        "right-1",
        source="""
        import asyncio
        import pytest

        async def hang(text):
            await asyncio.Event().wait()

        @pytest.mark.model_eval("tickets.csv", model=hang)
        def test_ticket(case, prediction):
            pass
        """,
    )
    project.ini()

    result = project.run("--model-eval-timeout=20ms", "--model-eval-retries=0")

    assert result.ret == 1
    record = project.records["right-1"]
    assert record["error_kind"] == "timeout"
    assert record["reason"] == "no answer within 0.02 s"
    assert record["latency_s"] == 0.02


def test_a_sync_model_that_hangs_does_not_hold_up_the_session(project):
    """Its thread is left behind, and the process ends."""
    project.suite(
        "right-1",
        source="""
        import threading
        import pytest

        @pytest.mark.model_eval("tickets.csv", model=lambda text: threading.Event().wait())
        def test_ticket(case, prediction):
            pass
        """,
    )
    project.ini()

    result = project.run_apart("--model-eval-timeout=20ms", "--model-eval-retries=0", timeout=15)

    assert result.ret == 1
    assert project.records["right-1"]["error_kind"] == "timeout"


def test_an_error_of_the_models_own_code_is_not_retried(project):
    """Trying again costs, and a bug stays a bug."""
    project.suite("boom-1")
    project.ini()

    project.run("--model-eval-retries=3")

    assert project.asked == ["boom-1"]
