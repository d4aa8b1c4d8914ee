"""Files: a report in the format that its name ends in, written whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING

from pytest_modeleval.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_modeleval.reports.base import Report

__all__ = ["check_suffix", "write_report"]

_RENDERERS: Mapping[str, str] = {
    ".html": "pytest_modeleval.reports.html.pages",
    ".md": "pytest_modeleval.reports.markdown",
    ".json": "pytest_modeleval.reports.documents",
    ".csv": "pytest_modeleval.reports.sheets",
}
"""By suffix the module whose ``render(report)`` gives the file's text in pieces."""


def check_suffix(path: str, *, where: str) -> None:
    """Refuse a file of a format that there is none of.

    Args:
        path: The file as the user wrote it.
        where: Where the user wrote it; the message begins with it.

    Raises:
        UsageError: Its name ends in nothing known.
    """
    if PurePath(path).suffix.lower() not in _RENDERERS:
        known = ", ".join(_RENDERERS)
        raise UsageError(f"{where}: {path!r}: a report's name ends in {known}")


def write_report(report: Report, path: Path) -> None:
    """Write a report, and the folders above it where they are missing.

    Raises:
        OSError: It could not be written; a file that was there before is left as it was.
    """
    pieces: Iterator[str] = import_module(_RENDERERS[path.suffix.lower()]).render(report)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8", errors="replace", newline="\n") as file:
            file.writelines(pieces)
        draft.replace(path)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
