"""``--junitxml``: properties of each case and of the run, and the same outcomes as the screen."""

import xml.etree.ElementTree as ET

import pytest


@pytest.fixture
def junit(project):
    """Run with ``--junitxml`` and read the file: the suite, and each case by its name."""

    def run(*args):
        result = project.run("--junitxml=out.xml", *args)
        suite = ET.parse(project.path / "out.xml").getroot().find("testsuite")
        return result, suite, {case.get("name"): case for case in suite.iter("testcase")}

    return run


def properties(element):
    """Names and values of the properties that stand directly in an element."""
    return [
        (item.get("name"), item.get("value")) for item in element.findall("properties/property")
    ]


def test_each_case_has_its_properties(project, junit):
    """Suite, id, model, outcome and latency."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 50%")

    _, _, cases = junit()

    found = dict(properties(cases["test_ticket[wrong-1]"]))
    assert found["model_eval.suite"] == "test_ticket"
    assert found["model_eval.case_id"] == "wrong-1"
    assert found["model_eval.model"] == "robot:answer"
    assert found["model_eval.outcome"] == "missed"
    assert float(found["model_eval.latency_s"]) > 0
    assert dict(properties(cases["test_ticket[right-1]"]))["model_eval.outcome"] == "passed"


def test_the_run_has_its_properties(project, junit):
    """The verdict, the run and the numbers."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 60%")

    _, suite, _ = junit()

    found = dict(properties(suite))
    assert found["model_eval.verdict"] == "not met"
    assert found["model_eval.run"] == project.runs[-1].name
    assert found["model_eval.test_ticket.accuracy"] == "0.5"
    assert float(found["model_eval.test_ticket.p95_latency"]) > 0
    assert found["model_eval.test_ticket.accuracy.n"] == "2"
    low, high = (float(found[f"model_eval.test_ticket.accuracy.{end}"]) for end in ("low", "high"))
    assert low < 0.5 < high


def test_two_models_of_a_suite_have_properties_of_their_own(project, junit):
    """No two properties share a name."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.fixture(params=["a", "b"], scope="module")
        def model(request):
            return str.upper if request.param == "a" else str.lower

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 0%")

    _, suite, _ = junit()

    names = [name for name, _ in properties(suite)]
    assert len(names) == len(set(names))
    assert sum(name.endswith(".accuracy") for name in names) == 2


def test_models_that_are_asked_in_one_run_have_properties_of_their_own(project, junit):
    """Of the second too, whose suite has the same name."""
    project.suite("right-1", "wrong-1")
    project.pytester.makepyfile(other="def answer(text): return text.upper()")
    project.thresholds("accuracy >= 0%")

    _, suite, _ = junit("--model-eval-model=robot:answer", "--model-eval-model=other:answer")

    found = dict(properties(suite))
    assert found["model_eval.test_ticket, robot:answer.accuracy"] == "0.5"
    assert found["model_eval.test_ticket, other:answer.accuracy"] == "1"


def test_a_soft_miss_is_skipped_and_a_hard_one_a_failure(project, junit):
    """As an xfail is; the counts agree with the screen."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 50%")

    result, suite, cases = junit()

    assert result.ret == 0
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("0", "0", "1")
    assert cases["test_ticket[wrong-1]"].find("skipped") is not None


def test_a_hard_miss_is_a_failure(project, junit):
    """Nothing is hidden where nothing governs."""
    project.suite("wrong-1")
    project.ini()

    result, suite, _ = junit()

    assert result.ret == 1
    assert suite.get("failures") == "1"


def test_an_error_is_an_error(project, junit):
    """Of the setup, where the answer is waited for."""
    project.suite("boom-1")
    project.thresholds("accuracy >= 0%")

    _, suite, _ = junit()

    assert suite.get("errors") == "1"


@pytest.mark.usefixtures("reruns")
def test_a_rerun_doubles_no_property(project, junit):
    """Replaced, not appended."""
    project.suite("wrong-1")
    project.ini()

    _, _, cases = junit("--reruns=2")

    names = [name for name, _ in properties(cases["test_ticket[wrong-1]"])]
    assert len(names) == len(set(names)) > 0


def test_properties_of_the_users_own_stay(project, junit):
    """``record_property`` works beside ours."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, record_property):
            record_property("team", "billing")
        """,
    )
    project.ini()

    _, _, cases = junit()

    found = dict(properties(cases["test_ticket[right-1]"]))
    assert found["team"] == "billing"
    assert found["model_eval.outcome"] == "passed"


def test_secrets_are_in_no_property(project, junit, monkeypatch):
    """Case ids and model names are texts like any."""
    monkeypatch.setenv("FOO_API_KEY", "hunter2hunter2")
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval([{"id": "x", "input": "hunter2hunter2"}], name="hunter2hunter2")
        def test_ticket(case, prediction):
            pass
        """,
    )
    project.ini()

    junit()

    assert "hunter2" not in (project.path / "out.xml").read_text()
