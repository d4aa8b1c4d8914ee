"""Columns inside of columns: a path names what stands deep in each row."""

import json

import pyarrow as pa
import pytest
from pyarrow import parquet

from pytest_modeleval.core.cases import Case
from pytest_modeleval.errors import DatasetError
from pytest_modeleval.suites import load_cases

ROWS = [
    {
        "question": "Capital of France?",
        "answers": {"text": ["Paris", "paris"], "start": [3, 9]},
        "info": {"key": "q1", "level": 2},
    },
    {
        "question": "Capital of Atlantis?",
        "answers": {"text": [], "start": []},
        "info": {"key": "q2", "level": 3},
    },
]
COLUMNS = {"input": "question", "expected": "answers.text[0]", "id": "info.key"}


def write(path, rows=ROWS):
    """The rows in the format that the path ends in; YAML is a superset of JSON."""
    if path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def refusal(source, **columns):
    """The message with which columns are refused."""
    with pytest.raises(DatasetError) as caught:
        load_cases(source, columns=columns, shown_from=getattr(source, "parent", None))
    return str(caught.value)


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".yaml", ".parquet"])
def test_a_path_names_what_stands_in_a_column(tmp_path, suffix):
    """Where a row has nothing there it is None; the column itself stays in metadata."""
    cases = load_cases(write(tmp_path / f"squad{suffix}"), columns=COLUMNS)

    assert [(case.id, case.expected) for case in cases] == [("q1", "Paris"), ("q2", None)]
    assert cases[0].metadata == {"answers": ROWS[0]["answers"], "info": ROWS[0]["info"]}


def test_a_path_works_on_rows_from_python():
    """Cases beside them are as they are."""
    rows = [*ROWS, Case(id="q3", input="Capital of Peru?", expected="Lima")]

    cases = load_cases(rows, columns=COLUMNS)

    assert [case.expected for case in cases] == ["Paris", None, "Lima"]


def test_an_index_may_count_from_the_end():
    """The last message is often the one that matters."""
    rows = [{"messages": [{"content": "a"}, {"content": "b"}]}]

    (case,) = load_cases(rows, columns={"input": "messages[-1].content"})

    assert case.input == "b"


def test_a_column_of_that_very_name_goes_before(tmp_path):
    """CSV files made of nested data have such columns."""
    path = tmp_path / "squad.csv"
    path.write_text("input,answers.text[0]\na,Paris\n", encoding="utf-8")

    (case,) = load_cases(path, columns={"expected": "answers.text[0]"})

    assert case.expected == "Paris"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"expected": "answers.txt[0]"},
            "squad.jsonl:1: no 'answers.txt[0]'; 'answers' has no 'txt'; did you mean 'text'?",
        ),
        (
            {"expected": "answers.text[7]"},
            "squad.jsonl:1: no 'answers.text[7]'; 'answers.text' has 2 items.",
        ),
        (
            {"expected": "answers[0]"},
            "squad.jsonl:1: no 'answers[0]'; 'answers' is a mapping, not a list.",
        ),
        (
            {"expected": "answers.text.en"},
            "squad.jsonl:1: no 'answers.text.en'; 'answers.text' is a list, not a mapping.",
        ),
        (
            {"expected": "question.en"},
            (
                "squad.jsonl:1: no 'question.en'; 'question' is the text 'Capital of France?', "
                "not a mapping."
            ),
        ),
        (
            {"expected": "answer.text"},
            (
                "squad.jsonl:1: no column 'answer.text'; "
                "the columns are 'question', 'answers' and 'info'; did you mean 'answers'?"
            ),
        ),
        (
            {"input": "answers.text[1]"},
            "squad.jsonl:2: the case has no input; 'answers.text[1]' is",
        ),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(tmp_path, columns, message):
    """A misspelt one would leave every case without an expected answer."""
    path = write(tmp_path / "squad.jsonl")

    assert refusal(path, **{"input": "question", **columns}).startswith(message)


def test_a_path_through_nothing_is_refused_where_no_row_has_more():
    """Null is no mapping either."""
    assert refusal([{"input": "a", "answer": None}], expected="answer.text") == (
        "cases[0]: no 'answer.text'; 'answer' is empty."
    )
