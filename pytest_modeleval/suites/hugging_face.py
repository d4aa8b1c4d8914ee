"""Hugging Face's layout: a folder that holds the files of one dataset, split by split.

Known are what ``save_to_disk`` writes, the ``configs`` in the README of a repository, and shards
named like ``data/train-00000-of-00002.parquet``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_modeleval.errors import DatasetError, did_you_mean
from pytest_modeleval.suites import files
from pytest_modeleval.suites.strict_yaml import Values, compose
from pytest_modeleval.suites.tables import listed, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["split_files"]

_SHARD = re.compile(r"(.+)-[0-9]{5}-of-[0-9]{5}(-[0-9a-f]+)?")

Splits = dict[str, list[Path]]
"""The files of each split, in order; a split of one of several configs is ``CONFIG/SPLIT``."""


def split_files(folder: Path, shown: str, part: str | None) -> list[Path]:
    """The files of one split of the dataset in ``folder``.

    Args:
        folder: The folder.
        shown: The folder, as messages name it.
        part: The split, with the config before it where there are several; None where there is
            only one.

    Raises:
        DatasetError: For a folder of another kind, and a split that is not there or not named.
    """
    try:
        splits = _saved(folder, shown) or _configured(folder, shown) or _sharded(folder)
    except OSError as error:
        raise DatasetError(f"{shown}: can't be read: {error.strerror or error}.") from error
    if not splits:
        raise DatasetError(f"{shown}: this is a folder; name one dataset file in it.")
    # A config of one split needs no more than its own name.
    known = [name for name in splits if part is None or name == part] or [
        name for name in splits if name.startswith(f"{part}/")
    ]
    if len(known) == 1:
        return splits[known[0]]
    if part is None or known:
        shown_names = listed(f"{shown}#{name}" for name in known)
        raise DatasetError(f"{shown}: has {len(known)} splits; name one of {shown_names}.")
    hint = did_you_mean(part, splits) or f"; there is {listed(splits)}."
    raise DatasetError(f"{shown}: there is no split {quoted(part)}{hint}")


def _saved(folder: Path, shown: str) -> Splits:
    """The splits of ``DatasetDict.save_to_disk``, or the only one of ``Dataset.save_to_disk``."""
    index = folder / "dataset_dict.json"
    if index.is_file():
        names = _member(_read_json(index, f"{shown}/{index.name}"), "splits")
        if not isinstance(names, list) or not names:
            raise DatasetError(f"{shown}/{index.name}:1: names no splits.")
        return {str(name): _files_of_state(folder / str(name), f"{shown}/{name}") for name in names}
    if (folder / "state.json").is_file():
        state = _read_json(folder / "state.json", f"{shown}/state.json")
        return {str(_member(state, "_split") or "train"): _files_of_state(folder, shown)}
    return {}


def _files_of_state(folder: Path, shown: str) -> list[Path]:
    """The Arrow files that ``state.json`` names."""
    path = folder / "state.json"
    if not path.is_file():
        raise DatasetError(f"{shown}/{path.name}: there is no such file; save the dataset again.")
    state = _read_json(path, f"{shown}/{path.name}")
    if _member(state, "_indices_data_files"):
        raise DatasetError(
            f"{shown}: an old version of datasets saved rows and their order apart; load it with "
            "a new one, and save what flatten_indices() gives."
        )
    entries = _member(state, "_data_files")
    found = [_member(entry, "filename") for entry in entries] if isinstance(entries, list) else []
    if not found or not all(isinstance(name, str) for name in found):
        raise DatasetError(f"{shown}/{path.name}:1: names no data files.")
    return [folder / name for name in found]


def _configured(folder: Path, shown: str) -> Splits:
    """The splits of the ``configs`` that the README of a repository begins with."""
    readme = folder / "README.md"
    if not readme.is_file() or not readme.read_bytes().startswith(b"---"):
        return {}
    shown = f"{shown}/{readme.name}"
    text = files.read_text(readme, shown).replace("\r\n", "\n")
    front, mark, _ = text.partition("\n---")
    if not mark or not front.startswith("---\n"):
        return {}
    root = compose(front + "\n", shown)
    if root is None or root.id != "mapping":
        return {}
    values = Values(shown)
    node = next((entry.node for entry in values.entries(root) if entry.key == "configs"), None)
    configs = values.of(node) if node is not None else None
    configs = configs if isinstance(configs, list) else []
    splits: Splits = {}
    for config in configs:
        name = _member(config, "config_name") if len(configs) > 1 else None
        for split, patterns in _patterns(_member(config, "data_files")):
            key = split if name is None else f"{name}/{split}"
            splits.setdefault(key, []).extend(_matching(folder, patterns, shown))
    return splits


def _patterns(data_files: Any) -> list[tuple[str, list[Any]]]:
    """Each split with its patterns, in all the forms that ``data_files`` may have."""
    match data_files:
        case str():
            return [("train", [data_files])]
        case list() if all(isinstance(item, str) for item in data_files):
            return [("train", data_files)]
        case list():
            pairs = [(_member(item, "split"), _member(item, "path")) for item in data_files]
        case dict():
            pairs = list(data_files.items())
        case _:
            pairs = []
    return [
        (str(split), paths if isinstance(paths, list) else [paths])
        for split, paths in pairs
        if split is not None and paths
    ]


def _matching(folder: Path, patterns: list[Any], shown: str) -> list[Path]:
    found: list[Path] = []
    for pattern in patterns:
        is_inside = isinstance(pattern, str) and ".." not in Path(pattern).parts
        try:
            paths = sorted(filter(Path.is_file, folder.glob(pattern))) if is_inside else []
        except (ValueError, NotImplementedError, OSError):  # no pattern, or not of this folder
            paths = []
        if not paths:
            raise DatasetError(f"{shown}: no file is named like {quoted(str(pattern))}.")
        found += paths
    return found


def _sharded(folder: Path) -> Splits:
    """The splits of files named ``SPLIT-00000-of-00001`` in the folder, or in ``data`` below."""
    splits: Splits = {}
    for place in (folder, folder / "data"):
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            shard = _SHARD.fullmatch(path.name.partition(".")[0])
            if shard and path.is_file():
                splits.setdefault(shard[1], []).append(path)
    return splits


def _read_json(path: Path, shown: str) -> Any:
    text = files.read_text(path, shown)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DatasetError(
            f"{shown}:{error.lineno}:{error.colno}: broken JSON: {error.msg}."
        ) from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{shown}:1: broken JSON: {error}.") from error


def _member(value: Any, key: str) -> Any:
    """What a mapping holds under ``key``; None where it doesn't, or is none."""
    found: Mapping[str, Any] = value if isinstance(value, dict) else {}
    return found.get(key)
