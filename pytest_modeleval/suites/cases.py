"""Load cases from wherever they stand: a file, a list in Python, or a function that makes one."""

from __future__ import annotations

import gc
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.cases import Case
from pytest_modeleval.errors import DatasetError
from pytest_modeleval.suites import files
from pytest_modeleval.suites.arrow_files import read_arrow, read_parquet
from pytest_modeleval.suites.csv_files import read_csv
from pytest_modeleval.suites.hugging_face import split_files
from pytest_modeleval.suites.json_files import read_json, read_jsonl
from pytest_modeleval.suites.rows import field_columns, to_cases
from pytest_modeleval.suites.strict_yaml import read_yaml
from pytest_modeleval.suites.tables import Row, Table, described, joined, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["VERBATIM", "CaseSource", "Dataset", "load_cases", "load_dataset"]

CaseSource = (
    str
    | os.PathLike[str]
    | Iterable[Case | Mapping[str, Any]]
    | Callable[[], Iterable[Case | Mapping[str, Any]]]
)
"""A path, cases or mappings, or a function that gives those."""

_SUFFIXES = (
    *(".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson", ".yaml", ".yml"),
    *files.BINARY,
)

_WITH_PARTS = (".json", ".yaml", ".yml")

# How deep plain scalars of YAML are text in a field: the value itself, or the items of its list.
VERBATIM = {"input": 1, "expected": 1, "id": 1, "cluster": 1, "tags": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Cases, and the files that they come from.

    Attributes:
        cases: The cases, in order.
        files: The files that were read; none where they come from Python.
        shown: The path of the dataset as messages show it, with the part of it that was asked
            for; None where there is none.
    """

    cases: list[Case]
    files: tuple[Path, ...] = ()
    shown: str | None = None


def load_dataset(
    source: CaseSource,
    *,
    folders: Sequence[Path] = (),
    columns: Mapping[str, str] | None = None,
    shown_from: Path | None = None,
) -> Dataset:
    """The cases of a dataset, each checked, with plain data and an id of its own.

    Args:
        source: The path of a file in a known format or of a folder in Hugging Face's layout,
            cases or mappings, or a function that gives those. What follows a ``#`` in a path is
            the split of a folder, or the key of a JSON or YAML file that holds the cases.
        folders: Where a relative path is looked for, in order; none means the current folder.
        columns: Field of a case → column of the dataset, for columns of another name; a path
            like ``answers.text[0]`` names what stands inside of one.
        shown_from: The folder from which messages and ``Case.source`` show paths; None shows them
            as given.

    Raises:
        DatasetError: For whatever can't be used; the message begins with the file and line. What
            a function raises passes through as it is.
    """
    fields = field_columns(columns)
    if not isinstance(source, str | os.PathLike):
        return Dataset(cases=to_cases(_read_python(source), fields))
    with _collector_paused():
        given = Path(os.fsdecode(source))
        path, part = files.find(given, folders, _SUFFIXES)
        name = given if part is None else Path(str(given).removesuffix(f"#{part}"))
        shown = files.shown_path(path, name, shown_from)
        read = split_files(path, shown, part) if path.is_dir() else [path]
        table = _read_files(path, read, shown, part, fields)
        cases = to_cases(table, fields)
    dataset = shown if part is None else f"{shown}#{part}"
    return Dataset(cases=cases, files=tuple(read), shown=dataset)


def load_cases(
    source: CaseSource,
    *,
    folders: Sequence[Path] = (),
    columns: Mapping[str, str] | None = None,
    shown_from: Path | None = None,
) -> list[Case]:
    """The cases of ``load_dataset`` alone."""
    return load_dataset(source, folders=folders, columns=columns, shown_from=shown_from).cases


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the garbage collector from walking a growing table again and again.

    Rows hold no cycles, so that it would find nothing, for half of the time of a large file.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read_files(
    path: Path, read: Sequence[Path], shown: str, part: str | None, fields: Mapping[str, str]
) -> Table:
    """The rows of a file, or of the files of one split in the folder ``path``."""
    if read == [path]:
        return _read_file(path, shown, part, fields)
    names = [f"{shown}/{file.relative_to(path).as_posix()}" for file in read]
    tables = [_read_file(*pair, None, fields) for pair in zip(read, names, strict=True)]
    return joined(tables)


def _read_file(path: Path, shown: str, part: str | None, fields: Mapping[str, str]) -> Table:
    """The rows of a file, by its suffix."""
    files.check_is_dataset(path, shown, _SUFFIXES)
    suffix = files.format_of(path)
    if part is not None and suffix not in _WITH_PARTS:
        raise DatasetError(
            f"{shown}: a {suffix} file has no parts; leave out {quoted(f'#{part}')}."
        )
    if suffix in files.BINARY:
        table = read_parquet(path, shown) if suffix == ".parquet" else read_arrow(path, shown)
        if not table.rows:
            raise DatasetError(f"{shown}: the file has no cases.")
        return table
    table = _read_text(files.read_text(path, shown), shown, suffix, part, fields)
    if not table.rows:
        raise DatasetError(f"{shown}:1: the file has no cases.")
    return table


def _read_text(
    text: str, shown: str, suffix: str, part: str | None, fields: Mapping[str, str]
) -> Table:
    """The rows of a text in the format that ``suffix`` stands for."""
    match suffix:
        case ".csv":
            return read_csv(text, shown)
        case ".tsv" | ".tab":
            return read_csv(text, shown, "\t")
        case ".jsonl" | ".ndjson":
            return read_jsonl(text, shown)
        case ".json":
            return read_json(text, shown, part)
        case _:
            verbatim = {fields[name]: levels for name, levels in VERBATIM.items()}
            return read_yaml(text, shown, verbatim, part)


def _read_python(source: Any) -> Table:
    """The rows of an iterable, or of a function that gives one."""
    name = "cases"
    if not isinstance(source, Iterable) and callable(source):
        name = f"{getattr(source, '__name__', type(source).__name__)}()"
        source = source()
        if inspect.iscoroutine(source):
            source.close()
            raise DatasetError(f"{name}: gave a coroutine; cases come from a plain function.")
        if not _holds_cases(source):
            raise DatasetError(
                f"{name}: gave {described(source)}, not a list of cases or mappings."
            )
    if not _holds_cases(source):
        raise DatasetError(
            "cases: a dataset is a path, a list of cases or mappings, or a function that gives "
            f"one, not {described(source)}."
        )
    rows: list[Row] = []
    for index, row in enumerate(source):
        place = f"{name}[{index}]"
        if not isinstance(row, Case | Mapping):
            raise DatasetError(f"{place}: a case is a mapping or a Case, not {described(row)}.")
        rows.append((place, row))
    if not rows:
        raise DatasetError(f"{name}: this has no cases.")
    return Table(rows=rows)


def _holds_cases(source: object) -> bool:
    """Whether this can be gone through case by case, as a text or a single mapping can't."""
    return isinstance(source, Iterable) and not isinstance(source, str | bytes | Mapping)
