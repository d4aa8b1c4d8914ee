"""Names: scorers as a suite names them, resolved to scorers.

A scorer is a name (``exact``), a mapping of a name to its parameters (``contains: {any_of: [...]}``)
or to its main one (``contains: refund``), ``module:function``, or a Python object.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_modeleval.errors import UsageError, did_you_mean
from pytest_modeleval.scorers.base import Scorer, shown
from pytest_modeleval.scorers.parameters import (
    CALLS,
    DOLLARS,
    DURATION,
    FIELD,
    FLAG,
    LETTERS,
    NAME,
    RATE,
    SCHEMA,
    TEXT,
    TEXTS,
    TOLERANCES,
    WEIGHT,
    At,
    Kind,
    one_of,
    some_of,
)
from pytest_modeleval.scorers.rules import Rule, WrongAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.predictions import Prediction
    from pytest_modeleval.scorers.base import AskModel

__all__ = ["SCORERS", "Recipe", "make_scorers"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a scorer of a certain name is made.

    Attributes:
        factory: Module of this package and name of the function that makes the rule; the module
            is imported when it is first needed.
        main: The parameter that is meant where the name stands with a value alone; None for none.
        parameters: Its parameters, beside those that every scorer has.
        needs: The parameter that has to be given; None for none.
    """

    factory: str
    main: str | None = None
    parameters: Mapping[str, Kind] = field(default_factory=dict)
    needs: str | None = None


COMMON: Mapping[str, Kind] = {"name": NAME, "min_score": RATE, "weight": WEIGHT}
"""The parameters that every scorer has."""

_IGNORE = {"ignore": some_of("case", "space", "punctuation")}
_EXPECTED = {"expected": FIELD}
_REPAIR = {"repair": FLAG}

SCORERS: Mapping[str, Recipe] = {
    "exact": Recipe("texts:make_exact", parameters=_IGNORE | _EXPECTED),
    "one_of": Recipe(
        "texts:make_one_of", main="values", parameters={"values": TEXTS} | _IGNORE | _EXPECTED
    ),
    "contains": Recipe(
        "texts:make_contains",
        main="all_of",
        parameters={"all_of": TEXTS, "any_of": TEXTS, "none_of": TEXTS, "whole_words": FLAG}
        | _IGNORE
        | _EXPECTED,
    ),
    "regex": Recipe(
        "texts:make_regex",
        main="pattern",
        parameters={
            "pattern": TEXT,
            "flags": some_of("ignorecase", "multiline", "dotall"),
            "match": one_of("search", "full"),
        }
        | _EXPECTED,
    ),
    "number": Recipe(
        "numbers:make_number",
        main="within",
        parameters={
            "within": TOLERANCES,
            "take": one_of("only", "first", "last"),
            "decimal": one_of(".", ","),
        }
        | _EXPECTED,
    ),
    "choice": Recipe(
        "choices:make_choice", main="letters", parameters={"letters": LETTERS} | _EXPECTED
    ),
    "json_equal": Recipe("structures:make_json_equal", parameters=_REPAIR | _EXPECTED),
    "json_subset": Recipe("structures:make_json_subset", parameters=_REPAIR | _EXPECTED),
    "json_schema": Recipe(
        "structures:make_json_schema",
        main="schema",
        parameters={"schema": SCHEMA} | _REPAIR | _EXPECTED,
    ),
    "tool_calls": Recipe(
        "tools:make_tool_calls",
        main="calls",
        parameters={
            "calls": CALLS,
            "arguments": one_of("equal", "subset", "ignored"),
            "order": one_of("same", "any"),
            "more": FLAG,
        }
        | _EXPECTED,
    ),
    "similar": Recipe(
        "similarities:make_similar",
        main="by",
        parameters={
            "by": one_of("edit", "token_f1", "rouge_l", "bleu", "chrf", "embedding"),
            "model": TEXT,
        }
        | _IGNORE
        | _EXPECTED,
        needs="by",
    ),
    "latency": Recipe(
        "measures:make_latency",
        main="at_most",
        parameters={"at_most": DURATION, "clock": one_of("latency", "total", "ttft")},
        needs="at_most",
    ),
    "cost": Recipe(
        "measures:make_cost", main="at_most", parameters={"at_most": DOLLARS}, needs="at_most"
    ),
}
"""The scorers of this package by name; ``function`` and ``module:function`` are users' own."""


def make_scorers(
    specs: Any, *, where: str, folders: Sequence[Path] = (), places: Sequence[str] = ()
) -> tuple[Scorer, ...]:
    """The scorers that a suite names.

    Args:
        specs: One or a list: of each its name, a mapping of its name to its parameters,
            ``module:function``, a ``Scorer``, a function of case and prediction, or a scorer of
            autoevals.
        where: File, line and key; messages begin with it.
        folders: Folders that files and modules are looked for in.
        places: The same of each of a list, if there is more to say than ``where``.

    Raises:
        UsageError: There is no such scorer, its parameters are wrong, or two have one name.
    """
    at = At(where, tuple(folders))
    several = specs if isinstance(specs, list | tuple) else [specs]
    scorers = tuple(
        _make(spec, At(place, at.folders))
        for spec, place in zip(several, places or [where] * len(several), strict=True)
    )
    if not scorers:
        raise at.refuse("the list is empty; name a scorer, such as exact")
    names = [one.name for one in scorers]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise at.refuse(f"two scorers are named {doubled!r}; give one of them another name:")
    if not any(one.weight for one in scorers):
        raise at.refuse("all weights are 0, so no answer would have a score")
    return scorers


