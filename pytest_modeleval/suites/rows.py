"""Rows to cases: the one place that judges what a dataset says.

Behind it every case has plain data, an input, and an id of its own.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_modeleval.core.cases import CASE_FIELDS, Case, content_id
from pytest_modeleval.core.plain import NotPlainError, clean_text, plain
from pytest_modeleval.errors import DatasetError, did_you_mean
from pytest_modeleval.suites.columns import with_nested
from pytest_modeleval.suites.tables import described, listed, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_modeleval.suites.tables import Table

__all__ = ["field_columns", "to_cases"]

_MAPPABLE = tuple(name for name in CASE_FIELDS if name != "metadata")

_INPUT_NAMES = (
    *("question", "text", "prompt", "query", "messages", "message", "content", "instruction"),
    *("sentence", "utterance", "problem", "task", "user_input", "request"),
)
"""What other datasets call the input, the likeliest first."""

_MISSPELT_RATIO = 0.8
"""How close a column has to be to ``expected`` to be an error: ``expect``, ``expcted`` are."""

_ID_LENGTH = 200
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TAG_SEPARATOR = re.compile("[;,]")
_TOO_LONG = 200


def field_columns(columns: Mapping[str, str] | None) -> dict[str, str]:
    """The column of each field: the one given for it, else the one of its own name.

    Raises:
        DatasetError: For a name that is no field, or a column that is no text.
    """
    given = dict(columns or {})
    for name, column in given.items():
        if name not in _MAPPABLE:
            hint = did_you_mean(str(name), _MAPPABLE) or f"; the fields are {listed(_MAPPABLE)}."
            raise DatasetError(f"columns: a case has no field {quoted(str(name))}{hint}")
        if not isinstance(column, str):
            raise DatasetError(f"columns: {name}= names a column, not {described(column)}.")
    return {name: given.get(name, name) for name in CASE_FIELDS}


def to_cases(table: Table, columns: Mapping[str, str]) -> list[Case]:
    """The cases that the rows of ``table`` are.

    Args:
        table: As a reader found it.
        columns: The column of each field, of ``field_columns``.

    Raises:
        DatasetError: For whatever can't be a case; the message begins with its place.
    """
    table = with_nested(table, columns.values())
    _check_mapped(table, columns)
    ids = _given_ids(table, columns)
    maker = _Maker(table, columns, ids)
    return [
        maker.of_case(place, row, case_id)
        if isinstance(row, Case)
        else maker.of_row(place, row, case_id)
        for (place, row), case_id in zip(table.rows, ids, strict=True)
    ]


def _check_mapped(table: Table, columns: Mapping[str, str]) -> None:
    """Refuse a column that was asked for by name and that no row has."""
    mapped = [column for field, column in columns.items() if field != column]
    if not mapped:
        return
    if table.header:
        place, found = table.header.place, list(table.header.columns)
    else:
        place = table.rows[0][0]
        rows = [row for _, row in table.rows if not isinstance(row, Case)]
        found = list(dict.fromkeys(name for row in rows for name in row if isinstance(name, str)))
    for column in mapped:
        if found and column not in found:
            raise DatasetError(
                f"{place}: no column {quoted(column)}; the columns are {listed(found)}"
                f"{did_you_mean(column, found) or '.'}"
            )


def _given_ids(table: Table, columns: Mapping[str, str]) -> list[str | None]:
    """The id that each row gives, or None where it is to be made of the content."""
    column = columns["id"]
    place_of: dict[str, str] = {}
    ids: list[str | None] = []
    for place, row in table.rows:
        value = row.id if isinstance(row, Case) else row.get(column)
        case_id = None if value is None else _id(_plain(value, place, column), place)
        ids.append(case_id)
        if case_id is None:
            continue
        if case_id in place_of:
            raise DatasetError(
                f"{place}: the id {quoted(case_id)} is already that of {place_of[case_id]}; "
                "every case needs one of its own."
            )
        place_of[case_id] = place
    return ids


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Which columns of a row are which fields, where all rows have the same columns.

    Attributes:
        input: The column of the input.
        expected: Its column, or None where these rows have none; so for the following.
        tags: See above.
        cluster: See above.
        metadata: See above.
        others: The columns that go to metadata, each with its name there.
    """

    input: str
    expected: str | None
    tags: str | None
    cluster: str | None
    metadata: str | None
    others: tuple[tuple[str, str], ...]


