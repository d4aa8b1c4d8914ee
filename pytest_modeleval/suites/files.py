"""Files: find a dataset beside its test, and read it as text or say why that can't be done."""

from __future__ import annotations

import codecs
import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_modeleval.errors import DatasetError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["check_is_dataset", "find", "read_text", "shown_path"]

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_OTHER_ENCODINGS = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_LOOKED_THROUGH = 2000


def find(path: Path, folders: Sequence[Path], suffixes: Collection[str]) -> Path:
    """The first file named ``path`` below one of ``folders``.

    Args:
        path: As the user wrote it; an absolute path stands for itself.
        folders: Where a relative path is looked for, in order; none means the current folder.
        suffixes: Of the files that a "did you mean" may name.

    Raises:
        DatasetError: Where there is none; the message names every place.
    """
    places = [Path()] if path.is_absolute() or not folders else list(dict.fromkeys(folders))
    for folder in places:
        if _exists(folder / path):
            return folder / path
    looked = "" if path.is_absolute() else f"; looked in {' and '.join(_absolute(places))}"
    names = {name for folder in places for name in _names((folder / path).parent, suffixes)}
    hint = did_you_mean(path.name, sorted(names))
    raise DatasetError(f"{path}: there is no such file{looked}{hint or '.'}")


def shown_path(found: Path, given: Path, shown_from: Path | None) -> str:
    """``found`` relative to ``shown_from`` where it lies below, else as it was ``given``."""
    if shown_from is None:
        return str(given)
    # Not resolved: a link is shown under the name that the user knows.
    path, root = (Path(os.path.normpath(place.absolute())) for place in (found, shown_from))
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(given)


def check_is_dataset(path: Path, shown: str, suffixes: Collection[str]) -> None:
    """Refuse what can't be a dataset by its kind or its name.

    Raises:
        DatasetError: For a folder, a device and a suffix of no known format.
    """
    if path.is_dir():
        raise DatasetError(f"{shown}: this is a folder; name one dataset file in it.")
    if not path.is_file():
        raise DatasetError(f"{shown}: this is not a regular file; a dataset is one.")
    if path.suffix.lower() not in suffixes:
        raise DatasetError(
            f"{shown}: a dataset ends in one of {', '.join(sorted(suffixes))}, "
            f"not in {path.suffix!r}{did_you_mean(path.suffix.lower(), suffixes) or '.'}"
        )


def read_text(path: Path, shown: str) -> str:
    """The text of a UTF-8 file, line ends untouched, without a byte order mark.

    Raises:
        DatasetError: For a file that can't be read, that is no UTF-8 text, that is a pointer of
            Git LFS, or that holds nothing.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{shown}: can't be read: {error.strerror or error}.") from error
    for mark, encoding in _OTHER_ENCODINGS:
        if data.startswith(mark):
            raise DatasetError(f"{shown}:1: the file is in {encoding}; save it as UTF-8.")
    data = data.removeprefix(codecs.BOM_UTF8)
    if data.startswith(_LFS_POINTER):
        raise DatasetError(
            f"{shown}:1: this is a Git LFS pointer, not the dataset itself; run git lfs pull."
        )
    text = _decode(data, shown)
    if not text.strip():
        raise DatasetError(f"{shown}:1: the file is empty, so it has no cases.")
    return text


def _decode(data: bytes, shown: str) -> str:
    """``data`` as text, or the line and byte where it is none."""
    nul = data.find(b"\0")
    if nul >= 0:
        raise DatasetError(
            f"{shown}:{_place(data, nul)} is NUL, which no text holds; save the file as UTF-8."
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{shown}:{_place(data, error.start)}, 0x{data[error.start]:02x}, is not UTF-8; "
            "save the file as UTF-8."
        ) from error


def _place(data: bytes, at: int) -> str:
    """Line and byte of the line, both from 1, of position ``at``."""
    line = data.count(b"\n", 0, at) + 1
    byte = at - data.rfind(b"\n", 0, at)
    return f"{line}: byte {byte} of the line"


def _exists(path: Path) -> bool:
    """Whether there is something at ``path``; a name that no system allows is not there."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _absolute(folders: Sequence[Path]) -> list[str]:
    return [str(folder.absolute()) for folder in folders]


def _names(folder: Path, suffixes: Collection[str]) -> list[str]:
    """Names of the datasets in ``folder``, which may not exist."""
    try:
        files = list(islice(folder.iterdir(), _LOOKED_THROUGH))
    except (OSError, ValueError):
        return []
    return [file.name for file in files if file.suffix.lower() in suffixes]
