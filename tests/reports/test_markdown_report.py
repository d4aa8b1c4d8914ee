"""The Markdown report: the decision first, within its size, and no text that acts."""

import re

import pytest
from made_reports import HOSTILE, record, report
from markdown_it import MarkdownIt

from pytest_modeleval.core.comparisons import compare, numbers_of
from pytest_modeleval.reports.markdown import MARKER, MAX_COMMENT_BYTES, render
from pytest_modeleval.reports.marked import code
from pytest_modeleval.reports.titles import title_of


def text_of(records, *thresholds, max_bytes=MAX_COMMENT_BYTES, **known):
    return "".join(render(report(records, *thresholds, **known), max_bytes=max_bytes))


def parsed(text):
    """The kinds of the page's parts in order, the texts outside of code, and the code."""
    kinds, said, codes = [], [], []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        for part in token.children or [token]:
            if part.type in ("code_inline", "fence"):
                codes.append(part.content)
            elif part.type in ("html_block", "html_inline"):
                said.append(re.sub("<code>.*?</code>", "", part.content))
            else:
                said.append(part.content)
            kinds.append(part.type)
    return kinds, "".join(said), codes


def broken(text):
    """A missed case that says the text wherever it can, and was right before."""
    short = text[:150]
    known = {"suite": short, "model": short, "case_id": short, "tags": (short,)}
    known |= {"input": f"{text}\n", "expected": f"{text}\n", "error_kind": short}
    known |= {"scores": {re.sub("[()]", "", short): {"value": 0.5, "reason": text}}}
    now = record(**known, outcome="missed", output=f"{text}\n", reason=f"{text}\n")
    comparisons = compare(numbers_of([now]), numbers_of([record(**known, output=text)]))
    return [now], {"baseline": short, "comparisons": comparisons, "trouble": [text]}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_code_wherever_they_stand(text):
    """The page has the parts of one of harmless texts, and no name or address outside of code."""
    records, known = broken(text)
    harmless, known_of_it = broken("harmless")

    found = text_of(records, ["accuracy >= 50%"], **known)
    kinds, said, codes = parsed(found)

    assert kinds == parsed(text_of(harmless, ["accuracy >= 50%"], **known_of_it))[0]
    assert not re.search(r"@|://|www\.|javascript|#1", said)
    assert re.sub("</?(details|summary|sub|code)>", "", said).count("<") == 1  # the marker
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]", found)
    assert len(codes) > 10


def test_the_decision_comes_first():
    """Below a marker that a workflow finds its comment by."""
    lines = text_of(
        [record("c-1"), record("c-2", "missed")], ["avg_cost <= $1", "accuracy >= 90%"]
    ).splitlines()

    assert lines[0] == MARKER
    assert lines[1] == ("## accuracy 50.0 % (≥ 90 %), p95 200 ms, $0.0010 per case (≤ $1): not met")
    rows = [line for line in lines if line.startswith("| ")]
    assert rows[2].startswith("| **not met**, uncertain | `accuracy >= 90%` | `tickets` | `a:b` |")
    assert "| 50.0 % | 9.5 to 90.5 % | 2 |" in rows[2]
    assert rows[3].startswith("| met | `avg_cost <= $1` |")


def test_dollars_are_no_formula():
    """GitHub sets as one what stands between two dollar signs without space beside them."""
    text = text_of([record("c-1"), record("c-2", cost_usd=0.003)], ["avg_cost <= $1"])
    outside = re.sub("`[^`]*`", "", text)

    assert outside.count("$") > 4
    assert not re.search(r"\$\S[^$\n]*(?<!\s)\$", outside)


def test_an_unknown_cost_is_said_to_be():
    """And never left out where a threshold is on it."""
    verdict = report([record(cost_usd=None)], ["avg_cost <= $1"]).verdict

    assert title_of(verdict) == "accuracy 100.0 %, p95 200 ms, cost n/a (≤ $1): invalid"


def test_without_thresholds_nothing_is_called_met():
    """The run was measured and not judged."""
    assert title_of(report([record()], []).verdict) == (
        "accuracy 100.0 %, p95 200 ms, $0.0010 per case: no thresholds"
    )


def test_the_title_of_several_suites_names_what_is_not_met():
    """Of two suites, or two models, with where it was judged."""
    records = [record("c-1"), record("c-1", "missed", suite="others", model="a:c")]

    assert title_of(report(records, ["accuracy >= 90%"]).verdict) == (
        "2 suites, 2 models, others: accuracy 0.0 % (≥ 90 %) not met: not met"
    )
    assert title_of(report(records, ["accuracy >= 0%"]).verdict) == (
        "2 suites, 2 models, thresholds 2 met: met"
    )


