"""Journals: lines of several processes side by side, and a disk that fails."""

import errno
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pytest_modeleval import UsageError
from pytest_modeleval.store.journals import Journal, read_lines

ROOT = Path(__file__).parents[2]


def start(script, *arguments):
    """A process of its own that runs this script."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process):
    """What a process printed; it has to end well."""
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    return stdout


def line(n):
    """A line to write, which ``numbers`` reads."""
    return json.dumps({"n": n})


def numbers(path):
    """The field ``n`` of every line that can be read."""
    return [data["n"] for data in read_lines(path)]


def test_a_line_is_on_disk_at_once(tmp_path):
    """Nothing is buffered: another reader sees a line as soon as it is appended."""
    journal = Journal(tmp_path / "j.jsonl")

    journal.append(line(1))

    assert (tmp_path / "j.jsonl").read_bytes() == b'{"n": 1}\n'
    journal.close()


def test_no_line_no_file(tmp_path):
    """The file is made with its first line."""
    journal = Journal(tmp_path / "j.jsonl")
    journal.close()

    assert list(tmp_path.iterdir()) == []


def test_lines_are_added(tmp_path):
    """What an earlier journal wrote stays, and a closed one may go on."""
    for n in range(3):
        journal = Journal(tmp_path / "j.jsonl")
        journal.append(line(n))
        journal.close()
        journal.append(line(n + 10))
        journal.close()

    assert numbers(tmp_path / "j.jsonl") == [0, 10, 1, 11, 2, 12]


def test_text_of_all_kinds(tmp_path):
    """Line breaks of every kind and other scripts come back as they were."""
    text = "a\nb\r\u2028\u0085 Zürich 💳 \x00"
    journal = Journal(tmp_path / "j.jsonl")

    journal.append(json.dumps({"text": text}, ensure_ascii=False))
    journal.close()

    assert [line["text"] for line in read_lines(tmp_path / "j.jsonl")] == [text]


def test_half_an_emoji_loses_no_line(tmp_path):
    """Text that can't be encoded is written as well as it can be."""
    journal = Journal(tmp_path / "j.jsonl")

    journal.append('{"n": 1, "text": "a\ud83d"}')
    journal.close()

    assert numbers(tmp_path / "j.jsonl") == [1]
    assert journal.trouble is None


def test_two_processes_never_mix_lines(tmp_path):
    """Long lines of two processes at once are all whole, and in each process's order.

    An empty line may stand between them, where one opened the file while the other wrote.
    """
    script = """
        import json, sys
        from pathlib import Path
        from pytest_modeleval.store.journals import Journal

        journal = Journal(Path(sys.argv[1]))
        for n in range(300):
            line = {"n": n, "who": sys.argv[2], "text": sys.argv[2] * 20_000}
            journal.append(json.dumps(line))
        assert journal.trouble is None
    """
    path = tmp_path / "j.jsonl"

    for process in [start(script, path, "a"), start(script, path, "b")]:
        end(process)

    lines = [json.loads(line) for line in path.read_bytes().splitlines() if line]
    assert len(lines) == 600
    for who in "ab":
        assert [line["n"] for line in lines if line["who"] == who] == list(range(300))
    assert all(line["text"] == line["who"] * 20_000 for line in lines)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk():
    """Trouble is remembered and counted, and nothing is raised."""
    journal = Journal(Path("/dev/full"))

    journal.append(line(1))
    journal.append(line(2))
    journal.close()

    assert journal.trouble.errno == errno.ENOSPC
    assert journal.n_lost == 2


@pytest.mark.parametrize("place", ["missing/j.jsonl", "file/j.jsonl", "folder"])
def test_a_place_that_cannot_be_written(tmp_path, place):
    """A folder that is gone or is none, and a folder at the file's place: all remembered."""
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    journal = Journal(tmp_path / place)

    journal.append(line(1))
    journal.close()

    assert isinstance(journal.trouble, OSError)
    assert journal.n_lost == 1


def test_lines_after_the_trouble_are_still_tried(tmp_path):
    """When the place can be written again, so are the lines; the trouble stays known."""
    journal = Journal(tmp_path / "later" / "j.jsonl")
    journal.append(line(1))
    (tmp_path / "later").mkdir()

    journal.append(line(2))
    journal.close()

    assert numbers(tmp_path / "later" / "j.jsonl") == [2]
    assert journal.n_lost == 1
    assert journal.trouble is not None


def test_a_line_cut_by_a_full_disk_takes_no_other_with_it(tmp_path):
    """After half a line was written the next one begins on a line of its own."""
    pytest.importorskip("resource", reason="no limits on files here")
    script = """
        import resource, sys
        from pathlib import Path
        from pytest_modeleval.store.journals import Journal

        journal = Journal(Path(sys.argv[1]))
        journal.append('{"n": 1}')
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
        journal.append('{"n": 2, "text": "' + "x" * 1000 + '"}')
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        journal.append('{"n": 3}')
        print(journal.n_lost)
    """

    n_lost = end(start(script, tmp_path / "j.jsonl"))

    assert n_lost == "1\n"
    assert numbers(tmp_path / "j.jsonl") == [1, 3]


def test_a_torn_last_line(tmp_path):
    """Half a line of a killed process is passed over, and costs no line that comes after it."""
    path = tmp_path / "j.jsonl"
    path.write_bytes(b'{"n": 1}\n{"n": 2, "te')
    before = numbers(path)
    journal = Journal(path)

    journal.append(line(3))
    journal.close()

    assert before == [1]
    assert numbers(path) == [1, 3]


def test_lines_that_are_no_mapping(tmp_path):
    """Empty lines and other JSON are passed over."""
    path = tmp_path / "j.jsonl"
    path.write_bytes(b'\n[1]\n"a"\nnull\n{"n": 1}\n\n')

    assert numbers(path) == [1]


def test_bytes_that_are_no_text(tmp_path):
    """A line of broken bytes costs itself alone."""
    path = tmp_path / "j.jsonl"
    path.write_bytes(b'{"n": 1}\n\xff\xfe{\x00\n{"n": 2}\n')

    assert numbers(path) == [1, 2]


def test_no_file_no_lines(tmp_path):
    """A journal that was never written is empty."""
    assert numbers(tmp_path / "j.jsonl") == []


def test_a_later_format_is_refused(tmp_path):
    """A file of a later version is refused with a sentence that names it."""
    path = tmp_path / "j.jsonl"
    path.write_text('{"format_version": 2, "n": 1}\n')

    with pytest.raises(UsageError, match=r"j\.jsonl.*format_version.*2"):
        list(read_lines(path))
