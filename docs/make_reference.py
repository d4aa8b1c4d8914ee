"""Write docs/reference/: what the code says of its options, fixtures, hooks, commands and files.

``python docs/make_reference.py`` after a change of any of these; a test holds the pages to the code.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest_modeleval
from pytest_modeleval import cli
from pytest_modeleval.core import cases, judgements, keys, predictions, records, thresholds
from pytest_modeleval.core.comparisons import CaseNumbers
from pytest_modeleval.plugin import caselogs, collect, fixtures, hookspecs, options
from pytest_modeleval.settings import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLDER = Path(__file__).parent / "reference"
MADE = "<!-- made by docs/make_reference.py; change what it says in the code -->"

_SECTION = re.compile(r"^(Attributes|Args|Returns|Raises):$")


class Recorder:
    """Stands in for pytest's parser, and keeps the options that it is told."""

    def __init__(self) -> None:
        self.options: list[tuple[str, dict[str, Any]]] = []

    def getgroup(self, *_: str) -> Recorder:
        """Itself: groups matter to ``--help`` alone."""
        return self

    def addoption(self, flag: str, **about: Any) -> None:
        """Keep an option and what is said of it."""
        self.options.append((flag, about))

    def addini(self, *_: object, **__: object) -> None:
        """Nothing: each key is that of an option."""


