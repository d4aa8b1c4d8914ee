"""Progress: what the engine is doing while pytest's own line of dots stands still."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import pytest

    from pytest_modeleval.engine.prefetch import Progress

__all__ = ["ProgressLine", "progress_text"]


class ProgressLine:
    """A note behind the dots, on a terminal only, taken away before anything else is printed.

    Args:
        config: For pytest's terminal.
        started_s: The monotonic clock when the first case was asked.
    """

    def __init__(self, config: pytest.Config, *, started_s: float) -> None:
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        self._file: TextIO | None = None
        # pytest's writer counts what it writes to know where its line ends, so the note, which
        # is taken back, goes past it to the file below.
        if reporter is not None and reporter.isatty and config.get_verbosity() >= 0:
            self._file = getattr(getattr(reporter, "_tw", None), "_file", None)
        self._started_s = started_s
        self._is_shown = False

    def show(self, progress: Progress) -> None:
        """Write the note over the last one."""
        if self._file is not None:
            self.clear()
            text = progress_text(progress, time.monotonic() - self._started_s)
            self._file.write(f"\x1b7 {text}")
            self._file.flush()
            self._is_shown = True

    def clear(self) -> None:
        """Take the note away."""
        if self._is_shown and self._file is not None:
            self._file.write("\x1b8\x1b[J")
            self._file.flush()
            self._is_shown = False


def progress_text(progress: Progress, elapsed_s: float) -> str:
    """``[16 in flight, 120 of 1000 answered, about 34 s left]``."""
    parts = [
        f"{progress.n_in_flight} in flight",
        f"{progress.n_done} of {progress.n_planned} answered",
    ]
    n_asked = progress.n_done - progress.n_handed_in
    if n_asked:
        left = elapsed_s / n_asked * (progress.n_planned - progress.n_done)
        parts.append(
            f"about {left / 60:.0f} min left" if left >= 120 else f"about {left:.0f} s left"
        )
    return f"[{', '.join(parts)}]"