def test_what_is_off_beside_the_usual_numbers_is_in_the_title():
    """A slice that is not met is why the run is."""
    records = [record("c-1", "missed", tags=("angry",)), record("c-2")]
    verdict = report(records, ["accuracy >= 50%", "[angry]: accuracy >= 80%"]).verdict

    assert title_of(verdict) == (
        "accuracy 50.0 % (≥ 50 %), p95 200 ms, $0.0010 per case, "
        "[angry]: accuracy 0.0 % (≥ 80 %) not met: not met"
    )


def test_the_worst_cases_come_first():
    """No answer before a wrong one, and what broke before what was wrong already."""
    before = [record("c-1", "missed"), record("c-2"), record("c-3"), record("c-4")]
    now = [record("c-1", "missed"), record("c-2", "missed"), record("c-3", "errored", output=None)]
    now.append(record("c-4"))
    text = text_of(
        now, baseline="b.jsonl", comparisons=compare(numbers_of(now), numbers_of(before))
    )
    listed = re.findall(r"^\*\*(\w+)\*\*.*`(c-\d)`$", text, re.MULTILINE)

    assert listed == [("errored", "c-3"), ("missed", "c-2"), ("missed", "c-1")]
    assert "<summary>2 cases broke</summary>" in text
    assert "75.0 % → 25.0 %: -50.0 points" in text


@pytest.mark.parametrize("max_bytes", [65_536, 20_000, 4000])
def test_it_is_cut_on_whole_cases(max_bytes):
    """How many are left out is said, and what has them; every part is closed."""
    records = [record(f"c-{i}", "missed", output=f"no\n{'é' * 2000}") for i in range(500)]
    before = [record(f"c-{i}") for i in range(500)]
    comparisons = compare(numbers_of(records), numbers_of(before))

    text = text_of(records, max_bytes=max_bytes, baseline="b.jsonl", comparisons=comparisons)

    assert 0.45 * max_bytes < len(text.encode()) <= max_bytes
    n_cases = text.count("**missed**")
    assert f"{500 - n_cases} answers more are left out" in text
    assert "`modeleval report r-1 -o report.html`" in text
    assert text.count("<details>") == text.count("</details>") == 2
    assert text.count("```") % 2 == 0
    assert text.rstrip().endswith("</sub>")


def test_nothing_is_written_where_not_even_the_decision_has_room():
    """Rather than half of it."""
    assert text_of([record()], max_bytes=20) == ""


def test_many_suites_leave_room_for_cases():
    """Half of what is there is theirs."""
    records = [record("c-1", "missed", suite=f"suite-{i}") for i in range(400)]
    text = text_of(records)

    assert len(text.encode()) <= MAX_COMMENT_BYTES
    assert "suites more are left out" in text
    assert "**missed**" in text


@pytest.mark.parametrize("text", ["`", "``a`", " a", "a|b", "", "a\nb"])
def test_a_code_span_holds_any_text(text):
    """Backticks, spaces at an end and line ends too, also in a table."""
    rendered = MarkdownIt("commonmark").enable("table").render(f"| a |\n| - |\n| {code(text)} |\n")

    shown = text.replace("|", "\\x7c").replace("\n", " ")
    assert f"<code>{shown.strip() or ' '}</code>" in re.sub(
        " *(</?code>) *", r"\1", rendered
    ).replace("<code></code>", "<code> </code>")


def test_sections_that_have_no_room_are_counted():
    """The decision is there or nothing is; what is missing beside it is said."""
    records = [record(f"c-{i}", "missed", suite=f"suite {i}") for i in range(9)]
    texts = [text_of(records, max_bytes=n) for n in range(200, 4000, 25)]

    assert all("not met" in text for text in texts if text)
    assert any("sections more are left out for want of room" in text for text in texts)
    assert all("left out" in text for text in texts if text and "suite 8" not in text)


def test_calls_beside_a_text_are_shown():
    """The answer of a model that says something and calls a tool is both."""
    calls = ({"name": "refund", "arguments": {"order": 7}},)

    assert "refund" in text_of([record(outcome="missed", output="Gladly.", tool_calls=calls)])
    as_answer = text_of([record(outcome="missed", output=list(calls), tool_calls=calls)])
    assert "tool calls" not in as_answer
