"""Files: find a dataset beside its test, and read it as text or say why that can't be done."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import os
import zlib
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_modeleval.errors import DatasetError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = [
    "BINARY",
    "check_is_dataset",
    "digest",
    "find",
    "first_bytes",
    "format_of",
    "read_text",
    "shown_path",
]

BINARY = (".arrow", ".parquet")
"""Formats that are no text, and packed in themselves."""

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_GZIP = b"\x1f\x8b"
_MAX_UNPACKED = 2**29
"""Bytes that a file may unpack to; a few kilobytes of gzip can stand for the whole memory."""

_OTHER_KINDS = (
    (b"PAR1\x15", "is Parquet; name it .parquet"),
    (b"ARROW1\0\0", "is Arrow; name it .arrow"),
    (b"PK\x03\x04", "is a ZIP archive, as Excel files are; save the table as CSV"),
    (b"\x28\xb5\x2f\xfd", "is packed with zstd; unpack it, or pack it with gzip"),
    (b"BZh91AY&SY", "is packed with bzip2; unpack it, or pack it with gzip"),
    (b"\xfd7zXZ\0", "is packed with xz; unpack it, or pack it with gzip"),
)
_OTHER_ENCODINGS = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_EMPTY = "the file is empty, so it has no cases."
_LOOKED_THROUGH = 2000


def find(path: Path, folders: Sequence[Path], suffixes: Collection[str]) -> tuple[Path, str | None]:
    """The first file or folder named ``path`` below one of ``folders``, and which part of it.

    Args:
        path: As the user wrote it; an absolute path stands for itself. Where nothing has that
            name, what follows a ``#`` in it is a part: ``squad#validation``.
        folders: Where a relative path is looked for, in order; none means the current folder.
        suffixes: Of the files that a "did you mean" may name.

    Raises:
        DatasetError: Where there is none; the message names every place.
    """
    places = [Path()] if path.is_absolute() or not folders else list(dict.fromkeys(folders))
    name, mark, part = str(path).rpartition("#")
    whole = Path(name) if name and mark else path
    for wanted, found_part in ((path, None), (whole, part)):
        for folder in places:
            if _exists(folder / wanted):
                return folder / wanted, found_part if wanted is not path else None
    looked = "" if path.is_absolute() else f"; looked in {' and '.join(_absolute(places))}"
    names = {name for folder in places for name in _names((folder / whole).parent, suffixes)}
    hint = did_you_mean(whole.name, sorted(names))
    raise DatasetError(f"{whole}: there is no such file{looked}{hint or '.'}")


def format_of(path: Path) -> str:
    """The suffix that names the format of a file, in lower case; ``.csv`` of ``a.CSV.gz``."""
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix == ".gz" else suffix


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
        is_there = _exists(path)
        found = (
            "this is not a regular file; a dataset is one" if is_there else "there is no such file"
        )
        raise DatasetError(f"{shown}: {found}.")
    suffix = format_of(path)
    is_packed = path.suffix.lower() == ".gz"
    if suffix in BINARY and is_packed:
        raise DatasetError(f"{shown}: {suffix} is packed in itself; unpack the file.")
    if suffix not in suffixes:
        found = suffix + path.suffix if is_packed else path.suffix
        known = ", ".join(sorted(suffixes))
        raise DatasetError(
            f"{shown}: a dataset ends in one of {known} (.csv.gz and so on), not in {found!r}"
            f"{did_you_mean(suffix, suffixes) or '.'}"
        )


def digest(paths: Iterable[Path]) -> str | None:
    """Twelve digits of the SHA-256 of what files hold; None where one can't be read any more."""
    found = hashlib.sha256()
    try:
        for path in paths:
            found.update(path.read_bytes())
    except OSError:
        return None
    return found.hexdigest()[:12]


def first_bytes(path: Path, shown: str) -> bytes:
    """The first bytes of a file that is no text.

    Raises:
        DatasetError: For a file that can't be read, that is a pointer of Git LFS, or that holds
            nothing.
    """
    try:
        with path.open("rb") as file:
            data = file.read(len(_LFS_POINTER))
    except OSError as error:
        raise _unreadable(shown, error) from error
    _check_holds_data(data, shown)
    return data


def read_text(path: Path, shown: str) -> str:
    """The text of a UTF-8 file, line ends untouched, without a byte order mark.

    It is unpacked where its name ends in ``.gz``.

    Raises:
        DatasetError: For a file that can't be read or unpacked, that is packed but doesn't say
            so, that is no UTF-8 text, that is a pointer of Git LFS, or that holds nothing.
    """
    data = _read_unpacked(path, shown)
    for mark, encoding in _OTHER_ENCODINGS:
        if data.startswith(mark):
            raise DatasetError(f"{shown}:1: the file is in {encoding}; save it as UTF-8.")
    for mark, kind in _OTHER_KINDS:
        if data.startswith(mark):
            raise DatasetError(f"{shown}:1: the file {kind}.")
    text = _decode(data.removeprefix(codecs.BOM_UTF8), shown)
    if not text.strip():
        raise DatasetError(f"{shown}:1: {_EMPTY}")
    return text


def _read_unpacked(path: Path, shown: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(shown, error) from error
    _check_holds_data(data, shown)
    is_gzip = data.startswith(_GZIP)
    if path.suffix.lower() == ".gz":
        if not is_gzip:
            raise DatasetError(f"{shown}:1: the file is not gzip; name it without .gz.")
        data = _unpack(data, shown)
        if data.startswith(_GZIP):
            raise DatasetError(f"{shown}:1: the file is packed twice; unpack it once.")
    elif is_gzip:
        raise DatasetError(f"{shown}:1: the file is gzip; name it {path.name}.gz.")
    return data


def _unreadable(shown: str, error: OSError) -> DatasetError:
    return DatasetError(f"{shown}: can't be read: {error.strerror or error}.")


def _check_holds_data(data: bytes, shown: str) -> None:
    if data.startswith(_LFS_POINTER):
        raise DatasetError(
            f"{shown}:1: this is a Git LFS pointer, not the dataset itself; run git lfs pull."
        )
    if not data:
        raise DatasetError(f"{shown}:1: {_EMPTY}")


def _unpack(data: bytes, shown: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            unpacked = file.read(_MAX_UNPACKED + 1)
    except EOFError as error:
        raise DatasetError(f"{shown}: broken gzip: the file is cut off.") from error
    except (OSError, zlib.error) as error:
        raise DatasetError(f"{shown}: broken gzip: {str(error).rstrip('.')}.") from error
    if len(unpacked) > _MAX_UNPACKED:
        raise DatasetError(
            f"{shown}: unpacks to more than {_MAX_UNPACKED >> 20} MiB; unpack the file, "
            "or make several of it."
        )
    return unpacked


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
    return [file.name for file in files if format_of(file) in suffixes]
