"""Ctrl-C, ``kill -9`` and a full disk: what was paid for is kept, and nothing more is bought."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time

import pytest

SIZE_LIMIT = 64 * 1024

SLEEPER = """
    import time

    def answer(text):
        if text.startswith("hang"):
            time.sleep(600)
        return "?" if text.startswith("wrong") else text.upper()
"""

SUITE = """
    import pytest

    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, prediction):
        assert prediction == case.expected
"""


def slow_project(project, server, *, n_quick, n_slow, slow_s, model="asker:ask"):
    """Cases that a fake server answers at once, and then some that it takes its time for."""
    prompts = {f"quick-{n}": f"quick {n}" for n in range(n_quick)}
    prompts |= {f"slow-{n}": f"slow {n} [[latency={slow_s}]]" for n in range(n_slow)}
    project.prompts(prompts)
    project.asker(server)
    address = f"model_eval_base_url = {server.base_url}"
    project.ini("accuracy >= 1%", model=model, more=[address])


def n_records(project):
    return len(project.lines("records.jsonl"))


@pytest.mark.parametrize(
    "flags",
    [[], ["-X", "dev", "-W", "error::ResourceWarning"]],
    ids=["plain", "strict"],
)
def test_an_interrupt_cancels_the_calls_in_flight(project, serve, wait_until, no_trouble, flags):
    """Within seconds, though each would take half a minute; the server sees them go."""
    server = serve()
    slow_project(project, server, n_quick=6, n_slow=40, slow_s=30, model="openai:fake")
    command = [sys.executable, *flags, "-m", "pytest", "--model-eval"]
    running = project.start("--model-eval-concurrency=8", command=command)
    wait_until(lambda: server.stats()["n_in_flight"] == 8 and n_records(project) == 6)

    os.kill(running.pid, signal.SIGINT)
    started = time.monotonic()
    result = running.wait(20)

    assert time.monotonic() - started < 4
    assert result.status == pytest.ExitCode.INTERRUPTED
    no_trouble(result)
    assert project.verdict == "invalid"
    assert any("incomplete: 6 of 46 cases" in line for line in result.section)
    assert project.outcomes == {f"quick-{n}": "passed" for n in range(6)}
    assert len(project.lines("predictions.jsonl")) == 6
    stats = wait_until(lambda: (now := server.stats())["n_in_flight"] == 0 and now)
    assert (stats["n_requests"], stats["n_aborted"]) == (14, 8)


@pytest.mark.parametrize("args", [[], ["-n2"]], ids=["single", "workers"])
def test_an_interrupt_does_not_wait_for_a_callable_that_hangs(
    project, wait_until, no_trouble, args
):
    """A blocking call can't be cancelled, so its thread is left behind."""
    project.write("robot.py", SLEEPER)
    project.cases("right-1", "right-2", "hang-1", "hang-2", "hang-3", "hang-4")
    project.write("test_evals.py", SUITE)
    project.ini("accuracy >= 1%")
    running = project.start(*args)
    wait_until(lambda: n_records(project) == 2 or (args and n_records(project) == 1))

    os.kill(running.pid, signal.SIGINT)
    started = time.monotonic()
    result = running.wait(20)

    wait_until(lambda: not running.family(), timeout=8)
    assert time.monotonic() - started < (8 if args else 4)
    assert result.status == pytest.ExitCode.INTERRUPTED
    no_trouble(result)
    assert project.verdict == "invalid"
    assert any("incomplete: " in line for line in result.section)


@pytest.mark.parametrize(("slow_s", "model"), [(0.3, "asker:ask"), (30, "openai:fake")])
def test_an_interrupt_of_the_controller_alone_stops_the_workers(
    project, serve, wait_until, no_trouble, slow_s, model
):
    """As CI systems send it: the workers hear of it, buy nothing more, and end."""
    server = serve()
    slow_project(project, server, n_quick=10, n_slow=300, slow_s=slow_s, model=model)
    running = project.start("-n2", "--model-eval-concurrency=8")
    wait_until(lambda: server.stats()["n_in_flight"] == 8 and n_records(project) >= 6)

    n_before = server.stats()["n_requests"]
    os.kill(running.pid, signal.SIGINT)
    started = time.monotonic()
    result = running.wait(20)

    wait_until(lambda: not running.family(), timeout=8)
    assert time.monotonic() - started < 8
    assert result.status == pytest.ExitCode.INTERRUPTED
    no_trouble(result)
    assert server.stats()["n_requests"] <= n_before + 16
    assert project.verdict == "invalid"
    assert any(re.search(r"incomplete: \d+ of 310 cases", line) for line in result.section)
    assert "errored" not in project.outcomes.values()  # being stopped is no fault of the model