def main() -> None:
    """Write every page."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """The pages by file name."""
    made = {
        "options.md": options_page(),
        "thresholds.md": thresholds_page(),
        "marker.md": marker_page(),
        "python.md": python_page(),
        "hooks.md": hooks_page(),
        "command.md": command_page(),
        "files.md": files_page(),
    }
    return {name: "\n".join([MADE, *lines]).rstrip() + "\n" for name, lines in made.items()}


def options_page() -> list[str]:
    """Options and ini keys."""
    recorder = Recorder()
    options.add_options(recorder)  # type: ignore[arg-type]
    with_key = {option.flag: option for option in OPTIONS}
    actions = [
        (f"`{flag}`" + (f" `{about['metavar']}`" if "metavar" in about else ""), _help(about))
        for flag, about in recorder.options
        if flag not in with_key
    ]
    both = [
        (f"`{flag}`<br>`{with_key[flag].key}`", f"`{about['metavar']}`", _help(about))
        for flag, about in recorder.options
        if flag in with_key
    ]
    return [
        "# Options and ini keys",
        "",
        "Each setting is an option of pytest and a key of the ini file (`pytest.ini`, `tox.ini`, or",
        "`[tool.pytest.ini_options]` in `pyproject.toml`). The command line wins. A value that will",
        "not do is refused with status 4 before anything is asked. Write paths on the command line",
        "in one word, `--option=path`.",
        "",
        "## Settings",
        "",
        *table(("option, ini key", "value", "meaning"), both),
        "",
        "## Of one run",
        "",
        "These have no ini key.",
        "",
        *table(("option", "meaning"), actions),
    ]


def thresholds_page() -> list[str]:
    """The grammar, and every metric."""
    units = {"rate": "`90%` or `0.9`", "seconds": "`800ms`, `2s`, `1m`", "dollars": "`$0.002`"}
    named = {"score(NAME)": "score(tone)", "pass@K": "pass@3", "pass^K": "pass^3"}
    rows = []
    for name in thresholds._NAMES:
        metric = named.get(name, name)
        unit = thresholds.metric_unit(metric)
        assert unit is not None, name
        bound = "<=" if metric in thresholds._SMALL_IS_GOOD else ">="
        rows.append((f"`{name}`", f"`{bound}`", units[unit]))
    return [
        "# Thresholds and metrics",
        "",
        "```",
        *thresholds.__doc__.splitlines()[2:],  # type: ignore[union-attr]
        "```",
        "",
        "Without a scope a threshold holds for each suite and model by itself; `all:` pools the run;",
        "`[TAG]:` holds for the cases with that tag. Equal is met. What each metric is, and every",
        "verdict: [README](../../README.md#thresholds); which clock, [clocks](../clocks.md);",
        "which dollars, [money](../money.md).",
        "",
        *table(("metric", "usual bound", "value"), rows),
    ]


def marker_page() -> list[str]:
    """The marker and the fixtures."""
    about = dict(_entries(collect.Marker, "Attributes"))
    columns = about.pop("columns")
    rows = [(f"`{name}`", text) for name, text in about.items()]
    rows += [(", ".join(f"`{name}`" for name in collect._COLUMNS), columns)]
    lines = [
        "# Marker and fixtures",
        "",
        "## `@pytest.mark.model_eval(CASES, ...)`",
        "",
        "Runs the test once for each case.",
        "",
        *table(("argument", "meaning"), rows),
        "",
        "## Fixtures",
        "",
    ]
    for name in fixtures.NAMES:
        lines += [f"- **`{name}`**: {_text(_doc(getattr(fixtures, name)))}"]
    for kind in (cases.Case, predictions.Prediction, predictions.Usage, caselogs.SuiteModel):
        lines += ["", *class_lines(kind)]
    return [*lines, "", *class_lines(caselogs.ModelEval), "", *class_lines(caselogs.Measurement)]


def python_page() -> list[str]:
    """What ``import pytest_modeleval`` offers beside what other pages have."""
    lines = ["# Python", "", "`from pytest_modeleval import ...`", ""]
    elsewhere = {"Case", "Prediction", "Usage"}
    for name in pytest_modeleval.__all__:
        thing = getattr(pytest_modeleval, name)
        if name in elsewhere:
            lines += [f"- `{name}`: see [marker and fixtures](marker.md#{name.lower()})"]
    for name in sorted(set(pytest_modeleval.__all__) - elsewhere):
        thing = getattr(pytest_modeleval, name)
        lines += ["", *(class_lines(thing) if inspect.isclass(thing) else function_lines(thing))]
    return lines


def hooks_page() -> list[str]:
    """The hooks and what they are given."""
    lines = [
        "# Hooks",
        "",
        "A plugin or a `conftest.py` may implement these. Each names the arguments that it wants.",
        "The objects may get further fields in later versions.",
    ]
    for name, thing in vars(hookspecs).items():
        if name.startswith("pytest_modeleval_"):
            lines += ["", *function_lines(thing)]
    for name in hookspecs.__all__:
        lines += ["", *class_lines(getattr(hookspecs, name))]
    lines += ["", *class_lines(judgements.Verdict)]
    return [*lines, "", "A `Record` is described with the [files](files.md#record)."]


def command_page() -> list[str]:
    """The command and what each of its parts takes."""
    parser = cli._parser()
    (commands,) = (item for item in parser._actions if isinstance(item, argparse._SubParsersAction))
    helps = {choice.dest: _plain(choice.help or "") for choice in commands._choices_actions}
    lines = [
        "# The command `modeleval`",
        "",
        *_paragraphs(_doc(cli)),
        "",
        *table(("option", "meaning"), _arguments(parser)),
    ]
    for name, command in commands.choices.items():
        takes = _arguments(command)
        lines += [
            "",
            f"## `modeleval {name}`",
            "",
            helps[name][:1].upper() + helps[name][1:] + ".",
            "",
        ]
        lines += table(("argument", "meaning"), takes)
    return lines


def files_page() -> list[str]:
    """What is on disk, and in what form."""
    document = json.loads(
        files("pytest_modeleval.reports").joinpath("document.schema.json").read_text("utf-8")
    )
    parts = [
        (f"`{name}`", _kind_of(about, document), about.get("description", ""))
        for name, about in document["properties"].items()
    ]
    kept = [
        (
            "`.modeleval/runs/ID/run.json`",
            "what was run: command, settings, versions, commit, hashes of the datasets",
        ),
        (
            "`.modeleval/runs/ID/predictions.jsonl`",
            "a line for each answer the moment it arrives, with the [question it is of](#answerkey); `model` there is the one that served it, `asked_model` the one of the key",
        ),
        ("`.modeleval/runs/ID/records.jsonl`", "a line for each [record](#record)"),
        (
            "`.modeleval/runs/ID/summary.json`",
            "the numbers and the verdict, written whole at the end or not at all",
        ),
        (
            "`.modeleval/runs/ID/outcomes.json`",
            "what each case counted as, for `past` and `history`",
        ),
        ("`.modeleval/history.jsonl`", "a line for each finished run"),
        (
            "`evals/baseline.jsonl`",
            "a line about the run it was, then a [line for each case](#baseline), sorted",
        ),
        (
            "`*.eval.yaml`",
            "a suite: [its keys](../yaml_suites.md#keys); `modeleval schema` prints the JSON Schema",
        ),
        ("datasets", "[every format](../datasets.md)"),
        ("reports", "[HTML, Markdown, JSON, CSV, JUnit](../reports.md)"),
    ]
    return [
        "# Files",
        "",
        "JSON and UTF-8; a `.jsonl` file has one object a line. Each has a `format_version`",
        f"(now {records.FORMAT_VERSION}), and a later one is refused with a sentence. Seconds, US",
        "dollars, rates from 0 to 1. What is not known is left out or null, never 0.",
        "",
        *table(("file", "holds"), kept),
        "",
        *class_lines(records.Record),
        "",
        *class_lines(records.Score),
        "",
        *class_lines(keys.AnswerKey),
        "",
        "## Baseline",
        "",
        "The first line has `format_version`, `kind` and what is known of the run. Each further line:",
        "",
        *fields_table(CaseNumbers),
        "",
        "## JSON report",
        "",
        "The top of the document that `--model-eval-report=report.json` writes; the schema in the",
        "package describes all of it.",
        "",
        *table(("key", "type", ""), parts),
    ]


def class_lines(kind: type) -> list[str]:
    """A class: what it is, its fields and its public methods."""
    lines = [f"## {kind.__name__}", "", *_paragraphs(_doc(kind))]
    rows = fields_table(kind)
    lines += ["", *rows] if rows else []
    own = [
        (name, thing)
        for name, thing in vars(kind).items()
        if not name.startswith("_") and inspect.isfunction(inspect.unwrap(thing)) and _doc(thing)
    ]
    for name, method in own if not issubclass(kind, BaseException) else ():
        if name not in ("to_dict", "from_dict", "timed"):
            lines += ["", *function_lines(method, level="###")]
    return lines


def fields_table(kind: type) -> list[str]:
    """The fields of a class as a table; with types where it is a dataclass."""
    about = [(name, text) for name, text in _entries(kind, "Attributes") if name[0] != "_"]
    if not about:
        return []
    if not dataclasses.is_dataclass(kind):
        return table(("field", "meaning"), [(f"`{name}`", text) for name, text in about])
    types = {item.name: str(item.type) for item in dataclasses.fields(kind)}
    rows = [(f"`{name}`", f"`{types.get(name, '')}`", text) for name, text in about]
    return table(("field", "type", "meaning"), [(a, "" if b == "``" else b, c) for a, b, c in rows])


def function_lines(function: Any, level: str = "##") -> list[str]:
    """A function: how it is called, what it does, its arguments, and what it raises."""
    bare = inspect.unwrap(function)
    signature = inspect.signature(bare)
    names = [str(item) for item in signature.parameters.values() if item.name != "self"]
    keyword = [item.kind is item.KEYWORD_ONLY for item in signature.parameters.values()]
    if True in keyword:
        names.insert(len(names) - keyword[keyword.index(True) :].__len__(), "*")
    call = ", ".join(re.sub(r": '([^']*)'", r": \1", name) for name in names)
    lines = [f"{level} {bare.__name__}", "", "```python", f"{bare.__name__}({call})", "```", ""]
    lines += _paragraphs(_doc(function))
    arguments = [(f"`{name}`", text) for name, text in _entries(function, "Args")]
    lines += ["", *table(("argument", "meaning"), arguments)] if arguments else []
    returns = _section(_doc(function), "Returns")
    lines += (
        ["", "Returns: " + _text(" ".join(line.strip() for line in returns))] if returns else []
    )
    raises = _entries(function, "Raises")
    lines += [""] if raises else []
    return lines + [f"- raises `{name}`: {text}" for name, text in raises]


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """A table in Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + [
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows
    ]


