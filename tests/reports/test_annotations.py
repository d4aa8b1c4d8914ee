"""Annotations: the workflow commands for what fails."""

import pytest
from made_reports import HOSTILE, record, report

from pytest_modeleval.core.judgements import Verdict
from pytest_modeleval.reports.annotations import commands


def of(records, thresholds, places=None):
    return list(commands(report(records, thresholds).verdict, places or {}))


def test_a_failing_threshold_is_an_error_where_its_suite_stands():
    """With the number, its interval and count; what is met is not mentioned."""
    (line,) = of(
        [record("c-1"), record("c-2", "missed")],
        ["accuracy >= 90%", "p95_latency <= 1s"],
        {"tickets": ("evals/test_tickets.py", 7)},
    )

    assert line == (
        "::error file=evals/test_tickets.py,line=7,title=accuracy ≥ 90 %25%3A not met::"
        "tickets, a:b: accuracy 50.0 %25 (95 %25 interval 9.5 to 90.5 %25, n 2)"
    )


def test_a_threshold_of_all_suites_stands_nowhere():
    """It is shown with the job."""
    (line,) = of(
        [record(outcome="missed")], ["all: accuracy >= 90%"], {"tickets": ("test_it.py", 7)}
    )

    assert line.startswith("::error title=")
    assert "::all suites: accuracy 0.0 %25" in line


def test_at_most_as_many_as_github_keeps_the_worst_first():
    """The last one says how many there are besides."""
    records = [
        record(f"c-{j}", "passed" if j < i else "missed", suite=f"s-{i}")
        for i in range(12)
        for j in range(12)
    ]
    lines = of(records, ["accuracy >= 95%"])

    assert len(lines) == 10
    assert "::s-0, a:b:" in lines[0]
    assert "::s-9, a:b:" in lines[-1]
    assert lines[-1].endswith(" (and 2 thresholds more)")


def test_a_run_that_is_invalid_as_a_whole():
    """Says why."""
    verdict = Verdict(status="invalid", reason="no case was selected")

    assert list(commands(verdict, {})) == [
        "::error title=model eval is invalid::no case was selected"
    ]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_name_stays_within_its_command(text):
    """One line each, with the properties that it should have."""
    short = text[:200]
    (line,) = of(
        [record(suite=short, model=short, outcome="missed")],
        ["accuracy >= 90%"],
        {short: (f"{short},line=1::x", 7)},
    )

    assert line.isprintable()
    properties = line.removeprefix("::error ").split("::", 1)[0]
    assert [part.split("=")[0] for part in properties.split(",")] == ["file", "line", "title"]
