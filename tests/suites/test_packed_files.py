"""Packed files: gzip is read by the name, and everything else that is packed has a sentence."""

import gzip
import json

import pytest

from pytest_modeleval.errors import DatasetError
from pytest_modeleval.suites import files, load_cases

TEXTS = {
    ".csv": "input\nhello\n",
    ".tsv": "input\nhello\n",
    ".json": '[{"input": "hello"}]',
    ".jsonl": '{"input": "hello"}\n',
    ".yaml": "- input: hello\n",
}


def refusal(path):
    """The message with which a file is refused."""
    with pytest.raises(DatasetError) as caught:
        load_cases(path, shown_from=path.parent)
    return str(caught.value)


@pytest.mark.parametrize("suffix", TEXTS)
@pytest.mark.parametrize("packed_suffix", [".gz", ".GZ"])
def test_every_text_may_be_packed(tmp_path, suffix, packed_suffix):
    """Lines are those of the text inside."""
    path = tmp_path / f"tickets{suffix}{packed_suffix}"
    path.write_bytes(gzip.compress(TEXTS[suffix].encode()))

    (case,) = load_cases(path, shown_from=tmp_path)

    assert case.input == "hello"
    assert case.source.startswith(f"{path.name}:")


def test_a_file_of_several_parts_is_read_whole(tmp_path):
    """As ``cat a.gz b.gz`` makes it."""
    lines = [json.dumps({"input": text}) + "\n" for text in ("a", "b")]
    path = tmp_path / "tickets.jsonl.gz"
    path.write_bytes(b"".join(gzip.compress(line.encode()) for line in lines))

    assert [case.input for case in load_cases(path)] == ["a", "b"]


PACKED = gzip.compress(TEXTS[".csv"].encode() * 50, mtime=0)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", PACKED, "a.csv:1: the file is gzip; name it a.csv.gz."),
        ("a.csv.gz", b"input\na\n", "a.csv.gz:1: the file is not gzip; name it without .gz."),
        ("a.csv.gz", b"", "a.csv.gz:1: the file is empty, so it has no cases."),
        ("a.csv.gz", gzip.compress(b""), "a.csv.gz:1: the file is empty, so it has no cases."),
        ("a.csv.gz", gzip.compress(b"a\0"), "a.csv.gz:1: byte 2 of the line is NUL, "),
        (
            "a.csv.gz",
            gzip.compress(PACKED),
            "a.csv.gz:1: the file is packed twice; unpack it once.",
        ),
        ("a.csv.gz", PACKED[:-20], "a.csv.gz: broken gzip: the file is cut off."),
        ("a.csv.gz", PACKED[:-8] + b"\0" * 8, "a.csv.gz: broken gzip: CRC check failed"),
        ("a.csv.gz", PACKED[:12] + b"\xff" * 20, "a.csv.gz: broken gzip: "),
        ("a.csv.gz", PACKED + b"rest", "a.csv.gz: broken gzip: Not a gzipped file"),
        (
            "a.csv.gz",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 5\n",
            "a.csv.gz:1: this is a Git LFS pointer, not the dataset itself; run git lfs pull.",
        ),
        (
            "a.csv",
            b"PK\x03\x04\x14\0",
            "a.csv:1: the file is a ZIP archive, as Excel files are; save the table as CSV.",
        ),
        ("a.csv", b"PAR1\x15\x04", "a.csv:1: the file is Parquet; name it .parquet."),
        ("a.csv", b"ARROW1\0\0", "a.csv:1: the file is Arrow; name it .arrow."),
        (
            "a.csv",
            b"\x28\xb5\x2f\xfd\x04",
            "a.csv:1: the file is packed with zstd; unpack it, or pack it with gzip.",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_is_packed_otherwise_is_refused(tmp_path, name, content, message):
    """With what would do."""
    path = tmp_path / name
    path.write_bytes(content)

    found = refusal(path)

    assert found.startswith(message)
    assert "\n" not in found


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    """No more than the limit is ever unpacked."""
    monkeypatch.setattr(files, "_MAX_UNPACKED", 2**20)
    path = tmp_path / "tickets.csv.gz"
    path.write_bytes(gzip.compress(b"input\n" + b"a" * 2**20))

    assert refusal(path) == (
        "tickets.csv.gz: unpacks to more than 1 MiB; unpack the file, or make several of it."
    )