def _arguments(parser: argparse.ArgumentParser) -> list[tuple[str, str]]:
    """What a parser takes, and its help."""
    rows = []
    for item in parser._actions:
        if isinstance(item, argparse._SubParsersAction | argparse._HelpAction):
            continue
        names = " ".join(f"`{flag}`" for flag in item.option_strings)
        takes_value = item.nargs != 0 and (item.metavar or item.option_strings)
        value = f"`{item.metavar or item.dest.upper()}`" if takes_value else ""
        rows.append((f"{names} {value}".strip(), _plain(item.help or "")))
    return rows


def _kind_of(about: dict[str, Any], document: dict[str, Any]) -> str:
    """The type of a value of a schema in a word or two."""
    if "const" in about:
        return f"`{about['const']}`"
    if "$ref" in about:
        name = about["$ref"].rpartition("/")[2]
        return str(document["$defs"][name].get("type", "object"))
    if "oneOf" in about or "anyOf" in about:
        parts = about.get("oneOf") or about["anyOf"]
        return " or ".join(_kind_of(part, document) for part in parts)
    kind = about.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _help(about: dict[str, Any]) -> str:
    return _plain(str(about["help"]))


def _plain(text: str) -> str:
    """The help of argparse as Markdown that shows the same."""
    return text.replace("%%", "%").replace("*", "\\*").replace("<", "&lt;")


def _doc(thing: Any) -> str:
    """A docstring of its own; that of a fixture is its function's."""
    thing = getattr(thing, "__wrapped__", None) or getattr(thing, "_fixture_function", thing)
    return inspect.cleandoc(thing.__doc__ or "")


def _paragraphs(doc: str) -> list[str]:
    """What a docstring says before its first section."""
    lines = []
    for line in doc.splitlines():
        if _SECTION.match(line):
            break
        lines.append(_text(line))
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _section(doc: str, title: str) -> list[str]:
    """The lines of a section of a docstring, one indent taken off."""
    lines: list[str] = []
    is_in = False
    for line in doc.splitlines():
        if _SECTION.match(line):
            is_in = line == f"{title}:"
        elif is_in and (line.startswith("    ") or not line):
            lines.append(line[4:])
        elif line:
            is_in = False
    return lines


def _entries(thing: Any, title: str) -> list[tuple[str, str]]:
    """Name and meaning of each entry of a section."""
    return list(_read_entries(_section(_doc(thing), title)))


def _read_entries(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    name, words = "", []
    for line in [*lines, "end:"]:
        head = re.match(r"([\w.* ,]+?)(?: \(.*\))?: ?(.*)", line)
        if head and not line.startswith(" "):
            if name:
                yield name, _text(" ".join(words))
            name, words = head[1], [head[2]]
        elif line.strip():
            words.append(line.strip())


def _text(text: str) -> str:
    """Literals of a docstring as Markdown's."""
    return text.replace("``", "`").strip() if text.strip() else ""


if __name__ == "__main__":
    main()
