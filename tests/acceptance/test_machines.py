"""Many machines: workers in folders of their own, which share no file with the controller.

Each has a conftest that lets it open no file of the controller's folder.
"""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap

import pytest

CLOCKS = {"latency_s", "total_s", "queue_s"}
COPIED = ("test_evals.py", "robot.py", "tickets.csv")
MADE_BY_OTHERS = {"__pycache__", "pytest", "_pytest", ".pytest_cache"}

MODEL = """
    import json
    import os
    import time
    from pytest_modeleval import Prediction, Usage

    def note(text):
        line = f"{os.getcwd()} {text}\\n".encode()
        handle = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, line)
        os.close(handle)

    def answer(text):
        note(text)
        word = text.split("-")[0]
        if word == "slow":
            time.sleep(0.1)
        output = "?" if word == "wrong" else text.upper()
        if word == "tell":
            output = os.environ["WORKERS_TOKEN"] + " and abcdefgh-12345"
        return Prediction(output=output, usage=Usage(input_tokens=10, output_tokens=2))
"""

FENCE = """
    import sys

    def fence(event, args):
        if event == "open" and str(args[0]).startswith({folder!r} + "/"):
            raise PermissionError(f"a file of another machine: {{args[0]}}")

    sys.addaudithook(fence)
"""


