"""The CSV report: a row for each record that reads back, and no cell that is computed."""

import csv
import io
import json
from dataclasses import fields

import pytest
from made_reports import HOSTILE, record, report

from pytest_modeleval.core.records import Record
from pytest_modeleval.reports.files import write_report
from pytest_modeleval.reports.sheets import COLUMNS, render


@pytest.fixture(autouse=True)
def _long_fields():
    limit = csv.field_size_limit(10**9)
    yield
    csv.field_size_limit(limit)


def rows_of(records):
    text = "".join(render(report(records)))
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_columns_are_those_of_a_record():
    """In their order, whatever is known of the cases."""
    (row,) = rows_of([record()])

    assert tuple(row) == COLUMNS == ("run_id", *(item.name for item in fields(Record)))
    assert (row["run_id"], row["case_id"], row["output"]) == ("r-1", "c-1", "yes")
    assert float(row["latency_s"]) == 0.2
    assert row["reason"] == row["tags"] == row["scores"] == ""


def test_a_row_for_each_model_and_repeat():
    """In the order of the cases."""
    found = rows_of([record(model="a:x"), record(model="a:x", repeat=1), record(model="a:y")])

    assert [(row["model"], row["repeat"]) for row in found] == [
        ("a:x", "0"),
        ("a:x", "1"),
        ("a:y", "0"),
    ]


def test_nested_values_are_json():
    """And numbers are what they are."""
    chat = [{"role": "user", "content": 'é, "q"\n'}]
    (row,) = rows_of([record(input=chat, expected={"a": [1, None]}, output=3, tags=("x", "y"))])

    assert json.loads(row["input"]) == chat
    assert json.loads(row["expected"]) == {"a": [1, None]}
    assert json.loads(row["tags"]) == ["x", "y"]
    assert row["output"] == "3"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_read_back(text, tmp_path):
    """Each cell as it was, but for the apostrophe that keeps it from being computed, and NUL."""
    path = tmp_path / "out.csv"
    write_report(report([record(output=text, reason=text), record("c-2")]), path)

    with path.open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert first["output"].removeprefix("'") == text.replace("\0", "\u2400")
    assert second["case_id"] == "c-2"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1"]
)
def test_no_cell_is_a_formula(text):
    """It begins with an apostrophe; one that did so before gets another, so that it reads back."""
    (row,) = rows_of([record(text, output=text, expected=[text])])

    assert row["output"] == row["case_id"] == f"'{text}"
    assert row["expected"].startswith("[")
