"""Strict YAML: what stands in the file is what a case gets.

PyYAML parses and composes, with libyaml where that is there; what a scalar means is decided
here, by the core schema of YAML 1.2, in which ``yes``, ``12:30`` and dates are text. A key that
stands twice, a tag that no plain data has and a value that JSON can't hold are errors with their
line, and neither nesting nor aliases can exhaust the process.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_modeleval.core.plain import clean_text
from pytest_modeleval.errors import DatasetError, did_you_mean
from pytest_modeleval.suites.tables import Row, Table, listed, quoted, shape, unknown_key_hint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yaml import Mark

    # The stubs of PyYAML leave out that every node says what kind it is.
    Node = Any

__all__ = ["Entry", "Values", "compose", "place_of", "read_yaml"]

_CASES_KEY = "cases"
_MAPPING = "a mapping"

_MAX_DEPTH = 100
"""Levels of nesting, as in ``core.plain``; libyaml crashes the process at some 20,000."""

_MAX_REPEATED = 1_000_000
"""Values that aliases may repeat, so that a page of them can't stand for the whole memory."""
_CHARACTERS_PER_VALUE = 1000

_PREFIX = "tag:yaml.org,2002:"
_PLAIN = "plain"
_TAGS = {
    "scalar": {_PLAIN, *(_PREFIX + kind for kind in ("str", "null", "bool", "int", "float"))},
    "sequence": {_PREFIX + "seq"},
    "mapping": {_PREFIX + "map"},
}

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_BASED_INT = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MAX_DIGITS = 1000
_NOT_PRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"  # as the YAML standard
)


class Entry(NamedTuple):
    """One key of a mapping, its own or merged into it, and the node of its value."""

    key: str
    mark: Mark
    node: Node


def read_yaml(text: str, shown: str, verbatim: Mapping[str, int], part: str | None = None) -> Table:
    """The cases of a YAML file: a list, or a mapping whose key ``cases`` holds one.

    Args:
        text: The whole file.
        shown: The file, as messages name it.
        verbatim: Columns in which a plain scalar, unless it is null, is the text that stands in
            the file; 1 for the value itself, 2 for the items of a list too.
        part: The key that holds the list beside any others; None for ``cases`` alone.

    Raises:
        DatasetError: For broken YAML, other keys, and cases that are no mappings.
    """
    root = compose(text, shown)
    values = Values(shown)
    expected = shape(part, _MAPPING)
    if root is not None and root.id == "mapping":
        root = _cases_of_mapping(root, values, shown, part)
        expected = "a list of cases"
    elif root is not None and root.id == "sequence" and part is not None:
        raise DatasetError(f"{place_of(root, shown)}: expected {expected}, found a list.")
    if root is None or values.is_null(root):
        return Table(rows=[])
    if root.id != "sequence":
        raise DatasetError(f"{place_of(root, shown)}: expected {expected}, found {_kind(root)}.")
    values.check_tag(root)
    rows: list[Row] = []
    for index, node in enumerate(root.value):
        place = place_of(node, shown)
        if node.id != "mapping":
            raise DatasetError(f"{place}: cases[{index}] is {_kind(node)}, a case is a mapping.")
        rows.append((place, values.of_mapping(node, verbatim)))
    return Table(rows=rows)


def _cases_of_mapping(root: Node, values: Values, shown: str, part: str | None) -> Node | None:
    """The node of the cases in a mapping: under ``part``, or under its only key ``cases``."""
    entries = values.entries(root)
    wanted = _CASES_KEY if part is None else part
    cases = next((entry.node for entry in entries if entry.key == wanted), None)
    if part is None:
        lists = {e.key: len(e.node.value) for e in entries if _holds_mappings(e.node)}
        for entry in entries:
            if entry.key != _CASES_KEY:
                hint = unknown_key_hint(entry.key, lists, _MAPPING)
                raise DatasetError(
                    f"{shown}:{entry.mark.line + 1}: unknown key {quoted(entry.key)}{hint}"
                )
    elif cases is None:
        keys = [entry.key for entry in entries]
        raise DatasetError(
            f"{place_of(root, shown)}: expected {shape(part, _MAPPING)}, found "
            f"{f'the keys {listed(keys)}' if keys else 'an empty mapping'}"
            f"{did_you_mean(part, keys) or '.'}"
        )
    return cases


def _holds_mappings(node: Node) -> bool:
    return bool(node.id == "sequence" and node.value and node.value[0].id == "mapping")


def _kind(node: Node) -> str:
    """What a node is, in a few words of a message."""
    kinds = {"mapping": "a mapping", "sequence": "a list"}
    return kinds.get(node.id) or f"the text {quoted(node.value)}"


