"""``--junitxml``: the verdict as a test case, and ``--model-eval-junit``."""

import json
import xml.etree.ElementTree as ET

import pytest
from made_reports import HOSTILE


@pytest.fixture
def junit(project):
    """Run with ``--junitxml``: the result, the suite, and what became of the verdict's case."""

    def run(*args, apart=False):
        run = project.run_apart if apart else project.run
        result = run("--junitxml=out.xml", *args)
        suite = ET.parse(project.path / "out.xml").getroot().find("testsuite")
        cases = [c for c in suite.iter("testcase") if c.get("classname") == "modeleval"]
        return result, suite, cases

    return run


def color(suite):
    """Whether a reader of the file sees red."""
    return "red" if int(suite.get("failures")) + int(suite.get("errors")) else "green"


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
@pytest.mark.parametrize(
    ("threshold", "tags", "status"),
    [
        ("accuracy >= 50%", [], 0),
        ("accuracy >= 90%", ["failure"], 1),
        ("avg_cost <= $1", ["error"], 1),
    ],
    ids=["met", "not met", "invalid"],
)
def test_the_file_is_red_exactly_where_the_gate_fails(
    project, junit, threshold, tags, status, workers
):
    """A failure where a threshold is not met, an error where it could not be judged."""
    project.suite("right-1", "wrong-2")
    project.thresholds("accuracy >= 0%", threshold)

    result, suite, (case,) = junit(*workers, apart=bool(workers))

    assert result.ret == status
    assert [child.tag for child in case] == tags
    assert color(suite) == ("red" if status else "green")
    assert case.get("name") == "thresholds"
    assert suite.get("tests") == "3"


def test_it_says_what_the_section_says(project, junit):
    """The title as its message, a line for each threshold."""
    project.suite("right-1", "wrong-2")
    project.thresholds("p95_latency <= 10s", "accuracy >= 90%")

    _, _, (case,) = junit()

    failure = case.find("failure")
    assert failure.get("message").startswith("accuracy 50.0 % (≥ 90 %), p95 ")
    lines = failure.text.splitlines()
    assert lines[0] == (
        "not met: test_ticket, robot:answer: accuracy >= 90%: accuracy 50.0 % "
        "(95 % interval 9.5 to 90.5 %, n 2)"
    )
    assert lines[1].startswith("met: ")


def test_without_thresholds_there_is_no_such_case(project, junit):
    """The tests alone decide."""
    project.suite("right-1")
    project.ini()

    assert junit()[2] == []


def test_what_is_not_judged_is_skipped(project, junit):
    """A selection is neither red nor green."""
    project.suite("right-1", "wrong-2")
    project.thresholds("accuracy >= 90%")

    result, suite, (case,) = junit("-k", "right")

    assert result.ret == 0
    assert case.find("skipped") is not None
    assert color(suite) == "green"


@pytest.mark.parametrize("apart", [False, True])
def test_a_run_that_is_cut_off_is_red(project, junit, apart):
    """By a failure elsewhere too."""
    project.suite("right-1", "right-2")
    project.pytester.makepyfile(test_a="def test_first(): assert 0")
    project.thresholds("accuracy >= 90%")

    _, suite, (case,) = junit("-x", apart=apart)

    assert case.find("error") is not None
    assert suite.get("errors") == "1"


def test_no_case_was_selected_while_other_tests_ran(project, junit):
    """The gate fails the run though it has no folder."""
    project.suite("right-1")
    project.pytester.makepyfile(test_a="def test_first(): pass")
    project.thresholds("accuracy >= 90%")

    result, _, cases = junit("-k", "first")

    red = [case.find("error") is not None for case in cases]
    assert red == ([True] if result.ret else [])


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_properties_of_cases_as_system_out(project, junit, workers):
    """For readers that hold to the schema; what a test records itself stays where it was."""
    project.suite(
        "right-1",
        "wrong-2",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, record_property):
            record_property("team", "billing")
            assert prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 50%")

    _, suite, _ = junit("--model-eval-junit=system-out", *workers, apart=bool(workers))

    cases = {case.get("name"): case for case in suite.iter("testcase")}
    case = cases["test_ticket[wrong-2]"]
    assert [item.get("name") for item in case.findall("properties/property")] == ["team"]
    (out,) = case.findall("system-out")
    assert out.text.splitlines()[:4] == [
        "model_eval.suite: test_ticket",
        "model_eval.case_id: wrong-2",
        "model_eval.model: robot:answer",
        "model_eval.outcome: missed",
    ]
    assert "model_eval.verdict" in [p.get("name") for p in suite.findall("properties/property")]


def test_another_value_is_a_usage_error(project):
    """Exit 4, and what would do."""
    project.suite("right-1")
    project.ini()
    result = project.run("--model-eval-junit=xunit2")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --model-eval-junit: 'xunit2' is unknown; write *"])


@pytest.mark.parametrize("mode", ["properties", "system-out"])
def test_hostile_answers_and_names(project, junit, mode):
    """The file can be read, and the record has every answer whole."""
    texts = [*HOSTILE.values(), "]]>", "a\ufffeb"]
    project.robot()
    project.pytester.makepyfile(
        answers=f"TEXTS = {texts!r}\n\ndef answer(i): return TEXTS[int(i)]\n",
        test_evals="""
        import pytest
        from answers import TEXTS

        CASES = [{"id": f"c-{i}", "input": str(i), "expected": "?"} for i in range(len(TEXTS))]

        @pytest.mark.model_eval(CASES, model="answers:answer", name="a\\x00<b>>")
        def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 90%")
    names = [f"--model-eval-report=out.{suffix}" for suffix in ("md", "json", "csv", "html")]

    result, suite, (case,) = junit(f"--model-eval-junit={mode}", *names)

    assert result.ret == 1
    assert suite.get("tests") == str(len(texts) + 1)
    assert "a\\x00<b>>" in case.find("failure").text
    lines = (project.runs[-1] / "records.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert [json.loads(line)["output"] for line in lines] == texts
    assert not [line for line in result.outlines if line.startswith("warning")]
