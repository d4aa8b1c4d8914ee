"""A run that is invalid without a threshold of the user's says why, wherever it is looked at."""

from dataclasses import replace

import pytest
from made_reports import record, report

from pytest_modeleval.core.gates import judge
from pytest_modeleval.core.judgements import Coverage
from pytest_modeleval.core.thresholds import parse_threshold
from pytest_modeleval.plugin.junit import verdict_lines
from pytest_modeleval.reports.annotations import commands
from pytest_modeleval.reports.html import pages
from pytest_modeleval.reports.markdown import render
from pytest_modeleval.reports.rows import telling

WHY = "incomplete: 1 of 2 cases"
RECORDS = [record()]


def judged(*lines):
    """The verdict on one of two cases: of the other there is no record."""
    coverages = [Coverage(suite="tickets", n_total=2, n_selected=2)]
    return judge(RECORDS, coverages, [parse_threshold(line) for line in lines])


@pytest.mark.parametrize(
    "show",
    [
        lambda found: commands(found.verdict, {}),
        lambda found: verdict_lines(found.verdict),
        pages.render,
        render,
    ],
    ids=["annotations", "junit", "html", "markdown"],
)
def test_every_report_says_why(show):
    """The terminal, which does so too, has tests of its own."""
    found = replace(report(RECORDS), verdict=judged())

    assert found.verdict.status == "invalid"
    assert WHY in "".join(show(found))


def test_it_is_said_once():
    """Errors and unscored cases have a bound each, and a threshold beside them says it already."""
    assert [item.reason for item in telling(judged().judgements)] == [WHY]
    with_threshold = telling(judged("accuracy >= 50%").judgements)
    assert [item.is_implied for item in with_threshold] == [False]
