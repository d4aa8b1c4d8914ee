"""A user's project in a folder of its own, run as a user runs it: in processes of their own."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import fake_server
import pytest
import warm

# None of these is the business of these tests, and each takes its share of every process's start.
QUIET = "-p no:hypothesispytest -p no:asyncio -p no:rerunfailures -p no:timeout -p no:anyio"

# What is broken at the width of the terminal.
SENTENCES = ("gate: ", "not met: ", "invalid: ", "not judged: ", "inconclusive: ", "warning: ")

ROBOT = """
    '''A model that does what the first word of its input says, and notes each call.'''
    import json
    import os

    def note(text):
        line = json.dumps(text).encode() + b"\\n"
        handle = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, line)
        os.close(handle)

    def answer(text):
        note(text)
        word = text.split("-")[0]
        if word == "boom":
            raise RuntimeError("the model is down")
        if word == "numpy":
            import numpy
            return numpy.float64(0.5)
        odd = {{"wrong": "?", "none": None, "nan": float("nan"), "half": "half an emoji \\ud83d"}}
        return odd.get(word, text.upper())
"""

ASKER = """
    '''Asks a fake server, a second quicker to import than the openai package.'''
    import asyncio
    import json

    async def ask(text):
        reader, writer = await asyncio.open_connection({host!r}, {port})
        try:
            body = json.dumps({{"model": "m", "messages": [{{"role": "user", "content": text}}]}})
            head = f"POST /v1/chat/completions HTTP/1.1\\r\\ncontent-length: {{len(body)}}\\r\\n\\r\\n"
            writer.write((head + body).encode())
            status = await reader.readline()
            if b" 200 " not in status:
                raise RuntimeError(status.decode())
            while (line := (await reader.readline()).lower()) != b"\\r\\n":
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            answer = json.loads(await reader.readexactly(length))
            return answer["choices"][0]["message"]["content"]
        finally:
            writer.close()
"""

SUITE = """
    import pytest

    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, prediction):
        assert prediction == case.expected
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What a process that ended left on the screen.

    Attributes:
        status: Its exit status.
        text: Standard output and error, as they came.
    """

    status: int
    text: str

    @property
    def section(self):
        """The lines of the section ``model eval``, sentences whole; none where it was not printed."""
        found = re.search(
            r"^=+ model eval\b[^\n]*=$\n(.*?)(?:^=|\Z)", self.text, re.MULTILINE | re.DOTALL
        )
        lines = []
        for line in found[1].splitlines() if found else ():
            if lines and lines[-1].startswith(SENTENCES) and line.startswith("  "):
                lines[-1] += line[1:]
            else:
                lines.append(line)
        return lines

    @property
    def gate(self):
        """The line with the verdict."""
        return next((line for line in self.section if line.startswith("gate: ")), None)

    @property
    def counts(self):
        """The numbers of the last line: ``{"passed": 3, "missed": 1}``."""
        last = self.text.rstrip().splitlines()[-1]
        return {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", last)}


class Running:
    """A process that was started and not waited for, with all processes that it starts."""

    def __init__(self, command, folder, environment, *, is_warm):
        self.output = folder / f"output-{time.monotonic_ns()}.txt"
        start = warm.Process if is_warm else cold_process
        with self.output.open("wb") as output, open(os.devnull, "rb") as nothing:
            streams = [nothing.fileno(), output.fileno(), output.fileno()]
            self.process = start(command, cwd=folder, env=environment, streams=streams)
        self.pid = self.process.pid

    @property
    def text(self):
        return self.output.read_text(encoding="utf-8", errors="replace")

    def wait(self, timeout):
        """The result, once the process has ended."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            pytest.fail(f"still running after {timeout} s:\n{self.text}")
        return Result(status, self.text)

    def family(self):
        """Pids of the processes of this session that still run."""
        return [pid for pid, session in _sessions() if session == self.pid]

    def workers(self):
        """Pids of the xdist workers."""
        return [pid for pid in self.family() if pid != self.pid]

    def kill(self):
        """End whatever still runs."""
        for pid in self.family():
            os.kill(pid, signal.SIGKILL)
        self.process.wait(10)


def cold_process(command, *, cwd, env, streams):
    """A process that imports everything itself, as a user's does."""
    stdin, stdout, stderr = streams
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,  # so that all of them are found, and none survives
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes minutes, since it installs packages")


