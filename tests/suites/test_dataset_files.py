"""Files: where a dataset is looked for, how it is shown, and what is no dataset at all."""

from pathlib import Path

import pytest

from pytest_modeleval.errors import DatasetError
from pytest_modeleval.suites import load_cases


def refusal(source, **options):
    """The message with which ``source`` is refused."""
    with pytest.raises(DatasetError) as caught:
        load_cases(source, **options)
    return str(caught.value)


def write(path, content="input\nhello\n"):
    """A new file, by default a dataset of one case."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_the_first_folder_that_has_the_file_wins(tmp_path):
    """The test file's folder comes before the root."""
    write(tmp_path / "tickets.csv", "input\nroot\n")
    write(tmp_path / "evals" / "tickets.csv", "input\nbeside\n")

    (case,) = load_cases("tickets.csv", folders=[tmp_path / "evals", tmp_path], shown_from=tmp_path)

    assert case.input == "beside"
    assert case.source == str(Path("evals/tickets.csv:2"))


def test_a_later_folder_is_looked_through_too(tmp_path):
    """What the first lacks may stand in the second."""
    write(tmp_path / "tickets.csv", "input\nroot\n")

    (case,) = load_cases("tickets.csv", folders=[tmp_path / "evals", tmp_path])

    assert (case.input, case.source) == ("root", "tickets.csv:2")


def test_without_folders_the_current_one_counts(tmp_path, monkeypatch):
    """As for any other program."""
    write(tmp_path / "tickets.csv")
    monkeypatch.chdir(tmp_path)

    (case,) = load_cases("tickets.csv")

    assert case.source == "tickets.csv:2"


def test_a_path_outside_of_the_root_is_shown_as_given(tmp_path):
    """A path with a climb in it is clearer as the user wrote it."""
    write(tmp_path / "shared" / "tickets.csv")
    root = tmp_path / "project"
    root.mkdir()

    (case,) = load_cases("../shared/tickets.csv", folders=[root], shown_from=root)

    assert case.source == "../shared/tickets.csv:2"


def test_a_missing_file_names_every_place(tmp_path):
    """And the file that was probably meant."""
    write(tmp_path / "evals" / "tickets.csv")

    message = refusal("tickts.csv", folders=[tmp_path / "evals", tmp_path], shown_from=tmp_path)

    assert message == (
        f"tickts.csv: there is no such file; looked in {tmp_path / 'evals'} and {tmp_path}; "
        "did you mean 'tickets.csv'?"
    )


@pytest.mark.parametrize("name", ["none.csv", "a\0b.csv", "x" * 5000, "no/such/folder.csv"])
def test_a_name_of_nothing_is_a_missing_file(tmp_path, name):
    """Also a name that the system can't hold."""
    assert refusal(name, folders=[tmp_path]) == (
        f"{name}: there is no such file; looked in {tmp_path}."
    )


def test_an_absolute_path_is_not_looked_for(tmp_path):
    """It says itself where it is."""
    path = tmp_path / "none.csv"

    assert refusal(path, folders=[tmp_path]) == f"{path}: there is no such file."


KNOWN = (
    ".arrow, .csv, .json, .jsonl, .ndjson, .parquet, .tab, .tsv, .yaml, .yml (.csv.gz and so on)"
)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.txt", f"a.txt: a dataset ends in one of {KNOWN}, not in '.txt'."),
        ("a.jsn", f"a.jsn: a dataset ends in one of {KNOWN}, not in '.jsn'; did you mean '.json'?"),
        ("a", f"a: a dataset ends in one of {KNOWN}, not in ''."),
        ("a.txt.gz", f"a.txt.gz: a dataset ends in one of {KNOWN}, not in '.txt.gz'."),
        ("a.gz", f"a.gz: a dataset ends in one of {KNOWN}, not in '.gz'."),
        ("a.parquet.gz", "a.parquet.gz: .parquet is packed in itself; unpack the file."),
    ],
)
def test_an_unknown_suffix_is_refused(tmp_path, name, message):
    """With the ones that are known."""
    path = write(tmp_path / name)

    assert refusal(path, shown_from=tmp_path) == message


def test_a_folder_is_refused(tmp_path):
    """Also one with the name of a file."""
    (tmp_path / "tickets.csv").mkdir()

    assert refusal("tickets.csv", folders=[tmp_path]) == (
        "tickets.csv: this is a folder; name one dataset file in it."
    )


def test_a_device_is_refused():
    """It might never end."""
    assert refusal("/dev/zero") == "/dev/zero: this is not a regular file; a dataset is one."


def test_a_file_that_can_not_be_read_is_refused(tmp_path, monkeypatch):
    """With the system's reason."""
    path = write(tmp_path / "tickets.csv")

    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)

    assert refusal(path, shown_from=tmp_path) == "tickets.csv: can't be read: Permission denied."


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json", ".yaml"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty, so it has no cases."),
        (b"\xef\xbb\xbf \n\n", "the file is empty, so it has no cases."),
        ("input".encode("utf-16"), "the file is in UTF-16; save it as UTF-8."),
        ("input".encode("utf-32"), "the file is in UTF-32; save it as UTF-8."),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 5\n",
            "this is a Git LFS pointer, not the dataset itself; run git lfs pull.",
        ),
        (b"a\0b", "byte 2 of the line is NUL, which no text holds; save the file as UTF-8."),
        (b"ab\xe9\n", "byte 3 of the line, 0xe9, is not UTF-8; save the file as UTF-8."),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path, suffix, content, message):
    """Whatever the format, before anything is read in it."""
    path = write(tmp_path / f"tickets{suffix}", content)

    first_line, _, rest = refusal(path, shown_from=tmp_path).partition(": ")

    assert (first_line, rest) == (f"tickets{suffix}:1", message)


def test_the_line_of_a_bad_byte_is_counted(tmp_path):
    """In lines and bytes of the file as it stands."""
    path = write(tmp_path / "tickets.csv", "input\né".encode() + b"\xff\n")

    assert refusal(path, shown_from=tmp_path) == (
        "tickets.csv:2: byte 3 of the line, 0xff, is not UTF-8; save the file as UTF-8."
    )
