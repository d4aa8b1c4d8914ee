"""A session without ``--model-eval``: whoever uses no eval does not notice the plugin."""

import re
import sys

import pytest

WITNESS = """
    import os
    import sys

    def pytest_sessionfinish():
        with open(os.environ["WITNESS"], "a") as file:
            print(*sys.modules, sep="\\n", file=file)
"""

TESTS = """
    def test_one():
        pass

    def test_two(tmp_path, capsys):
        assert not list(tmp_path.iterdir())
"""

SUITE = """
    import pytest

    @pytest.mark.model_eval("no_such_file.csv", model="no_such_module:answer")
    def test_ticket(case, prediction):
        assert prediction == case.expected
"""


@pytest.fixture
def plain(project, tmp_path):
    """A project with ordinary tests that notes the modules of each of its sessions."""
    project.write("conftest.py", WITNESS)
    project.write("test_plain.py", TESTS)
    project.environment |= {"WITNESS": str(tmp_path / "modules"), "PYTHONDONTWRITEBYTECODE": "1"}
    project.modules = lambda: set((tmp_path / "modules").read_text().split())
    return project


def run(plain, *args):
    return plain.run(*args, command=[sys.executable, "-m", "pytest", "-p", "no:cacheprovider"])


def files(project):
    return {
        path.relative_to(project.path).as_posix()
        for path in project.path.rglob("*")
        if not path.name.startswith("output-")
    }


@pytest.mark.parametrize("args", [[], ["-n2"]], ids=["single", "workers"])
@pytest.mark.parametrize("has_suite", [False, True], ids=["no-suite", "suite"])
def test_a_session_without_the_flag_loads_nothing_heavy_and_leaves_nothing(plain, args, has_suite):
    """Neither numpy, yaml nor openai, nor more of ourselves than the entry point; no file."""
    if has_suite:
        plain.write("test_evals.py", SUITE)
    before = files(plain)

    result = run(plain, *args)

    assert result.status == 0, result.text
    modules = plain.modules()
    assert "pytest_modeleval.plugin.hooks" in modules
    assert not modules & {"numpy", "yaml", "openai", "asyncio", "tenacity", "genai_prices", "httpx"}
    assert {name for name in modules if name.startswith("pytest_modeleval")} <= {
        "pytest_modeleval",
        "pytest_modeleval.errors",
        "pytest_modeleval.plugin",
        "pytest_modeleval.plugin.hooks",
        "pytest_modeleval.plugin.hookspecs",
        "pytest_modeleval.plugin.options",
        "pytest_modeleval.settings",
    }
    assert files(plain) == before


def test_a_session_without_the_flag_prints_nothing_of_ours(plain):
    """Word for word what pytest prints without the plugin, but for its name among the plugins."""

    def shown(*args):
        text = run(plain, "-rA", *args).text
        text = re.sub(r" in \d+\.\d+s", "", text)
        return re.sub(r"^plugins: .*\n", "", text, flags=re.MULTILINE).replace("=", "")

    assert shown() == shown("-p", "no:modeleval")
