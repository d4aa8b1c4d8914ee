"""Odd files: shapes that datasets and suites of other tools have, each with what becomes of it."""

import gzip
from pathlib import Path

import pytest

from pytest_modeleval.errors import DatasetError
from pytest_modeleval.suites import load_cases

FOLDER = Path(__file__).parent / "odd_files"

LOADED = {
    "excel.csv": [("two\r\nlines", "1,5")],
    "plain.tsv": [("a tab\there", "007"), ('He said "no".', "yes")],
    "line_separator.ndjson": [("a\u2028b", None), ("c", None)],
    "anchors.yaml": [("hello", "hi"), ("hello there", "hi")],
    "scalars.yml": [("no", "12:30"), ("1e3", "007"), ("=", "="), ("2024-02-29", None)],
    "splits.json#test": [("b", None), ("c", None)],
}
"""Input and expected of each case."""

REFUSED = {
    "index_column.csv": ":1: column 1 of the header has no name; give it one or remove the column.",
    "dunder_expected.csv": (
        ":1: unknown column '__expected'; name it 'expected', or write expected='__expected'."
    ),
    "semicolons.csv": (
        ":1: the header 'input;expected' is one column with semicolons in it; "
        "columns must be separated by commas."
    ),
    "tabs.csv": (
        r":1: the header 'input\texpected' is one column with tabs in it; "
        "columns must be separated by commas; name the file .tsv."
    ),
    "ragged.csv": ":3: the row has 1 cell, the header 3; add the commas.",
    "quote_after_text.csv": (
        ':2: a closing quote is followed by more text; write a quote inside a quoted cell as "".'
    ),
    "no_header_names.csv": (
        ":1: column 3 of the header has no name; give it one or remove the column."
    ),
    "scores.jsonl": ":1: no 'input' among the columns 'accuracy'.",
    "pretty.jsonl": ":1: looks like one JSON document; name it .json.",
    "lists.jsonl": ":1: a line holds one object, not a list.",
    "cut_off.jsonl": ":2:26: broken JSON: Unterminated string starting at.",
    "metadata_text.jsonl": ":1: metadata is a mapping, not the text 'math'.",
    "pointer.jsonl": (":1: this is a Git LFS pointer, not the dataset itself; run git lfs pull."),
    "lines.json": ":1: looks like one object a line; name the file .jsonl.",
    "examples.json": (
        ":2: unknown key 'canary'; if 'examples' holds the cases, "
        "write '#examples' after the file's name."
    ),
    "splits.json": (
        ":2: unknown key 'train'; if 'test' holds the cases, write '#test' after the file's name."
    ),
    "by_id.json": (
        ":2: unknown key 'q1'; expected a list of cases, or an object whose key 'cases' holds one."
    ),
    "texts.json": ":2: cases[0] is the text 'card_arrival', a case is an object.",
    "comments.json": ":2:3: broken JSON: expected a key in double quotes.",
    "template.json": (":1:31: broken JSON: Expecting property name enclosed in double quotes."),
    "same_id.json": (
        ":3: the id 'usaco' is already that of same_id.json:2; every case needs one of its own."
    ),
    "numbers.json": ":1: an input is text, a list of messages or a mapping, not 56.",
    "settings.yaml": (
        ":1: unknown key 'name'; expected a list of cases, "
        "or a mapping whose key 'cases' holds one."
    ),
    "prompts_and_tests.yaml": (
        ":1: unknown key 'description'; if 'tests' holds the cases, "
        "write '#tests' after the file's name."
    ),
    "prompts_and_tests.yaml#tests": ":5: no 'input' among the columns 'vars' and 'assert'.",
    "function_tag.yaml": (
        ":1: unknown key 'task'; if 'cases' holds the cases, write '#cases' after the file's name."
    ),
    "function_tag_in_case.yaml": (
        ":3:15: the tag '!function' is unknown; a dataset is plain data."
    ),
    "twice.yaml": ":3:1: the key 'test_split' stands twice; first in line 2.",
    "documents.yaml": ":3: a second document begins; a dataset is one document.",
    "only_comments.yaml": ":1: the file has no cases.",
    "title.yaml": (
        ":1: expected a list of cases, or a mapping whose key 'cases' holds one, "
        "found the text 'Write about the harvest'."
    ),
    "chart.yaml": ":1:3: broken YAML: ",
}
"""How the message goes on behind the file."""

GENERATED = {
    "utf16.csv": ("input\na\n".encode("utf-16"), ":1: the file is in UTF-16; save it as UTF-8."),
    "latin1.csv": (
        b"input\ncaf\xe9\n",
        ":2: byte 4 of the line, 0xe9, is not UTF-8; save the file as UTF-8.",
    ),
    "workbook.csv": (
        b"PK\x03\x04\x14\0\6\0",
        ":1: the file is a ZIP archive, as Excel files are; save the table as CSV.",
    ),
    "cut_off.csv.gz": (
        gzip.compress(b"input\nhello\n")[:-9],
        ": broken gzip: the file is cut off.",
    ),
    "renamed.csv.gz": (b"input\nhello\n", ":1: the file is not gzip; name it without .gz."),
    "renamed.parquet": (b"input\nhello\n", ": can't be read as Parquet: "),
}
"""Files that no text editor shows: what they hold, and how the message goes on."""


@pytest.mark.parametrize("name", LOADED)
def test_an_odd_file_that_is_clear_is_loaded(name):
    """Every text exactly as it stands there."""
    cases = load_cases(name, folders=[FOLDER], shown_from=FOLDER)

    assert [(case.input, case.expected) for case in cases] == LOADED[name]


@pytest.mark.parametrize("name", REFUSED)
def test_an_odd_file_is_refused_with_its_reason(name):
    """Behind the file and, where there is one, the line."""
    with pytest.raises(DatasetError) as caught:
        load_cases(name, folders=[FOLDER], shown_from=FOLDER)

    assert str(caught.value).startswith(name.partition("#")[0] + REFUSED[name])


@pytest.mark.parametrize("name", GENERATED)
def test_an_odd_file_of_bytes_is_refused_with_its_reason(tmp_path, name):
    """As every other."""
    content, message = GENERATED[name]
    (tmp_path / name).write_bytes(content)

    with pytest.raises(DatasetError) as caught:
        load_cases(name, folders=[tmp_path], shown_from=tmp_path)

    assert str(caught.value).startswith(name + message)


def test_no_odd_file_is_left_out():
    """A file that is added to the folder has to be in one of the tables."""
    known = {name.partition("#")[0] for name in (*LOADED, *REFUSED)}

    assert {path.name for path in FOLDER.iterdir()} == known
