"""Parquet and Arrow: typed columns become plain data, or a sentence names row and column."""

import datetime as dt
import decimal
import json
import sys
import uuid

import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from pytest_modeleval.errors import DatasetError
from pytest_modeleval.suites import arrow_files, load_cases


def write(folder, columns, name="tickets.parquet", metadata=None):
    """A file of these columns, in the format that its name ends in."""
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    table = table.replace_schema_metadata(metadata)
    path = folder / name
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    else:
        with ipc.new_stream(path, table.schema) as stream:
            stream.write_table(table, max_chunksize=2)
    return path


def refusal(path, **options):
    """The message with which a file is refused."""
    with pytest.raises(DatasetError) as caught:
        load_cases(path, shown_from=path.parent, **options)
    return str(caught.value)


@pytest.mark.parametrize("name", ["tickets.parquet", "tickets.arrow"])
def test_rows_become_cases(tmp_path, name):
    """The place of a case is its row, since a table has no lines."""
    columns = {"input": ["a", "b", "c"], "expected": ["x", None, "z"], "tags": [["t"], [], None]}
    path = write(tmp_path, columns, name)

    cases = load_cases(path, shown_from=tmp_path)

    assert [(case.input, case.expected, case.tags) for case in cases] == [
        ("a", "x", ("t",)),
        ("b", None, ()),
        ("c", "z", ()),
    ]
    assert [case.source for case in cases] == [f"{name}: row {n}" for n in (1, 2, 3)]


def test_an_arrow_file_is_read_like_a_stream(tmp_path):
    """Arrow has two forms, and both are named .arrow."""
    table = pa.table({"input": ["a", "b"]})
    with ipc.new_file(tmp_path / "tickets.arrow", table.schema) as file:
        file.write_table(table, max_chunksize=1)

    cases = load_cases(tmp_path / "tickets.arrow", shown_from=tmp_path)

    assert [case.source for case in cases] == ["tickets.arrow: row 1", "tickets.arrow: row 2"]


def test_more_rows_than_a_batch_are_counted_on(tmp_path, monkeypatch):
    """Places and order hold across batches."""
    monkeypatch.setattr(arrow_files, "_BATCH_ROWS", 3)
    path = write(tmp_path, {"input": [f"question {n}" for n in range(8)]})

    cases = load_cases(path, shown_from=tmp_path)

    assert [case.input for case in cases] == [f"question {n}" for n in range(8)]
    assert cases[-1].source == "tickets.parquet: row 8"


@pytest.mark.parametrize(
    ("values", "plain"),
    [
        (pa.array([7]), 7),
        (pa.array([0.5]), 0.5),
        (pa.array([0.5], pa.float32()), 0.5),
        (pa.array([True]), True),
        (pa.array([None], pa.null()), None),
        (pa.array(["x"], pa.large_string()), "x"),
        (pa.array(["x"]).dictionary_encode(), "x"),
        (pa.array([dt.date(2024, 2, 29)]), "2024-02-29"),
        (pa.array([dt.datetime(2024, 2, 29, 12, 30)]), "2024-02-29T12:30:00"),
        (pa.array([0], pa.timestamp("us", tz="UTC")), "1970-01-01T00:00:00+00:00"),
        (pa.array([dt.time(12, 30)]), "12:30:00"),
        (pa.array([decimal.Decimal("1.50")]), "1.50"),
        (pa.array([decimal.Decimal("1E+3")], pa.decimal128(10, 0)), "1000"),
        (pa.array([[1, None]]), [1, None]),
        (pa.array([{"day": dt.date(2024, 2, 29)}]), {"day": "2024-02-29"}),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), {"k": 1}),
        (pa.array([[dt.date(2024, 2, 29)]]), ["2024-02-29"]),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_a_typed_value_becomes_plain(tmp_path, values, plain):
    """Times and decimals become text, since a record can keep only what JSON can."""
    path = write(tmp_path, {"input": ["a"], "expected": values})

    (case,) = load_cases(path)

    assert case.expected == plain
    assert type(case.expected) is type(plain)


