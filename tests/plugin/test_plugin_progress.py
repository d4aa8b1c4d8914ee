"""Progress: the note behind the dots."""

import io

import pytest

from pytest_modeleval.engine.prefetch import Progress
from pytest_modeleval.plugin.progress import ProgressLine, progress_text


@pytest.mark.parametrize(
    ("progress", "elapsed_s", "text"),
    [
        (
            Progress(n_in_flight=16, n_done=0, n_planned=100),
            3.0,
            "[16 in flight, 0 of 100 answered]",
        ),
        (
            Progress(n_in_flight=16, n_done=50, n_planned=100),
            10.0,
            "[16 in flight, 50 of 100 answered, about 10 s left]",
        ),
        (
            Progress(n_in_flight=4, n_done=10, n_planned=1000),
            10.0,
            "[4 in flight, 10 of 1000 answered, about 16 min left]",
        ),
        (
            Progress(n_in_flight=4, n_done=950, n_planned=1000, n_handed_in=940),
            10.0,
            "[4 in flight, 950 of 1000 answered, about 50 s left]",
        ),
    ],
)
def test_the_note(progress, elapsed_s, text):
    """It says what is under way, what is there, and how long the rest may take."""
    assert progress_text(progress, elapsed_s) == text


class FakeConfig:
    """As much of pytest's configuration as the note asks for."""

    def __init__(self, *, isatty, verbosity=0):
        self.file = io.StringIO()
        self.verbosity = verbosity
        reporter = type("Reporter", (), {})()
        reporter.isatty = isatty
        reporter._tw = type("Writer", (), {"_file": self.file})()
        self.pluginmanager = type("Manager", (), {"get_plugin": lambda _self, _name: reporter})()

    def get_verbosity(self):
        return self.verbosity


def test_what_is_shown_is_taken_back():
    """The cursor returns to where pytest left it, and the rest of the screen is cleared."""
    config = FakeConfig(isatty=True)
    line = ProgressLine(config, started_s=0.0)

    line.show(Progress(n_in_flight=1, n_done=0, n_planned=2))
    line.clear()
    line.clear()

    assert config.file.getvalue() == "\x1b7 [1 in flight, 0 of 2 answered]\x1b8\x1b[J"


@pytest.mark.parametrize(
    "config", [FakeConfig(isatty=False), FakeConfig(isatty=True, verbosity=-1)]
)
def test_nothing_is_written_elsewhere(config):
    """A log file or a quiet run gets no note."""
    line = ProgressLine(config, started_s=0.0)

    line.show(Progress(n_in_flight=1, n_done=0, n_planned=2))
    line.clear()

    assert config.file.getvalue() == ""