def place_of(node: Node, shown: str) -> str:
    """``file:line`` of a node."""
    return f"{shown}:{node.start_mark.line + 1}"


def compose(text: str, shown: str) -> Node | None:
    """The node of the only document in ``text``, or None where there is none.

    Raises:
        DatasetError: For broken YAML, nesting deeper than 100 levels, and a second document.
    """
    import yaml

    bad = _NOT_PRINTABLE.search(text)
    if bad:
        line = text.count("\n", 0, bad.start()) + 1
        column = bad.start() - text.rfind("\n", 0, bad.start())
        raise DatasetError(
            f"{shown}:{line}:{column}: the character {bad.group()!r} may not stand in YAML; "
            "write it as an escape in double quotes."
        )
    loader = _new_loader(text)
    try:
        root: Node | None = loader.get_node() if loader.check_node() else None
        if loader.check_node():
            second = place_of(loader.get_node(), shown)
            raise DatasetError(f"{second}: a second document begins; a dataset is one document.")
    except _TooDeepError as error:
        raise DatasetError(
            f"{shown}:{error.mark.line + 1}: nested deeper than {_MAX_DEPTH} levels."
        ) from error
    except yaml.MarkedYAMLError as error:
        raise DatasetError(_broken(error, shown)) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # An escape beyond Unicode, as the loader without libyaml meets it.
        reason = " ".join(str(error).split())
        raise DatasetError(f"{shown}:1: broken YAML: {reason}.") from error
    finally:
        loader.dispose()
    return root


class _TooDeepError(Exception):
    """Nesting that would end the process, as libyaml's composer recurses in C."""

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark


