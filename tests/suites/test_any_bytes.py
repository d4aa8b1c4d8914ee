"""Whatever bytes a dataset holds, loading gives cases or one DatasetError, and nothing else."""

import gc
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modeleval.core.cases import Case
from pytest_modeleval.errors import DatasetError
from pytest_modeleval.suites import load_cases

SUFFIXES = [".csv", ".jsonl", ".ndjson", ".json", ".yaml", ".yml"]

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


def outcome(path):
    """The cases of ``path``, or the one error that may be."""
    try:
        return load_cases(path, shown_from=path.parent)
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
