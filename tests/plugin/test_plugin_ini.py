"""Ini files: every place that pytest reads, and the command line over them."""

import pytest

INI = """
[{section}]
model_eval_model = robot:answer
model_eval_thresholds =
    accuracy >= 50%
    p95_latency <= 60s
model_eval_concurrency = 2
"""

TOML = """
[tool.pytest.ini_options]
model_eval_model = "robot:answer"
model_eval_thresholds = ["accuracy >= 50%", "p95_latency <= 60s"]
model_eval_concurrency = "2"
"""

FILES = {
    "pytest.ini": INI.format(section="pytest"),
    "tox.ini": INI.format(section="pytest"),
    "setup.cfg": INI.format(section="tool:pytest"),
    "pyproject.toml": TOML,
}
if pytest.version_tuple >= (9, 0):
    native = TOML.replace(".ini_options", "")
    FILES["native pyproject.toml"] = native
    FILES["pytest.toml"] = native.replace("tool.pytest", "pytest")


@pytest.mark.parametrize("name", FILES)
def test_settings_are_read_from(project, name):
    """The same keys, whatever the file."""
    project.suite("right-1", "wrong-1")
    (project.path / name.rpartition(" ")[2]).write_text(FILES[name])

    result = project.run()

    assert result.ret == 0
    manifest = project.file("run.json")
    assert manifest["thresholds"] == ["accuracy >= 50%", "p95_latency <= 60s"]
    assert manifest["concurrency"] == 2


@pytest.mark.skipif(pytest.version_tuple < (9, 0), reason="native TOML is of pytest 9.0")
@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("model_eval_concurrency = 2", "concurrency", 2),
        ("model_eval_retries = 0", "retries", 0),
        ("model_eval_max_error_rate = 0.25", None, None),
        ('model_eval_thresholds = "accuracy >= 1%"', "thresholds", ["accuracy >= 1%"]),
        ('model_eval_model = "robot:answer"', "models", ["robot:answer"]),
    ],
)
def test_native_toml_takes_the_type_that_one_would_write(project, line, key, value):
    """A number for a number; a text for a list of one."""
    project.suite("right-1")
    (project.path / "pyproject.toml").write_text(f"[tool.pytest]\n{line}\n")

    result = project.run("-o", "model_eval_model=robot:answer")

    assert result.ret == 0, result.stdout.str() + result.stderr.str()
    if key is not None:
        assert project.file("run.json")[key] == value


@pytest.mark.skipif(pytest.version_tuple < (9, 0), reason="native TOML is of pytest 9.0")
@pytest.mark.parametrize(
    "line",
    [
        "model_eval_concurrency = true",
        "model_eval_thresholds = [1]",
        "model_eval_model = ['a', 'b']",
    ],
)
def test_native_toml_of_a_wrong_type_is_a_usage_error(project, line):
    """Exit 4 and a sentence that names the key, no traceback."""
    project.suite("right-1")
    (project.path / "pyproject.toml").write_text(f"[tool.pytest]\n{line}\n")

    result = project.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stdout.str() + result.stderr.str()
    assert line.partition(" ")[0] in text
    assert "Traceback" not in text
    assert "INTERNALERROR" not in text


def test_strict_config_and_strict_markers_are_clean(project):
    """Keys and marker are declared, with the flag and without."""
    project.suite("right-1")
    project.ini(
        "addopts = --strict-config --strict-markers",
        "model_eval_thresholds = accuracy >= 1%",
        "model_eval_concurrency = 4",
        "model_eval_timeout = 5s",
        "model_eval_retries = 1",
        "model_eval_max_error_rate = 0",
        "model_eval_max_unscored_rate = 0",
        "model_eval_prices = robot input=1 output=2",
        "model_eval_store = .modeleval",
        "model_eval_base_url = http://localhost:1/v1",
    )

    assert project.run("-W", "error").ret == 0
    assert project.pytester.runpytest("-W", "error").ret == 0


def test_strict_mode_is_clean(project):
    """pytest 9's ``strict``."""
    project.suite("right-1")
    project.ini("strict = true", "model_eval_thresholds = accuracy >= 1%")

    assert project.run().ret == 0


def test_the_command_line_wins_over_the_ini_file(project):
    """Thresholds are replaced, not added."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 90%")

    result = project.run("--model-eval-thresholds=accuracy >= 50%")

    assert result.ret == 0
    assert project.file("run.json")["thresholds"] == ["accuracy >= 50%"]


@pytest.mark.parametrize(
    ("ini", "option", "key", "value"),
    [
        ("model_eval_concurrency = 2", "--model-eval-concurrency=3", "concurrency", 3),
        ("model_eval_retries = 2", "--model-eval-retries=3", "retries", 3),
        ("model_eval_timeout = 2s", "--model-eval-timeout=3s", "timeout_s", 3),
    ],
)
def test_every_option_wins_over_its_key(project, ini, option, key, value):
    """One rule for all."""
    project.suite("right-1")
    project.ini(ini)

    project.run(option)

    assert project.file("run.json")[key] == value


def test_the_last_of_several_options_counts(project):
    """``addopts`` sets a default that the command line overrides, as everywhere in pytest."""
    project.suite("right-1")
    project.ini("addopts = --model-eval-concurrency=2")

    result = project.run("--model-eval-concurrency=3")

    assert result.ret == 0, result.stderr.str()
    assert project.file("run.json")["concurrency"] == 3


def test_thresholds_are_repeated(project):
    """Each option is one more."""
    project.suite("right-1")
    project.ini()

    project.run(
        "--model-eval-thresholds=accuracy >= 1%", "--model-eval-thresholds=max_latency <= 9s"
    )

    assert project.file("run.json")["thresholds"] == ["accuracy >= 1%", "max_latency <= 9s"]


def test_override_ini_works(project):
    """``-o`` reaches our keys too."""
    project.suite("right-1")
    project.ini()

    project.run("-o", "model_eval_concurrency=7")

    assert project.file("run.json")["concurrency"] == 7


def test_the_flag_may_stand_in_addopts(project):
    """A folder of evals alone may always run them."""
    project.suite("right-1")
    project.ini("addopts = --model-eval")

    project.pytester.runpytest().assert_outcomes(passed=1)
    assert project.asked == ["right-1"]


def test_a_misspelt_key_is_a_usage_error(project):
    """pytest would only warn, and the bound would be none."""
    project.suite("right-1")
    project.ini("model_eval_treshold = accuracy >= 90%")

    result = project.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*model_eval_treshold: there is no such setting; did you mean 'model_eval_thresholds'?"]
    )
