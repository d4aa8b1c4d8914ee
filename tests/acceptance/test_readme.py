"""The suite without Python that the README shows, run as it stands there."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from pytest_modeleval.suites.yaml_suites import SUITE_KEYS

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "example_project"


def printed():
    """The YAML block of the README, and the file that its first line names."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"^```yaml\n(# (\S+\.eval\.yaml)\n.*?)^```", text, re.MULTILINE | re.DOTALL)
    return block[1], block[2]


@pytest.fixture
def example(project):
    """The project of the README's first example, without its Python suite."""
    for name in ("router.py", "data", "pytest.ini"):
        copy = shutil.copytree if (EXAMPLE / name).is_dir() else shutil.copy
        copy(EXAMPLE / name, project.path / name)
    (project.path / "evals").mkdir()
    shutil.copy(EXAMPLE / "evals" / "tickets.csv", project.path / "evals")
    return project


def test_the_suite_of_the_readme_is_six_lines_and_runs_offline(example):
    """With the numbers that the suite in Python has; a bound of both counts once."""
    text, file = printed()
    (example.path / file).write_text(text, encoding="utf-8")

    result = example.run()

    assert len(text.splitlines()) == 6
    assert result.status == 0, result.text
    assert result.gate == "gate: met (thresholds: 3 met)"
    assert result.counts == {"passed": 68, "missed": 4}
    assert {record["suite"] for record in example.records.values()} == {"tickets"}


def test_the_suite_of_the_example_runs(project):
    """From the folder of the example, where its model and its dataset are."""
    shutil.copytree(EXAMPLE, project.path / "example")
    project.path /= "example"

    result = project.run("without_python")

    assert result.status == 0, result.text
    assert len(project.records) == 73


def test_the_examples_name_the_schema():
    """The line that editors look for, with a path that leads to the file."""
    for file in EXAMPLE.rglob("*.eval.yaml"):
        first = file.read_text(encoding="utf-8").splitlines()[0]
        path = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)[1]
        assert (file.parent / path).is_file()


def test_the_page_on_suites_has_every_key():
    """And its example is one that the loader knows the keys of."""
    page = (ROOT / "docs" / "yaml_suites.md").read_text(encoding="utf-8")

    keys = re.findall(
        r"^\| `(\w+)` \|", page.partition("## Keys")[2].partition("An item")[0], re.MULTILINE
    )
    example = yaml.safe_load(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])

    assert set(keys) == set(SUITE_KEYS)
    assert set(example) <= set(SUITE_KEYS)