def _new_loader(text: str) -> Any:
    """A loader of PyYAML that only composes; its tags say no more than what stands in the file."""
    import yaml

    depth = 0

    def resolve(_self: Any, kind: type[Node], _value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _PREFIX + "str"
        return _PREFIX + ("seq" if kind is yaml.SequenceNode else "map")

    def descend(_self: Any, parent: Node | None, _index: Any) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH and parent is not None:
            raise _TooDeepError(parent.start_mark)

    def ascend(_self: Any) -> None:
        nonlocal depth
        depth -= 1

    methods = {"resolve": resolve, "descend_resolver": descend, "ascend_resolver": ascend}
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return type("StrictLoader", (base,), methods)(text)


def _broken(error: Any, shown: str) -> str:
    """One line for an error of the parser."""
    mark = error.problem_mark or error.context_mark
    place = f"{shown}:{mark.line + 1}:{mark.column + 1}" if mark else f"{shown}:1"
    reason = " ".join(", ".join(filter(None, (error.context, error.problem))).split())
    if "mapping values are not allowed" in reason:
        reason += "; put a text that holds ': ' in quotes"
    elif " tab " in reason or r"'\t'" in reason:
        reason += "; indent with spaces, not with tabs"
    return f"{place}: broken YAML: {reason}."


class _Built(NamedTuple):
    """A value made of a node, with what it takes to write it out.

    Attributes:
        value: Plain data.
        n_values: How many values it holds, itself among them; long texts count as several.
        height: Levels of nesting below it.
    """

    value: Any
    n_values: int
    height: int


class Values:
    """Plain data made of nodes; each node is built once, however many aliases name it."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._built: dict[tuple[int, int], _Built] = {}
        self._entries: dict[int, list[Entry]] = {}
        self._open: set[int] = set()
        self._n_repeated = 0

    def of(self, node: Node, *, verbatim: int = 0) -> Any:
        """The value of ``node``, in whose first ``verbatim`` levels plain scalars are text.

        Raises:
            DatasetError: For whatever is no plain data.
        """
        return self._build(node, verbatim, 0).value

    def of_mapping(self, node: Node, verbatim: Mapping[str, int]) -> dict[str, Any]:
        """The value of a mapping, some of whose keys hold text as it stands."""
        return {
            entry.key: self._build(entry.node, verbatim.get(entry.key, 0), 0).value
            for entry in self.entries(node)
        }

    def is_null(self, node: Node) -> bool:
        """Whether the node is an empty value, ``null`` or ``~``."""
        return node.tag == _PLAIN and node.value in _NULLS

    def check_tag(self, node: Node) -> None:
        """Refuse tags of anything that isn't plain data."""
        if node.tag not in _TAGS[node.id]:
            tag = node.tag.replace(_PREFIX, "!!")
            raise self._error(node, f"the tag {quoted(tag)} is unknown; a dataset is plain data.")

    def entries(self, node: Node) -> list[Entry]:
        """The entries of a mapping; those merged with ``<<`` last, and only where it lacks them."""
        known = self._entries.get(id(node))
        if known is not None:
            return known
        self.check_tag(node)
        self._enter(node)
        own: dict[str, Entry] = {}
        merged: list[Entry] = []
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key in own:
                first = own[key].mark.line + 1
                raise self._error(
                    key_node, f"the key {quoted(key)} stands twice; first in line {first}."
                )
            own[key] = Entry(key, key_node.start_mark, value_node)
            if key == "<<" and key_node.tag == _PLAIN:
                merged = self._merged(value_node)
        if merged:
            del own["<<"]
            for entry in merged:
                own.setdefault(entry.key, entry)
        self._open.discard(id(node))
        found = self._entries[id(node)] = list(own.values())
        return found

    def _merged(self, node: Node) -> list[Entry]:
        """The entries that ``<<: node`` brings, the most important first."""
        sources = node.value if node.id == "sequence" else [node]
        entries: list[Entry] = []
        for source in sources:
            if source.id != "mapping":
                raise self._error(node, "'<<' merges a mapping or a list of mappings.")
            found = self.entries(source)
            self._repeat(len(found), node)
            entries += found
        return entries

    def _key(self, node: Node) -> str:
        if node.id != "scalar":
            raise self._error(node, "a key is a text, not a list or a mapping.")
        self.check_tag(node)
        return clean_text(node.value)

    def _build(self, node: Node, verbatim: int, depth: int) -> _Built:
        known = self._built.get((id(node), verbatim))
        if known is None:
            known = self._build_new(node, verbatim, depth)
            self._built[id(node), verbatim] = known
        else:
            self._repeat(known.n_values, node)
        if depth + known.height > _MAX_DEPTH:
            raise self._error(node, f"nested deeper than {_MAX_DEPTH} levels.")
        return known

    def _build_new(self, node: Node, verbatim: int, depth: int) -> _Built:
        if node.id == "scalar":
            value = self._scalar(node, verbatim)
            return _Built(value, 1 + len(node.value) // _CHARACTERS_PER_VALUE, 0)
        result: Any
        if node.id == "mapping":
            entries = self.entries(node)
            self._enter(node)
            parts = [self._build(entry.node, 0, depth + 1) for entry in entries]
            result = {entry.key: part.value for entry, part in zip(entries, parts, strict=True)}
        else:
            self.check_tag(node)
            self._enter(node)
            below = max(verbatim - 1, 0)
            parts = [self._build(item, below, depth + 1) for item in node.value]
            result = [part.value for part in parts]
        self._open.discard(id(node))
        n_values = 1 + sum(part.n_values for part in parts)
        return _Built(result, n_values, 1 + max((part.height for part in parts), default=0))

    def _scalar(self, node: Node, verbatim: int) -> Any:
        text: str = node.value
        if node.tag == _PLAIN:
            if text in _NULLS:
                return None
            return clean_text(text) if verbatim else self._resolved(node, text)
        self.check_tag(node)
        kind = node.tag.removeprefix(_PREFIX)
        if kind == "str":
            return clean_text(text)
        value = None if kind == "null" and text in _NULLS else self._resolved(node, text)
        if kind == "float" and type(value) is int and abs(value) < 2**63:
            return float(value)
        if type(value).__name__ != {"null": "NoneType"}.get(kind, kind):
            raise self._error(node, f"{quoted(text)} is no !!{kind}.")
        return value

    def _resolved(self, node: Node, text: str) -> Any:
        """What a plain scalar means in the core schema of YAML 1.2."""
        if text in _BOOLS:
            return _BOOLS[text]
        if text[:1] not in "+-.0123456789":
            return clean_text(text)
        if _INT.fullmatch(text) or _BASED_INT.fullmatch(text):
            if len(text) > _MAX_DIGITS:
                raise self._error(node, "a number has too many digits; put it in quotes.")
            return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
            return number
        if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
            raise self._error(
                node, f"{quoted(text)} is no number that a record can keep; put it in quotes."
            )
        return clean_text(text)

    def _enter(self, node: Node) -> None:
        """Note that ``node`` is being built, and refuse one that is."""
        if id(node) in self._open:
            raise self._error(node, "an alias names a value that it is part of.")
        self._open.add(id(node))

    def _repeat(self, n_values: int, node: Node) -> None:
        """Count what an alias repeats, and stop what would grow without bound."""
        self._n_repeated += n_values
        if self._n_repeated > _MAX_REPEATED:
            raise self._error(node, "aliases repeat too much; write the cases out.")

    def _error(self, node: Node, reason: str) -> DatasetError:
        mark = node.start_mark
        return DatasetError(f"{self._shown}:{mark.line + 1}:{mark.column + 1}: {reason}")
