"""xdist: a run over workers is the run without them, only spread."""

import json
import os
import re
import signal
import xml.etree.ElementTree as ET

import pytest

MODES = ["load", "worksteal", "loadscope", "loadfile", "loadgroup"]
CLOCKS = {"latency_s", "total_s", "queue_s"}

TICKETS = """
    import pytest
    from pytest_modeleval import Unscored

    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, prediction, model_eval):
        word = case.id.split("-")[0]
        if word == "unsure":
            raise Unscored("the judge was away")
        if word == "skip":
            pytest.skip("not today")
        if word == "fault":
            raise ValueError(f"a fault of the test's own: {prediction}")
        if word == "numpy":
            import numpy
            model_eval.score("tone", numpy.float64(0.5))
            return
        if word == "score":
            model_eval.score("tone", 0.25, reason="half \\ud83d an emoji", min_score=0.5)
        assert prediction == case.expected
"""

BUGS = """
    import pytest

    CASES = [
        {"id": f"bug-{n}", "input": f"bug-{n} \\ud83d", "expected": "?", "tags": ["odd", "even"][n % 2]}
        for n in range(4)
    ]

    class TestBugs:
        @pytest.mark.model_eval(CASES, name="bugs", thresholds=["accuracy >= 0%"])
        @pytest.mark.parametrize("tone", ["kind", "rude"])
        def test_bug(self, case, prediction, tone):
            assert prediction == case.expected
"""

PLAIN = """
    import pytest

    @pytest.mark.parametrize("number", range(5))
    def test_plain(number):
        pass
"""

WORDS = ["right", "wrong", "boom", "none", "nan", "half", "numpy"]
WORDS += ["unsure", "skip", "fault", "score"]


def mixed(project):
    """Cases of every outcome in two suites, and ordinary tests beside them."""
    project.suite(*(f"{word}-{n}" for n in range(3) for word in WORDS), source=TICKETS)
    project.write("test_bugs.py", BUGS)
    project.write("test_plain.py", PLAIN)
    more = ["model_eval_max_error_rate = 60%", "model_eval_max_unscored_rate = 30%"]
    project.ini("accuracy >= 0%", "bugs[odd]: accuracy >= 0%", more=more)
    return project


class Finished:
    """A run that has ended, and all that it left."""

    def __init__(self, project, *args):
        project.forget()
        self.junit = project.path / "junit.xml"
        self.result = project.run(*args, f"--junitxml={self.junit}")
        self.asked = project.asked
        self.lines = project.lines("records.jsonl")
        self.summary = project.summary
        self.cases = {
            (case.get("classname"), case.get("name")): outcome_of(case)
            for case in ET.parse(self.junit).iter("testcase")
        }


def outcome_of(testcase):
    """What a test case of a JUnit file came to, and its properties without clocks."""
    signs = [
        # Half an emoji can't cross to the controller, and pytest writes it in its own way.
        (child.tag, (child.get("message") or "").replace("#xD83D", "\ufffd"))
        for child in testcase
        if child.tag != "properties"
    ]
    properties = {item.get("name"): item.get("value") for item in testcase.iter("property")}
    properties.pop("model_eval.latency_s", None)
    return signs, properties


def timeless(lines):
    """Records as a sorted list of texts, without clocks, so that order means nothing."""
    kept = [{name: line[name] for name in line.keys() - CLOCKS} for line in lines]
    return sorted(json.dumps(line, sort_keys=True) for line in kept)


def judgements(summary):
    """Each threshold with what it came to; those on latencies are not among them."""
    return summary["verdict"]["status"], [
        [item[name] for name in ("threshold", "suite", "model", "status", "reason")]
        + [item["metric"] and item["metric"]["value"]]
        for item in summary["verdict"]["thresholds"]
    ]


def told(result):
    """The section without its clocks, the folder and the command of the next run."""
    return [
        line
        for line in result.section
        if not re.match(r"  p\d\d latency|records: |asked up to |Next: ", line)
    ]


@pytest.fixture(scope="module")
def single(make_project):
    """The mixed run in one process."""
    return Finished(mixed(make_project("single")))


@pytest.fixture(scope="module", params=MODES)
def spread(request, make_project):
    """The mixed run over two workers, in each mode."""
    project = mixed(make_project(request.param))
    return Finished(project, "-n2", f"--dist={request.param}")


def test_the_run_that_all_others_are_compared_with_holds_every_outcome(single):
    """Or else the comparison would say little."""
    assert single.result.status == 0, single.result.text
    counts = {"passed": 11, "missed": 17, "errored": 12, "unscored": 3, "skipped": 3}
    assert single.result.counts == counts


