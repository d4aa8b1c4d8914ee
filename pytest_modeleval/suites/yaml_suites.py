"""YAML suites: a ``*.eval.yaml`` file read as a suite, its cases and all it says of them.

``read_suite`` checks keys and types, which ``suite.schema.json`` states for editors in the same
way; a test holds the two together. ``load_suite_cases`` then reads what the file names. Every
message begins with the file and the line that it is about.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_modeleval.core.cases import CASE_FIELDS, Case
from pytest_modeleval.core.plain import is_number
from pytest_modeleval.core.thresholds import parse_rate
from pytest_modeleval.errors import DatasetError, UsageError, did_you_mean
from pytest_modeleval.suites import files
from pytest_modeleval.suites.cases import VERBATIM, load_dataset
from pytest_modeleval.suites.prompts import Prompt, TemplateText
from pytest_modeleval.suites.rows import field_columns, to_cases
from pytest_modeleval.suites.strict_yaml import Values, compose, place_of
from pytest_modeleval.suites.tables import Table, described, listed, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_modeleval.suites.cases import CaseSource, Dataset
    from pytest_modeleval.suites.strict_yaml import Entry, Node

__all__ = [
    "DataFile",
    "FromFile",
    "Specs",
    "SuiteCases",
    "SuiteFile",
    "load_suite_cases",
    "read_suite",
    "read_suite_file",
]

SUITE_KEYS = (
    *("cases", "columns", "defaults", "tags", "model", "system", "parameters", "prompt"),
    *("scorers", "min_score", "thresholds", "repeats", "name", "description"),
)
_CASE_KEYS = (*CASE_FIELDS, "scorers", "min_score")
_FILE_KEYS = ("file", "columns")
_MESSAGE_KEYS = ("role", "content")
_DEFAULT_KEYS = ("expected", "tags", "cluster", "metadata")
_COLUMN_KEYS = tuple(name for name in CASE_FIELDS if name != "metadata")

_NAME = re.compile(r"^[^\[\]:]*[^\[\]:\s][^\[\]:]*$")
_ROLES = ("system", "developer", "user", "assistant")
_MAX_REPEATS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Specs:
    """Scorers as a suite or a case names them.

    Attributes:
        items: Of each its name, or a mapping of its name to its parameters.
        where: ``file:line: scorers``; messages about all of them begin with it.
        places: The same of each, by its own line.
    """

    items: tuple[Any, ...]
    where: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FromFile:
    """A text that stands in a file of its own.

    Attributes:
        path: The path as the suite has it.
        where: ``file:line: key`` of the suite.
    """

    path: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A dataset that a suite names.

    Attributes:
        path: Its path as the suite has it, or whatever a plugin loads cases for.
        columns: For a field of a case the column that holds it.
        line: Line of the suite's file, from 1.
        where: ``file:line: cases``.
    """

    path: str
    columns: Mapping[str, str]
    line: int
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineCase:
    """A case that stands in the suite's file, with the line that it begins in, from 1."""

    case: Case
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteFile:
    """What a suite's file says, each key of it checked by itself.

    Attributes:
        shown: The file, as messages name it.
        lines: For each key the line that it stands in, from 1.
        name: Name in thresholds and reports; None for the file's own.
        description: What it is for, in words.
        models: Specs of the models; empty for those of the settings.
        system: Instructions that come before every case; None for none.
        parameters: What else each request to a server says, by the API's names.
        prompt: What is asked: templates, a file that holds one, or None for the bare input.
        scorers: What scores the answers; None for ``exact``.
        min_score: Mark that the mean of a case's scores has to reach; None where each score has
            its own.
        thresholds: Each line of the grammar with its place.
        repeats: How often each case is asked; None for as often as the settings say.
        tags: Tags that every case gets.
        defaults: By the name of a field what cases have that say nothing of it.
        sources: The cases and the files of cases, in order.
        case_scorers: Scorers of single cases, by id.
        case_min_scores: Marks of single cases, by id.
    """

    shown: str
    lines: Mapping[str, int]
    name: str | None = None
    description: str | None = None
    models: tuple[str, ...] = ()
    system: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    prompt: tuple[TemplateText, ...] | FromFile | None = None
    scorers: Specs | None = None
    min_score: float | None = None
    thresholds: tuple[tuple[str, str], ...] = ()
    repeats: int | None = None
    tags: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[InlineCase | DataFile, ...]
    case_scorers: Mapping[str, Specs] = field(default_factory=dict)
    case_min_scores: Mapping[str, float] = field(default_factory=dict)

    def place(self, *keys: str) -> str:
        """``file:line`` of the first of these keys that the file has, else of its beginning."""
        return f"{self.shown}:{next((self.lines[key] for key in keys if key in self.lines), 1)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteCases:
    """The cases of a suite, with what they are asked.

    Attributes:
        cases: The cases, in order.
        lines: For each case, by id, the line of the suite's file that it comes from, from 1.
        questions: What each case asks, by id, where that is not its input.
        datasets: The files that they come from with twelve digits of their SHA-256.
    """

    cases: Sequence[Case]
    lines: Mapping[str, int]
    questions: Mapping[str, Any]
    datasets: tuple[tuple[str, str], ...]