class Machines:
    """A project, and folders with copies of it in which workers run.

    Args:
        project: The project of the controller.
        kind: How the workers are reached: popen, socket or ssh.
        tmp: A folder for what else there is.
    """

    def __init__(self, project, kind, tmp):
        self.project = project
        self.kind = kind
        self.tmp = tmp
        self.environment = {}
        self.folders = [tmp / "one", tmp / "two"]
        self.servers = []
        self.ports = []
        self.python = sys.executable

    def copy(self):
        """Give each machine its own copy of suites, cases and models, and nothing else."""
        for folder in self.folders:
            folder.mkdir()
            for name in COPIED:
                shutil.copy(self.project.path / name, folder)
            fence = textwrap.dedent(FENCE.format(folder=str(self.project.path)))
            (folder / "conftest.py").write_text(fence)
        if self.kind == "socket":
            for folder in self.folders:
                self.serve(folder)
        if self.kind == "ssh":
            self.stand_in_for_ssh()

    def serve(self, folder):
        """Start execnet's socket server in a folder."""
        server = subprocess.Popen(
            [sys.executable, "-u", "-m", "execnet.script.socketserver", "127.0.0.1:0"],
            cwd=folder,
            env=self.project.environment | self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.servers.append(server)
        self.ports.append(re.search(r"', (\d+)\)", server.stdout.readline())[1])

    def stand_in_for_ssh(self):
        """A command ``ssh`` that runs what it is given in a shell of this machine."""
        script = self.tmp / "bin" / "ssh"
        script.parent.mkdir()
        script.write_text('#!/bin/sh\nfor last; do :; done\ncd /; exec sh -c "$last"\n')
        script.chmod(0o755)
        # ssh hands over a line, in which the path of this Python may be several words.
        self.python = script.with_name("python")
        self.python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        self.python.chmod(0o755)
        self.project.environment["PATH"] = f"{script.parent}:{self.project.environment['PATH']}"

    @property
    def args(self):
        """The options that name the machines; nothing is copied to them."""
        specs = {
            "popen": ["popen", "popen"],
            "socket": [f"socket=127.0.0.1:{port}" for port in self.ports],
            "ssh": [f"ssh=box//python={self.python}"] * 2,
        }[self.kind]
        pairs = zip(specs, self.folders, strict=True)
        return ["-d", "--rsyncignore=*", *(f"--tx={spec}//chdir={path}" for spec, path in pairs)]

    def run(self, *args):
        return self.project.run(*self.args, *args)

    @property
    def asked(self):
        """The folder and the question of each call."""
        lines = (self.tmp / "asked.txt").read_text().splitlines()
        return [line.split(" ", 1) for line in lines]

    def end(self):
        for server in self.servers:
            server.kill()
            server.wait(10)
            server.stdout.close()


@pytest.fixture(scope="module")
def make_machines(make_project, tmp_path_factory):
    """Makes projects with machines, which end with the module's tests."""
    with contextlib.ExitStack() as stack:

        def make(*inputs, kind="popen"):
            project = make_project(kind)
            machines = Machines(project, kind, tmp_path_factory.mktemp("machines"))
            stack.callback(machines.end)
            project.suite(*inputs)
            log = f"LOG = {str(machines.tmp / 'asked.txt')!r}\n"
            project.write("robot.py", log + textwrap.dedent(MODEL))
            project.write("prices.txt", "robot:answer input=100 output=300\n")
            thresholds = ("accuracy >= 50%", "avg_cost <= $1", "accuracy regression <= 5%")
            project.ini(*thresholds, more=["model_eval_prices = prices.txt"])
            return machines

        yield make


INPUTS = [f"{word}-{n}" for n in range(8) for word in ("right", "wrong", "other", "good")]


def whole(project, *args):
    """A run and what it left: the result, the records without clocks, the summary, the answers."""
    result = project.run("--junitxml=junit.xml", *args)
    records = [
        {name: line[name] for name in line.keys() - CLOCKS}
        for line in project.lines("records.jsonl")
    ]
    answers = {line["case_id"] for line in project.lines("predictions.jsonl")}
    by_case = sorted(json.dumps(record, sort_keys=True) for record in records)
    return result, by_case, project.summary, answers


@pytest.fixture(scope="module")
def local(make_machines):
    """The run on one machine."""
    machines = make_machines(*INPUTS)
    baseline = machines.project.run("--model-eval-save-baseline")
    assert "baseline saved" in baseline.text
    return whole(machines.project)


@pytest.fixture(scope="module", params=["popen", "socket", "ssh"])
def spread(request, make_machines):
    """The same run on two machines, of which each has the cases, and none anything else."""
    machines = make_machines(*INPUTS, kind=request.param)
    machines.project.run("--model-eval-save-baseline")
    machines.copy()
    (machines.tmp / "asked.txt").unlink()
    return machines, whole(machines.project, *machines.args)


def judged(summary):
    """What each threshold came to, but for latencies."""
    return [
        (item["threshold"], item["status"], item["metric"] and item["metric"]["value"])
        for item in summary["verdict"]["thresholds"]
    ]


def test_machines_give_what_one_gives(local, spread, no_trouble):
    """The same records, answers on disk, numbers, costs, comparison with the baseline, and exit."""
    result, records, summary, answers = local
    _, (spread_result, spread_records, spread_summary, spread_answers) = spread

    no_trouble(spread_result)
    assert spread_records == records
    assert spread_answers == answers
    assert len(answers) == len(INPUTS)
    assert judged(spread_summary) == judged(summary)
    assert {status for _, status, _ in judged(summary)} == {"met"}  # that of the regression too
    assert spread_result.status == result.status == 0
    assert spread_result.counts == result.counts


def test_machines_share_the_work_and_ask_each_case_once(spread):
    """Both have asked something."""
    machines, _ = spread

    folders, questions = zip(*machines.asked, strict=True)

    assert set(folders) == {str(folder) for folder in machines.folders}
    assert sorted(questions) == sorted(INPUTS)


def test_machines_keep_nothing(spread):
    """No folder of runs, no file of ours; what xdist leaves is xdist's."""
    machines, _ = spread

    for folder in machines.folders:
        names = {path.name for path in folder.iterdir()}
        assert names - MADE_BY_OTHERS == {*COPIED, "conftest.py"}


def test_last_failed_runs_what_the_controller_remembers(make_machines):
    """The machines remember nothing, and would ask every case again."""
    machines = make_machines("right-1", "wrong-1", "right-2", "wrong-2", "right-3")
    machines.copy()
    machines.run()
    (machines.tmp / "asked.txt").unlink()

    result = machines.run("--lf")

    assert sorted(question for _, question in machines.asked) == ["wrong-1", "wrong-2"]
    assert machines.project.verdict == "not judged", result.text


def test_secrets_of_either_side_reach_no_file(make_machines):
    """The machines' environment is not the controller's; what is a secret on one is on both."""
    machines = make_machines("tell-1", "right-1", "right-2", kind="socket")
    machines.environment = {"WORKERS_TOKEN": "ijklmnop-67890"}
    machines.project.environment["CONTROLLERS_TOKEN"] = "abcdefgh-12345"
    machines.project.write("test_evals.py", FAILING)
    machines.copy()
    junit = machines.project.path / "junit.xml"

    result = machines.run(f"--junitxml={junit}")

    told = "[secret WORKERS_TOKEN] and [secret CONTROLLERS_TOKEN]"
    assert machines.project.records["tell-1"]["output"] == told
    assert told in result.text
    kept = [path.read_text() for path in machines.project.runs[-1].iterdir()]
    for text in [*kept, junit.read_text(), result.text]:
        assert "abcdefgh-12345" not in text
        assert "ijklmnop-67890" not in text


def test_a_machine_that_is_lost_costs_what_it_was_at(make_machines, wait_until, no_trouble):
    """The others run the rest; nothing that was answered is asked again."""
    inputs = [f"slow-{n}" for n in range(80)]
    machines = make_machines(*inputs, kind="socket")
    project = machines.project
    machines.copy()

    running = project.start(*machines.args, "--model-eval-concurrency=4")
    wait_until(lambda: len(project.lines("records.jsonl")) >= 20)
    machines.servers[1].kill()
    result = running.wait(40)

    no_trouble(result)
    assert result.status == 1
    assert f"socket=127.0.0.1:{machines.ports[1]}" in result.text
    assert "is lost and can't be started again" in "\n".join(result.section)
    assert project.outcomes.keys() == set(inputs)
    (errored,) = [name for name, outcome in project.outcomes.items() if outcome == "errored"]
    assert project.records[errored]["error_kind"] == "crashed"
    questions = [question for _, question in machines.asked]
    again = {name for name in questions if questions.count(name) > 1}
    assert len(again) <= 2  # of the two calls that the machine had in flight
    answered = [line["case_id"] for line in project.lines("predictions.jsonl")]
    assert len(answered) == len(set(answered))


def test_a_run_whose_machines_are_all_lost_is_invalid(make_machines, wait_until, no_trouble):
    """It ends, and says so."""
    machines = make_machines(*(f"slow-{n}" for n in range(80)), kind="socket")
    project = machines.project
    machines.copy()

    running = project.start(*machines.args, "--model-eval-concurrency=4")
    wait_until(lambda: len(project.lines("records.jsonl")) >= 8)
    for server in machines.servers:
        server.kill()
    result = running.wait(40)

    no_trouble(result)
    assert result.status == 1
    assert project.verdict == "invalid"
    assert "no worker is left, so the run ends here" in result.text
    assert any(reason.startswith("incomplete: ") for reason in project.reasons)


def test_machines_with_different_cases_are_named(make_machines, no_trouble):
    """The same id with another content would be a run of neither dataset; nothing is asked."""
    machines = make_machines(*(f"right-{n}" for n in range(6)))
    machines.copy()
    other = machines.folders[1] / "tickets.csv"
    other.write_text(other.read_text().replace("right-3,right-3", "right-3,new wording"))

    result = machines.run()

    no_trouble(result)
    assert result.status == pytest.ExitCode.USAGE_ERROR
    one, two = (f"worker gw{n} (chdir={path})" for n, path in enumerate(machines.folders))
    sentence = f"{one} and {two} differ in the case right-3 of test_ticket; give each a copy"
    assert sentence in result.text
    assert not machines.project.runs
    assert not (machines.tmp / "asked.txt").exists()


@pytest.mark.parametrize(
    ("spec", "args", "sentence"),
    [
        ("socket=127.0.0.1:1//chdir=/", [], "--tx socket=127.0.0.1:1//chdir=/: "),
        ("2*socket=127.0.0.1:1", [], "a socket server runs one worker; start a server for each"),
        ("popen//chdir=/", ["test_evals.py"], "testpaths in the ini file says it to all"),
        (
            "popen//chdir=/tmp//env:PYTEST_DISABLE_PLUGIN_AUTOLOAD=1",
            [],
            "worker gw0 (chdir=/tmp) can't start: unrecognized arguments: --model-eval",
        ),
    ],
)
def test_a_worker_that_cannot_start_is_named(project, no_trouble, spec, args, sentence):
    """One sentence and exit 4, not an internal error, nor one start after the other."""
    project.suite("right-1", "right-2")
    project.ini("accuracy >= 1%")

    result = project.run("-d", "--rsyncignore=*", f"--tx={spec}", *args)

    no_trouble(result)
    assert result.status == pytest.ExitCode.USAGE_ERROR, result.text
    assert sentence in result.text
    assert not project.runs


def test_a_socket_server_measures_the_code_of_each_run(make_machines):
    """It runs one session after the other in one process, which has imported the model before."""
    machines = make_machines(*(f"right-{n}" for n in range(6)), kind="socket")
    machines.copy()
    first = machines.run()
    for folder in machines.folders:
        model = folder / "robot.py"
        model.write_text(model.read_text().replace("text.upper()", "text.lower()"))
        later = os.stat(model).st_mtime + 2  # bytecode is told apart by the second
        os.utime(model, (later, later))

    second = machines.run()

    assert first.counts == {"passed": 6}
    assert second.counts == {"missed": 6}


FAILING = """
    import pytest

    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, prediction):
        print(prediction.output)
        assert len(prediction.output) < 20, prediction.output
        assert prediction == case.expected
"""
