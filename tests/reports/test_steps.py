"""Steps: the arguments of a run for another one, and how many cases would decide."""

import shlex

import pytest

from pytest_modeleval.core.comparisons import compare_run, numbers_of
from pytest_modeleval.core.gates import judge
from pytest_modeleval.core.judgements import Coverage
from pytest_modeleval.core.records import Record
from pytest_modeleval.core.thresholds import parse_threshold
from pytest_modeleval.reports.steps import again, command_text, next_step
from pytest_modeleval.reports.terminal import Shown


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


def advice(records, line, *, before=None):
    """What the step on more cases says of a run with one threshold."""
    coverages = [Coverage(suite="s", n_total=len(records), n_selected=len(records))]
    comparisons = compare_run(records, coverages, numbers_of(before)) if before else []
    verdict = judge(
        records, coverages, [parse_threshold(line)], comparisons=comparisons, max_error_rate=1.0
    )
    return next_step(Shown(verdict=verdict, coverages=coverages, comparisons=comparisons))


def run_of(letters, **known):
    return [
        Record(
            suite="s", model="m", case_id=f"c{n}", outcome="passed" if letter == "p" else "missed",
            **{name: values[n] for name, values in known.items()},
        )
        for n, letter in enumerate(letters)
    ]  # fmt: skip


def test_cases_that_would_decide_an_accuracy_say_nothing_of_a_latency():
    """The number is reckoned for the change of the accuracy alone."""
    before = run_of("mm" + "p" * 18, latency_s=[0.1, 0.2] * 10)
    after = run_of("p" * 20, latency_s=[0.3, 0.1] * 10)

    said = advice(after, "p95_latency regression <= 2%", before=before)

    assert "add cases" not in (said or "")


def test_a_mean_of_scores_is_no_share_of_cases():
    """Its interval is t's, which is narrower where scores lie close together."""
    scores = [{"tone": {"value": 0.84 + 0.02 * (n % 2)}} for n in range(20)]

    said = advice(run_of("p" * 20, scores=scores), "mean_score >= 84.7%")

    assert "instead of 20" in said
    assert int(said.partition("about ")[2].split()[0].replace(",", "")) < 400