def _make(spec: Any, at: At) -> Scorer:
    if isinstance(spec, Scorer):
        return spec
    if isinstance(spec, str):
        return _named(spec, None, at)
    if isinstance(spec, Mapping):
        if len(spec) != 1:
            raise at.refuse(
                f"a scorer is a name, or a mapping of one name to its parameters, not {shown(spec)}"
            )
        [(name, given)] = spec.items()
        if not isinstance(name, str):
            raise at.refuse(f"a scorer's name is text, not {shown(name)}")
        return _named(name, given, at)
    if callable(spec):
        from pytest_modeleval.scorers.customs import custom_scorer

        return custom_scorer(spec, {}, at)
    raise at.refuse(f"a scorer is a name or a mapping, not {shown(spec)}")


def _named(name: str, given: Any, at: At) -> Scorer:
    """The scorer of a name, with what stands behind the name."""
    if name == "function" or ":" in name:
        from pytest_modeleval.scorers.customs import find_custom

        return find_custom(name, given, at)
    recipe = SCORERS.get(name)
    if recipe is None:
        from pytest_modeleval.scorers.judges import JUDGES, make_judge

        if name in JUDGES:
            return make_judge(name, given, where=at.where)
        names = (*SCORERS, *JUDGES)
        hint = did_you_mean(name, [*names, "function"])
        known = "" if hint else f"; known are {', '.join(names)}, and your own as module:function"
        raise at.refuse(f"there is no scorer {name!r}{hint}{known}")
    at = at.below(name)
    parameters = read_parameters(given, recipe, at)
    common = {key: parameters.pop(key) for key in COMMON if key in parameters}
    factory = _factory(recipe.factory)
    try:
        rule: Rule = factory(**parameters)
    except UsageError as error:
        raise at.refuse(str(error)) from None
    version = _version(parameters, factory)
    return _scorer_of(rule, common.pop("name", name), version=version, where=at.where, **common)


def read_parameters(given: Any, recipe: Recipe, at: At) -> dict[str, Any]:
    """What stands behind a scorer's name, as its parameters, each read by its kind.

    Raises:
        UsageError: One is unknown, missing, or won't do.
    """
    kinds = {**recipe.parameters, **COMMON}
    if given is None:
        given = {}
    elif not isinstance(given, Mapping):
        if recipe.main is None:
            raise at.refuse(f"its parameters are a mapping, not {shown(given)}")
        return {recipe.main: kinds[recipe.main].read(given, at)}
    for key in given:
        if key not in kinds:
            hint = did_you_mean(str(key), kinds)
            known = "" if hint else f"; known are {', '.join(kinds)}"
            raise at.refuse(f"unknown key {key!r}{hint}{known}")
    read = {key: kinds[key].read(value, at.below(key)) for key, value in given.items()}
    if recipe.needs is not None and recipe.needs not in read:
        kind = kinds[recipe.needs].schema
        example = f": one of {', '.join(kind['enum'])}" if "enum" in kind else ""
        raise at.refuse(f"{recipe.needs!r} is missing{example}")
    return read


def _factory(path: str) -> Callable[..., Rule]:
    module, _, name = path.partition(":")
    made: Callable[..., Rule] = getattr(
        importlib.import_module(f"pytest_modeleval.scorers.{module}"), name
    )
    return made


def _scorer_of(rule: Rule, name: str, **known: Any) -> Scorer:
    """A rule under its name; what it says of a case is said with the case's place."""

    def reference(case: Case) -> Any:
        try:
            return None if rule.reference is None else rule.reference(case)
        except UsageError as error:
            place = case.source or f"case {case.id}"
            raise UsageError(f"{place}: scorer {name}: {error}") from None

    def function(case: Case, prediction: Prediction) -> Any:
        try:
            return rule.score(reference(case), prediction)
        except WrongAnswerError as wrong:
            return 0.0, str(wrong)

    async def asking(case: Case, prediction: Prediction, ask: AskModel) -> Any:
        try:
            return await rule.score(reference(case), prediction, ask)
        except WrongAnswerError as wrong:
            return 0.0, str(wrong)

    return Scorer(
        name=name,
        function=function if rule.model is None else asking,
        asks=rule.model is not None,
        models=() if rule.model is None else (rule.model,),
        check_case=None if rule.reference is None else reference,
        **known,
    )


def _version(parameters: Mapping[str, Any], factory: Callable[..., Rule]) -> str:
    """Eight digits that stand for the parameters that are not the usual ones; "" where all are."""
    usual = {name: item.default for name, item in inspect.signature(factory).parameters.items()}
    unusual = {name: value for name, value in parameters.items() if value != usual[name]}
    return version_of(unusual) if unusual else ""


def version_of(value: Any) -> str:
    """Eight hexadecimal digits that stand for a value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=_as_plain)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]


def _as_plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset | set) else repr(value)