def test_an_interrupt_of_all_processes_ends_them(project, serve, wait_until):
    """As a terminal sends it, to workers and controller at once."""
    server = serve()
    slow_project(project, server, n_quick=10, n_slow=300, slow_s=30)
    running = project.start("-n2", "--model-eval-concurrency=8")
    wait_until(lambda: server.stats()["n_in_flight"] == 8 and n_records(project) >= 6)

    n_before = server.stats()["n_requests"]
    os.killpg(running.pid, signal.SIGINT)
    result = running.wait(20)

    wait_until(lambda: not running.family(), timeout=8)
    assert result.status == pytest.ExitCode.INTERRUPTED
    assert "INTERNALERROR" not in result.text
    assert server.stats()["n_requests"] <= n_before + 16
    assert project.verdict == "invalid"


def test_a_process_that_is_killed_leaves_what_it_had_shown(project, serve, wait_until):
    """``kill -9``: a whole line for each dot, and for each answer that was paid for."""
    server = serve(latency_s=0.02)
    project.prompts({f"case-{n}": f"ticket {n}" for n in range(2000)})
    project.asker(server)
    project.ini("accuracy >= 1%", model="asker:ask")
    running = project.start()
    wait_until(lambda: n_records(project) >= 20)

    os.kill(running.pid, signal.SIGKILL)
    result = running.wait(10)

    assert result.status == -signal.SIGKILL
    n_shown = len(re.search(r"^test_evals\.py (\.*)", result.text, re.MULTILINE)[1])
    counts = {}
    for name in ("records.jsonl", "predictions.jsonl"):
        text = (project.runs[-1] / name).read_bytes()
        assert text.endswith(b"\n")
        counts[name] = len([json.loads(line) for line in text.splitlines()])
    assert n_shown >= 19
    assert counts["records.jsonl"] >= n_shown
    assert counts["predictions.jsonl"] >= counts["records.jsonl"]


# Full disks.


@pytest.fixture
def full_disk(disk, project):
    """The project on a disk that has room for some records and not for all."""
    if disk == "limit":
        project.write(
            "conftest.py",
            f"""
            import resource

            def pytest_configure():
                hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
                resource.setrlimit(resource.RLIMIT_FSIZE, ({SIZE_LIMIT}, hard))
            """,
        )
        yield project
        return
    store = project.path / ".modeleval"
    store.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_LIMIT}", "tmpfs", str(store)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root can mount a file system of its own")
    yield project
    subprocess.run(["umount", str(store)], check=True)


@pytest.mark.parametrize(
    ("disk", "args", "wanted", "status"),
    [
        ("limit", [], "50%", 0),
        ("limit", ["-n2"], "90%", 1),
        ("tmpfs", [], "90%", 1),
        ("tmpfs", ["-n2"], "50%", 0),
    ],
)
def test_a_full_disk_changes_no_verdict(full_disk, no_trouble, args, wanted, status):
    """The numbers are all there; the section says what is not on disk."""
    project = full_disk
    tail = "-" + "x" * 4000
    texts = [f"{'right' if n % 4 else 'wrong'}-{n:02}{tail}" for n in range(40)]
    project.write("robot.py", SLEEPER)
    project.write("test_evals.py", SUITE)
    rows = "".join(f"case-{n},{text},{text.upper()}\n" for n, text in enumerate(texts))
    project.write("tickets.csv", "id,input,expected\n" + rows)
    project.ini(f"accuracy >= {wanted}")

    result = project.run("-q", *args)

    no_trouble(result)
    assert result.status == status, result.text
    assert result.counts == {"passed": 30, "missed": 10}
    assert any("accuracy 75.0 %" in line for line in result.section)
    assert result.gate.startswith("gate: met" if status == 0 else "gate: not met")
    warnings = [line for line in result.section if line.startswith("warning: ")]
    assert any(re.search(r"of 40 records are not on disk: ", line) for line in warnings), warnings
    whole = (project.runs[-1] / "records.jsonl").read_bytes().rpartition(b"\n")[0].splitlines()
    assert len(whole) < 40
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