def test_a_uuid_becomes_text(tmp_path):
    """It makes a good id."""
    known = uuid.UUID(int=7)
    path = write(tmp_path, {"id": pa.array([known.bytes], pa.uuid()), "input": ["a"]})

    (case,) = load_cases(path)

    assert case.id == str(known)


def test_metadata_may_be_a_column_of_mappings(tmp_path):
    """As in JSON, and unlike in CSV."""
    path = write(tmp_path, {"input": ["a"], "metadata": [{"customer": "c1"}], "lang": ["en"]})

    (case,) = load_cases(path)

    assert case.metadata == {"customer": "c1", "lang": "en"}


LABELS = {
    b"huggingface": json.dumps(
        {"info": {"features": {"label": {"names": ["bug", "login"], "_type": "ClassLabel"}}}}
    ).encode()
}


def test_class_labels_of_hugging_face_become_their_names(tmp_path):
    """-1 is a label that was kept back, and a number without a name stays what it is."""
    path = write(
        tmp_path,
        {"text": ["a", "b", "c", "d", "e"], "label": [1, 0, -1, 5, None]},
        metadata=LABELS,
    )

    cases = load_cases(path, columns={"input": "text", "expected": "label"})

    assert [case.expected for case in cases] == ["login", "bug", None, 5, None]


@pytest.mark.parametrize("value", [b"[]", b"{", b'{"info": {"features": 5}}', b"\xff"])
def test_metadata_of_somebody_else_are_no_labels(tmp_path, value):
    """Whatever stands there, numbers are then numbers."""
    path = write(tmp_path, {"input": ["a"], "expected": [1]}, metadata={b"huggingface": value})

    (case,) = load_cases(path)

    assert case.expected == 1


BROKEN_TEXT = pa.Array.from_buffers(
    pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff")]
)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"text": ["a"]},
            "no 'input' among the columns 'text'; if it is 'text', write input='text'.",
        ),
        ({"input": ["a", None]}, "row 2: the case has no input; 'input' is empty."),
        (
            {"input": ["a"], "score": [float("nan")]},
            "row 1: 'score' holds the number nan; a record can keep only what JSON can.",
        ),
        (
            {"input": ["a", "b"], "image": [None, b"\x89PNG"]},
            "row 2: 'image' holds bytes; write the column as text, or leave it out.",
        ),
        (
            {"input": ["a"], "image": [{"bytes": b"\x89PNG"}]},
            "row 1: 'image' holds a bytes; a record can keep only what JSON can.",
        ),
        (
            {"input": ["a"], "took": [dt.timedelta(seconds=1)]},
            "row 1: 'took' holds a datetime.timedelta; a record can keep only what JSON can.",
        ),
        (
            {"input": ["a"], "map": pa.array([[(1, 2)]], pa.map_(pa.int64(), pa.int64()))},
            (
                "row 1: 'map' holds a mapping with the key 1, which is not text; "
                "a record can keep only what JSON can."
            ),
        ),
        (
            {"input": ["a", "b"], "day": pa.array([0, 2**40], pa.timestamp("s"))},
            "row 2: 'day' can't be read: ",
        ),
        ({"input": BROKEN_TEXT}, "row 2: 'input' can't be read: Invalid UTF8"),
        ({"input": pa.array([], pa.string())}, "the file has no cases."),
        (
            pa.Table.from_arrays([pa.array(["a"])] * 2, ["input", "input"]),
            "the columns are named 'input' more than once.",
        ),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_what_no_case_can_hold_is_refused(tmp_path, columns, message):
    """With the row and the column, where it is one."""
    path = write(tmp_path, columns)

    assert refusal(path).startswith(f"tickets.parquet: {message}")


