"""The JSON report: a document that its schema describes in full."""

import json
from dataclasses import fields
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator
from made_reports import HOSTILE, record, report

from pytest_modeleval.core.comparisons import compare, numbers_of
from pytest_modeleval.core.judgements import Status
from pytest_modeleval.core.records import Outcome, Record
from pytest_modeleval.reports.documents import render
from pytest_modeleval.reports.files import write_report

SCHEMA = json.loads(
    files("pytest_modeleval.reports").joinpath("document.schema.json").read_text("utf-8")
)


def document(records, *thresholds, **known):
    found = json.loads("".join(render(report(records, *thresholds, **known))))
    Draft202012Validator(SCHEMA).validate(found)
    return found


def test_the_schema_allows_nothing_that_it_does_not_know():
    """So that a field that is added has to be described."""
    Draft202012Validator.check_schema(SCHEMA)

    def objects(schema, path=""):
        if isinstance(schema, dict):
            if "properties" in schema:
                yield path, schema
            for name, part in schema.items():
                yield from objects(part, f"{path}/{name}")

    found = dict(objects(SCHEMA))
    assert len(found) > 10
    assert [path for path, part in found.items() if part["additionalProperties"] is not False] == []


def test_the_schema_knows_each_field_of_a_record():
    """And each word that an outcome and a verdict can be."""
    described = SCHEMA["$defs"]["record"]["properties"]

    assert list(described) == [item.name for item in fields(Record)]
    assert described["outcome"]["enum"] == list(Outcome.__args__)
    assert SCHEMA["$defs"]["status"]["enum"] == list(Status.__args__)


def test_it_has_the_run_whole():
    """The verdict, the thresholds, the numbers and every record."""
    found = document([record("c-1"), record("c-2", "missed")], ["accuracy >= 90%"])

    assert found["verdict"] == {"status": "not met", "reason": None}
    assert found["thresholds"][0]["metric"]["value"] == 0.5
    assert found["suites"][0]["metrics"]["accuracy"]["n"] == 2
    assert [item["case_id"] for item in found["records"]] == ["c-1", "c-2"]
    assert found["run"] == {"run_id": "r-1", "folder": "runs/r-1"}


def test_a_record_with_every_field_is_described():
    """None of them is only allowed while it is absent."""
    full = Record(
        **{item.name: "text" for item in fields(Record) if "str" in str(item.type)}
        | {item.name: 0.5 for item in fields(Record) if item.name.endswith(("_s", "_usd"))}
        | {"outcome": "missed", "repeat": 1, "n_attempts": 2, "usage": {"input_tokens": 3}}
        | {"unit_prices": {"input": 0.1}, "tool_calls": ({"name": "f", "arguments": {}},)}
        | {"scores": {"tone": {"value": 1.0, "reason": "r", "min_score": 0.5}}}
        | {"tags": ("t",), "metadata": {"any": [1]}, "input": [1], "expected": {}, "output": 0}
    )
    (found,) = document([full])["records"]

    assert list(found) == [item.name for item in fields(Record)]


def test_labels_tags_and_a_comparison_are_described():
    """The parts of a suite that only some have."""
    now = [
        record(f"c-{i}", "passed" if i % 3 else "missed", expected="ab"[i % 2], tags=("t",))
        for i in range(8)
    ]
    now = [
        Record(
            **{n: getattr(r, n) for n in Record.__slots__}
            | {"output": r.expected if r.outcome == "passed" else "?"}
        )
        for r in now
    ]
    before = [record(f"c-{i}", expected="ab"[i % 2]) for i in range(8)]
    found = document(
        now, baseline="b.jsonl", comparisons=compare(numbers_of(now), numbers_of(before))
    )

    assert found["suites"][0]["classification"]["n"] == 8
    assert found["suites"][0]["slices"][0]["tag"] == "t"
    assert len(found["comparisons"][0]["broke"]) == 3


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_read_back_as_they_were(text, tmp_path):
    """The record is whole, however long."""
    path = tmp_path / "out.json"
    write_report(report([record(output=text, metadata={text[:50]: text})]), path)

    (found,) = json.loads(path.read_text(encoding="utf-8"))["records"]
    assert found["output"] == text
    assert found["metadata"] == {text[:50]: text}
