"""The example project, run as its README says."""

import re
import shutil
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "example_project"
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")
CASES = "72 cases"

# What a plain run of the example leaves behind, should somebody have run it in place.
LEFT_BEHIND = shutil.ignore_patterns(
    *(".modeleval", "baseline.jsonl", ".pytest_cache", "__pycache__", ".venv", "*.pyc")
)


@pytest.fixture(params=["example", "my evals (new)"])
def example(request, project):
    """A copy of the example, in a folder whose name has spaces too."""
    return copied(project, request.param)


@pytest.fixture
def plain_example(project):
    """A copy of the example."""
    return copied(project, "example")


def copied(project, name):
    shutil.copytree(EXAMPLE, project.path / name, ignore=LEFT_BEHIND)
    project.path /= name
    return project


def commands():
    """The lines of the README that run pytest, without the pytest that they begin with."""
    found = re.findall(r"^\.venv/bin/pytest (.*)$", README, re.MULTILINE)
    assert found
    return [line.split() for line in dict.fromkeys(found)]


def pytest_script():
    """The command ``pytest``, which unlike ``python -m pytest`` adds no folder to the path."""
    script = Path(sys.executable).with_name("pytest")
    return [str(script)] if script.exists() else [sys.executable, "-m", "pytest"]


def stated(column):
    """Accuracy and number of right answers as the README has them in its table."""
    row = re.search(r"^\| accuracy \|(.*)$", README, re.MULTILINE)[1].split("|")[column]
    return re.search(r"([\d.]+ %) \((\d+) of 72\)", row).groups()


def test_the_first_command_of_the_readme_prints_the_summary_and_exits_0(example, no_trouble):
    """Its numbers are those of the README."""
    accuracy, n_right = stated(0)

    result = example.run(command=[*pytest_script(), *commands()[0]])

    no_trouble(result)
    assert result.status == 0, result.text
    assert result.gate == "gate: met (thresholds: 3 met)"
    assert re.search(rf"^  accuracy +{accuracy} .*met$", result.text, re.MULTILINE)
    assert result.counts == {"passed": int(n_right), "missed": 72 - int(n_right)}
    assert len(example.records) == 72


def test_the_example_has_slices_and_labels(plain_example):
    """Three tags and six teams, as the tickets have them."""
    result = plain_example.run(command=[*pytest_script(), "--model-eval"])

    assert result.status == 0, result.text
    (suite,) = plain_example.summary["suites"]
    assert {part["tag"] for part in suite["slices"]} == {"angry", "short", "non-native"}
    labels = suite["classification"]["labels"]
    assert [label["recall"]["n"] for label in labels] == [12] * 6
    assert "  by tag" in result.text
    assert "    confused: " in result.text


def command_with(model):
    """The README's command that asks that model, beside the router."""
    return next(line for line in commands() if f"--model-eval-model={model}:predict" in line)


def without_times(text):
    """The lines of a text, without what differs from run to run: times and what follows of them."""
    lines = [re.sub(r" +[\d.]+ [um]s", "", line) for line in text.splitlines()]
    return [line for line in lines if not line.startswith("    latency ")]


def test_two_models_side_by_side(plain_example, no_trouble):
    """Exit 1, since the dearer one is over the bound; what is printed is what the README shows."""
    shown = re.search(r"^```\n(models side by side:.*?)^```", README, re.MULTILINE | re.DOTALL)[1]

    result = plain_example.run(command=[*pytest_script(), *command_with("careful_router")])

    no_trouble(result)
    assert result.status == 1
    printed = without_times(result.text)
    missing = [line for line in without_times(shown) if line not in printed]
    assert not missing, result.text
    for model, column in (("router", 0), ("careful_router", 1)):
        n_right = stated(column)[1]
        assert f"{model}:predict, 72 cases: {n_right} passed" in result.text
    assert re.search(r"^    latency +\+\d+ % \(\+", result.text, re.MULTILINE), "it is slower"


def test_the_older_model_does_not_meet_the_thresholds(plain_example, no_trouble):
    """Exit 1, with the README's accuracy, and a difference that is hardly chance."""
    accuracy, _ = stated(2)

    result = plain_example.run(command=[*pytest_script(), *command_with("keyword_router")])

    no_trouble(result)
    assert result.status == 1
    sentence = f"keyword_router:predict: accuracy is {accuracy}, wanted >= 85% (n=72)"
    assert sentence in "\n".join(result.section)
    assert "    accuracy  -25.0 points (-35.4 to -13.2), p < 0.001" in result.text
    assert result.gate.startswith("gate: not met")


def test_a_threshold_above_what_the_model_reaches_fails_the_run(plain_example):
    """Exit 1, and the line that says why."""
    accuracy, _ = stated(0)

    result = plain_example.run(
        "--model-eval-thresholds=accuracy >= 99%", command=[*pytest_script(), "--model-eval"]
    )

    assert result.status == 1
    assert f"accuracy is {accuracy}, wanted >= 99% (n=72)" in result.text


def test_without_the_flag_the_suite_is_one_skipped_test(plain_example):
    """And nothing is left behind."""
    result = plain_example.run(command=pytest_script())

    assert result.status == 0
    assert result.counts == {"skipped": 1}
    assert not (plain_example.path / ".modeleval").exists()


def test_windows_line_ends_change_nothing(plain_example):
    """Neither in the cases nor in what the model is trained on."""
    for file in plain_example.path.rglob("*.csv"):
        text = file.read_bytes()
        assert b"\r" not in text
        file.write_bytes(text.replace(b"\n", b"\r\n"))

    result = plain_example.run(command=[*pytest_script(), "--model-eval"])

    assert result.status == 0, result.text
    n_right = int(stated(0)[1])
    assert result.counts == {"passed": n_right, "missed": 72 - n_right}


def test_workers_route_the_tickets_alike(plain_example):
    """``-n 2``: the same summary and exit status."""
    result = plain_example.run(command=[*pytest_script(), "--model-eval", "-n2"])

    assert result.status == 0, result.text
    n_right = int(stated(0)[1])
    assert result.counts == {"passed": n_right, "missed": 72 - n_right}
