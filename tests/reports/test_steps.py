"""Steps: the arguments of a run for another one, and how many cases would decide."""

import shlex

import pytest

from pytest_modeleval.reports.steps import again, command_text


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("--model-eval evals -n 2", "--model-eval evals -n 2"),
        ("--model-eval -x --maxfail=2 --maxfail 3 -v", "--model-eval -v"),
        ("--model-eval --model-eval-resume", "--model-eval"),
        ("--model-eval --model-eval-resume 2026 -v", "--model-eval -v"),
        ("--model-eval --model-eval-resume -v", "--model-eval -v"),
        ("--model-eval-resume -x --model-eval", "--model-eval"),
        ("--model-eval-replay 2026 --model-eval-save-baseline --model-eval", "--model-eval"),
        ("--model-eval -k angry", "--model-eval -k angry"),
    ],
)
def test_what_was_meant_for_one_run_is_left_out(given, kept):
    """All else stays."""
    assert again(given.split()) == kept.split()


@pytest.mark.parametrize(
    "given", ["-k angry", "-kangry", "--lf", "-m slow", "--deselect a::b", "a.py::test_a[x]", "-x"]
)
def test_the_whole_has_no_selection(given):
    """Whatever chose the part."""
    assert again(["--model-eval", *given.split()], "-v", is_whole=True) == ["--model-eval", "-v"]


def test_a_command_can_be_copied():
    """A shell takes it apart into the same words."""
    words = ["pytest", "--model-eval-thresholds=accuracy >= 90%", "it's", ""]

    assert shlex.split(command_text(words)) == words