def read_suite_file(path: Path, shown: str) -> SuiteFile:
    """What the file of a suite says; see ``read_suite``."""
    return read_suite(files.read_text(path, shown), shown)


def read_suite(text: str, shown: str) -> SuiteFile:
    """What the text of a suite says, without reading any file that it names.

    Args:
        text: The whole file.
        shown: The file, as messages name it.

    Raises:
        UsageError: For broken YAML, unknown keys, and values that are not of their kind.
    """
    root = compose(text, shown)
    if root is None or root.id != "mapping":
        raise UsageError(
            f"{shown}:{root.start_mark.line + 1 if root else 1}: a suite is a mapping of keys, "
            f"of which 'cases' is needed; the keys are {listed(SUITE_KEYS)}"
        )
    return _Reader(shown).suite(root)


def load_suite_cases(
    suite: SuiteFile,
    *,
    folders: Sequence[Path],
    shown_from: Path,
    source_of: Callable[[str], CaseSource] = lambda path: path,
) -> SuiteCases:
    """The cases of a suite, loaded, with its defaults and its tags, and what each asks.

    Args:
        suite: What its file says.
        folders: Where a relative path is looked for, in order.
        shown_from: The folder from which messages show paths.
        source_of: What a path stands for where it is no file.

    Raises:
        UsageError: A file can't be read, two cases have one id, or the prompt does not fit a case.
    """
    cases: list[Case] = []
    lines: dict[str, int] = {}
    datasets: dict[str, str] = {}
    sources: dict[str, str | None] = {}
    for item in suite.sources:
        if isinstance(item, InlineCase):
            found = [item.case]
        else:
            dataset = _load_file(item, folders, shown_from, source_of)
            found = dataset.cases
            datasets |= _digest(dataset)
        for case in found:
            if case.id in lines:
                raise UsageError(
                    f"{case.source}: the id {quoted(case.id)} is already that of "
                    f"{sources[case.id]}; every case needs one of its own"
                )
            lines[case.id], sources[case.id] = item.line, case.source
            cases.append(_completed(case, suite))
    return SuiteCases(
        cases=cases,
        lines=lines,
        questions=_questions(suite, cases, folders, shown_from),
        datasets=tuple(datasets.items()),
    )


def _load_file(
    item: DataFile,
    folders: Sequence[Path],
    shown_from: Path,
    source_of: Callable[[str], CaseSource],
) -> Dataset:
    try:
        return load_dataset(
            source_of(item.path),
            folders=folders,
            columns=item.columns or None,
            shown_from=shown_from,
        )
    except DatasetError as error:
        message = str(error)
        # What stands in the dataset has its place there; that it can't be found has ours.
        is_placed = re.match(r"\S.*?:\d+:", message) is not None
        raise DatasetError(message if is_placed else f"{item.where}: {message}") from None


def _digest(dataset: Dataset) -> dict[str, str]:
    digits = files.digest(dataset.files)
    return {} if dataset.shown is None or digits is None else {dataset.shown: digits}


def _completed(case: Case, suite: SuiteFile) -> Case:
    """A case with what the suite says of all its cases."""
    if not (suite.defaults or suite.tags):
        return case
    known: dict[str, Any] = {}
    defaults = suite.defaults
    if case.expected is None and defaults.get("expected") is not None:
        known["expected"] = defaults["expected"]
    if case.cluster is None and defaults.get("cluster") is not None:
        known["cluster"] = defaults["cluster"]
    if defaults.get("metadata"):
        known["metadata"] = {**defaults["metadata"], **case.metadata}
    tags = tuple(dict.fromkeys((*(case.tags or defaults.get("tags", ())), *suite.tags)))
    if tags != case.tags:
        known["tags"] = tags
    return replace(case, **known) if known else case


