"""``--model-eval-report`` and ``model_eval_report``: files that the run is written to."""

import os

import pytest

from pytest_modeleval.reports import files


@pytest.fixture
def evals(project):
    """Two cases, one of them missed."""
    project.suite("right-1", "wrong-2")
    project.thresholds("accuracy >= 90%")
    return project


def test_the_report_says_what_the_terminal_says(evals):
    """Its path stands below the records."""
    result = evals.run("--model-eval-report=report.html")

    text = (evals.path / "report.html").read_text(encoding="utf-8")
    assert result.ret == 1
    assert "<h1>Not met</h1>" in text
    assert '"wrong-2"' in text
    assert result.outlines[result.outlines.index("report: report.html") - 1].startswith("records:")


def test_several_reports_in_folders_that_are_missing(evals):
    """Each in its place; a path in the ini file begins at rootdir."""
    evals.ini("model_eval_report =", "    out/one.html", "    out/two.HTML")
    (evals.path / "sub").mkdir()
    os.chdir(evals.path / "sub")

    evals.pytester.runpytest("--model-eval", "..")

    assert sorted(path.name for path in (evals.path / "out").iterdir()) == ["one.html", "two.HTML"]


def test_a_path_of_the_command_line_begins_where_pytest_was_started(evals):
    """As that of --junitxml does."""
    (evals.path / "sub").mkdir()
    os.chdir(evals.path / "sub")

    evals.pytester.runpytest("--model-eval", "--model-eval-report=report.html", "..")

    assert (evals.path / "sub" / "report.html").is_file()


@pytest.mark.parametrize("name", ["report", "report.docx", "report.html.gz"])
def test_a_format_that_there_is_none_of_is_a_usage_error(evals, name):
    """Exit 4 before anything is asked."""
    result = evals.run(f"--model-eval-report={name}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert evals.asked == []
    (line,) = [line for line in result.errlines if line]
    assert line.startswith(f"ERROR: --model-eval-report: '{name}': a report's name ends in .html")


def test_a_report_that_cannot_be_written_is_a_warning(evals):
    """It changes no verdict, and the other report is there."""
    evals.thresholds("accuracy >= 50%")
    (evals.path / "file").write_text("in the way")

    result = evals.run("--model-eval-report=file/a.html", "--model-eval-report=b.html")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["warning: file/a.html was not written: *"])
    assert (evals.path / "b.html").is_file()
    assert "report: file/a.html" not in result.outlines


def test_trouble_inside_a_report_is_a_warning(evals, monkeypatch):
    """Whatever goes wrong there, the file that was there before stays."""
    evals.thresholds("accuracy >= 50%")
    (evals.path / "report.html").write_text("before")

    def render(report):
        yield "half of it"
        raise RuntimeError("no more")

    monkeypatch.setattr(files, "import_module", lambda name: type("M", (), {"render": render}))
    result = evals.run("--model-eval-report=report.html")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["warning: report.html was not written: RuntimeError: no more"])
    assert [path.name for path in evals.path.glob("*report.html*")] == ["report.html"]
    assert (evals.path / "report.html").read_text() == "before"


def test_a_run_that_asks_nothing_writes_none(evals):
    """And says so, since an older file may lie there."""
    result = evals.run("--model-eval-report=report.html", "-k", "nothing-is-named-so")

    assert not (evals.path / "report.html").exists()
    result.stdout.fnmatch_lines(["warning: no report was written, since nothing was asked"])


def test_without_the_terminal(evals):
    """A report needs no reporter."""
    evals.run_apart("-p", "no:terminal", "--model-eval-report=report.html")

    assert (evals.path / "report.html").is_file()


def test_over_workers_the_controller_writes_it(evals):
    """With every record, once."""
    result = evals.run_apart("-n", "2", "--model-eval-report=report.html")

    text = (evals.path / "report.html").read_text(encoding="utf-8")
    assert '"right-1"' in text
    assert '"wrong-2"' in text
    assert result.outlines.count("report: report.html") == 1


def test_secrets_are_taken_out(evals, monkeypatch):
    """Of what was asked and answered, and of the command."""
    monkeypatch.setenv("MY_TOKEN", "wrong-2-secret")
    evals.cases("right-1", "wrong-2-secret")

    evals.run("--model-eval-report=report.html", "-k", "not wrong-2-secret-too")

    text = (evals.path / "report.html").read_text(encoding="utf-8")
    assert "[secret MY_TOKEN]" in text
    assert text.count("wrong-2-secret") == text.count('"wrong-2-secret",')  # the name of the case
