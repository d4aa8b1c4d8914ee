"""A small project with evals, and what its runs leave behind."""

import csv
import gc
import json
import os
import re

import pytest
import warm

# pytester forgets after each run what it imported: numpy can't be loaded twice, a transport of
# openai's that was would raise errors that nobody knows, and all take half of a run's time.
warm.import_what_runs_need()

NO_RERUNS = "-p no:rerunfailures"  # each run leaves a thread with a socket, which end with us

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
        if text.startswith("wrong"):
            return "?"
        if text.startswith("none"):
            return None
        if text.startswith("assert"):
            assert text == "broken invariant of the model"
        if text.startswith("boom"):
            raise RuntimeError("the model is down")
        return text.upper()

    number = 3
"""

SUITE = """
    import pytest

    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, prediction):
        assert prediction == case.expected
"""


class Project:
    """A project in pytester's folder.

    ``robot:answer`` upper-cases its input, which is right; inputs that begin with ``wrong`` are
    answered wrong, those with ``boom``, ``assert`` and ``none`` not at all.
    """

    def __init__(self, pytester):
        self.pytester = pytester
        self.path = pytester.path
        self._log = self.path / "asked.txt"

    def cases(self, *inputs, file="tickets.csv"):
        """A dataset: a case for each input, with the input as its id."""
        with (self.path / file).open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(["id", "input", "expected"])
            writer.writerows([text, text, text.upper()] for text in inputs)

    def suite(self, *inputs, source=SUITE, name="test_evals"):
        """A suite over these inputs, asked of ``robot:answer``."""
        self.cases(*inputs)
        self.robot()
        self.pytester.makepyfile(**{name: source})

    def robot(self):
        """The module ``robot``."""
        self.pytester.makepyfile(robot=ROBOT.format(log=str(self._log)))

    def ini(self, *lines):
        """A ``pytest.ini`` that names the model, and these lines."""
        text = "\n".join(["[pytest]", "model_eval_model = robot:answer", *lines])
        (self.path / "pytest.ini").write_text(text + "\n", encoding="utf-8")

    def thresholds(self, *thresholds):
        """A ``pytest.ini`` that names the model and these thresholds."""
        self.ini("model_eval_thresholds =", *(f"    {line}" for line in thresholds))

    def run(self, *args):
        """``pytest --model-eval`` in this process."""
        return self.pytester.runpytest("--model-eval", *args)

    def run_apart(self, *args, timeout=120, is_cold=False):
        """``pytest --model-eval`` in a process of its own; a cold one finds what is installed."""
        if is_cold:
            return self.pytester.runpytest_subprocess("--model-eval", *args, timeout=timeout)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.pytester, "popen", warm_popen)
            return self.pytester.runpytest_subprocess("--model-eval", *args, timeout=timeout)

    @property
    def asked(self):
        """The inputs that the model was asked, sorted."""
        if not self._log.exists():
            return []
        return sorted(json.loads(line) for line in self._log.read_text().splitlines())

    def forget(self):
        """Begin to count the model's calls anew."""
        self._log.unlink(missing_ok=True)

    @property
    def runs(self):
        """Folders of the runs, oldest first."""
        return sorted(
            self.path.glob(".modeleval/runs/*"), key=lambda folder: folder.stat().st_mtime_ns
        )

    def file(self, name):
        """A JSON file of the last run."""
        return json.loads((self.runs[-1] / name).read_text(encoding="utf-8"))

    def lines(self, name):
        """A journal of the last run."""
        text = (self.runs[-1] / name).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    @property
    def records(self):
        """The records of the last run by case id."""
        return {line["case_id"]: line for line in self.lines("records.jsonl")}

    @property
    def outcomes(self):
        """The outcomes of the last run by case id."""
        return {name: record["outcome"] for name, record in self.records.items()}

    @property
    def status(self):
        """The verdict of the last run."""
        return self.file("summary.json")["verdict"]["status"]

    def metric(self, name, suite=0):
        """A number of the last run's summary."""
        return self.file("summary.json")["suites"][suite]["metrics"][name]["value"]


def section(result):
    """The lines of the section ``model eval``."""
    lines = result.outlines
    starts = [i for i, line in enumerate(lines) if re.match(r"=+ model eval\b", line)]
    if not starts:
        return []
    rest = lines[starts[0] + 1 :]
    ends = [i for i, line in enumerate(rest) if line.startswith("===")]
    return rest[: ends[0]] if ends else rest


@pytest.fixture(name="section")
def _section():
    return section


def warm_popen(command, *, stdin, stdout, stderr):
    """What pytester starts a process with, warm."""
    del stdin  # pytester closes it
    path = os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")]))
    with open(os.devnull, "rb") as nothing:
        streams = [file.fileno() for file in (nothing, stdout, stderr)]
        env = os.environ | {"PYTHONPATH": path}
        return warm.Process(command, cwd=os.getcwd(), env=env, streams=streams)


@pytest.fixture(autouse=True)
def _environment(pytester, monkeypatch):
    """A terminal of 80 columns, no secrets, and no seconds spent on loading hypothesis."""
    del pytester  # it clears PYTEST_ADDOPTS, so it comes first
    for name in list(os.environ):
        if name.endswith(("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")) or name.startswith("OPENAI_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")
    quiet = f"-p no:hypothesispytest {NO_RERUNS} -o asyncio_default_fixture_loop_scope=function"
    monkeypatch.setenv("PYTEST_ADDOPTS", quiet)
    for name in ("freeze", "unfreeze"):  # all that is loaded stays frozen, as it is in all tests
        monkeypatch.setattr(gc, name, lambda: None)


@pytest.fixture
def reruns(monkeypatch):
    """Lets a test use pytest-rerunfailures."""
    pytest.importorskip("pytest_rerunfailures")
    monkeypatch.setenv("PYTEST_ADDOPTS", os.environ["PYTEST_ADDOPTS"].replace(NO_RERUNS, ""))


@pytest.fixture
def project(pytester):
    """A project that has nothing in it yet."""
    return Project(pytester)
