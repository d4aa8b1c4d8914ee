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
from pytest_modeleval.suites.csv_files import read_csv
from pytest_modeleval.suites.json_files import read_json, read_jsonl
from pytest_modeleval.suites.rows import field_columns, to_cases
from pytest_modeleval.suites.strict_yaml import read_yaml
from pytest_modeleval.suites.tables import Row, Table, described

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["CaseSource", "Dataset", "load_cases", "load_dataset"]

CaseSource = (
    str
    | os.PathLike[str]
    | Iterable[Case | Mapping[str, Any]]
    | Callable[[], Iterable[Case | Mapping[str, Any]]]
)
"""A path, cases or mappings, or a function that gives those."""

_SUFFIXES = (".csv", ".json", ".jsonl", ".ndjson", ".yaml", ".yml")

# How deep plain scalars of YAML are text in a field: the value itself, or the items of its list.
_VERBATIM = {"input": 1, "expected": 1, "id": 1, "cluster": 1, "tags": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Cases, and the file that they come from.

    Attributes:
        cases: The cases, in order.
        file: The file; None where they come from Python.
        shown: Its path as messages and ``Case.source`` show it; None where there is none.
    """

    cases: list[Case]
    file: Path | None = None
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
        source: The path of a ``.csv``, ``.json``, ``.jsonl`` or ``.yaml`` file, cases or mappings,
            or a function that gives those.
        folders: Where a relative path is looked for, in order; none means the current folder.
        columns: Field of a case → column of the dataset, for columns of another name.
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
        path = Path(os.fsdecode(source))
        file = files.find(path, folders, _SUFFIXES)
        shown = files.shown_path(file, path, shown_from)
        cases = to_cases(_read_file(file, shown, fields), fields)
    return Dataset(cases=cases, file=file, shown=shown)


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


def _read_file(path: Path, shown: str, fields: Mapping[str, str]) -> Table:
    """The rows of a file, by its suffix."""
    files.check_is_dataset(path, shown, _SUFFIXES)
    text = files.read_text(path, shown)
    table = _read_text(text, shown, path.suffix.lower(), fields)
    if not table.rows:
        raise DatasetError(f"{shown}:1: the file has no cases.")
    return table


def _read_text(text: str, shown: str, suffix: str, fields: Mapping[str, str]) -> Table:
    """The rows of a text in the format that ``suffix`` stands for."""
    match suffix:
        case ".csv":
            return read_csv(text, shown)
        case ".jsonl" | ".ndjson":
            return read_jsonl(text, shown)
        case ".json":
            return read_json(text, shown)
        case _:
            verbatim = {fields[name]: levels for name, levels in _VERBATIM.items()}
            return read_yaml(text, shown, verbatim)


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
