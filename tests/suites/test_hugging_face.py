"""Hugging Face's layout: which files of a folder are a split, and how one is chosen."""

import json

import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from pytest_modeleval.errors import DatasetError
from pytest_modeleval.suites import load_cases, load_dataset


def save(folder, inputs, n_files=1, **state):
    """A folder as ``Dataset.save_to_disk`` writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"data-{n:05}-of-{n_files:05}.arrow" for n in range(n_files)]
    for n, name in enumerate(names):
        table = pa.table({"input": inputs[n::n_files]})
        with ipc.new_stream(folder / name, table.schema) as stream:
            stream.write_table(table)
    state = {"_data_files": [{"filename": name} for name in names], "_split": None} | state
    (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
    (folder / "dataset_info.json").write_text("{}", encoding="utf-8")
    return folder


def save_splits(folder, **splits):
    """A folder as ``DatasetDict.save_to_disk`` writes it."""
    for name, inputs in splits.items():
        save(folder / name, inputs)
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": [*splits]}), encoding="utf-8")
    return folder


def write(folder, name, inputs):
    """A Parquet file somewhere in a folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table({"input": inputs}), path)


def inputs_of(source, root):
    """The inputs of the cases that are found."""
    return [case.input for case in load_cases(source, folders=[root], shown_from=root)]


def refusal(source, root):
    """The message with which a folder is refused."""
    with pytest.raises(DatasetError) as caught:
        load_cases(source, folders=[root], shown_from=root)
    return str(caught.value)


def test_a_saved_dataset_is_read_file_by_file(tmp_path):
    """In the order of its state, each row under the name of its file."""
    save(tmp_path / "squad", ["a", "b", "c"], n_files=2)

    dataset = load_dataset("squad", folders=[tmp_path], shown_from=tmp_path)

    assert [case.source for case in dataset.cases] == [
        "squad/data-00000-of-00002.arrow: row 1",
        "squad/data-00000-of-00002.arrow: row 2",
        "squad/data-00001-of-00002.arrow: row 1",
    ]
    assert [file.name for file in dataset.files] == [
        "data-00000-of-00002.arrow",
        "data-00001-of-00002.arrow",
    ]
    assert dataset.shown == "squad"


def test_a_split_is_named_behind_a_hash(tmp_path):
    """And stands in the dataset's name, so that two splits of a folder are two datasets."""
    save_splits(tmp_path / "squad", train=["a", "b"], test=["c"])

    dataset = load_dataset("squad#test", folders=[tmp_path], shown_from=tmp_path)

    assert [case.input for case in dataset.cases] == ["c"]
    assert dataset.shown == "squad#test"


def test_the_only_split_needs_no_name(tmp_path):
    """But may have it."""
    save_splits(tmp_path / "squad", test=["c"])

    assert inputs_of("squad", tmp_path) == inputs_of("squad#test", tmp_path) == ["c"]


def test_a_folder_with_a_hash_in_its_name_is_that_folder(tmp_path):
    """What exists under the whole name is meant."""
    save(tmp_path / "squad#test", ["a"])
    save_splits(tmp_path / "squad", test=["c"])

    assert inputs_of("squad#test", tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("squad", "squad: has 2 splits; name one of 'squad#train' and 'squad#test'."),
        ("squad#tset", "squad: there is no split 'tset'; did you mean 'test'?"),
        ("squad#x", "squad: there is no split 'x'; there is 'train' and 'test'."),
        ("squad#", "squad: there is no split ''; there is 'train' and 'test'."),
    ],
)
def test_a_split_that_is_not_clear_is_refused(tmp_path, source, message):
    """With the splits that there are."""
    save_splits(tmp_path / "squad", train=["a"], test=["c"])

    assert refusal(source, tmp_path) == message


def test_shards_make_splits(tmp_path):
    """As in the data folder of most repositories."""
    write(tmp_path, "squad/data/train-00000-of-00002.parquet", ["a"])
    write(tmp_path, "squad/data/train-00001-of-00002.parquet", ["b"])
    write(tmp_path, "squad/data/test-00000-of-00001-0a1b2c.parquet", ["c"])
    (tmp_path / "squad" / "README.md").write_bytes(b"")

    assert inputs_of("squad#train", tmp_path) == ["a", "b"]
    assert inputs_of("squad#test", tmp_path) == ["c"]


