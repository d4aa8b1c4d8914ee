"""Structures: an answer that equals a JSON value, holds one, or keeps to a JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_modeleval.errors import UsageError
from pytest_modeleval.scorers.base import shown
from pytest_modeleval.scorers.json_values import (
    expected_json,
    first_difference,
    json_of,
    require_repair,
)
from pytest_modeleval.scorers.rules import EXPECTED, Rule, WrongAnswerError, case_value
from pytest_modeleval.scorers.timelimits import MATCHING_S, time_limit

if TYPE_CHECKING:
    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.predictions import Prediction

__all__ = ["make_json_equal", "make_json_schema", "make_json_subset"]


def make_json_equal(*, repair: bool = False, expected: str = EXPECTED) -> Rule:
    """The answer is the JSON value that is expected.

    1 is 1.0, true is not 1, the order of keys is free and that of lists is not (RFC 8259, and
    section 4.2.2 of JSON Schema 2020-12 for what is equal).
    """
    return _compared(expected, repair=repair, subset=False)


def make_json_subset(*, repair: bool = False, expected: str = EXPECTED) -> Rule:
    """The answer holds the JSON value that is expected: its mappings may have further keys.

    That goes for every depth; lists have as many items as expected, each holding its counterpart.
    """
    return _compared(expected, repair=repair, subset=True)


def make_json_schema(*, schema: Any = None, repair: bool = False, expected: str = EXPECTED) -> Rule:
    """The answer keeps to a JSON Schema, which is given or is what the case expects.

    The draft is the one that ``$schema`` names, else 2020-12; ``format`` is not checked, and
    nothing is fetched for a ``$ref``. Validation is jsonschema's.
    """
    require_repair(repair)

    def score(validator: Any, prediction: Prediction) -> Any:
        value, note = json_of(prediction, repair=repair)
        wrong = _violation(validator, value)
        return wrong is None, _joined(wrong, note)

    if schema is not None:
        one = _validator(schema)
        return Rule(score, lambda _: one)

    def reference(case: Case) -> Any:
        return _validator(expected_json(case_value(case, expected), expected))

    return Rule(score, reference)


def _compared(expected: str, *, repair: bool, subset: bool) -> Rule:
    require_repair(repair)

    def score(reference: Any, prediction: Prediction) -> Any:
        value, note = json_of(prediction, repair=repair)
        difference = first_difference(reference, value, subset=subset)
        return difference is None, _joined(difference, note)

    return Rule(score, lambda case: expected_json(case_value(case, expected), expected))


def _joined(*reasons: str | None) -> str | None:
    return "; ".join(filter(None, reasons)) or None


def _validator(schema: Any) -> Any:
    """A validator of a schema, of the draft that it names.

    Raises:
        UsageError: jsonschema is not installed, or it is no schema.
    """
    try:
        import jsonschema
        import referencing
    except ImportError:
        raise UsageError(
            "jsonschema is not installed; pip install 'pytest-modeleval[schema]'"
        ) from None
    if not isinstance(schema, dict | bool):
        raise UsageError(f"a JSON Schema is a mapping, not {shown(schema)}")
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)  # type: ignore[arg-type]  # true and false are schemas too
    except jsonschema.SchemaError as error:
        raise UsageError(f"it is no JSON Schema: {error.json_path}: {error.message}") from None
    # An empty registry: what is not in the schema itself is not fetched.
    return kind(schema, registry=referencing.Registry())


def _violation(validator: Any, value: Any) -> str | None:
    """What of a value offends the schema most, in a sentence; None where nothing does."""
    import jsonschema
    import referencing.exceptions

    try:
        with time_limit(MATCHING_S, "the JSON Schema"):
            error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    except referencing.exceptions.Unresolvable as missing:
        raise UsageError(f"the JSON Schema refers to {missing.ref!r}, which is not in it") from None
    except RecursionError:
        raise WrongAnswerError("the JSON is nested too deeply for the JSON Schema") from None
    return None if error is None else f"{error.json_path}: {error.message[:300]}"
