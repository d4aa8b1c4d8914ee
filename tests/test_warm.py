"""Warm processes: what a test sees of one is what it would see of a process that starts cold."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
import warm

SHOW = """
import json, os, signal, sys, threading
import robot
signals = [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGCHLD)]
threads = [thread.name for thread in threading.enumerate()]
files = sorted(os.listdir("/proc/self/fd"))[:3]
print(json.dumps([os.getcwd(), sys.argv, dict(os.environ), sys.path, signals, threads, files]))
"""

EVALS = """
    import os, signal, threading, pytest

    @pytest.fixture
    def late():
        os.write(2, b"fixture of " + os.environ["PYTEST_XDIST_WORKER"].encode() + b"\\n")

    def test_first(late): pass

    def test_killed(): os.kill(os.getpid(), signal.SIGKILL)
"""


def run(folder, *command, how=warm.Process, env=os.environ):
    """The exit status of ``python -m``, and what it wrote."""
    command = [sys.executable, "-m", *command]
    with open(folder / "output", "w+b") as output, open(os.devnull, "rb") as nothing:
        streams = [file.fileno() for file in (nothing, output, output)]
        status = how(command, cwd=folder, env=env, streams=streams).wait(60)
        output.seek(0)
        return status, output.read().decode()


def cold(command, *, cwd, env, streams):
    """The same without a process that forks."""
    stdin, stdout, stderr = streams
    return subprocess.Popen(command, cwd=cwd, env=env, stdin=stdin, stdout=stdout, stderr=stderr)


@pytest.mark.parametrize("path", [[], ["elsewhere"]], ids=["alone", "path"])
def test_surroundings(tmp_path, path):
    """Folder, arguments, environment, path, signals, threads and files."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "show.py").write_text(SHOW)
    (tmp_path / "robot.py").write_text("")
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    env = own | {"ONE": "é", "PYTHONPATH": os.pathsep.join(str(tmp_path / name) for name in path)}

    shown = run(tmp_path, "show", "a", "b c", env=env)

    assert shown[0] == 0
    assert shown == run(tmp_path, "show", "a", "b c", env=env, how=cold)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("sys.exit(3)", 3),
        ("sys.exit()", 0),
        ("sys.exit('why')", 1),
        ("1 / 0", 1),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("atexit.register(print, 'the end')", 0),
        ("threading.Thread(target=lambda: (event.wait(0.1), print('thread'))).start()", 0),
        ("x = type('X', (), {'__del__': lambda self: print('deleted')})(); x.x = x; del x", 0),
    ],
)
def test_the_end(tmp_path, line, status):
    """Exit status, and all that is still to be said."""
    head = "import atexit, os, signal, sys, threading\nevent = threading.Event()\n"
    (tmp_path / "ends.py").write_text(head + line + "\n")

    ended = run(tmp_path, "ends")
    wanted = run(tmp_path, "ends", how=cold)

    assert ended[0] == wanted[0] == status
    assert ended[1].splitlines()[-1:] == wanted[1].splitlines()[-1:]


def test_a_process_that_goes_on(tmp_path):
    """It is waited for only so long, and can be ended."""
    (tmp_path / "sleeps.py").write_text("import time\ntime.sleep(600)\n")
    command = [sys.executable, "-m", "sleeps"]
    with open(os.devnull, "r+b") as nothing:
        streams = [nothing.fileno()] * 3
        process = warm.Process(command, cwd=tmp_path, env=os.environ, streams=streams)

    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.05)
    process.kill()

    assert process.wait(20) == -signal.SIGKILL


def test_workers_of_a_pytest(tmp_path):
    """They are processes of the same session with its standard error, and xdist sees them die."""
    (tmp_path / "test_it.py").write_text(textwrap.dedent(EVALS))
    env = os.environ | {"PYTEST_ADDOPTS": "-p no:hypothesispytest -p no:cacheprovider"}

    status, output = run(tmp_path, "pytest", "-s", "-n1", "--max-worker-restart=0", env=env)

    assert status == 1
    assert "fixture of gw0" in output
    assert "node down: Not properly terminated" in output
    assert "1 failed, 1 passed" in output
