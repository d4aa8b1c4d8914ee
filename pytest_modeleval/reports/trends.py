"""Trends: the numbers of each suite over the runs so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_modeleval.reports.numbers import value_text
from pytest_modeleval.reports.tables import Line
from pytest_modeleval.reports.texts import cut, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["sparkline", "trends"]

_BARS = "▁▂▃▄▅▆▇█"


def trends(lines: Sequence[Mapping[str, Any]], *, n_runs: int, width: int) -> Iterator[Line]:
    """A block for each suite and model: a sparkline of the accuracy, then a line for each run.

    Args:
        lines: The lines of the history, the oldest first.
        n_runs: The most runs that a block shows.
        width: Columns of the terminal.
    """
    blocks: dict[tuple[str, str], list[tuple[Mapping[str, Any], Mapping[str, Any]]]] = {}
    for run in lines:
        for suite in run.get("suites", ()):
            key = (str(suite.get("suite")), str(suite.get("model") or ""))
            blocks.setdefault(key, []).append((run, suite))
    for (name, model), rows in blocks.items():
        shown = rows[-n_runs:]
        line = sparkline([suite.get("accuracy") for run, suite in shown if run.get("is_whole")])
        title = ", ".join(part for part in (name, model) if part)
        yield Line(text=cut(f"{one_line(title)}  accuracy {line}", width))
        for run, suite in shown:
            yield Line(text=cut(_row(run, suite), width), color=_color(run))
        yield Line()


def sparkline(values: Sequence[float | None]) -> str:
    """A bar for each value, from the least to the most of them; a space for one that is unknown."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, span = min(known), max(known) - min(known)
    bars = []
    for value in values:
        level = (
            len(_BARS) - 1 if not span else round(((value or 0) - low) / span * (len(_BARS) - 1))
        )
        bars.append(" " if value is None else _BARS[level])
    return "".join(bars)


def _row(run: Mapping[str, Any], suite: Mapping[str, Any]) -> str:
    moment = str(run.get("started", ""))[:16].replace("T", " ")
    commit = str(run.get("git_commit") or "")[:7] + ("+" if run.get("git_is_dirty") else "")
    numbers = [
        value_text(suite.get("accuracy"), "rate"),
        value_text(suite.get("p95_latency"), "seconds"),
        value_text(suite.get("avg_cost"), "dollars"),
    ]
    verdict = str(run.get("verdict", ""))
    if not run.get("is_whole"):
        verdict = "partial"
    if run.get("replayed_from"):
        verdict += ", replayed"
    cells = [f"{number:>9}" for number in numbers]
    return f"  {moment} {commit:<8}{''.join(cells)} {suite.get('n', 0):>6} {verdict}"


def _color(run: Mapping[str, Any]) -> str | None:
    return "red" if run.get("verdict") in ("not met", "invalid") else None
