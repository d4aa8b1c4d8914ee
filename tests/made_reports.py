"""Reports made of a few records, and texts that try to act where they should only be shown."""

from pytest_modeleval.core.gates import judge
from pytest_modeleval.core.judgements import Coverage
from pytest_modeleval.core.records import Record
from pytest_modeleval.core.thresholds import parse_threshold
from pytest_modeleval.reports.base import Report

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "end of script": "</script><script>alert(1)</script>",
    "comment": "<!-- <script> --> ]]>",
    "attribute": "\" onmouseover=alert(1) x='",
    "address": "javascript:alert(1)",
    "template": "{{ 7 * 7 }} {% raw %}",
    "ANSI": "\x1b[31mred\x1b[0m",
    "direction": "abc\u202edef\u2066",
    "NUL": "a\x00b",
    "mention": "@octocat fixes #1, see https://example.com, www.example.com and me@example.com",
    "markdown": "![x](http://e.x/y) [a](javascript:b) **b** <b>c</b> | d | `e` ``` f",
    "details": "</code></details></summary>\n\n# heading\n\n```\n````\n~~~\n<img src=x>",
    "table": "a|b\\|c\n| --- |",
    "formula": '=HYPERLINK("http://e.x")',
    "command": "::error::no\n::stop-commands::x",
    "emoji": "👩‍👩‍👧 ok",
    "line ends": "a\u2028b\u2029c\r\nd",
    "long line": "x" * 1_000_000,
}


def record(case_id="c-1", outcome="passed", **known):
    fields = {"suite": "tickets", "model": "a:b", "input": "question", "expected": "yes"}
    fields |= {"output": "yes", "latency_s": 0.2, "cost_usd": 0.001}
    return Record(case_id=case_id, outcome=outcome, **(fields | known))


def report(records, thresholds=("accuracy >= 50%",), **known):
    places = dict.fromkeys((item.suite, item.variant) for item in records)
    coverages = []
    for suite, variant in places:
        own = [item for item in records if (item.suite, item.variant) == (suite, variant)]
        tags = {tag: (1, 1) for item in own for tag in item.tags}
        coverages.append(
            Coverage(suite=suite, variant=variant, n_total=len(own), n_selected=len(own), tags=tags)
        )
    verdict = judge(
        records,
        coverages,
        [parse_threshold(text) for text in thresholds],
        comparisons=known.get("comparisons"),
    )
    return Report(run_id="r-1", verdict=verdict, records=records, folder="runs/r-1", **known)
