"""Labels: precision, recall and F1 of each expected label, and what was taken for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modeleval.core.classifications import NoLabels
from pytest_modeleval.core.words import counted
from pytest_modeleval.reports.numbers import interval_text, value_text
from pytest_modeleval.reports.tables import Line
from pytest_modeleval.reports.texts import columns, cut, one_line, padded, squeezed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modeleval.core.classifications import Classification, Confusion, Label
    from pytest_modeleval.core.metrics import Metric

__all__ = ["by_label"]

_MAX_LABELS = 12
_MAX_FREQUENT = 5
_MAX_CONFUSIONS = 50  # of them a verbose list that has no room for a matrix
_MIN_LABEL, _MAX_LABEL = 10, 24  # columns of a label
_NUMBERS = 63  # columns of a row beside the label
_MAX_IN_PAIR = 24  # columns of a label or an answer in a line of several


def by_label(
    found: Classification | NoLabels, *, width: int, is_verbose: bool, is_wanted: bool = False
) -> Iterator[Line]:
    """The lines on a suite's labels; none where there are none, or each answer was right.

    Args:
        found: The numbers, or why there are none, which is said where ``is_verbose``.
        width: Columns of the terminal.
        is_verbose: Show every label, and all confusions.
        is_wanted: There is a threshold on them, so that they are shown though labels hardly repeat.
    """
    if isinstance(found, NoLabels) or (found.unclear and not is_wanted):
        why = found.reason if isinstance(found, NoLabels) else found.unclear
        if is_verbose:
            yield Line(text=cut(f"  not by label: {why}", width))
        return
    if not found.confusions and not is_verbose:
        return
    yield from _table(found, width, None if is_verbose else _MAX_LABELS)
    yield from _notes(found, width)
    if not is_verbose:
        yield from _most_frequent(found.confusions, width)
    elif found.confusions:
        matrix = [*_matrix(found)]
        if max(map(columns, matrix)) <= width:
            yield from (Line(text=line) for line in matrix)
        else:
            yield from _all_confusions(found.confusions, width)


def _table(found: Classification, width: int, limit: int | None) -> Iterator[Line]:
    """A row for each label, the worst first, and one for their mean."""
    labels = sorted(found.labels, key=lambda label: (label.f1.worst_first, label.name))
    names = [_shown(label.name) for label in labels]
    room = min(max(map(columns, names)), max(width - _NUMBERS, _MIN_LABEL), _MAX_LABEL)
    room = max(room, _MIN_LABEL)
    head = f"{'n':>6}{'said':>6}{'precision':>11}{'recall':>9}{'F1':>9}  95 % interval"
    yield Line(text=f"  {padded('by label', room + 2)}{head}")
    for label, name in [*zip(labels, names, strict=True)][:limit]:
        yield Line(text=f"    {padded(squeezed(name, room), room)}{_numbers(label)}")
    if limit is not None and len(labels) > limit:
        more = counted(len(labels) - limit, "more label")
        yield Line(text=f"    ... and {more}; -v shows them all")
    mean = f"{found.n:>6}{'':26}{_value(found.macro_f1):>9}  {interval_text(found.macro_f1)}"
    yield Line(text=f"    {padded('macro-F1', room)}{mean}")


def _numbers(label: Label) -> str:
    return (
        f"{label.recall.n:>6}{label.precision.n:>6}{_value(label.precision):>11}"
        f"{_value(label.recall):>9}{_value(label.f1):>9}  {interval_text(label.f1)}"
    ).rstrip()


def _notes(found: Classification, width: int) -> Iterator[Line]:
    """What a reader has to know of the numbers."""
    never = [_shown(label.name) for label in found.labels if not label.precision.n]
    if never:
        text = f"    never said, so that precision counts as 0: {', '.join(never)}"
        yield Line(text=cut(text, width))
    if found.ignores_case:
        text = "    an answer is its label whatever its case and outer punctuation, as judged"
        yield Line(text=cut(text, width))


def _most_frequent(confusions: Sequence[Confusion], width: int) -> Iterator[Line]:
    """The most frequent confusions, as many of them on a line as fit."""
    parts = [_pair(item) for item in confusions[:_MAX_FREQUENT]]
    if len(confusions) > _MAX_FREQUENT:
        parts.append(f"{len(confusions) - _MAX_FREQUENT} more")
    head = "    confused: "
    text = head + parts[0]
    for part in parts[1:]:
        if columns(f"{text}, {part},") > width:
            yield Line(text=f"{text},")
            text = " " * len(head) + part
        else:
            text += f", {part}"
    yield Line(text=text)


def _all_confusions(confusions: Sequence[Confusion], width: int) -> Iterator[Line]:
    yield Line(text="    confused:")
    for item in confusions[:_MAX_CONFUSIONS]:
        yield Line(text=cut(f"      {_pair(item)}", width))
    if len(confusions) > _MAX_CONFUSIONS:
        yield Line(text=f"      ... and {len(confusions) - _MAX_CONFUSIONS} more")


def _matrix(found: Classification) -> Iterator[str]:
    """The confusion matrix: a row for each label, a column for each answer by its number."""
    n_labels = len(found.labels)
    extra = [
        (n_labels + i, name)
        for i, name in enumerate(("other", "none"))
        if any(row[n_labels + i] for row in found.counts)
    ]
    heads = [str(i + 1) for i in range(n_labels)] + [name for _, name in extra]
    taken = [*range(n_labels), *(column for column, _ in extra)]
    cells = [[f"{row[i]:.3g}" if row[i] else "." for i in taken] for row in found.counts]
    longest = max(len(text) for texts in (heads[:n_labels], *cells) for text in texts)
    sizes = [max(longest, len(head)) + 2 for head in heads]
    names = [
        f"{i + 1:>{len(str(n_labels))}} {squeezed(_shown(label.name), _MAX_LABEL)}"
        for i, label in enumerate(found.labels)
    ]
    room = max(map(columns, [*names, "expected, answered"]))
    for name, row in [("expected, answered", heads), *zip(names, cells, strict=True)]:
        text = "".join(f"{cell:>{size}}" for cell, size in zip(row, sizes, strict=True))
        yield f"    {padded(name, room)}{text}"


def _pair(item: Confusion) -> str:
    """``bug -> login 7``."""
    names = (squeezed(_shown(name), _MAX_IN_PAIR) for name in (item.expected, item.answer))
    return f"{' -> '.join(names)} {item.n:.3g}"


def _shown(name: str) -> str:
    """A label on one line; an empty one in quotes."""
    return one_line(name) or repr(name)


def _value(metric: Metric) -> str:
    return value_text(metric.value, metric.unit)
