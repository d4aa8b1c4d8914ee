"""``--model-eval-gate``: the number itself decides, or what is known of it for sure."""

import pytest

# 9 of 10: with 95 % confidence the accuracy is at least 65.2 %, and with as much at most 99.5 %.
INPUTS = [f"right-{index}" for index in range(9)] + ["wrong-1"]


@pytest.mark.parametrize(
    ("mode", "bound", "status"),
    [
        ("point", "90%", "met"),
        ("point", "91%", "not met"),
        ("confident-fail", "99%", "met"),
        ("confident-fail", "99.9%", "not met"),
        ("confident-pass", "65%", "met"),
        ("confident-pass", "66%", "not met"),
    ],
)
def test_what_decides(project, mode, bound, status):
    """The point, or what it is at best or at worst with 95 % confidence."""
    project.suite(*INPUTS)
    project.thresholds(f"accuracy >= {bound}")

    result = project.run(f"--model-eval-gate={mode}")

    assert project.status == status
    assert result.ret == (0 if status == "met" else 1)


def test_a_p95_of_few_cases_is_never_met_for_sure(project):
    """Below 59 cases a p95 has no upper bound, however quick the answers."""
    project.suite(*INPUTS)
    project.thresholds("accuracy >= 10%", "p95_latency <= 60s")

    result = project.run("--model-eval-gate=confident-pass")

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["not met: test_ticket: p95 latency is * wanted <= 60s, but its one-sided*"]
    )


def test_a_mode_that_is_none(project):
    """Exit 4, and the modes that there are."""
    project.suite("right-1")

    result = project.run("--model-eval-gate=sure")

    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["ERROR: --model-eval-gate: 'sure' is unknown; write point, confident-fail, confident-pass"]
    )
