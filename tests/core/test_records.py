"""Records: what of a case and its answer is kept, and that a journal line reads back the same."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval.core.cases import Case, content_hash
from pytest_modeleval.core.predictions import Failure, Prediction, Usage
from pytest_modeleval.core.records import Record, Score, answer_to_dict, make_record

CASE = Case(
    id="refund-1",
    input="Where is my money?",
    expected="billing",
    tags=("angry",),
    cluster="c1",
    metadata={"customer": "Ada"},
    source="tickets.csv:2",
)

names = st.text(min_size=1)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
amounts = st.none() | st.floats(0, 1e6)
records = st.builds(
    Record,
    suite=names,
    case_id=names,
    outcome=st.sampled_from(["passed", "missed", "errored", "unscored", "skipped"]),
    variant=st.text(),
    model=st.none() | names,
    nodeid=st.text(),
    repeat=st.integers(0, 9),
    input=json_values,
    expected=json_values,
    output=json_values,
    reason=st.none() | names,
    error_kind=st.none() | st.sampled_from(["timeout", "raised"]),
    latency_s=amounts,
    total_s=amounts,
    queue_s=amounts,
    n_attempts=st.none() | st.integers(1, 9),
    cost_usd=amounts,
    cost_source=st.none() | names,
    usage=st.none() | st.fixed_dictionaries({"input_tokens": st.integers(0)}),
    served_model=st.none() | names,
    scores=st.dictionaries(names, st.fixed_dictionaries({"value": st.floats(0, 1)}), max_size=2),
    tags=st.lists(names, max_size=2).map(tuple),
    cluster=st.none() | names,
    content_hash=st.text(),
    metadata=st.dictionaries(names, json_values, max_size=2),
    source=st.none() | names,
)


@given(record=records)
def test_a_journal_line_reads_back_as_the_record(record):
    """What is written is what was known: 0 stays 0, unknown stays unknown."""
    line = json.dumps(record.to_dict())

    assert Record.from_dict(json.loads(line)) == record


def test_a_line_holds_only_what_is_known():
    """Fields that say nothing are left out; an empty answer says something.

    The format's version comes first, for a reader that has to refuse the line.
    """
    record = Record(suite="tickets", case_id="a", outcome="missed", output="", cost_usd=0.0)

    assert next(iter(record.to_dict())) == "format_version"
    assert record.to_dict() == {
        "format_version": 1,
        "suite": "tickets",
        "case_id": "a",
        "outcome": "missed",
        "repeat": 0,
        "output": "",
        "cost_usd": 0.0,
    }


def test_fields_of_a_later_version_are_passed_over():
    """A journal of a later minor version can still be read."""
    data = {"suite": "tickets", "case_id": "a", "outcome": "passed", "mood": "fine"}

    assert Record.from_dict(data) == Record(suite="tickets", case_id="a", outcome="passed")


def test_a_record_takes_over_the_case():
    """A line of the journal can be read without the dataset."""
    record = make_record(CASE, suite="tickets", outcome="skipped")

    assert record == Record(
        suite="tickets",
        case_id="refund-1",
        outcome="skipped",
        input="Where is my money?",
        expected="billing",
        tags=("angry",),
        cluster="c1",
        metadata={"customer": "Ada"},
        source="tickets.csv:2",
        content_hash=content_hash("Where is my money?", "billing"),
    )


def test_a_record_takes_over_the_prediction():
    """Output, clocks, cost and tokens of the answer are kept."""
    answer = Prediction(
        output="billing",
        latency_s=0.5,
        total_s=1.5,
        queue_s=0.25,
        cost_usd=0.002,
        cost_source="reported",
        usage=Usage(input_tokens=10, output_tokens=2),
        model="gpt-5-mini-2025",
        n_attempts=2,
        finish_reason="stop",
    )

    record = make_record(CASE, suite="tickets", outcome="passed", answer=answer, model="openai:x")

    assert (record.output, record.latency_s, record.total_s, record.queue_s) == (
        "billing",
        0.5,
        1.5,
        0.25,
    )
    assert (record.cost_usd, record.cost_source, record.n_attempts) == (0.002, "reported", 2)
    assert record.usage == {
        "input_tokens": 10,
        "output_tokens": 2,
        "cached_input_tokens": 0,
        "reasoning_tokens": 0,
    }
    assert (record.model, record.served_model) == ("openai:x", "gpt-5-mini-2025")


def test_an_errored_record_says_why():
    """Kind and message of the failure are the record's."""
    answer = Failure(kind="timeout", message="no answer within 5 s", latency_s=5.0)

    record = make_record(CASE, suite="tickets", outcome="errored", answer=answer)

    assert (record.error_kind, record.reason) == ("timeout", "no answer within 5 s")
    assert record.latency_s == 5.0
    assert record.output is None


def test_the_reason_of_the_caller_wins():
    """What the test itself raised is nearer than what the model said."""
    answer = Failure(kind="timeout", message="no answer")

    record = make_record(
        CASE, suite="tickets", outcome="errored", answer=answer, reason="own", error_kind="raised"
    )

    assert (record.error_kind, record.reason) == ("raised", "own")


def test_a_failure_that_the_test_got_over_is_no_error():
    """A test that expects a refusal passes, though there was no answer."""
    answer = Failure(kind="refused", message="no")

    record = make_record(CASE, suite="tickets", outcome="passed", answer=answer)

    assert (record.error_kind, record.reason) == (None, None)


def test_scores_are_kept_by_name():
    """A score has its value, and reason and pass mark where there are any."""
    scores = [
        Score(name="tone", value=0.5, reason="curt", min_score=0.6),
        Score(name="len", value=1.0),
    ]

    record = make_record(CASE, suite="tickets", outcome="missed", scores=scores)

    assert record.scores == {
        "tone": {"value": 0.5, "reason": "curt", "min_score": 0.6},
        "len": {"value": 1.0},
    }


@pytest.mark.parametrize("output", ["", 0, False, []])
def test_an_answer_that_is_falsy_is_an_answer(output):
    """Nothing is dropped for being empty."""
    assert answer_to_dict(Prediction(output=output))["output"] == output


def test_no_answer_is_nothing():
    """A case that was not asked has none of the answer's fields."""
    assert answer_to_dict(None) == {}
