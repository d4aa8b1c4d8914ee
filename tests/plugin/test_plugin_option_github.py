"""``--model-eval-github``: what a session leaves in GitHub Actions by itself."""

import pytest

from pytest_modeleval.reports.markdown import MARKER, MAX_SUMMARY_BYTES


@pytest.fixture
def evals(project, monkeypatch):
    """Two cases, one of them missed, in a job of GitHub's."""
    project.suite("right-1", "wrong-2")
    project.thresholds("accuracy >= 90%")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project.path / "summary.md"))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path.parent))
    return project


def summary_of(evals):
    return (evals.path / "summary.md").read_text(encoding="utf-8")


def annotated(result):
    return [line for line in result.outlines if line.startswith("::")]


def test_the_run_is_appended_to_the_summary(evals):
    """Behind what is there already, the same as the Markdown report."""
    (evals.path / "summary.md").write_text("before")

    result = evals.run("--model-eval-report=report.md")

    assert result.ret == 1
    report = (evals.path / "report.md").read_text(encoding="utf-8")
    assert report.startswith(f"{MARKER}\n## accuracy 50.0 % (≥ 90 %), p95 ")
    assert summary_of(evals) == f"before\n{report}\n"


def test_what_fails_is_annotated_at_its_suite(evals):
    """The line of the marker, from the root of the checkout, when all else is printed."""
    result = evals.run()

    (line,) = annotated(result)
    source = (evals.path / "test_evals.py").read_text().splitlines()
    number = next(i for i, text in enumerate(source, 1) if "@pytest.mark.model_eval" in text)
    assert line.startswith(f"::error file={evals.path.name}/test_evals.py,line={number},title=")
    assert result.outlines[-1] == line


def test_over_workers_once(evals):
    """The controller alone says it."""
    result = evals.run_apart("-n", "2")

    assert summary_of(evals).count(MARKER) == 1
    (line,) = annotated(result)
    assert f"file={evals.path.name}/test_evals.py,line=" in line


@pytest.mark.parametrize("by_option", [True, False])
def test_it_can_be_switched_off(evals, by_option):
    """Both of it."""
    if not by_option:
        evals.ini("model_eval_github = off", "model_eval_thresholds = accuracy >= 90%")

    result = evals.run(*["--model-eval-github=off"] * by_option)

    assert result.ret == 1
    assert not (evals.path / "summary.md").exists()
    assert annotated(result) == []


def test_another_value_is_a_usage_error(evals):
    """Exit 4 before anything is asked."""
    result = evals.run("--model-eval-github=on")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert evals.asked == []
    result.stderr.fnmatch_lines(["ERROR: --model-eval-github: 'on' is unknown; write auto, off"])


def test_elsewhere_nothing_is_left(evals, monkeypatch):
    """Nor in a session without evals."""
    evals.pytester.runpytest()
    monkeypatch.delenv("GITHUB_ACTIONS")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")

    result = evals.run()

    assert not (evals.path / "summary.md").exists()
    assert annotated(result) == []


def test_a_summary_that_cannot_be_written_is_a_warning(evals, monkeypatch):
    """It changes no exit status."""
    evals.thresholds("accuracy >= 50%")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(evals.path / "missing" / "summary.md"))

    result = evals.run()

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["warning: GitHub's summary of the job was not written: No such file or directory"]
    )
    assert annotated(result) == []


def test_a_summary_that_is_full_is_a_warning(evals):
    """What is there stays, and nothing is cut in the middle."""
    evals.thresholds("accuracy >= 50%")
    (evals.path / "summary.md").write_text("x" * (MAX_SUMMARY_BYTES - 100))

    result = evals.run()

    assert result.ret == 0
    result.stdout.fnmatch_lines(["warning: GitHub's summary of the job was not written: it has *"])
    assert (evals.path / "summary.md").stat().st_size == MAX_SUMMARY_BYTES - 100


def test_secrets_are_in_neither(evals, monkeypatch):
    """Of a case in the summary, of a name in the annotation."""
    monkeypatch.setenv("MY_TOKEN", "wrong-2,a%secret")
    evals.cases("right-1", "wrong-2,a%secret")
    source = (evals.path / "test_evals.py").read_text()
    evals.pytester.makepyfile(
        test_evals=source.replace('"tickets.csv"', '"tickets.csv", name="wrong-2,a%secret"')
    )

    result = evals.run()

    (line,) = annotated(result)
    assert "[secret MY_TOKEN]" in line
    assert "secret," not in line
    assert "input: `[secret MY_TOKEN]`" in summary_of(evals)


def test_without_the_terminal(evals):
    """Annotations need no reporter."""
    result = evals.run_apart("-p", "no:terminal")

    assert len(annotated(result)) == 1
    assert MARKER in summary_of(evals)


def test_a_run_that_was_cut_off_says_so(evals):
    """The verdict is invalid, and the summary has what is there."""
    evals.cases("boom-1", "right-2")
    evals.run("-x")

    assert "incomplete: 1 of 2 cases" in summary_of(evals)
