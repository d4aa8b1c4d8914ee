"""Parts: a key of a JSON or YAML file that holds the cases beside other keys."""

import json

import pytest

from pytest_modeleval.errors import DatasetError
from pytest_modeleval.suites import load_dataset

DOCUMENT = {
    "name": "capitals",
    "train": [{"input": "a"}],
    "test": [{"input": "b"}, {"input": "c"}],
    "notes": ["d"],
}


def write(folder, suffix, document=DOCUMENT):
    """The document with a key a line; YAML is a superset of JSON."""
    path = folder / f"capitals{suffix}"
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return path


def refusal(name, folder):
    """The message with which a part is refused."""
    with pytest.raises(DatasetError) as caught:
        load_dataset(name, folders=[folder], shown_from=folder)
    return str(caught.value)


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_a_key_behind_a_hash_holds_the_cases(tmp_path, suffix):
    """Other keys may then say what they want; the places are lines of the file."""
    write(tmp_path, suffix)

    dataset = load_dataset(f"capitals{suffix}#test", folders=[tmp_path], shown_from=tmp_path)

    assert [case.input for case in dataset.cases] == ["b", "c"]
    assert dataset.cases[0].source == f"capitals{suffix}:9"
    assert dataset.shown == f"capitals{suffix}#test"


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_a_document_that_has_other_keys_says_which_part_is_likely(tmp_path, suffix):
    """The longest of the lists that could be cases."""
    write(tmp_path, suffix)

    assert refusal(f"capitals{suffix}", tmp_path) == (
        f"capitals{suffix}:2: unknown key 'name'; if 'test' holds the cases, "
        "write '#test' after the file's name."
    )


@pytest.mark.parametrize(
    ("suffix", "part", "message"),
    [
        (
            ".json",
            "tests",
            (
                "capitals.json:1: expected an object whose key 'tests' holds a list of cases, "
                "found the keys 'name', 'train', 'test' and 'notes'; did you mean 'test'?"
            ),
        ),
        (
            ".yaml",
            "tests",
            (
                "capitals.yaml:1: expected a mapping whose key 'tests' holds a list of cases, "
                "found the keys 'name', 'train', 'test' and 'notes'; did you mean 'test'?"
            ),
        ),
        (
            ".json",
            "name",
            "capitals.json:2: 'name' holds a list of cases, not the text 'capitals'.",
        ),
        (
            ".yaml",
            "name",
            "capitals.yaml:2: expected a list of cases, found the text 'capitals'.",
        ),
        (".json", "notes", "capitals.json:17: cases[0] is the text 'd', a case is an object."),
        (".yaml", "notes", "capitals.yaml:17: cases[0] is the text 'd', a case is a mapping."),
    ],
)
def test_a_part_that_holds_no_cases_is_refused(tmp_path, suffix, part, message):
    """Each with a sentence of its own."""
    write(tmp_path, suffix)

    assert refusal(f"capitals{suffix}#{part}", tmp_path) == message


@pytest.mark.parametrize(
    ("suffix", "kind"), [(".json", "an object"), (".yaml", "a mapping")], ids=["JSON", "YAML"]
)
def test_a_list_has_no_parts(tmp_path, suffix, kind):
    """It is the cases already."""
    write(tmp_path, suffix, [{"input": "a"}])

    assert refusal(f"capitals{suffix}#test", tmp_path) == (
        f"capitals{suffix}:1: expected {kind} whose key 'test' holds a list of cases, found a list."
    )


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_table_has_no_parts(tmp_path, suffix):
    """Nor do lines of JSON."""
    (tmp_path / f"capitals{suffix}").write_text("input\na\n", encoding="utf-8")

    assert refusal(f"capitals{suffix}#test", tmp_path) == (
        f"capitals{suffix}: a {suffix} file has no parts; leave out '#test'."
    )


def test_a_missing_file_is_named_without_its_part(tmp_path):
    """With the file that was probably meant."""
    write(tmp_path, ".json")

    assert refusal("capitls.json#test", tmp_path) == (
        f"capitls.json: there is no such file; looked in {tmp_path}; did you mean 'capitals.json'?"
    )


def test_a_key_that_stands_twice_is_refused(tmp_path):
    """Which of them would count?"""
    (tmp_path / "twice.json").write_text('{"a": 1,\n"test": [],\n"a": 2}', encoding="utf-8")

    assert refusal("twice.json#test", tmp_path) == "twice.json:3: the key 'a' stands twice."
