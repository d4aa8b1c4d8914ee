"""CSV datasets: cells verbatim, and a sentence with the line for what is broken."""

import contextlib
import csv

import pytest

from pytest_modeleval.errors import DatasetError
from pytest_modeleval.suites import load_cases


def load(tmp_path, content):
    """The cases of a file ``tickets.csv`` with this content."""
    path = tmp_path / "tickets.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_cases(path, shown_from=tmp_path)


def refusal(tmp_path, content):
    """The message with which a file of this content is refused."""
    with pytest.raises(DatasetError) as caught:
        load(tmp_path, content)
    return str(caught.value)


def test_a_row_becomes_a_case(tmp_path):
    """The known columns become fields, the others metadata."""
    (case,) = load(
        tmp_path,
        "id,input,expected,tags,cluster,customer\nT-1,Where is my card?,card,eu; vip,chat-7,Ada\n",
    )

    assert case.id == "T-1"
    assert case.input == "Where is my card?"
    assert case.expected == "card"
    assert case.tags == ("eu", "vip")
    assert case.cluster == "chat-7"
    assert case.metadata == {"customer": "Ada"}
    assert case.source == "tickets.csv:2"


def test_cells_are_text_as_they_stand(tmp_path):
    """Nothing in a cell is read as a number, a truth value or a date, or stripped."""
    cases = load(tmp_path, "input,expected\n007,1.0\n yes ,1e3\n2020-01-01,null\n")

    assert [(case.input, case.expected) for case in cases] == [
        ("007", "1.0"),
        (" yes ", "1e3"),
        ("2020-01-01", "null"),
    ]


def test_empty_cells(tmp_path):
    """An empty id or cluster is none; an empty expected answer is the empty text."""
    (case,) = load(tmp_path, "id,input,expected,cluster,tags\n,hello,,,\n")

    assert case.id.startswith("hello-")
    assert case.expected == ""
    assert case.cluster is None
    assert case.tags == ()


def test_a_column_metadata_is_a_text_in_metadata(tmp_path):
    """A cell can't hold a mapping, so this column is kept like any other."""
    (case,) = load(tmp_path, "input,metadata\nhello,from chat\n")

    assert case.metadata == {"metadata": "from chat"}


def test_what_spreadsheets_write(tmp_path):
    """Byte order mark, CRLF, quoted commas, doubled quotes and line ends in cells."""
    cases = load(tmp_path, b'\xef\xbb\xbfinput,expected\r\n"a, ""b""\r\nc",x\r\n\r\nsecond,y\r\n')

    assert [(case.input, case.expected) for case in cases] == [
        ('a, "b"\r\nc', "x"),
        ("second", "y"),
    ]


def test_the_line_of_a_case_is_the_first_of_its_row(tmp_path):
    """Blank lines and cells of several lines don't put the lines out of step."""
    cases = load(tmp_path, '\ninput,expected\n\n"a\nb\nc",x\n   \nd,y\n')

    assert [case.source for case in cases] == ["tickets.csv:4", "tickets.csv:8"]


def test_spaces_around_names_of_columns_do_not_count(tmp_path):
    """``input, expected`` names the columns that it seems to name."""
    (case,) = load(tmp_path, "input, expected\na,b\n")

    assert case.expected == "b"


def test_a_cell_may_hold_a_megabyte(tmp_path):
    """The csv module's limit of 128 KiB a cell does not bite."""
    (case,) = load(tmp_path, f"input\n{'x' * 1_000_000}\n")

    assert len(case.input) == 1_000_000


@pytest.mark.parametrize("content", [f"input\n{'x' * 200_000}\n", f'input\n"{"x" * 200_000}\n'])
def test_the_limit_of_the_csv_module_is_left_as_it_was(tmp_path, content):
    """The limit belongs to the whole process, so that it is put back, after an error too."""
    before = csv.field_size_limit()

    with contextlib.suppress(DatasetError):
        load(tmp_path, content)

    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            "input,expected,x\na,b,c\nd,e,f,g\n",
            "tickets.csv:3: the row has 4 cells, the header 3; "
            "put a cell that holds a comma in quotes.",
            id="more cells",
        ),
        pytest.param(
            'input,expected\n"a\nb"\n',
            "tickets.csv:2: the row has 1 cell, the header 2; add the commas.",
            id="fewer cells",
        ),
        pytest.param(
            'input,expected\na,b\n"c,d\ne,f\n',
            "tickets.csv:3: a quote opened in this row is never closed; "
            'close it, or write a quote inside a quoted cell as "".',
            id="open quote",
        ),
        pytest.param(
            'input,expected\n"a"b,c\n',
            "tickets.csv:2: a closing quote is followed by more text; "
            'write a quote inside a quoted cell as "".',
            id="text after quote",
        ),
        pytest.param(
            "input,expected,input\na,b,c\n",
            "tickets.csv:1: the header names 'input' more than once.",
            id="column twice",
        ),
        pytest.param(
            "input,,expected\na,b,c\n",
            "tickets.csv:1: column 2 of the header has no name; give it one or remove the column.",
            id="column without name",
        ),
        pytest.param(
            "input;expected\na;b\n",
            "tickets.csv:1: the header 'input;expected' is one column with semicolons in it; "
            "columns must be separated by commas.",
            id="semicolons",
        ),
        pytest.param(
            "input\texpected\na\tb\n",
            r"tickets.csv:1: the header 'input\texpected' is one column with tabs in it; "
            "columns must be separated by commas; name the file .tsv.",
            id="tabs",
        ),
        pytest.param(
            "input,expected\n\n", "tickets.csv:1: the file has no cases.", id="header alone"
        ),
        pytest.param(
            '""\n', "tickets.csv:1: the file has no header and so no cases.", id="no header"
        ),
        pytest.param(
            "input\n\n' '\n\"\"\n",
            "tickets.csv:4: the case has no input; 'input' is empty.",
            id="empty cell of one column",
        ),
    ],
)
def test_a_broken_table_is_refused(tmp_path, content, message):
    """Each way to break a table has a sentence of its own, with the line."""
    assert refusal(tmp_path, content) == message
