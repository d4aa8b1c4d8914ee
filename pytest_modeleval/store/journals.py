"""Journals: append-only JSON Lines, each line on disk before anything else reads it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.records import FORMAT_VERSION
from pytest_modeleval.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["Journal", "join_journals", "read_lines", "read_numbered"]


class Journal:
    """A file of JSON lines that several processes may append to.

    What is appended at once is one ``write`` to a descriptor in append mode: lines of different
    processes do not mix, and a process that is killed leaves whole lines. Trouble with the disk is
    remembered and never raised: it must not change a verdict.

    Args:
        path: The file; it is made with the first line.

    Attributes:
        trouble: The first error that a line met, or None; lines after it were still tried.
        n_lost: Lines that could not be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble: OSError | None = None
        self.n_lost = 0
        self._descriptor: int | None = None
        self._is_torn = False

    def append(self, *texts: str) -> None:
        """Write lines at once, each a JSON object without its line end."""
        line = "".join(f"{text}\n" for text in texts).encode("utf-8", "replace")
        try:
            if self._descriptor is None:
                self._descriptor = self._open()
            if self._is_torn:
                line = b"\n" + line
            self._is_torn = True
            written = os.write(self._descriptor, line)
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
            self._is_torn = False
        except OSError as error:
            self.trouble = self.trouble or error
            self.n_lost += len(texts)

    def _open(self) -> int:
        """Open the file, and see whether a process that was killed left half a line in it.

        A line that another process is just writing looks the same; an empty line then follows it,
        which readers pass over.
        """
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        descriptor = os.open(self.path, flags, 0o644)
        if os.lseek(descriptor, 0, os.SEEK_END) > 0:
            os.lseek(descriptor, -1, os.SEEK_END)
            self._is_torn = os.read(descriptor, 1) != b"\n"
        return descriptor

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a journal; half a line of a killed process is passed over.

    Raises:
        UsageError: A line is of a later version of the format.
    """
    return (data for _, data in read_numbered(path) if data is not None)


def read_numbered(path: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """The lines of a journal with their numbers, from 1; None for one that is damaged.

    Half a line at the end is what a killed process leaves, and no damage.

    Raises:
        UsageError: A line is of a later version of the format, or the file can't be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    for number, line in enumerate(lines, start=1):
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            if line.strip() and number < len(lines):
                yield number, None
            continue
        later = data.get("format_version")
        if isinstance(later, int) and later > FORMAT_VERSION:
            raise UsageError(
                f"{path}: format_version {later} is of a later pytest-modeleval (this one reads "
                f"up to {FORMAT_VERSION}); update it"
            )
        yield number, data


def join_journals(parts: Iterable[Path], whole: Path) -> None:
    """Write the lines of several journals into one; those that aren't there have none.

    Raises:
        OSError: It could not be written.
    """
    with whole.open("wb") as file:
        for part in parts:
            text = part.read_bytes() if part.is_file() else b""
            # A process that was killed leaves half a line, which must not swallow the next.
            file.write(text if text.endswith(b"\n") or not text else text + b"\n")