CARD = """\
---
license: mit
configs:
- config_name: algebra
  data_files:
  - split: test
    path: algebra/test-*
  - split: dev
    path: [algebra/dev.jsonl]
- config_name: history
  data_files:
    test: history/*.parquet
---
# A dataset
"""


def make_repository(folder, card=CARD):
    """A repository of two configs, in two formats."""
    write(folder, "algebra/test-00000-of-00001.parquet", ["a"])
    write(folder, "history/one.parquet", ["h"])
    (folder / "algebra" / "dev.jsonl").write_text('{"input": "d"}\n', encoding="utf-8")
    (folder / "README.md").write_text(card, encoding="utf-8")


@pytest.mark.parametrize(
    ("part", "inputs"),
    [
        ("algebra/test", ["a"]),
        ("algebra/dev", ["d"]),
        ("history/test", ["h"]),
        ("history", ["h"]),
    ],
)
def test_the_card_of_a_repository_says_what_its_configs_are(tmp_path, part, inputs):
    """A config of a single split needs no more than its own name."""
    make_repository(tmp_path / "mmlu")

    assert inputs_of(f"mmlu#{part}", tmp_path) == inputs


def test_a_config_of_several_splits_is_not_clear(tmp_path):
    """Its splits alone are named then."""
    make_repository(tmp_path / "mmlu")

    assert refusal("mmlu#algebra", tmp_path) == (
        "mmlu: has 2 splits; name one of 'mmlu#algebra/test' and 'mmlu#algebra/dev'."
    )


@pytest.mark.parametrize("data_files", ["history/*", "[history/one.parquet]"])
def test_files_without_a_split_are_train(tmp_path, data_files):
    """As Hugging Face has it."""
    card = f"---\nconfigs:\n- config_name: default\n  data_files: {data_files}\n---\n"
    make_repository(tmp_path / "mmlu", card)

    assert inputs_of("mmlu#train", tmp_path) == ["h"]


@pytest.mark.parametrize("pattern", ["none/*", "../*", "/etc/*", "hf://datasets/x", "5"])
def test_a_pattern_that_matches_nothing_in_the_folder_is_refused(tmp_path, pattern):
    """Nothing is read from elsewhere."""
    card = f'---\nconfigs:\n- config_name: default\n  data_files: "{pattern}"\n---\n'
    make_repository(tmp_path / "mmlu", card)

    assert refusal("mmlu", tmp_path) == f"mmlu/README.md: no file is named like '{pattern}'."


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "d: this is a folder; name one dataset file in it."),
        ({"README.md": "# d\n"}, "d: this is a folder; name one dataset file in it."),
        (
            {"README.md": "---\nconfigs: 5\n---\n"},
            "d: this is a folder; name one dataset file in it.",
        ),
        ({"README.md": "---\na: [\n---\n"}, "d/README.md:3:1: broken YAML: "),
        ({"dataset_dict.json": "{"}, "d/dataset_dict.json:1:2: broken JSON: "),
        ({"dataset_dict.json": "[]"}, "d/dataset_dict.json:1: names no splits."),
        (
            {"dataset_dict.json": '{"splits": ["test"]}'},
            "d/test/state.json: there is no such file; save the dataset again.",
        ),
        ({"state.json": "{}"}, "d/state.json:1: names no data files."),
        ({"state.json": '{"_data_files": 5}'}, "d/state.json:1: names no data files."),
        ({"state.json": '{"_data_files": [5]}'}, "d/state.json:1: names no data files."),
        (
            {"state.json": '{"_data_files": [{"filename": "none.arrow"}]}'},
            "d/none.arrow: there is no such file.",
        ),
        (
            {"state.json": '{"_indices_data_files": [{"filename": "indices.arrow"}]}'},
            "d: an old version of datasets saved rows and their order apart; ",
        ),
    ],
)
def test_a_folder_that_is_no_dataset_is_refused(tmp_path, files, message):
    """With the file that is to blame."""
    folder = tmp_path / "d"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")

    assert refusal("d", tmp_path).startswith(message)


def test_a_folder_that_can_not_be_read_is_refused(tmp_path, monkeypatch):
    """With the system's reason."""
    save(tmp_path / "squad", ["a"])

    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.is_file", refuse)

    assert refusal("squad", tmp_path) == "squad: can't be read: Permission denied."
