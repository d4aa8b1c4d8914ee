"""Parquet and Arrow: tables with typed columns, made plain data; pyarrow reads them.

A row has no line, so that its place is its number, from 1. Times and decimals become the text
that they are written as, and the class labels of Hugging Face their names. pyarrow is imported
with the first such file.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
import os
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any, BinaryIO

from pytest_modeleval.errors import DatasetError
from pytest_modeleval.suites import files
from pytest_modeleval.suites.tables import Header, Row, Table, listed, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["read_arrow", "read_parquet"]

_OLDEST_PYARROW = 20
_BATCH_ROWS = 10_000
_MAX_ROWS = 10_000_000
_MAX_BYTES = 2**30
"""Of all values, in memory; a few kilobytes of Parquet can stand for the whole of it."""

_PLAIN_KINDS = frozenset(
    ["string", "large_string", "string_view", "bool", "null", "double", "float"]
    + [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
)
"""Types of which every value is plain data already, as far as it is finite."""

_END = b"\xff\xff\xff\xff\0\0\0\0"  # of a stream that was closed
_REASON_LENGTH = 200


def read_parquet(path: Path, shown: str) -> Table:
    """The rows of a Parquet file.

    Args:
        path: The file.
        shown: The file, as messages name it.

    Raises:
        DatasetError: Without pyarrow, and for whatever it can't read or no record can keep.
    """
    parquet = _pyarrow(shown).parquet
    files.first_bytes(path, shown)
    try:
        # Not by its path, which pyarrow would take for an address where it holds a colon.
        with path.open("rb") as opened, parquet.ParquetFile(opened) as file:
            _check_size(file.metadata, shown)
            batches = file.iter_batches(batch_size=_BATCH_ROWS)
            return _table(file.schema_arrow, batches, shown)
    except DatasetError:
        raise
    except Exception as error:  # pyarrow raises a dozen kinds for one broken file or another
        raise DatasetError(f"{shown}: can't be read as Parquet: {_reason(error)}.") from error


def read_arrow(path: Path, shown: str) -> Table:
    """The rows of an Arrow file, or of an Arrow stream, as Hugging Face saves them.

    Args:
        path: The file.
        shown: The file, as messages name it.

    Raises:
        DatasetError: Without pyarrow, and for whatever it can't read or no record can keep.
    """
    ipc = _pyarrow(shown).ipc
    is_file = files.first_bytes(path, shown).startswith(b"ARROW1")
    try:
        with path.open("rb") as opened:
            if not is_file:
                _check_end(opened, shown)
                with ipc.open_stream(opened) as stream:
                    return _table(stream.schema, stream, shown)
            with ipc.open_file(opened) as file:
                batches = (file.get_batch(index) for index in range(file.num_record_batches))
                return _table(file.schema, batches, shown)
    except DatasetError:
        raise
    except Exception as error:  # see above
        raise DatasetError(f"{shown}: can't be read as Arrow: {_reason(error)}.") from error


def _check_end(stream: BinaryIO, shown: str) -> None:
    """Refuse a stream without its end, of which nobody knows how many rows are missing.

    Raises:
        DatasetError: It has none.
    """
    stream.seek(max(stream.seek(0, os.SEEK_END) - len(_END), 0))
    if stream.read() != _END:
        raise DatasetError(
            f"{shown}: the Arrow stream has no end, so rows may be missing: it was cut off, or not "
            "closed when it was written."
        )
    stream.seek(0)


def _pyarrow(shown: str) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError as error:
        raise DatasetError(
            f"{shown}: Parquet and Arrow need pyarrow; pip install 'pytest-modeleval[parquet]'."
        ) from error
    if int(pa.__version__.partition(".")[0]) < _OLDEST_PYARROW:
        raise DatasetError(
            f"{shown}: pyarrow {pa.__version__} is too old; "
            "pip install --upgrade 'pytest-modeleval[parquet]'."
        )
    return pa


def _check_size(metadata: Any, shown: str) -> None:
    """Refuse a file before it unpacks to the whole memory."""
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    if sum(group.total_byte_size for group in groups) > _MAX_BYTES or metadata.num_rows > _MAX_ROWS:
        raise _too_large(shown)


def _too_large(shown: str) -> DatasetError:
    return DatasetError(
        f"{shown}: holds more than {_MAX_BYTES >> 20} MiB or {_MAX_ROWS:,} rows; "
        "make a smaller dataset of it."
    )


def _table(schema: Any, batches: Iterable[Any], shown: str) -> Table:
    names = tuple(schema.names)
    twice = [name for name, n_times in Counter(names).items() if n_times > 1]
    if twice:
        raise DatasetError(f"{shown}: the columns are named {listed(twice)} more than once.")
    labels = _class_labels(schema.metadata or {})
    rows: list[Row] = []
    n_bytes = 0
    for batch in batches:
        _check_valid(batch, names, len(rows) + 1, shown)
        n_bytes += batch.nbytes
        if n_bytes > _MAX_BYTES or len(rows) + batch.num_rows > _MAX_ROWS:
            raise _too_large(shown)
        rows.extend(_rows(batch, names, labels, len(rows) + 1, shown))
    return Table(rows=rows, header=Header(place=shown, columns=names))


def _check_valid(batch: Any, names: Sequence[str], first: int, shown: str) -> None:
    """Refuse damaged data before anything else looks at them.

    Offsets that point nowhere would end the process; pyarrow itself does not check them, not even
    to say how large a batch is.
    """
    try:
        batch.validate(full=True)
    except Exception:
        for name, column in zip(names, batch.columns, strict=True):
            _values(column, name, first, shown)  # says which row it is
        raise


def _rows(
    batch: Any, names: Sequence[str], labels: Mapping[str, Sequence[str]], first: int, shown: str
) -> Iterator[Row]:
    """The rows of one batch, of which the first has the number ``first``."""
    columns = []
    for name, column in zip(names, batch.columns, strict=True):
        values = _values(column, name, first, shown)
        if name in labels:
            values = [_label(value, labels[name]) for value in values]
        elif "binary" in str(column.type):
            _check_no_bytes(values, name, first, shown)
        columns.append(values)
    for number, cells in enumerate(zip(*columns, strict=True), start=first):
        yield f"{shown}: row {number}", dict(zip(names, cells, strict=True))


def _check_no_bytes(values: Sequence[Any], name: str, first: int, shown: str) -> None:
    for number, value in enumerate(values, start=first):
        if isinstance(value, bytes):
            raise DatasetError(
                f"{shown}: row {number}: {quoted(name)} holds bytes; write the column as text, "
                "or leave it out."
            )


def _values(column: Any, name: str, first: int, shown: str) -> list[Any]:
    """The values of a column as plain data, as far as there is some for them."""
    try:
        return _checked_values(column)
    except Exception:  # pyarrow raises a dozen kinds; this finds the row that is to blame
        for index in range(len(column)):
            try:
                _checked_values(column.slice(index, 1))
            except Exception as error:
                raise DatasetError(
                    f"{shown}: row {first + index}: {quoted(name)} can't be read: {_reason(error)}."
                ) from error
        raise


def _checked_values(column: Any) -> list[Any]:
    column.validate(full=True)
    values: list[Any] = column.to_pylist(maps_as_pydicts="strict")
    return values if str(column.type) in _PLAIN_KINDS else [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    match value:
        case dt.date() | dt.time():  # a datetime is a date
            return value.isoformat()
        case decimal.Decimal():
            return format(value, "f")
        case uuid.UUID():
            return str(value)
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case _:
            return value


def _class_labels(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """The names of the classes of each column that Hugging Face numbers them in."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"].items()
        return {
            name: [str(label) for label in feature["names"]]
            for name, feature in features
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        return {}  # metadata that say nothing of labels, or are somebody else's


def _label(value: Any, names: Sequence[str]) -> Any:
    """The name of a class; nothing for -1, which stands for a label that is kept back."""
    if type(value) is not int:
        return value
    if value == -1:
        return None
    return names[value] if 0 <= value < len(names) else value


def _reason(error: Exception) -> str:
    """The first line of what an exception says, cut and without the stop at its end."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    text = lines[0].rstrip(".")
    return text if len(text) <= _REASON_LENGTH else text[:_REASON_LENGTH] + "…"