def test_a_mapping_that_has_a_key_twice_is_refused(tmp_path):
    """As in every other format."""
    twice = pa.array([[("k", 1), ("k", 2)]], pa.map_(pa.string(), pa.int64()))
    path = write(tmp_path, {"input": ["a"], "map": twice})

    assert refusal(path).startswith("tickets.parquet: row 1: 'map' can't be read: ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "tickets.parquet:1: the file is empty, so it has no cases."),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 5\n",
            (
                "tickets.parquet:1: this is a Git LFS pointer, not the dataset itself; "
                "run git lfs pull."
            ),
        ),
        (b"input,expected\na,b\n", "tickets.parquet: can't be read as Parquet: "),
        (b"PAR1" + b"\0" * 20 + b"PAR1", "tickets.parquet: can't be read as Parquet: "),
    ],
    ids=["empty", "pointer", "CSV", "damaged"],
)
def test_a_file_of_another_kind_is_refused(tmp_path, content, message):
    """Whatever pyarrow says of it, on one line behind the file."""
    path = tmp_path / "tickets.parquet"
    path.write_bytes(content)

    found = refusal(path)

    assert found.startswith(message)
    assert "\n" not in found


def outcome(path):
    """The cases of ``path``, or the one error that may be."""
    try:
        return load_cases(path, shown_from=path.parent)
    except DatasetError as error:
        return error


@pytest.mark.parametrize("name", ["tickets.parquet", "tickets.arrow"])
def test_no_damaged_byte_raises_anything_else(tmp_path, name):
    """Also where offsets point out of the file, which pyarrow itself would follow."""
    whole = write(tmp_path, {"input": ["hello", "world"], "tags": [["a"], ["b"]]}, name)
    data = whole.read_bytes()
    path = tmp_path / f"damaged-{name}"

    for at in range(0, len(data), 3):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        found = outcome(path)
        assert not isinstance(found, DatasetError) or str(found).startswith(path.name)


@pytest.mark.parametrize(("limit", "value"), [("_MAX_ROWS", 3), ("_MAX_BYTES", 40)])
@pytest.mark.parametrize("name", ["tickets.parquet", "tickets.arrow"])
def test_a_file_that_holds_too_much_is_refused(tmp_path, monkeypatch, name, limit, value):
    """A few kilobytes can stand for the whole memory."""
    path = write(tmp_path, {"input": [f"question {n}" for n in range(4)]}, name)
    monkeypatch.setattr(arrow_files, limit, value)

    assert "; make a smaller dataset of it." in refusal(path)


@pytest.mark.parametrize("name", ["tickets.parquet", "tickets.arrow"])
def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch, name):
    """In one sentence with the command."""
    path = write(tmp_path, {"input": ["a"]}, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    assert refusal(path) == (
        f"{name}: Parquet and Arrow need pyarrow; pip install 'pytest-modeleval[parquet]'."
    )


def test_a_pyarrow_that_is_too_old_is_named(tmp_path, monkeypatch):
    """Before it fails at something that it doesn't know."""
    path = write(tmp_path, {"input": ["a"]})
    monkeypatch.setattr(pa, "__version__", "19.0.1")

    assert refusal(path) == (
        "tickets.parquet: pyarrow 19.0.1 is too old; "
        "pip install --upgrade 'pytest-modeleval[parquet]'."
    )


def test_a_stream_that_was_cut_off_between_batches_is_refused(tmp_path):
    """pyarrow reads it as a shorter one."""
    table = pa.table({"input": ["a", "b", "c"], "expected": ["A", "B", "C"]})
    path = tmp_path / "cases.arrow"
    ends = []
    with path.open("wb") as opened, pa.ipc.new_stream(opened, table.schema) as stream:
        for batch in table.to_batches(max_chunksize=1):
            stream.write_batch(batch)
            ends.append(opened.tell())
    path.write_bytes(path.read_bytes()[: ends[1]])

    with pytest.raises(DatasetError, match="has no end, so rows may be missing"):
        load_cases(path)
