"""Customs: scorers that users write themselves, or bring from autoevals."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.plain import NotPlainError, plain
from pytest_modeleval.errors import did_you_mean
from pytest_modeleval.models.function import is_async
from pytest_modeleval.models.names import find_object
from pytest_modeleval.scorers.base import Scorer, shown
from pytest_modeleval.scorers.names import COMMON, version_of
from pytest_modeleval.scorers.parameters import At
from pytest_modeleval.scorers.rules import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.predictions import Prediction

__all__ = ["custom_scorer", "find_custom", "reason_of", "scorer_of_function"]

_EXAMPLE = "my_scorers:tone"


def find_custom(name: str, given: Any, at: At) -> Scorer:
    """The scorer that ``module:function`` names.

    Args:
        name: ``module:function`` with its parameters in ``given``, or ``function`` with the name
            in ``given`` or as its ``call``.
        given: What stands behind the name in the suite.
        at: Where.

    Raises:
        UsageError: There is no such function, or it is no scorer.
    """
    parameters = dict(given) if isinstance(given, Mapping) else {}
    spec = name
    if name == "function":
        spec = parameters.pop("call", None) if isinstance(given, Mapping) else given
        if not isinstance(spec, str):
            raise at.below(name).refuse(
                f"name the function, as in function: {_EXAMPLE}, not {shown(spec)}"
            )
    elif given is not None and not isinstance(given, Mapping):
        raise at.below(name).refuse(f"its parameters are a mapping, not {shown(given)}")
    found = find_object(spec, folders=at.folders, where=at.where, kind="scorer", example=_EXAMPLE)
    return custom_scorer(found, parameters, at.below(spec), spec=spec)


def custom_scorer(
    value: Any, parameters: Mapping[str, Any], at: At, *, spec: str | None = None
) -> Scorer:
    """A user's object as a scorer.

    Args:
        value: A ``Scorer``, a function of case and prediction, a scorer of autoevals or its class,
            or a function that takes ``output`` as those do.
        parameters: ``name``, ``min_score`` and ``weight``; whatever else is handed to a function
            by name.
        at: Where the user named it.
        spec: The name by which the user named it; None where it is the object itself.

    Raises:
        UsageError: It is no scorer, or takes none of these.
    """
    if spec is None:
        at = at.below(_name_of(value, None))
    common = {
        key: kind.read(parameters[key], at.below(key))
        for key, kind in COMMON.items()
        if key in parameters
    }
    own = {key: item for key, item in parameters.items() if key not in COMMON}
    version = version_of([spec, own]) if spec or own else ""
    if isinstance(value, Scorer):
        if own:
            _check_call(value.function, (None, None), own, _parameters(value.function), at)
            common["function"] = functools.partial(value.function, **own)
        return replace(value, **common, version=version)
    name = common.pop("name", None)
    if inspect.isclass(value):
        value = _instance(value, own, at)
        own = {}
    function = _as_function(value, own, at)
    return Scorer(name=name or _name_of(value, spec), function=function, version=version, **common)


def plugin_scorer(value: Any, name: str, given: Any, *, where: str) -> Scorer:
    """What a plugin made for a name in a suite, as a scorer.

    Args:
        value: What it made, as for ``custom_scorer``; its parameters are in it already.
        name: The name that stands in the suite.
        given: What stands behind it; of a mapping ``name``, ``min_score`` and ``weight`` are heeded
            here.
        where: File, line and key; messages begin with it.

    Raises:
        UsageError: It is no scorer, or one of the three won't do.
    """
    common, own = split_common(given)
    made = custom_scorer(value, {"name": name, **common}, At(where).below(name), spec=name)
    theirs = value.version if isinstance(value, Scorer) else ""
    return replace(made, version=version_of([name, own, theirs]))


def split_common(given: Any) -> tuple[dict[str, Any], Any]:
    """The parameters that every scorer has, and the others; what is no mapping is other."""
    if not isinstance(given, Mapping):
        return {}, given
    common = {key: item for key, item in given.items() if key in COMMON}
    return common, {key: item for key, item in given.items() if key not in COMMON}


def scorer_of_function(
    function: Callable[[Case, Prediction], Any],
    *,
    name: str | None,
    min_score: float,
    weight: float,
) -> Scorer:
    """What the decorator ``scorer`` makes of a function.

    Raises:
        UsageError: It can't be called, or is async; a parameter won't do.
    """
    given = {"min_score": min_score, "weight": weight} | ({"name": name} if name else {})
    return custom_scorer(function, given, At("scorer"))


def _as_function(value: Any, own: Mapping[str, Any], at: At) -> Callable[[Case, Prediction], Any]:
    """A user's object as a function of case and prediction.

    Raises:
        UsageError: It can't be called in any of the known ways.
    """
    evaluates = getattr(value, "eval", None)
    call = evaluates if callable(evaluates) else value
    if not callable(call):
        raise at.refuse(
            f"{kind_of(value)} is no scorer; a scorer is a function of case and prediction"
        )
    if is_async(call):
        raise at.refuse("it is async and would have to be awaited; write a plain function")
    parameters = _parameters(call)
    if callable(evaluates) or (parameters is not None and "output" in parameters):
        return _with_autoevals_words(call, own, at, parameters)
    _check_call(call, (None, None), own, parameters, at)
    return functools.partial(call, **own) if own else call


def _with_autoevals_words(
    call: Callable[..., Any],
    own: Mapping[str, Any],
    at: At,
    parameters: Mapping[str, inspect.Parameter] | None,
) -> Callable[[Case, Prediction], Any]:
    """A function of ``output``, ``expected`` and ``input``, as autoevals has them."""
    known = parameters or {}
    has_any = parameters is None or any(p.kind is p.VAR_KEYWORD for p in known.values())
    taken = [word for word in ("output", "expected", "input") if has_any or word in known]
    _check_call(call, (), dict.fromkeys(taken) | dict(own), parameters, at)

    def function(case: Case, prediction: Prediction) -> Any:
        given = {"output": prediction.output, "expected": case.expected, "input": case.input}
        return call(**{word: given[word] for word in taken}, **own)

    return function


def _parameters(call: Callable[..., Any]) -> Mapping[str, inspect.Parameter] | None:
    """What a function takes; None for one of C, which does not say."""
    try:
        return inspect.signature(call).parameters
    except (TypeError, ValueError):
        return None


def _check_call(
    call: Callable[..., Any],
    values: tuple[Any, ...],
    named: Mapping[str, Any],
    parameters: Mapping[str, inspect.Parameter] | None,
    at: At,
) -> None:
    """Refuse a function that can't be called so, and a key that it does not take."""
    if parameters is None:
        return
    try:
        inspect.signature(call).bind(*values, **named)
    except TypeError as error:
        takes_any = any(item.kind is item.VAR_KEYWORD for item in parameters.values())
        unknown = [key for key in named if key not in parameters and not takes_any]
        if unknown:
            known = [*list(parameters)[len(values) :], *COMMON]
            hint = did_you_mean(unknown[0], known)
            raise at.refuse(f"unknown key {unknown[0]!r}{hint}") from None
        raise at.refuse(
            f"a scorer is called with a case and a prediction, which it does not take: {error}"
        ) from None


def _instance(kind: type, own: Mapping[str, Any], at: At) -> Any:
    """A scorer of a class, which takes the suite's own parameters."""
    try:
        return kind(**own)
    except Exception as error:
        raise at.refuse(
            f"the class {kind.__qualname__} can't be made ({type(error).__name__}: {error})"
        ) from error


def _name_of(value: Any, spec: str | None) -> str:
    """What a scorer is called where nobody says: as the function or class it is made of."""
    own = getattr(value, "__name__", None) or type(value).__name__
    name = spec.rpartition(":")[2].rpartition(".")[2] if spec else str(own)
    return name.strip("<>")


def reason_of(metadata: Any) -> str | None:
    """The reason in what autoevals keeps beside a score; the rest of it where there is none."""
    if not isinstance(metadata, Mapping) or not metadata:
        return None
    if isinstance(metadata.get("rationale"), str):
        return str(metadata["rationale"])
    try:
        return json.dumps(plain(dict(metadata)), ensure_ascii=False)[:200]
    except NotPlainError:
        return None