def test_workers_give_the_same_records(single, spread, no_trouble):
    """Line for line, clocks apart, in whatever order."""
    no_trouble(spread.result)
    assert timeless(spread.lines) == timeless(single.lines)


def test_workers_give_the_same_verdict_and_exit_status(single, spread):
    """Each threshold with the same number, and pytest's own last line."""
    assert spread.result.status == single.result.status
    assert judgements(spread.summary) == judgements(single.summary)
    assert spread.result.counts == single.result.counts


def test_workers_give_the_same_section(single, spread):
    """The failures stand in the order of the dataset, whoever was first to report."""
    assert told(spread.result) == told(single.result)


def test_workers_give_the_same_junit_file(single, spread):
    """Outcome, reason and properties of each test."""
    assert spread.cases == single.cases


def test_workers_ask_each_case_once(single, spread):
    """All together as often as one process alone: once, and once in each variant."""
    assert {text: n for text, n in spread.asked.items() if n > 1}.keys() == {
        f"bug-{number} \ufffd" for number in range(4)
    }
    assert spread.asked == single.asked


@pytest.mark.parametrize(("mode", "model"), [("load", "openai:fake"), ("worksteal", "asker:ask")])
def test_no_call_is_bought_twice_and_the_concurrency_holds_over_all_workers(
    project, serve, mode, model
):
    """200 cases, 16 calls at once, two workers."""
    server = serve(latency_s=0.03)
    prompts = {f"case-{n}": f"ticket {n}" for n in range(200)}
    project.prompts(prompts)
    project.asker(server)
    project.ini("accuracy >= 100%", model=model)

    result = project.run(
        "-n2",
        f"--dist={mode}",
        f"--model-eval-base-url={server.base_url}",
        "--model-eval-concurrency=16",
    )

    assert result.status == 0, result.text
    stats = server.stats()
    assert stats["prompts"] == dict.fromkeys(prompts.values(), 1)
    assert 8 < stats["max_in_flight"] <= 16
    assert len(project.lines("predictions.jsonl")) == 200
    assert project.summary["verdict"]["status"] == "met"


def test_a_concurrency_that_does_not_divide_evenly_is_kept(project, serve):
    """Three calls at once over two workers."""
    server = serve(latency_s=0.05)
    project.prompts({f"case-{n}": f"ticket {n}" for n in range(24)})
    project.ini("accuracy >= 100%", model="asker:ask")
    project.asker(server)

    result = project.run("-n2", "--model-eval-concurrency=3")

    assert result.status == 0, result.text
    assert 2 <= server.stats()["max_in_flight"] <= 3


def test_every_case_in_each_worker_is_refused(project):
    """``--dist each`` would buy everything twice: exit 4 and a sentence."""
    project.suite("right-1")
    project.ini("accuracy >= 1%")

    result = project.run("-n2", "--dist=each")

    assert result.status == pytest.ExitCode.USAGE_ERROR
    assert "--dist each would ask every case once in each worker; use --dist load" in result.text
    assert not project.runs
    assert not project.asked


def test_a_threshold_that_is_not_met_fails_the_run(project, no_trouble):
    """Exit 1, with the line that says why."""
    project.suite(*(f"right-{n}" for n in range(6)), "wrong-1", "wrong-2")
    project.ini("accuracy >= 90%")

    result = project.run("-n2")

    no_trouble(result)
    assert result.status == 1
    assert project.verdict == "not met"
    assert "accuracy is 75.0 %, wanted >= 90% (n=8)" in result.text


def test_an_ordinary_test_that_fails_fails_the_run(project):
    """Whatever the gate says about the evals beside it."""
    project.suite("right-1", "right-2")
    project.write("test_plain.py", "def test_plain():\n    assert 1 == 2\n")
    project.ini("accuracy >= 90%")

    result = project.run("-n2")

    assert result.status == 1
    assert project.verdict == "met"
    assert result.counts == {"failed": 1, "passed": 2}


