"""Annotations: what fails as workflow commands, which GitHub shows beside the code of the suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modeleval.core.words import counted
from pytest_modeleval.reports.rows import label_of
from pytest_modeleval.reports.texts import one_line
from pytest_modeleval.reports.titles import number_text, readable_bound, worst_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_modeleval.core.judgements import Judgement, Verdict

__all__ = ["MAX_OF_A_KIND", "Place", "commands"]

MAX_OF_A_KIND = 10
"""Errors, and warnings, that GitHub keeps of one step."""

Place = tuple[str, int]
"""A file as GitHub knows it, and a line from 1."""


def commands(
    verdict: Verdict, places: Mapping[str, Place], show: Callable[[str], str] = str
) -> Iterator[str]:
    """A command for each threshold that fails, and a warning for each that is inconclusive.

    Args:
        verdict: The verdict.
        places: By the title of a suite where it stands.
        show: Every text is shown through this, before it is escaped.
    """
    if verdict.reason:
        yield _command("error", "model eval is invalid", show(verdict.reason), None)
    judged = worst_first(verdict)
    errors = [item for item in judged if item.status in ("not met", "invalid")]
    warnings = [item for item in judged if item.status == "inconclusive"]
    for kind, found, limit in (
        ("error", errors, MAX_OF_A_KIND - bool(verdict.reason)),
        ("warning", warnings, MAX_OF_A_KIND),
    ):
        for title, message, place in _of_kind(found, places, limit):
            yield _command(kind, show(title), show(message), place)


def _of_kind(
    judged: Sequence[Judgement], places: Mapping[str, Place], limit: int
) -> Iterator[tuple[str, str, Place | None]]:
    """Title, message and place of each, as many as there is room for."""
    for index, item in enumerate(judged[:limit]):
        n_more = len(judged) - limit if index == limit - 1 else 0
        more = f" (and {counted(n_more, 'threshold')} more)" if n_more > 0 else ""
        title = f"{label_of(item.threshold.metric)} {readable_bound(item)}: {item.status}"
        place = places.get(item.suite) if item.suite else None
        yield title, _message(item) + more, place


def _message(item: Judgement) -> str:
    """Where it was judged, on what, and why it came to that."""
    threshold = item.threshold
    where = [item.suite or "all suites", item.model, threshold.tag and f"[{threshold.tag}]"]
    number = number_text(item)
    found = f"{label_of(threshold.metric)} {number}" if number else threshold.text
    reason = f"; {item.reason}" if item.reason else ""
    return f"{', '.join(filter(None, where))}: {found}{reason}"


def _command(kind: str, title: str, message: str, place: Place | None) -> str:
    """One command on one line; what would end a part of it is escaped."""
    properties = [("title", title)]
    if place is not None:
        properties = [("file", place[0]), ("line", str(place[1])), *properties]
    said = ",".join(f"{name}={_property(value)}" for name, value in properties)
    return f"::{kind} {said}::{_data(one_line(message))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(one_line(text)).replace(":", "%3A").replace(",", "%2C")
