"""What only a fresh process shows: how it ends, and what its first call pays for."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import fake_server

ROOT = Path(__file__).parents[2]

SLOW_IMPORT = """
import sys, time

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == SLOW_MODULE:
            time.sleep(SECONDS)

sys.meta_path.insert(0, Slow())
"""


def run(script, *, timeout_s=60, **names):
    """What a script prints as JSON; a process that does not end fails the test."""
    head = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    done = subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(script)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_a_hung_call_does_not_keep_the_process_alive():
    """A sync callable that never returns costs its case, and the process ends all the same."""
    report = run(
        """
        import json, threading
        from pytest_modeleval import evaluate_model

        def model(text):
            if text == "hang":
                threading.Event().wait()
            return text

        cases = [{"id": text, "input": text, "expected": text} for text in ["hang", *"abcdef"]]
        report = evaluate_model(model, cases, timeout=1.0, concurrency=2)
        print(json.dumps([report["n_passed"], report["n_errored"], report["failures"][0]]))
        """
    )

    n_passed, n_errored, failure = report
    assert (n_passed, n_errored) == (6, 1)
    assert failure["id"] == "hang"
    assert failure["reason"] == "no answer within 1 s"
    assert failure["latency_s"] == 1.0


def test_a_hung_async_call_does_not_keep_the_process_alive():
    """An async callable that swallows its cancellation costs its case, and the process ends."""
    report = run(
        """
        import asyncio, json
        from pytest_modeleval import evaluate_model

        async def model(text):
            while text == "hang":
                try:
                    await asyncio.sleep(3600)
                except BaseException:
                    pass
            return text

        cases = [{"id": text, "input": text, "expected": text} for text in ["hang", *"abc"]]
        report = evaluate_model(model, cases, timeout=0.3)
        print(json.dumps([report["n_passed"], report["n_errored"]]))
        """,
        timeout_s=20,
    )

    assert report == [3, 1]


def test_the_first_call_does_not_pay_for_the_import():
    """Importing the SDK and opening the client is not part of the first attempt's time-out."""
    with fake_server.running() as server:
        report = run(
            SLOW_IMPORT
            + textwrap.dedent(
                """
                import json
                from pytest_modeleval import evaluate_model

                cases = [{"input": "answer=yes", "expected": "yes"}]
                report = evaluate_model("openai:m", cases, base_url=URL, timeout=1.5)
                print(json.dumps([report["accuracy"], report["failures"], report["max_latency"]]))
                """
            ),
            SLOW_MODULE="openai",
            SECONDS=2.0,
            URL=server.base_url,
        )

    accuracy, failures, latency_s = report
    assert (accuracy, failures) == (1.0, [])
    assert latency_s < 1.5


def test_pricing_is_no_part_of_another_calls_latency():
    """Importing the price list, once, does not hold up the clocks of calls in flight."""
    with fake_server.running() as server:
        latencies = run(
            SLOW_IMPORT
            + textwrap.dedent(
                """
                import json
                from pytest_modeleval import evaluate_model

                prompts = ["answer=warm", "answer=yes [[latency=0.3]]"]
                cases = [{"input": prompt, "expected": "yes"} for prompt in prompts]
                report = evaluate_model("openai:m", cases, base_url=URL)
                print(json.dumps([record.latency_s for record in report.records]))
                """
            ),
            SLOW_MODULE="genai_prices",
            SECONDS=2.0,
            URL=server.base_url,
        )

    assert 0.3 <= latencies[1] < 1.5


def test_a_model_that_blocks_the_event_loop_ends_the_wait():
    """An ``async def`` that never awaits stops the engine's clocks; who waits hears of it."""
    script = """
        import threading
        from pytest_modeleval import EngineError, evaluate_model

        async def blocks(_):
            threading.Event().wait()

        try:
            evaluate_model(blocks, [{"input": "a", "expected": "a"}], timeout="100ms")
        except EngineError as error:
            print(error)
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout.startswith("an async model has blocked the event loop for ")