_PLAN_OF_CASE = _Plan(
    input="input",
    expected="expected",
    tags="tags",
    cluster="cluster",
    metadata="metadata",
    others=(),
)


class _Maker:
    """Makes cases; what only depends on a row's columns is settled once for all alike."""

    def __init__(self, table: Table, columns: Mapping[str, str], ids: Sequence[str | None]) -> None:
        self._is_text = table.is_text
        # A cell of CSV holds no mapping, so that its column is one like the others.
        self._columns = {
            field: name
            for field, name in columns.items()
            if field != "metadata" or not table.is_text
        }
        self._taken = {case_id for case_id in ids if case_id is not None}
        self._n_alike: dict[str, int] = {}
        self._plans: dict[tuple[str, ...], _Plan] = {}
        if table.header:
            header = table.header
            self._plans[header.columns] = self._new_plan(header.columns, header.place)

    def of_row(self, place: str, row: Mapping[str, Any], case_id: str | None) -> Case:
        """The case that a mapping is."""
        names = tuple(row)
        plan = self._plans.get(names)
        if plan is None:
            plan = self._plans[names] = self._new_plan(names, place)
        return self._make(place, place, row, plan, case_id)

    def of_case(self, place: str, case: Case, case_id: str | None) -> Case:
        """A case made in Python, checked like any other."""
        row = {name: getattr(case, name) for name in CASE_FIELDS}
        if isinstance(case.metadata, Mapping):
            row["metadata"] = dict(case.metadata)
        return self._make(place, case.source, row, _PLAN_OF_CASE, case_id)

    def _make(
        self,
        place: str,
        source: str | None,
        row: Mapping[str, Any],
        plan: _Plan,
        case_id: str | None,
    ) -> Case:
        if not self._is_text:
            # Most values are text of ASCII, and plain as they are.
            row = {
                name: value
                if type(value) is str and value.isascii()
                else _plain(value, place, name)
                for name, value in row.items()
            }
        value_input = _input(row[plan.input], place, plan.input)
        expected = row[plan.expected] if plan.expected else None
        metadata = {name: row[column] for column, name in plan.others}
        if plan.metadata:
            metadata = _metadata(row[plan.metadata], metadata, place)
        return Case(
            id=case_id or self._new_id(value_input, expected, place),
            input=value_input,
            expected=expected,
            tags=_tags(row[plan.tags], place) if plan.tags else (),
            cluster=_name(row[plan.cluster], place, "a cluster") if plan.cluster else None,
            metadata=metadata,
            source=source,
        )

    def _new_id(self, value_input: Any, expected: Any, place: str) -> str:
        """The id of the content, with ``-2``, ``-3`` … where that is taken."""
        try:
            made = content_id(value_input, expected)
        except ValueError as error:
            # Python refuses to write whole numbers of more than 4,300 digits.
            raise DatasetError(f"{place}: a number has too many digits.") from error
        number = self._n_alike.get(made, 1)
        new = made if number == 1 else f"{made}-{number}"
        while new in self._taken:
            number += 1
            new = f"{made}-{number}"
        self._n_alike[made] = number
        self._taken.add(new)
        return new

    def _new_plan(self, names: tuple[str, ...], place: str) -> _Plan:
        for name in names:
            if not isinstance(name, str):
                raise DatasetError(f"{place}: the name of a column is text, not {described(name)}.")
        present = {field: name for field, name in self._columns.items() if name in names}
        others = [name for name in names if name not in present.values()]
        if "input" not in present:
            _fail_without_input(self._columns["input"], names, place)
        if "expected" not in present:
            _check_expected_misspelt(others, place)
        return _Plan(
            input=present["input"],
            expected=present.get("expected"),
            tags=present.get("tags"),
            cluster=present.get("cluster"),
            metadata=present.get("metadata"),
            others=tuple((name, clean_text(name)) for name in others),
        )


