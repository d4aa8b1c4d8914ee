"""Redaction: secrets are taken out of text in one place, before anything is written or cut."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.plain import clean_text, json_encoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["IDENTITY", "Redactor"]

IDENTITY = frozenset(
    {
        *("format_version", "suite", "variant", "model", "case_id", "nodeid", "repeat", "outcome"),
        *("error_kind", "asked_model", "source", "content_hash", "measured_in"),
        *("input_hash", "parameters_hash", "call"),
    }
)
"""Fields of a line that cases are counted and found again by; they are names, never payload."""

_NAMES_OF_CASES = "left_out"  # of a manifest, where they are what they are in the records

_SECRET_NAME = re.compile(r"_(KEY|TOKEN|SECRET|PASSWORD)$")
_MIN_LENGTH = 6  # shorter values ("none", "x") stand in ordinary words

_CHARACTERS = r"[\w.~+/=:|$%@!*&^\#;-]"
# An Authorization header as HTTP, Python or JSON write it, JSON inside of JSON included: a token,
# after a scheme or by itself, and whatever else the scheme puts after commas. The lookahead keeps
# a scheme before a secret that is replaced already.
_HEADER = rf"""
    (?P<header> (?i:authorization)
        (?: [\\"']+ \s* , \s* b? [\\"']+ | [\\"']* \s* [:=] \s* b? [\\"']* ) )
    (?: (?i: basic | bearer | digest | token | negotiate ) [ \t]+ (?: PAIR | {_CHARACTERS}++ )
      | [A-Za-z][\w-]*+ [ \t]+ (?: PAIR | TOKEN )
      | TOKEN )
    (?: \s* , \s* (?: PAIR | TOKEN ) )*
""".replace("PAIR", r"""[\w-]+ = \\* " [^"\\]* \\* " """).replace(
    "TOKEN", rf"{_CHARACTERS}{{{_MIN_LENGTH},}}+ (?! \s+ \[secret)"
)
_FORMS = re.compile(
    rf"""
    {_HEADER}
    | \b sk-[A-Za-z0-9_-]{{16,}}
    | (?i: \b bearer \s+ ) (?= [A-Za-z._~+/=-]* \d ) [A-Za-z0-9._~+/=-]{{16,}}
    """,
    re.VERBOSE,
)
_WORDS = ("bearer", "authorization")  # in any case; without one of them only sk- has a form


class Redactor:
    """Replaces secrets by ``[secret NAME]``, and what has the form of one by ``[secret]``.

    Args:
        environment: Environment variables; the values of those whose name ends in ``_KEY``,
            ``_TOKEN``, ``_SECRET`` or ``_PASSWORD`` are secrets. Values under six characters
            are not, since they stand in ordinary words.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._names: dict[str, str] = {}
        self.learn(environment)

    def learn(self, environment: Mapping[str, str], *, also: Iterable[str] = ()) -> None:
        """Look at the environment again: modules that were imported may have set more of it.

        Args:
            environment: The environment.
            also: Variables that hold a secret, whatever their name ends in.
        """
        secret = {*also}
        for name, value in environment.items():
            is_secret = name in secret or _SECRET_NAME.search(name)
            bare = value.strip()  # as it is sent; variables that were read from files end in \n
            if is_secret:
                # As it stands, as it is sent, as an assertion shows it, and on one line.
                forms = (value, bare, repr(bare)[1:-1], " ".join(bare.split()))
                self._names |= {form: name for form in forms if len(form) >= _MIN_LENGTH}
        self._pattern = _any_of(self._names)
        self._clean_names: dict[str, str] = {}
        # What a line of JSON has to hold for a secret to be in it; a secret may hold characters
        # that JSON escapes.
        self._signs = ("sk-", *self._names, *{_to_json(value)[1:-1] for value in self._names})

    def text(self, text: str) -> str:
        """``text`` without secrets."""
        if self._pattern is not None:
            text = self._pattern.sub(lambda found: f"[secret {self._names[found[0]]}]", text)
        return _FORMS.sub(lambda found: f"{found['header'] or ''}[secret]", text)

    def name(self, name: str) -> str:
        """The same of a name, such as a model's, that is asked about again and again."""
        if name not in self._clean_names:
            self._clean_names[name] = self.text(name)
        return self._clean_names[name]

    def json_line(self, data: Mapping[str, Any]) -> str:
        """Data as one line of JSON without secrets.

        The names of the fields and the values of ``IDENTITY`` stay as they are: cases are counted
        by them, and a variable like ``SORT_KEY=outcome`` must not change a count. What JSON
        cannot hold becomes its ``repr``: a line is always written. The line as a whole is
        searched first, since hardly any holds a secret.
        """
        return self.json_line_and_whether(data)[0]

    def json_line_and_whether(self, data: Mapping[str, Any]) -> tuple[str, bool]:
        """Data as a line of JSON, and whether it holds just what the data do."""
        whole = _line(data)
        line = self.line(whole)
        return line, line == whole

    def line(self, line: str) -> str:
        """A line of JSON, an object, without secrets; see ``json_line``."""
        lowered = line.lower()
        if any(sign in line for sign in self._signs) or any(word in lowered for word in _WORDS):
            line = _to_json(self._fields(line))
        return clean_text(line)

    def values(self, value: Any) -> Any:
        """Like ``data``, for data whose keys are this package's own."""
        if isinstance(value, dict):
            return {
                key: item if key == _NAMES_OF_CASES else self.values(item)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.values(item) for item in value]
        return self.data(value)

    def data(self, value: Any) -> Any:
        """Plain data without secrets in any of its texts, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self._item(key, item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        return value

    def _item(self, name: str, value: Any) -> Any:
        """The value of a mapping; that of an Authorization header is a secret as a whole."""
        if not name.lower().endswith("authorization"):
            return self.data(value)
        if isinstance(value, list | tuple):  # a header may be there several times
            return [self._item(name, item) for item in value]
        if isinstance(value, str) and len(value) >= _MIN_LENGTH:
            return "[secret]"
        return self.data(value)

    def _fields(self, line: str) -> dict[str, Any]:
        """The fields of a line, redacted but for their names and those of ``IDENTITY``."""
        return {
            name: value if name in IDENTITY else self._field(name, value)
            for name, value in json.loads(line).items()
        }

    def _field(self, name: str, value: Any) -> Any:
        try:
            return self._item(name, value)
        except RecursionError:  # JSON nests deeper than Python calls
            return self.text(_to_json(value))


def _any_of(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern of all secrets, the longer of two that begin alike first; None for none."""
    longest_first = sorted(secrets, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def _shown(value: object) -> str:
    """What JSON cannot hold as text, whatever its class does."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001  (any code may stand in a __repr__; a line is always written)
        return f"<{type(value).__name__}>"


_to_json = json_encoder(_shown)


def _line(data: Mapping[str, Any]) -> str:
    """Data as a line of JSON; a field that JSON cannot hold as its ``repr``."""
    try:
        return _to_json(data)
    except (ValueError, TypeError, RecursionError):
        fields = {
            name if isinstance(name, str) else _shown(name): _holdable(value)
            for name, value in data.items()
        }
        return _to_json(fields)


def _holdable(value: Any) -> Any:
    try:
        _to_json(value)
    except (ValueError, TypeError, RecursionError):
        return _shown(value)
    return value
