"""``--model-eval-store`` and ``model_eval_store``: where runs are kept."""

import os

import pytest


def test_the_default_is_below_rootdir(project):
    """Also when pytest is started in another folder."""
    project.suite("right-1")
    project.ini()
    folder = project.path / "sub"
    folder.mkdir()
    os.chdir(folder)

    assert project.pytester.runpytest("--model-eval", "..").ret == 0

    assert len(project.runs) == 1
    assert not (folder / ".modeleval").exists()


def test_the_option_names_another_folder(project):
    """Relative to rootdir."""
    project.suite("right-1")
    project.ini()

    result = project.run("--model-eval-store=kept/here")

    assert len(list(project.path.glob("kept/here/runs/*/records.jsonl"))) == 1
    assert not (project.path / ".modeleval").exists()
    result.stdout.fnmatch_lines(["records: kept/here/runs/*/records.jsonl"])


def test_the_option_may_be_absolute(project, tmp_path_factory):
    """Outside the project it is shown whole."""
    project.suite("right-1")
    project.ini()
    folder = tmp_path_factory.mktemp("elsewhere")

    result = project.run(f"--model-eval-store={folder}")

    assert len(list(folder.glob("runs/*/records.jsonl"))) == 1
    result.stdout.fnmatch_lines([f"records: {folder}/runs/*/records.jsonl"])


def test_the_command_line_wins_over_the_ini_file(project):
    """As for every option."""
    project.suite("right-1")
    project.ini("model_eval_store = one")

    project.run("--model-eval-store=two")

    assert (project.path / "two").exists()
    assert not (project.path / "one").exists()


def test_a_store_that_cannot_be_written_is_a_usage_error_before_anything_is_asked(project):
    """Exit 4, one sentence, no call."""
    project.suite("right-1")
    project.ini()
    (project.path / ".modeleval").write_text("a file is in the way")

    result = project.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert project.asked == []
    (line,) = [line for line in result.errlines if line]
    assert line.startswith("ERROR: model_eval_store: can't write ")
    assert line.endswith("name another folder with --model-eval-store=DIR")
    assert "INTERNALERROR" not in result.stdout.str()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_store_is_a_usage_error(project):
    """The usual way that it comes about."""
    project.suite("right-1")
    project.ini()
    store = project.path / ".modeleval"
    store.mkdir()
    store.chmod(0o500)

    assert project.run().ret == pytest.ExitCode.USAGE_ERROR
    assert project.asked == []


def test_a_new_store_is_not_committed_by_accident(project):
    """It ignores itself in git, and a folder that was there before is left alone."""
    project.suite("right-1")
    project.ini()
    (project.path / "mine").mkdir()

    project.run()
    project.run("--model-eval-store=mine")

    assert (project.path / ".modeleval" / ".gitignore").read_text() == "*\n"
    assert not (project.path / "mine" / ".gitignore").exists()
