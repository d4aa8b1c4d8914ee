"""Placeholders: a YAML suite in a session that runs no evals, of which no line is read.

It is imported where there is such a file, so it imports nothing but pytest.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SkippedSuite"]


class SkippedSuite(pytest.File):
    """One item, or those that the command line names, marked as a suite and skipped for it."""

    def collect(self) -> Iterator[SkippedCase]:
        """The item, by the name of the file."""
        self.add_marker("model_eval")
        for name in self._named() or [self.path.name.partition(".")[0]]:
            yield SkippedCase.from_parent(self, name=name)

    def _named(self) -> list[str]:
        """The cases of this file that the command line names; whether they exist isn't known."""
        folder = self.config.invocation_params.dir
        pairs = [argument.partition("::") for argument in self.config.args]
        return list(
            dict.fromkeys(
                name for path, _, name in pairs if name and _is_same(folder / path, self.path)
            )
        )


class SkippedCase(pytest.Item):
    """It never runs: the mark of its file has it skipped."""

    def runtest(self) -> None:
        """Skip, should somebody have taken the mark away."""
        pytest.skip("needs --model-eval")

    def reportinfo(self) -> tuple[os.PathLike[str], int, str]:
        """The first line of the file."""
        return self.path, 0, self.name


def _is_same(left: os.PathLike[str], right: os.PathLike[str]) -> bool:
    # Not resolved: a link is another file to pytest.
    return os.path.abspath(left) == os.path.abspath(right)  # noqa: PTH100