def _sessions():
    """Pid and session of each process that is no zombie and does something itself."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().rpartition(") ")
        except OSError:
            continue
        words = rest.split()
        if words[0] != "Z" and not name.endswith(f"({warm.FORKER}"):
            yield int(path.parent.name), int(words[3])


class Project:
    """A folder with evals.

    ``robot:answer`` upper-cases its input, which is right; inputs that begin with ``wrong`` are
    answered wrong, those with ``boom``, ``none`` and ``nan`` not at all.
    """

    def __init__(self, path):
        self.path = path
        self._log = path / "asked.txt"
        self._running = []
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OPENAI_", "PYTEST_", "COV_", "PYTHONWARNINGS"))
            and not name.endswith(("_KEY", "_TOKEN", "_SECRET", "_PASSWORD"))
        }
        self.environment |= {
            "COLUMNS": "80",
            "OPENAI_API_KEY": "sk-of-no-value-whatever",
            "PYTEST_ADDOPTS": QUIET,
        }

    def write(self, name, text):
        """A file of the project."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        # Python takes a file of the same second and size for the one whose bytecode it has.
        for stale in file.parent.glob(f"__pycache__/{file.stem}.*.pyc"):
            stale.unlink()
        file.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")

    def cases(self, *inputs, file="tickets.csv"):
        """A dataset: a case for each input, with the input as its id."""
        with (self.path / file).open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(["id", "input", "expected"])
            writer.writerows([text, text, text.upper()] for text in inputs)

    def suite(self, *inputs, source=SUITE):
        """A suite over these inputs, asked of ``robot:answer``."""
        self.cases(*inputs)
        self.write("robot.py", ROBOT.format(log=str(self._log)))
        self.write("test_evals.py", source)

    def prompts(self, prompts, source=SUITE):
        """A suite over these prompts, by id, to be asked of a fake server, which echoes them."""
        lines = [
            json.dumps({"id": name, "input": text, "expected": echo_of(text)})
            for name, text in prompts.items()
        ]
        self.write("tickets.jsonl", "\n".join(lines) + "\n")
        self.write("test_evals.py", textwrap.dedent(source).replace("tickets.csv", "tickets.jsonl"))

    def asker(self, server):
        """The model ``asker:ask``, which asks this fake server."""
        host, port = server.base_url.split("/")[2].split(":")
        self.write("asker.py", ASKER.format(host=host, port=port))

    def ini(self, *thresholds, model="robot:answer", more=()):
        """A ``pytest.ini``."""
        lines = ["[pytest]", f"model_eval_model = {model}", *more, "model_eval_thresholds ="]
        lines += [f"    {threshold}" for threshold in thresholds]
        self.write("pytest.ini", "\n".join(lines) + "\n")

    def command(self, *args):
        return [sys.executable, "-m", "pytest", "--model-eval", *args]

    def run(self, *args, command=None, timeout=60):
        """``pytest --model-eval`` from start to end."""
        return self.start(*args, command=command).wait(timeout)

    def start(self, *args, command=None):
        """``pytest --model-eval``, not waited for; a command that is named is run as it is."""
        words = [*(command or self.command()), *args]
        running = Running(words, self.path, self.environment, is_warm=command is None)
        self._running.append(running)
        return self._running[-1]

    def end(self):
        """Leave no process behind."""
        for running in self._running:
            running.kill()

    @property
    def asked(self):
        """How often ``robot:answer`` was asked each input."""
        if not self._log.exists():
            return Counter()
        return Counter(json.loads(line) for line in self._log.read_text().splitlines())

    def forget(self):
        """Begin to count the model's calls anew."""
        self._log.unlink(missing_ok=True)

    @property
    def runs(self):
        """Folders of the runs, oldest first."""
        folders = self.path.glob(".modeleval/runs/*")
        return sorted(folders, key=lambda folder: folder.stat().st_ctime_ns)

    def lines(self, name):
        """The whole lines of a journal of the last run; none where there is none."""
        file = self.runs[-1] / name if self.runs else self.path / "nowhere"
        if not file.exists():
            return []
        whole = file.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    @property
    def records(self):
        """The records of the last run by case id; a second one of a case is an error here."""
        lines = self.lines("records.jsonl")
        records = {line["case_id"]: line for line in lines}
        assert len(records) == len(lines)
        return records

    @property
    def outcomes(self):
        """The outcomes of the last run by case id."""
        return {name: record["outcome"] for name, record in self.records.items()}

    @property
    def summary(self):
        """``summary.json`` of the last run."""
        return json.loads((self.runs[-1] / "summary.json").read_text(encoding="utf-8"))

    @property
    def verdict(self):
        """The verdict of the last run in a word."""
        return self.summary["verdict"]["status"]

    @property
    def reasons(self):
        """Why thresholds of the last run were not met or not judged."""
        return {item["reason"] for item in self.summary["verdict"]["thresholds"]} - {None}


def echo_of(prompt):
    """What the fake server answers to a prompt."""
    return re.sub(r"\[\[.*?\]\]", "", prompt).strip()


def wait_until(condition, timeout=30.0, every=0.02):
    """Poll until ``condition()`` holds, and give what it gave; fail at the deadline."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"it did not come to that within {timeout} s")
        time.sleep(every)
    return found


@pytest.fixture(name="wait_until", scope="session")
def _wait_until():
    return wait_until


@pytest.fixture(scope="session")
def no_trouble():
    """A check that a run's output holds no sign of a crash of ours or of anyone else."""

    def check(result):
        for sign in (
            "INTERNALERROR",
            "Traceback (most recent call last)",
            "never retrieved",
            "never awaited",
            "Event loop is closed",
            "Task was destroyed",
            "ResourceWarning",
            "Exception ignored in",
        ):
            assert sign not in result.text, result.text

    return check


@pytest.fixture(scope="module")
def make_project(tmp_path_factory):
    """Makes projects that live as long as the module's tests."""
    projects = []

    def make(name="project"):
        projects.append(Project(tmp_path_factory.mktemp(name)))
        return projects[-1]

    yield make
    for project in projects:
        project.end()


@pytest.fixture
def project(make_project):
    """A project that has nothing in it yet."""
    project = make_project()
    yield project
    project.end()


@pytest.fixture
def serve():
    """Starts fake servers, which end with the test."""
    import contextlib

    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(fake_server.running(**options))


@pytest.fixture(scope="session")
def real_server(tmp_path_factory):
    """The base URL of llama.cpp's server with a tiny model; skips where it isn't installed."""
    for name in ("xllamacpp", "gguf"):
        reason = f"the real server needs {name}: pip install 'pytest-modeleval[realserver]'"
        pytest.importorskip(name, reason=reason)
    import real_server

    with real_server.running(tmp_path_factory.mktemp("real_server")) as base_url:
        yield base_url
