"""Prompts: the templates of a suite, and what they make of a case.

Templates are Jinja2's in its sandbox. A variable that a case does not have is an error and never
an empty place, and the expected answer is no variable: a prompt that showed it would test nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_modeleval.errors import UsageError, did_you_mean
from pytest_modeleval.suites.tables import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment, nodes

    from pytest_modeleval.core.cases import Case

__all__ = ["Prompt", "TemplateText"]

_FIELDS = ("id", "input", "tags", "cluster", "metadata")
"""What ``case`` holds in a template: all but ``expected``."""

_TEMPLATE_FILE = "<template>"  # as Jinja2 names a template that is no file
_UNDEFINED = re.compile(r"'(\w+)' is undefined")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateText:
    """One template as the user wrote it.

    Attributes:
        text: The template.
        file: The file that it stands in, as messages name it.
        line: The line of that file where it begins.
        has_lines: Whether each of its lines is one of the file; else only the first line is known.
        key: What of the suite it is, such as ``prompt`` or ``prompt[1]``.
        role: Role of the message that it is; None where the prompt is one text.
    """

    text: str
    file: str
    line: int
    has_lines: bool
    key: str
    role: str | None = None

    def place(self, line: int) -> str:
        """``file:line: prompt`` of the template's line of that number, from 1."""
        if self.has_lines:
            return f"{self.file}:{self.line + line - 1}: {self.key}"
        within = f": line {line} of it" if line > 1 else ""
        return f"{self.file}:{self.line}: {self.key}{within}"


class Prompt:
    """What is asked instead of a case's bare input.

    Args:
        templates: One text, or the contents of messages, in order.

    Raises:
        UsageError: A template is broken, shows the expected answer, or none shows anything of a
            case.
    """

    def __init__(self, templates: Sequence[TemplateText]) -> None:
        self._templates = [(item, _compile(item)) for item in templates]
        if not any(_names_variable(item.text) for item in templates):
            first = templates[0]
            raise UsageError(
                f"{first.place(1)} shows nothing of a case, so that all would ask the same; "
                "write {{ input }} where the input belongs"
            )

    def render(self, case: Case) -> str | list[dict[str, str]]:
        """The question that a case asks: a text, or a list of chat messages.

        Raises:
            UsageError: A variable that the case does not have, or an expression that fails.
        """
        variables = _variables(case)
        texts = [_render(item, template, variables, case) for item, template in self._templates]
        if self._templates[0][0].role is None:
            return texts[0]
        return [
            {"role": item.role or "user", "content": text}
            for (item, _), text in zip(self._templates, texts, strict=True)
        ]


@cache
def _environment() -> Environment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, finalize=_shown)
    # Jinja2's own writes < and & as escapes for HTML.
    environment.filters["tojson"] = _to_json
    return environment


def _shown(value: Any) -> Any:
    """A value as a prompt shows it: text as it is, nothing at all as an error, the rest as JSON."""
    from jinja2 import Undefined

    if value is None:
        raise _NullError("this is null; put {% if %} around it, or write | default('...', true)")
    if isinstance(value, str | Undefined):
        return value
    return _to_json(value)


class _NullError(Exception):
    """A template shows a value that is null."""


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _compile(item: TemplateText) -> Any:
    from jinja2 import TemplateSyntaxError

    environment = _environment()
    try:
        tree = environment.parse(item.text)
        _check_hides_expected(item, tree)
        return environment.from_string(item.text)
    except TemplateSyntaxError as error:
        message = str(error.message).rstrip(".")
        raise UsageError(f"{item.place(error.lineno)}: broken template: {message}") from None
    except RecursionError:
        raise UsageError(f"{item.place(1)}: broken template: nested too deep") from None


def _names_variable(text: str) -> bool:
    from jinja2 import meta

    environment = _environment()
    return bool(meta.find_undeclared_variables(environment.parse(text)) - {*environment.globals})


def _check_hides_expected(text: TemplateText, tree: nodes.Template) -> None:
    """Refuse ``{{ expected }}`` and ``{{ case.expected }}``."""
    from jinja2 import nodes

    lines = [
        *(node.lineno for node in tree.find_all(nodes.Name) if _is_expected(node)),
        *(
            node.lineno
            for node in tree.find_all(nodes.Getattr)
            if _is_case(node.node) and node.attr == "expected"
        ),
        *(
            node.lineno
            for node in tree.find_all(nodes.Getitem)
            if _is_case(node.node) and getattr(node.arg, "value", None) == "expected"
        ),
    ]
    if lines:
        raise UsageError(
            f"{text.place(min(lines))} shows the model the expected answer, so that it would "
            "test nothing; take 'expected' out of it"
        )


def _is_case(node: nodes.Expr) -> bool:
    return getattr(node, "name", None) == "case"


def _is_expected(node: nodes.Name) -> bool:
    return node.name == "expected" and node.ctx == "load"


def _variables(case: Case) -> dict[str, Any]:
    """What a template may name: columns, the fields of an input that is a mapping, and the case."""
    fields = case.input if isinstance(case.input, dict) else {}
    whole = {name: getattr(case, name) for name in _FIELDS}
    return {**case.metadata, **fields, "input": case.input, "case": whole}


def _render(item: TemplateText, template: Any, variables: dict[str, Any], case: Case) -> str:
    try:
        text: str = template.render(variables)
    except Exception as error:  # noqa: BLE001  (an expression of the user's may raise anything)
        _fail(item, error, variables, case)
    return text


def _fail(item: TemplateText, error: Exception, variables: dict[str, Any], case: Case) -> NoReturn:
    """Say what is wrong with which line of the template, and for which case."""
    from jinja2 import UndefinedError

    reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    if not isinstance(error, UndefinedError | _NullError):
        reason = f"{type(error).__name__}: {reason}"
    hint = ""
    unknown = _UNDEFINED.fullmatch(reason)
    if unknown is not None:
        known = [name for name in variables if name != "expected"]
        hint = did_you_mean(unknown[1], known) or f"; there are {listed(sorted(known))}"
    where = f" (case {case.id}{f', {case.source}' if case.source else ''})"
    raise UsageError(f"{item.place(_line_of(error))}: {reason}{where}{hint}") from None


def _line_of(error: Exception) -> int:
    """The line of the template at which an error was raised; the first where nothing says."""
    line, step = 1, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == _TEMPLATE_FILE:
            line = step.tb_lineno
        step = step.tb_next
    return line
