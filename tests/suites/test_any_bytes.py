"""Whatever bytes a dataset holds, loading gives cases or one DatasetError, and nothing else."""

import csv
import gc
import gzip
import io
import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modeleval.core.cases import Case
from pytest_modeleval.errors import DatasetError
from pytest_modeleval.suites import load_cases

TEXT_SUFFIXES = [".csv", ".tsv", ".jsonl", ".json", ".yaml"]
SUFFIXES = [*TEXT_SUFFIXES, ".tab", ".ndjson", ".yml", ".parquet", ".arrow", ".csv.gz"]

# Words and signs that mean something in one of the formats, so that examples get past the door.
FRAGMENTS = st.sampled_from(
    [
        *("input", "expected", "id", "tags", "cluster", "metadata", "cases", "a", "null", "~"),
        *(",", ";", ":", ": ", "- ", "\n", "\r", "\r\n", " ", "\t", '"', "'", "\\", "\\ud800"),
        *("{", "}", "[", "]", '{"input": "', '"}', "NaN", "1e999", "0x", "0o7", ".inf", "-1"),
        *("&a ", "*a", "<<: ", "!!int ", "!!str ", "!x ", "! ", "!<plain> ", "? ", "|\n", ">\n"),
        *(
            "#",
            "%YAML 1.2\n",
            "---\n",
            "...\n",
            "%",
            "@",
            "`",
            "\u2028",
            "\x85",
            "\ufeff",
            "é",
            "\x07",
        ),
    ]
)
TEXTS = st.lists(FRAGMENTS | st.text(max_size=3), max_size=30).map("".join)
STARTS = st.sampled_from(
    ["", "input,expected\n", '{"input": ', "[", "- input: ", "cases:\n- input: "]
)
CONTENTS = st.binary(max_size=60) | st.builds(
    lambda start, text: (start + text).encode("utf-8", "surrogatepass"), STARTS, TEXTS
)


def outcome(path, part=None, columns=None):
    """The cases of ``path``, or the one error that may be."""
    source = path if part is None else f"{path}#{part}"
    try:
        return load_cases(source, shown_from=path.parent, columns=columns)
    except DatasetError as error:
        return error


def check(found, path):
    """That these are sound cases, or a message as messages are."""
    if isinstance(found, DatasetError):
        assert str(found).startswith(path.name)
        assert "\n" not in str(found)
        return
    assert found
    assert all(type(case) is Case and case.input for case in found)
    assert len({case.id for case in found}) == len(found)
    json.dumps([[case.input, case.expected, case.metadata] for case in found], allow_nan=False)


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(data=CONTENTS)
@settings(max_examples=200, deadline=None)
def test_any_content_gives_cases_or_a_dataset_error(tmp_path_factory, suffix, data):
    """No bytes can raise anything but a DatasetError of one line that begins with the file."""
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(data)

    found = outcome(path)

    check(found, path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "a"]) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
WORDS = st.text(min_size=1, max_size=5)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"input": WORDS},
        optional={
            "expected": VALUES,
            "id": WORDS,
            "tags": st.lists(WORDS, max_size=2) | WORDS,
            "metadata": st.dictionaries(WORDS, VALUES, max_size=2) | st.none(),
            "answers": st.fixed_dictionaries({"text": st.lists(WORDS, max_size=2)}) | VALUES,
            "a b": VALUES,
        },
    ),
    min_size=1,
    max_size=4,
)
SLIPS = st.just([]) | st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 3), FRAGMENTS), min_size=1, max_size=3
)
COLUMNS = st.sampled_from(["expected", "expected", "answers.text[0]", "a b"])


def written(rows, suffix):
    """These rows in a format, as its own library writes them."""
    match suffix:
        case ".jsonl":
            return "".join(json.dumps(row) + "\n" for row in rows)
        case ".json":
            return json.dumps(rows, indent=1)
        case ".yaml":
            return yaml.dump(rows, allow_unicode=True)
    table = io.StringIO(newline="")
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["input"]
    writer = csv.DictWriter(table, names, delimiter="\t" if suffix == ".tsv" else ",")
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue()


