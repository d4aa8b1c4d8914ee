"""``kill -9`` and ``--model-eval-resume``: what is on disk is not asked again, and the end is the same."""

import os
import signal
from functools import cache

import pytest

MANY, SOME = 600, 300

CLOCKWORK = """
    '''A model whose answers, times and costs are the same each time, and that notes each call.

    It hangs from the case on whose number the variable HANGS_FROM holds.
    '''
    import os
    import time

    from pytest_modeleval import Prediction, Usage

    LOG = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    HANGS_FROM = int(os.environ.get("HANGS_FROM", {n_cases}))

    def answer(text):
        os.write(LOG, ('"' + text + '"\\n').encode())
        number = int(text.rpartition("-")[2])
        if number >= HANGS_FROM:
            time.sleep(600)
        if text.startswith("boom"):
            raise RuntimeError("the model is down")
        return Prediction(
            output="?" if text.startswith("wrong") else text.upper(),
            latency_s=0.1 + number % 97 / 100,
            cost_usd=0.001 + number % 13 / 10_000,
            usage=Usage(input_tokens=number % 31, output_tokens=3),
        )
"""

BLIND = """
    '''Workers that can read no run.'''
    import pathlib

    def pytest_configure(config):
        if hasattr(config, "workerinput"):
            read_bytes = pathlib.Path.read_bytes

            def blind(path):
                assert ".modeleval" not in path.parts
                return read_bytes(path)

            pathlib.Path.read_bytes = blind
"""

OF_THE_SESSION = ("run_id", "started", "seconds", "asked", "resumed_from")
"""What of ``summary.json`` is the session's own: when it was, and how it asked."""


@pytest.fixture(scope="module")
def clockwork(make_project):
    """Makes projects of so many cases, some of which are answered wrong and some not at all."""

    def make(n_cases):
        project = make_project()
        kinds = {0: "wrong", 50: "boom"}
        texts = [f"{kinds.get(n % 100, 'right')}-{n}" for n in range(n_cases)]
        project.suite(*texts)
        project.write(
            "robot.py", CLOCKWORK.format(log=str(project.path / "asked.txt"), n_cases=n_cases)
        )
        project.ini(
            "accuracy >= 97%",
            "p95_latency <= 2s",
            more=["model_eval_max_error_rate = 2%", "model_eval_concurrency = 8"],
        )
        return project

    return make


@pytest.fixture(scope="module")
def uninterrupted(clockwork):
    """``summary.json`` of a run of so many cases that nobody cut off."""

    @cache
    def summary_of(n_cases):
        project = clockwork(n_cases)
        result = project.run("-q", timeout=120)
        assert result.status == 0, result.text
        return comparable(project.summary)

    return summary_of


def comparable(summary):
    """A summary without what is the session's own."""
    return {name: value for name, value in summary.items() if name not in OF_THE_SESSION}


def kill(running):
    running.kill()


def stop_at(project, wait_until, n_answers, *args, by=kill):
    """Run until so many answers are on disk and end it there; gives the cases that have one.

    Failures are left out, since they are no answers.
    """
    n_runs = len(project.runs)
    project.environment["HANGS_FROM"] = str(n_answers)
    running = project.start("-q", *args)
    del project.environment["HANGS_FROM"]
    wait_until(lambda: len(project.runs) > n_runs, timeout=60)
    wait_until(lambda: len(project.lines("predictions.jsonl")) == n_answers, timeout=60)
    by(running)
    project.forget()
    return {line["case_id"] for line in project.lines("predictions.jsonl") if not line["failed"]}


def interrupt(running):
    """Ctrl-C."""
    os.kill(running.pid, signal.SIGINT)
    result = running.wait(30)
    if "tb_lineno - 1" in result.text:
        pytest.skip(
            "pytest can't show an interrupt at an instruction to which Python gives no line"
        )
    assert result.status == pytest.ExitCode.INTERRUPTED


@pytest.mark.parametrize("args", [[], ["-n2"]], ids=["single", "workers"])
def test_a_run_that_was_killed_goes_on(clockwork, uninterrupted, wait_until, no_trouble, args):
    """No answer that was on disk is asked for again, and the whole is what it would have been."""
    project = clockwork(MANY)
    kept = stop_at(project, wait_until, MANY // 2, *args)
    (killed,) = project.runs
    assert not (killed / "summary.json").exists()

    result = project.run("--model-eval-resume", *args, timeout=120)

    no_trouble(result)
    assert result.status == 0, result.text
    asked, records = project.asked, project.records
    assert not kept & set(asked)
    assert set(asked) | kept == set(records)
    assert set(asked.values()) == {1}
    assert comparable(project.summary) == uninterrupted(MANY)
    assert project.summary["resumed_from"] == killed.name
    marked = {
        name: record["measured_in"] for name, record in records.items() if "measured_in" in record
    }
    assert marked == dict.fromkeys(kept, killed.name)
    line = f"resumed: {len(kept)} of {MANY} answers, with latency and cost, are of run"
    assert f"{line} {killed.name}" in result.section


def test_a_resumed_run_that_was_killed_goes_on(clockwork, uninterrupted, wait_until):
    """The third run has the answers of the first and of the second."""
    project = clockwork(SOME)
    first = stop_at(project, wait_until, 70)
    second = stop_at(project, wait_until, 180, "--model-eval-resume")
    assert first < second

    result = project.run("-q", "--model-eval-resume", timeout=120)

    assert result.status == 0, result.text
    assert not second & set(project.asked)
    assert comparable(project.summary) == uninterrupted(SOME)
    runs = {record.get("measured_in") for record in project.records.values()}
    assert runs == {project.runs[0].name, project.runs[1].name, None}


def test_a_first_run_is_resumed_by_its_name_again(clockwork, wait_until):
    """Whoever names the first of them profits from the second too."""
    project = clockwork(SOME)
    stop_at(project, wait_until, 70)
    name = f"--model-eval-resume={project.runs[0].name}"
    second = stop_at(project, wait_until, 180, name)

    result = project.run("-q", name, timeout=120)

    assert result.status == 0, result.text
    assert not second & set(project.asked)


def test_an_interrupted_run_goes_on(clockwork, uninterrupted, wait_until):
    """Ctrl-C leaves a summary, and all the same something to ask."""
    project = clockwork(SOME)
    kept = stop_at(project, wait_until, 70, by=interrupt)
    assert project.verdict == "invalid"

    result = project.run("-q", "--model-eval-resume", timeout=120)

    assert result.status == 0, result.text
    assert not kept & set(project.asked)
    assert comparable(project.summary) == uninterrupted(SOME)


def test_a_replay_by_workers(clockwork, uninterrupted):
    """The controller hands them the answers, since they may share no files with it."""
    project = clockwork(SOME)
    project.run("-q", timeout=120)
    (original,) = project.runs
    project.forget()
    project.write("conftest.py", BLIND)
    project.write("robot.py", "raise ImportError('the model is not even imported')")

    result = project.run("-q", f"--model-eval-replay={original.name}", "-n2", timeout=120)

    assert result.status == 0, result.text
    assert project.asked == {}
    summary = comparable(project.summary)
    assert summary.pop("replayed_from") == original.name
    assert summary == uninterrupted(SOME)
    assert len(project.lines("predictions.jsonl")) == SOME