def _questions(
    suite: SuiteFile, cases: Sequence[Case], folders: Sequence[Path], shown_from: Path
) -> dict[str, Any]:
    """What each case asks, where the suite has a prompt."""
    if suite.prompt is None:
        return {}
    templates = suite.prompt
    if isinstance(templates, FromFile):
        templates = (_template_of(templates, folders, shown_from),)
    prompt = Prompt(templates)
    return {case.id: prompt.render(case) for case in cases}


def _template_of(given: FromFile, folders: Sequence[Path], shown_from: Path) -> TemplateText:
    """The prompt that stands in a file of its own."""
    path = Path(given.path)
    try:
        found, part = files.find(path, folders, (path.suffix,))
        shown = files.shown_path(found, path, shown_from)
        text = files.read_text(found, shown)
    except DatasetError as error:
        raise UsageError(f"{given.where}: {error}") from None
    if part is not None:
        raise UsageError(f"{given.where}: a prompt has no parts; leave out {quoted(f'#{part}')}")
    return TemplateText(text=text, file=shown, line=1, has_lines=True, key="prompt")


class _Reader:
    """Reads the nodes of one file; each method gives the checked value of a node.

    A method's ``where`` is ``file:line: key``, which messages begin with.
    """

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._values = Values(shown)

    def suite(self, root: Node) -> SuiteFile:
        """The whole file."""
        entries = self._entries(root, SUITE_KEYS, "")
        if "cases" not in entries:
            raise UsageError(
                f"{place_of(root, self._shown)}: the suite has no cases; add "
                "'cases: FILE', or a list of cases"
            )
        known: dict[str, Any] = {}
        for key, entry in entries.items():
            read: Callable[[Node, str], Any] | None = getattr(self, f"_{key}", None)
            if read is not None:
                known[key] = read(entry.node, self._where(entry, key))
        columns = known.pop("columns", {})
        models = known.pop("model", ())
        return SuiteFile(
            shown=self._shown,
            lines={key: entry.mark.line + 1 for key, entry in entries.items()},
            models=models,
            **known,
            **self._all_cases(entries["cases"], columns),
        )

    # One method for each key of a suite, by its name.

    def _name(self, node: Node, where: str) -> str:
        text = self._text(node, where)
        if not _NAME.search(text):
            _fail(where, "text without [, ] and :", text)
        return text

    def _description(self, node: Node, where: str) -> str:
        return self._text(node, where)

    def _model(self, node: Node, where: str) -> tuple[str, ...]:
        texts = self._texts(
            node, where, "a model such as module:callable or openai:NAME, or several"
        )
        for index, text in enumerate(texts):
            if text in texts[:index]:
                raise UsageError(f"{where}: {quoted(text)} is named twice")
        return texts

    def _system(self, node: Node, where: str) -> str:
        text = self._text(node, where)
        if "{{" in text or "{%" in text:
            raise UsageError(
                f"{where}: system is no template; make prompt a list of messages, the first of "
                "them with role: system"
            )
        return text

    def _parameters(self, node: Node, where: str) -> dict[str, Any]:
        value = self._values.of(node)
        if not isinstance(value, dict):
            _fail(where, "a mapping such as temperature: 0", value)
        return value

    def _prompt(self, node: Node, where: str) -> tuple[TemplateText, ...] | FromFile:
        if node.id == "scalar":
            return (self._template(node, where, "prompt"),)
        if node.id == "mapping":
            entries = self._entries(node, ("file",), "prompt")
            self._need(entries, "file", node, "prompt")
            where = self._where(entries["file"], "prompt.file")
            return FromFile(path=self._text(entries["file"].node, where), where=where)
        self._values.check_tag(node)
        if not node.value:
            _fail(where, "text, a list of messages, or file: PATH", [])
        return tuple(self._message(item, index) for index, item in enumerate(node.value))

    def _scorers(self, node: Node, where: str) -> Specs:
        value = self._values.of(node)
        wanted = "a list of names, or of mappings of one name to its parameters"
        if not isinstance(value, list) or not value:
            _fail(where, wanted, value)
        for item, own in zip(value, node.value, strict=True):
            is_text = isinstance(item, str) and re.search(r"\S", item)
            if not is_text and not (isinstance(item, dict) and len(item) == 1):
                _fail(f"{place_of(own, self._shown)}: scorers", wanted, item)
        places = tuple(f"{place_of(item, self._shown)}: scorers" for item in node.value)
        return Specs(items=tuple(value), where=where, places=places)

    def _min_score(self, node: Node, where: str) -> float:
        value = self._values.of(node)
        if isinstance(value, str) and "%" in value:
            return parse_rate(value, where)
        if not is_number(value) or not 0 <= value <= 1:
            _fail(where, "a number from 0 to 1 or a percentage", value)
        return float(value)

    def _thresholds(self, node: Node, where: str) -> tuple[tuple[str, str], ...]:
        texts = self._texts(node, where, "lines such as 'accuracy >= 90%'")
        nodes = node.value if node.id == "sequence" else [node]
        places = [f"{place_of(item, self._shown)}: thresholds" for item in nodes]
        return tuple(zip(texts, places, strict=True))

    def _repeats(self, node: Node, where: str) -> int:
        value = self._values.of(node)
        is_count = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_count or value != int(value) or not 1 <= value <= _MAX_REPEATS:
            _fail(where, f"a whole number from 1 to {_MAX_REPEATS}", value)
        return int(value)

    def _tags(self, node: Node, where: str) -> tuple[str, ...]:
        if self._values.is_null(node):
            _fail(where, "text or a list of text", None)
        row = {"input": "-", "tags": self._values.of(node, verbatim=2)}
        return self._one_case(row, where).tags

    def _defaults(self, node: Node, where: str) -> dict[str, Any]:
        entries = self._entries(node, _DEFAULT_KEYS, "defaults")
        row = {key: self._verbatim(entry.node, key) for key, entry in entries.items()}
        case = self._one_case({"input": "-", **row}, where)
        return {key: getattr(case, key) for key in entries}

    def _columns(self, node: Node, where: str) -> dict[str, str]:
        del where
        entries = self._entries(node, _COLUMN_KEYS, "columns")
        return {
            key: self._text(entry.node, self._where(entry, f"columns.{key}"))
            for key, entry in entries.items()
        }

    # The cases.

    def _all_cases(self, entry: Entry, columns: Mapping[str, str]) -> dict[str, Any]:
        """What ``SuiteFile`` knows of cases: the inline ones made, the files as they are named."""
        node, where = entry.node, self._where(entry, "cases")
        if node.id == "scalar":
            path = self._text(node, where)
            file = DataFile(path=path, columns=columns, line=entry.mark.line + 1, where=where)
            return {"sources": (file,)}
        self._values.check_tag(node)
        if node.id != "sequence" or not node.value:
            found = "a mapping" if node.id == "mapping" else "an empty list"
            raise UsageError(f"{where}: expected the name of a file or a list, found {found}")
        inline: list[dict[str, Entry]] = []
        sources: list[DataFile | int] = []
        for index, item in enumerate(node.value):
            source = self._source(item, f"cases[{index}]", columns)
            if isinstance(source, dict):
                inline.append(source)
            sources.append(source if isinstance(source, DataFile) else len(inline) - 1)
        places = [place_of(item, self._shown) for item in node.value]
        own = [place for place, item in zip(places, sources, strict=True) if isinstance(item, int)]
        made = self._make_inline(inline, own)
        known = self._rules(inline, made)
        known["sources"] = tuple(made[item] if isinstance(item, int) else item for item in sources)
        return known

    def _source(
        self, node: Node, key: str, columns: Mapping[str, str]
    ) -> DataFile | dict[str, Entry]:
        """One item of the list of cases: the name of a file, or the keys of a case."""
        where = f"{place_of(node, self._shown)}: {key}"
        line = node.start_mark.line + 1
        if node.id == "scalar":
            path = self._text(node, where)
            return DataFile(path=path, columns=columns, line=line, where=where)
        if node.id == "sequence":
            _fail(where, "a case, or the name of a file", self._values.of(node))
        if not any(entry.key == "file" for entry in self._values.entries(node)):
            entries = self._entries(node, _CASE_KEYS, key)
            self._need(entries, "input", node, key)
            return entries
        entries = self._entries(node, _FILE_KEYS, key)
        if "columns" in entries:
            columns = self._columns(entries["columns"].node, where)
        path = self._text(entries["file"].node, self._where(entries["file"], f"{key}.file"))
        return DataFile(path=path, columns=columns, line=line, where=where)

    def _make_inline(
        self, rows: Sequence[Mapping[str, Entry]], places: Sequence[str]
    ) -> list[InlineCase]:
        """The cases that stand in this file, ids and all."""
        if not rows:
            return []
        table = [
            (place, {key: self._verbatim(row[key].node, key) for key in row if key in CASE_FIELDS})
            for row, place in zip(rows, places, strict=True)
        ]
        cases = to_cases(Table(rows=table), field_columns(None))
        lines = [int(place.rpartition(":")[2]) for place in places]
        return [InlineCase(case=case, line=line) for case, line in zip(cases, lines, strict=True)]

    def _rules(
        self, rows: Sequence[Mapping[str, Entry]], made: Sequence[InlineCase]
    ) -> dict[str, Any]:
        """Scorers and marks of single cases."""
        scorers: dict[str, Specs] = {}
        marks: dict[str, float] = {}
        for row, item in zip(rows, made, strict=True):
            if "scorers" in row:
                entry = row["scorers"]
                scorers[item.case.id] = self._scorers(entry.node, self._where(entry, "scorers"))
            if "min_score" in row:
                entry = row["min_score"]
                marks[item.case.id] = self._min_score(entry.node, self._where(entry, "min_score"))
        return {"case_scorers": scorers, "case_min_scores": marks}

    def _one_case(self, row: Mapping[str, Any], where: str) -> Case:
        """A row that is checked as a case of a dataset is."""
        return to_cases(Table(rows=[(where, row)]), field_columns(None))[0]

    # What several keys are made of.

    def _message(self, node: Node, index: int) -> TemplateText:
        key = f"prompt[{index}]"
        if node.id != "mapping":
            where = f"{place_of(node, self._shown)}: {key}"
            _fail(where, "a mapping of role and content", self._values.of(node))
        entries = self._entries(node, _MESSAGE_KEYS, key)
        for name in _MESSAGE_KEYS:
            self._need(entries, name, node, key)
        where = self._where(entries["role"], f"{key}.role")
        role = self._text(entries["role"].node, where)
        if role not in _ROLES:
            raise UsageError(
                f"{where}: a role is one of {listed(_ROLES)}, not {quoted(role)}"
                f"{did_you_mean(role, _ROLES)}"
            )
        content = entries["content"]
        where = self._where(content, f"{key}.content")
        return self._template(content.node, where, f"{key}.content", role)

    def _template(self, node: Node, where: str, key: str, role: str | None = None) -> TemplateText:
        text = self._text(node, where)
        is_literal = node.style == "|"
        return TemplateText(
            text=text,
            file=self._shown,
            line=node.start_mark.line + (2 if is_literal else 1),
            has_lines=is_literal,
            key=key,
            role=role,
        )

    def _text(self, node: Node, where: str) -> str:
        value = self._values.of(node)
        if not isinstance(value, str):
            quotes = "; put it in quotes" if isinstance(value, bool | int | float) else ""
            raise UsageError(f"{where}: expected text, found {described(value)}{quotes}")
        if not re.search(r"\S", value):
            raise UsageError(f"{where}: this is empty; write something, or leave the key out")
        return value

    def _texts(self, node: Node, where: str, wanted: str) -> tuple[str, ...]:
        """One text or a list of them."""
        nodes = node.value if node.id == "sequence" else [node]
        if node.id == "mapping" or not nodes:
            _fail(where, wanted, self._values.of(node))
        self._values.check_tag(node)
        return tuple(self._text(item, where) for item in nodes)

    def _verbatim(self, node: Node, key: str) -> Any:
        """The value of a case's field, in which plain scalars are text."""
        return self._values.of(node, verbatim=VERBATIM.get(key, 0))

    def _entries(self, node: Node, known: Sequence[str], key: str) -> dict[str, Entry]:
        """The entries of a mapping that has no other keys than those known."""
        if node.id != "mapping":
            where = f"{place_of(node, self._shown)}: {key}"
            _fail(where, f"a mapping of {listed(known)}", self._values.of(node))
        entries = {entry.key: entry for entry in self._values.entries(node)}
        for name, entry in entries.items():
            if name not in known:
                place = f"{self._shown}:{entry.mark.line + 1}: {key}{': ' if key else ''}"
                hint = did_you_mean(name, known) or f"; the keys are {listed(known)}"
                raise UsageError(f"{place}unknown key {quoted(name)}{hint}")
        return entries

    def _need(self, entries: Mapping[str, Entry], name: str, node: Node, key: str) -> None:
        if name not in entries:
            raise UsageError(f"{place_of(node, self._shown)}: {key} has no {quoted(name)}")

    def _where(self, entry: Entry, key: str) -> str:
        return f"{self._shown}:{entry.mark.line + 1}: {key}"


def _fail(where: str, wanted: str, found: Any) -> NoReturn:
    raise UsageError(f"{where}: expected {wanted}, found {described(found)}")
