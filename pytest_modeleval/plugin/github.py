"""GitHub: what a session leaves there by itself, the summary of its job and annotations.

Nothing here changes a verdict or an exit status: what can't be written is a warning.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_modeleval.core.words import titled
from pytest_modeleval.reports.annotations import commands
from pytest_modeleval.reports.markdown import MAX_SUMMARY_BYTES, render

if TYPE_CHECKING:
    import pytest

    from pytest_modeleval.core.records import Record
    from pytest_modeleval.plugin.state import Evals
    from pytest_modeleval.reports.annotations import Place
    from pytest_modeleval.reports.base import Report

__all__ = ["Annotator", "append_summary", "wants_summary"]


def wants_summary(evals: Evals) -> bool:
    """Whether there is a summary to append to, and nobody has switched it off."""
    return evals.settings.github == "auto" and bool(os.environ.get("GITHUB_STEP_SUMMARY"))


def append_summary(report: Report) -> None:
    """Append the run to the summary of the step, as far as there is room.

    Raises:
        OSError: It could not be written.
    """
    path = Path(os.environ["GITHUB_STEP_SUMMARY"])
    size = path.stat().st_size if path.exists() else 0
    text = "".join(render(report, max_bytes=MAX_SUMMARY_BYTES - size - 2))
    if not text:
        raise OSError(errno.EFBIG, f"it has {size} bytes, and GitHub takes {MAX_SUMMARY_BYTES}")
    with path.open("a", encoding="utf-8", errors="replace", newline="\n") as file:
        file.write(("\n" if size else "") + text + "\n")


class Annotator:
    """Remembers where each suite stands, and writes the annotations when all else is printed.

    Args:
        config: The session's configuration.
        evals: What the session's roles share.
    """

    def __init__(self, config: pytest.Config, evals: Evals) -> None:
        self._root = config.rootpath
        self._evals = evals
        self._places: dict[str, Place] = {}

    def note(self, record: Record, location: tuple[str, int | None, str]) -> None:
        """Remember where the suite of a record stands.

        Args:
            record: The record.
            location: What pytest's report says: the file, and the line of the marker from 0.
        """
        title = titled(record.suite, record.variant)
        if title not in self._places and location[1] is not None:
            self._places[title] = (self._file(location[0]), location[1] + 1)

    def write(self) -> None:
        """Write the annotations of the verdict, each on a line of its own."""
        verdict = self._evals.verdict
        is_wanted = self._evals.settings.github == "auto"
        if verdict is None or not is_wanted or os.environ.get("GITHUB_ACTIONS") != "true":
            return
        lines = commands(verdict, self._places, self._evals.redactor.text)
        data = "".join(f"{line}\n" for line in lines).encode(
            sys.stdout.encoding or "utf-8", "replace"
        )
        sys.stdout.write(data.decode(sys.stdout.encoding or "utf-8"))
        sys.stdout.flush()

    def _file(self, file: str) -> str:
        """A file as GitHub knows it: from the root of the checkout, which need not be rootdir."""
        workspace = os.environ.get("GITHUB_WORKSPACE")
        try:
            return (self._root / file).relative_to(workspace or self._root).as_posix()
        except ValueError:
            return file
