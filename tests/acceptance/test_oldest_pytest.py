"""The oldest pytest that is supported, with the package installed as a user installs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OLDEST = "pytest==8.4.0"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def old_python(tmp_path_factory):
    """The Python of a virtual environment with the oldest pytest and this package, built anew."""
    folder = tmp_path_factory.mktemp("oldest")
    source = folder / "source"
    shutil.copytree(ROOT / "pytest_modeleval", source / "pytest_modeleval")
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, source)
    python = folder / "venv" / "bin" / "python"
    venv = [sys.executable, "-m", "venv", "--without-pip", folder / "venv"]
    subprocess.run(venv, check=True, timeout=120)
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    install = [*pip, "install", "-q", "--no-compile"]  # most of it is never imported
    done = subprocess.run(
        [*install, "--retries=1", OLDEST, "pytest-xdist", source],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        pytest.skip(f"pip can't install {OLDEST} and what it needs here: {reason}")
    return str(python)


@pytest.fixture
def run(old_python, project):
    """Runs the evals under the oldest pytest."""
    project.environment["PYTEST_ADDOPTS"] = ""
    project.environment.pop("PYTHONPATH", None)
    project.suite(*(f"right-{n}" for n in range(6)), "wrong-1", "wrong-2")
    project.ini("accuracy >= 70%")
    return lambda *args: project.run(*args, command=[old_python, "-m", "pytest", "--model-eval"])


def test_it_is_the_oldest_pytest(old_python):
    """And the package is not the working copy."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    code = "import pytest, pytest_modeleval as own; print(pytest.__version__, own.__file__)"
    shown = subprocess.run(
        [old_python, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env=environment,
    )

    version, file = shown.stdout.split(maxsplit=1)
    assert version == OLDEST.partition("==")[2]
    assert "site-packages" in file


@pytest.mark.parametrize("args", [[], ["-n2"]], ids=["single", "workers"])
def test_thresholds_that_are_met_exit_0(run, project, no_trouble, args):
    """With every case asked once, and its record on disk."""
    result = run(*args)

    no_trouble(result)
    assert result.status == 0, result.text
    assert result.counts == {"passed": 6, "missed": 2}
    assert result.gate == "gate: met (thresholds: 1 met)"
    assert set(project.asked.values()) == {1}
    assert sorted(project.outcomes.values()) == ["missed"] * 2 + ["passed"] * 6


@pytest.mark.parametrize("args", [[], ["-n2"]], ids=["single", "workers"])
def test_a_threshold_that_is_not_met_exits_1(run, no_trouble, args):
    """And says why."""
    result = run("--model-eval-thresholds=accuracy >= 90%", *args)

    no_trouble(result)
    assert result.status == 1
    assert "accuracy is 75.0 %, wanted >= 90% (n=8)" in result.text


@pytest.mark.parametrize("args", [[], ["-n2"]], ids=["single", "workers"])
def test_a_setting_that_cannot_work_exits_4(run, project, no_trouble, args):
    """In a sentence, and nothing is written."""
    result = run("--model-eval-model=robot:anwser", *args)

    no_trouble(result)
    assert result.status == 4
    assert result.text.count("robot has no 'anwser'; did you mean 'answer'?") == 1
    assert not project.runs


def test_a_session_without_the_flag_skips_the_suite(run, old_python, project):
    """As one test."""
    del run
    result = project.run(command=[old_python, "-m", "pytest"])

    assert result.status == 0
    assert result.counts == {"skipped": 1}