def test_a_run_over_workers_without_any_eval_is_judged_by_its_tests_alone(project):
    """As without workers: nothing is configured that could be missed."""
    project.write("test_plain.py", PLAIN)

    result = project.run("-n2")

    assert result.status == 0, result.text
    assert result.counts == {"passed": 5}


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--model-eval-model=robot:anwser"], "robot has no 'anwser'; did you mean 'answer'?"),
        (["--model-eval-thresholds=tickets: accuracy >= 90%"], "no suite is named 'tickets'"),
        (["--model-eval-thresholds=accuracy >= 90"], "for ninety percent write 90% or 0.9"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_in_one_sentence(project, no_trouble, args, sentence):
    """Exit 4, once, and no folder of a run; most of these only the workers can find."""
    project.suite(*(f"right-{n}" for n in range(6)))
    project.ini("accuracy >= 1%")

    result = project.run("-n2", *args)

    no_trouble(result)
    assert result.status == pytest.ExitCode.USAGE_ERROR, result.text
    assert result.text.count(sentence) == 1, result.text
    assert len(re.findall(r"^ERROR: ", result.text, re.MULTILINE)) == 1
    assert not project.runs
    assert not project.asked


def test_a_dataset_that_is_not_there_is_a_collection_error(project, no_trouble):
    """Once, not once for each worker, and the run fails."""
    project.suite("right-1")
    (project.path / "tickets.csv").unlink()
    project.ini("accuracy >= 1%")

    result = project.run("-n2")

    no_trouble(result)
    assert result.status != 0
    assert result.text.count("\ntickets.csv: there is no such file") == 1
    assert result.gate == "gate: invalid: collection failed, so nothing was asked"
    assert not project.runs


@pytest.mark.parametrize("args", [[], ["--continue-on-collection-errors"]])
def test_a_file_that_cannot_be_collected_does_not_keep_workers_from_the_others(project, args):
    """As xdist does with any tests: what can be collected runs, and the run fails."""
    project.suite("right-1", "right-2", "wrong-1")
    project.write("test_broken.py", "import nothing_of_that_name\n")
    project.ini("accuracy >= 60%")

    result = project.run("-n2", *args)

    assert result.status == 1
    assert result.counts == {"passed": 2, "missed": 1, "error": 1}
    assert project.verdict == "invalid"


def test_last_failed_runs_again_what_workers_missed(project):
    """Missed, unscored and softly errored cases alike, with workers and without."""
    more = ["model_eval_max_error_rate = 50%"]
    project.suite("right-1", "wrong-1", "right-2", "wrong-2", "boom-1", "right-3")
    project.ini("accuracy >= 1%", more=more)
    project.run("-n2")

    for args in (["-n2"], []):
        project.forget()
        result = project.run("--lf", *args)
        assert result.status == 0
        assert project.asked == dict.fromkeys(["boom-1", "wrong-1", "wrong-2"], 1)
        assert project.verdict == "not judged"


def test_a_first_failure_stops_the_calls_of_all_workers(project, serve, no_trouble):
    """``-x``: no more is bought than what was in flight and a little, and the run is invalid."""
    server = serve(latency_s=0.1)
    prompts = {f"case-{n}": f"ticket {n}" for n in range(300)}
    prompts["case-3"] = "ticket 3 [[status=400]]"
    project.prompts(prompts)
    project.ini("accuracy >= 1%", model="asker:ask")
    project.asker(server)

    result = project.run("-n2", "-x", "--model-eval-concurrency=8")

    no_trouble(result)
    assert result.status == pytest.ExitCode.INTERRUPTED  # as xdist says to any first failure
    assert server.stats()["n_requests"] <= 48
    assert project.verdict == "invalid"
    assert any("incomplete: " in reason and "of 300 cases" in reason for reason in project.reasons)


def test_slow_tests_are_shared_out_fairly(project):
    """What is queued for a worker is no more than its part, or the others would stand idle."""
    project.suite("right-1", "right-2")
    project.write(
        "test_slow.py",
        """
        import os
        import time
        import pytest

        @pytest.mark.parametrize("number", range(22))
        def test_slow(number):
            time.sleep(0.1)
            with open("ran.txt", "a") as file:
                print(os.environ["PYTEST_XDIST_WORKER"], file=file)
        """,
    )
    project.ini("accuracy >= 1%")

    result = project.run("-n2")

    assert result.status == 0, result.text
    ran = (project.path / "ran.txt").read_text().split()
    assert len(ran) == 22
    assert 7 <= ran.count("gw0") <= 15


# Workers that die.

DEADLY = """
    import os
    import pytest

    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, prediction):
        if case.id.startswith("deadly"):
            os._exit(1)
        assert prediction == case.expected
"""


def bought(project):
    """How many answers to each case are on disk."""
    keys = [line["case_id"] for line in project.lines("predictions.jsonl")]
    return {key: keys.count(key) for key in keys}


def test_a_case_that_kills_its_worker_is_the_only_one_lost(project, serve, no_trouble):
    """It is errored; what the worker had bought ahead is not bought again."""
    server = serve(latency_s=0.05)
    prompts = {f"case-{n}": f"ticket {n}" for n in range(60)}
    prompts |= {"deadly-1": "ticket of doom"} | {f"late-{n}": f"late {n}" for n in range(30)}
    project.prompts(prompts, source=DEADLY)
    project.ini("accuracy >= 50%", model="asker:ask")
    project.asker(server)

    result = project.run("-n2", "--model-eval-concurrency=8")

    no_trouble(result)
    assert result.status == 1
    assert project.verdict == "not met"
    outcomes = project.outcomes
    assert outcomes.pop("deadly-1") == "errored"
    assert project.records["deadly-1"]["error_kind"] == "crashed"
    assert outcomes == dict.fromkeys(prompts.keys() - {"deadly-1"}, "passed")
    assert set(bought(project).values()) == {1}
    assert server.stats()["n_requests"] <= len(prompts) + 8
    assert "errored: deadly-1" in result.section


def test_a_worker_that_is_killed_loses_one_case(project, serve, wait_until, no_trouble):
    """``kill -9`` while calls are in flight: the case it was at is errored, the rest recorded."""
    server = serve(latency_s=0.2)
    prompts = {f"case-{n}": f"ticket {n}" for n in range(60)}
    project.prompts(prompts)
    project.ini("accuracy >= 50%", model="asker:ask")
    project.asker(server)

    running = project.start("-n2", "--model-eval-concurrency=8")
    wait_until(lambda: len(project.lines("records.jsonl")) >= 8 and server.stats()["n_in_flight"])
    os.kill(max(running.workers()), signal.SIGKILL)
    result = running.wait(40)

    no_trouble(result)
    assert result.status == 1
    assert project.verdict == "not met"
    crashed = [name for name, outcome in project.outcomes.items() if outcome == "errored"]
    assert len(crashed) == 1
    assert project.records[crashed[0]]["error_kind"] == "crashed"
    assert project.outcomes.keys() == prompts.keys()
    assert set(bought(project).values()) == {1}
    assert server.stats()["n_requests"] <= len(prompts) + 8


def test_a_first_case_that_kills_its_worker_is_not_forgotten(project, no_trouble):
    """Nothing was reported before it, so the controller does not know its suite yet."""
    project.suite("deadly-1", *(f"right-{n}" for n in range(7)), source=DEADLY)
    project.ini("accuracy >= 50%")

    result = project.run("-n2")

    no_trouble(result)
    assert result.status == 1
    assert project.verdict == "not met"
    assert project.outcomes.pop("deadly-1") == "errored"
    assert len(project.records) == 8


def test_a_teardown_that_kills_its_worker_takes_no_record_back(project, no_trouble):
    """The case was answered and reported; that the worker died fails the run by itself."""
    project.suite(
        *(f"right-{n}" for n in range(8)),
        source="""
        import os
        import pytest

        @pytest.fixture
        def deadly(request):
            yield
            if "right-3" in request.node.name:
                os._exit(1)

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, deadly):
            assert prediction == case.expected
        """,
    )
    project.ini("accuracy >= 100%")

    result = project.run("-n2")

    no_trouble(result)
    assert result.status == 1
    assert result.counts == {"failed": 1, "passed": 8}
    assert set(project.outcomes.values()) == {"passed"}
    assert project.verdict == "met"


def test_a_case_of_a_variant_that_kills_its_worker_counts_in_its_variant(project, no_trouble):
    """With a name beyond ASCII too: pytest's name of the item is not the case's id."""
    source = DEADLY.replace("def test_ticket(", "def test_ticket(tone, ")
    marker = '    @pytest.mark.parametrize("tone", ["kind-er", "rude"])\n    @pytest.mark.model'
    source = source.replace("    @pytest.mark.model", marker).replace("os._exit(1)", "die(tone)")
    source += "\n    def die(tone):\n        if tone == 'rude':\n            os._exit(1)\n"
    project.suite("right-1", "right-2", "deadly-é", "right-3", source=source)
    project.ini("accuracy >= 50%")

    result = project.run("-n2")

    no_trouble(result)
    assert result.status == 1
    crashed = [line for line in project.lines("records.jsonl") if line["outcome"] == "errored"]
    assert [(line["case_id"], line.get("variant")) for line in crashed] == [("deadly-é", "rude")]
    assert not any("incomplete" in reason for reason in project.reasons)


@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_run_whose_workers_are_all_dead_is_invalid(project, no_trouble, n_workers):
    """With none restarted the run ends, fails, and is no verdict on the model."""
    project.suite(*(f"deadly-{n}" for n in range(12)), source=DEADLY)
    project.ini("accuracy >= 50%")

    result = project.run(f"-n{n_workers}", "--max-worker-restart=0")

    no_trouble(result)
    assert result.status == 1
    assert project.verdict == "invalid"
    assert f"incomplete: {n_workers} of 12 cases" in project.reasons