def _fail_without_input(column: str, names: Sequence[str], place: str) -> NoReturn:
    """Say that no column holds the input, and which one might."""
    by_lower = {name.lower(): name for name in reversed(names)}
    close = difflib.get_close_matches(column.lower(), by_lower, n=1)
    likely = [by_lower[name] for name in (*close, *_INPUT_NAMES) if name in by_lower]
    if not names:
        raise DatasetError(f"{place}: the case has no {quoted(column)}.")
    hint = f"; if it is {quoted(likely[0])}, write input={quoted(likely[0])}" if likely else ""
    raise DatasetError(f"{place}: no {quoted(column)} among the columns {listed(names)}{hint}.")


def _check_expected_misspelt(names: Iterable[str], place: str) -> None:
    """Refuse ``expcted``, which would leave every case without an expected answer."""
    by_lower = {name.lower(): name for name in names}
    close = difflib.get_close_matches("expected", by_lower, n=1, cutoff=_MISSPELT_RATIO)
    if close:
        found = quoted(by_lower[close[0]])
        raise DatasetError(
            f"{place}: unknown column {found}; name it 'expected', or write expected={found}."
        )


def _plain(value: Any, place: str, column: str) -> Any:
    """``value`` as plain data."""
    try:
        return plain(value)
    except NotPlainError as error:
        found = str(error).rstrip(",")
        found = found if len(found) <= _TOO_LONG else found[:_TOO_LONG] + "…"
        raise DatasetError(
            f"{place}: {quoted(column)} holds {found}; a record can keep only what JSON can."
        ) from error


def _input(value: Any, place: str, column: str) -> Any:
    match value:
        case str():
            is_given = bool(value) and not value.isspace()
        case None:
            is_given = False
        case list() | dict():
            is_given = bool(value)
        case _:
            raise DatasetError(
                f"{place}: an input is text, a list of messages or a mapping, "
                f"not {described(value)}."
            )
    if not is_given:
        raise DatasetError(f"{place}: the case has no input; {quoted(column)} is empty.")
    return value


def _id(value: Any, place: str) -> str | None:
    """The id that the row gives, or None where it is to be made of the content."""
    name = _name(value, place, "an id")
    if name is None:
        return None
    if len(name) > _ID_LENGTH:
        raise DatasetError(
            f"{place}: the id {quoted(name)} has {len(name)} characters, "
            f"an id at most {_ID_LENGTH}."
        )
    if _CONTROL.search(name):
        raise DatasetError(f"{place}: the id {quoted(name)} has control characters in it.")
    return name


def _name(value: Any, place: str, kind: str) -> str | None:
    """A text or whole number as text; None for nothing and white space."""
    if type(value) is int and abs(value) < 10**_ID_LENGTH:
        return str(value)
    if value is not None and not isinstance(value, str):
        raise DatasetError(f"{place}: {kind} is text or a whole number, not {described(value)}.")
    return value if value and not value.isspace() else None


def _tags(value: Any, place: str) -> tuple[str, ...]:
    """Tags without the spaces around them, each once."""
    if value is None:
        return ()
    items = _TAG_SEPARATOR.split(value) if isinstance(value, str) else value
    if not isinstance(items, list):
        raise DatasetError(f"{place}: tags are text or a list of text, not {described(value)}.")
    for item in items:
        if not isinstance(item, str):
            raise DatasetError(f"{place}: a tag is text, not {described(item)}.")
    return tuple(dict.fromkeys(filter(None, (item.strip() for item in items))))


def _metadata(value: Any, columns: Mapping[str, Any], place: str) -> dict[str, Any]:
    """What the column ``metadata`` holds, and the other columns beside it."""
    given = _plain(dict(value) if isinstance(value, Mapping) else value, place, "metadata")
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise DatasetError(f"{place}: metadata is a mapping, not {described(given)}.")
    twice = [name for name in columns if name in given]
    if twice:
        raise DatasetError(
            f"{place}: {listed(twice)} stands both in metadata and beside it; remove one."
        )
    return given | dict(columns)