@pytest.mark.parametrize("suffix", [*TEXT_SUFFIXES, ".jsonl.gz"])
@given(rows=ROWS, slips=SLIPS, column=COLUMNS)
@settings(max_examples=100, deadline=None)
def test_any_rows_with_any_slip_of_the_pen_give_cases_or_a_dataset_error(
    tmp_path_factory, suffix, rows, slips, column
):
    """Well-formed files of any values, then with some characters cut out and others put in."""
    path = tmp_path_factory.getbasetemp() / f"rows{suffix}"
    text = written(rows, suffix.removesuffix(".gz"))
    for where, n_cut, new in slips:
        at = int(where * len(text))
        text = text[:at] + new + text[at + n_cut :]
    data = text.encode("utf-8", "surrogatepass")
    path.write_bytes(gzip.compress(data, 1) if suffix.endswith(".gz") else data)

    found = outcome(path, columns={"expected": column})

    check(found, path)


@given(part=st.sampled_from(["cases", "a", "", "input"]), data=CONTENTS)
@settings(max_examples=200, deadline=None)
@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_any_part_of_any_content_gives_cases_or_a_dataset_error(
    tmp_path_factory, suffix, part, data
):
    """What follows the hash is nobody's key, or the key of something else."""
    path = tmp_path_factory.getbasetemp() / f"part{suffix}"
    path.write_bytes(data)

    found = outcome(path, part=part)

    check(found, path)


@given(
    files=st.dictionaries(
        st.sampled_from(["dataset_dict.json", "state.json", "README.md", "x/state.json"]),
        st.sampled_from(
            [
                '{"splits": ["x"]}',
                '{"splits": [5, "../y", "a\\u0000"]}',
                '{"_data_files": [{"filename": "rows.csv"}]}',
                '{"_data_files": [{"filename": ".."}, {"filename": "a\\u0000\\ud800"}]}',
                "---\nconfigs:\n- data_files: '*.csv'\n---\n",
                "---\nconfigs:\n- {config_name: 5, data_files: {7: [x, 8, '**', '']}}\n---\n",
            ]
        ),
        max_size=2,
    ),
    part=st.sampled_from([None, "train", "x", "5/7"]),
)
@settings(max_examples=200, deadline=None)
def test_any_folder_gives_cases_or_a_dataset_error(tmp_path_factory, files, part):
    """Whatever its index and its card say."""
    folder = tmp_path_factory.mktemp("folder")
    (folder / "x").mkdir()
    (folder / "rows.csv").write_text("input\nhello\n", encoding="utf-8")
    for name, text in files.items():
        (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))

    found = outcome(folder, part=part)

    check(found, folder)


@given(data=CONTENTS)
@settings(max_examples=200, deadline=None)
def test_any_content_is_safe_without_libyaml(tmp_path_factory, data):
    """The loader in pure Python, used where libyaml is missing, is held to the same."""
    path = tmp_path_factory.getbasetemp() / "pure.yaml"
    path.write_bytes(data)

    with pytest.MonkeyPatch.context() as patch:
        patch.delattr("yaml.CSafeLoader")
        found = outcome(path)

    check(found, path)


@given(cases=st.lists(st.tuples(st.text(min_size=1).filter(str.strip), st.text()), min_size=1))
@settings(max_examples=200, deadline=None)
def test_what_json_writes_is_what_is_loaded(tmp_path_factory, cases):
    """Any text that JSON Lines can hold arrives unchanged, in order."""
    path = tmp_path_factory.getbasetemp() / "written.jsonl"
    lines = [json.dumps({"input": i, "expected": e}, ensure_ascii=False) for i, e in cases]
    path.write_text("\n".join(lines), encoding="utf-8", newline="\n")

    loaded = load_cases(path)

    assert [(case.input, case.expected) for case in loaded] == cases


def test_the_garbage_collector_is_left_as_it_was(tmp_path):
    """Loading pauses the collector, also where it fails, and never for longer."""
    path = tmp_path / "broken.csv"
    path.write_text("input\n", encoding="utf-8")

    with pytest.raises(DatasetError):
        load_cases(path)

    assert gc.isenabled()
