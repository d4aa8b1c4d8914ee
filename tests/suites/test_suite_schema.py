"""The JSON Schema that editors check a suite with accepts what the loader accepts."""

import json
from importlib.resources import files

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pytest_modeleval.errors import UsageError
from pytest_modeleval.suites.strict_yaml import Values, compose
from pytest_modeleval.suites.yaml_suites import read_suite

SCHEMA = json.loads(files("pytest_modeleval.suites").joinpath("suite.schema.json").read_text())
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)

TEXTS = st.sampled_from(
    ["exact", "a: b", "x", "", "  ", "007", "{{ input }}", "{%x%}", "a[b]", "a:b", "é\n", "true"]
)
SCALARS = st.one_of(
    TEXTS,
    st.none(),
    st.booleans(),
    st.integers(-2, 1001),
    st.sampled_from([0.0, 0.5, 1.0, 2.5, 3.0]),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(TEXTS.filter(str.strip), inner, max_size=2)
    ),
    max_leaves=4,
)


def some(values, wrong=ANYTHING):
    """Values of the right kind most of the time, else anything."""
    return st.integers(0, 9).flatmap(lambda n: wrong if n == 9 else values)


def keys(required, optional, extra="nonsense"):
    """A mapping with these keys, now and then one that is unknown or lacks one."""
    whole = st.fixed_dictionaries(required, optional=optional)
    odd = st.fixed_dictionaries({}, optional={**required, **optional, extra: SCALARS})
    return some(whole, odd)


SCORERS = some(
    st.lists(
        st.one_of(TEXTS, st.dictionaries(st.just("contains"), ANYTHING, max_size=1)), max_size=2
    )
)
TAGS = some(st.one_of(TEXTS, st.lists(SCALARS, max_size=2)))
FIELDS = ("id", "input", "expected", "tags", "cluster")
COLUMNS = some(keys({}, dict.fromkeys(FIELDS, TEXTS)))
CASE = keys(
    {"input": some(st.one_of(TEXTS, ANYTHING))},
    {
        "expected": ANYTHING,
        "tags": TAGS,
        "cluster": SCALARS,
        "metadata": ANYTHING,
        "scorers": SCORERS,
        "min_score": some(st.sampled_from([0, 0.5, 1, "80%", "100.0%", "101%", "0.8"])),
    },
)
MESSAGE = keys({"role": some(st.sampled_from(["user", "system"])), "content": TEXTS}, {})
SUITES = keys(
    {
        "cases": some(
            st.one_of(
                TEXTS,
                st.lists(
                    st.one_of(TEXTS, CASE, keys({"file": TEXTS}, {"columns": COLUMNS})), max_size=3
                ),
            )
        )
    },
    {
        "columns": COLUMNS,
        "defaults": keys({}, {"expected": ANYTHING, "tags": TAGS, "cluster": SCALARS}),
        "tags": TAGS,
        "model": some(st.one_of(TEXTS, st.lists(TEXTS, max_size=2))),
        "system": TEXTS,
        "parameters": ANYTHING,
        "prompt": some(st.one_of(TEXTS, keys({"file": TEXTS}, {}), st.lists(MESSAGE, max_size=2))),
        "scorers": SCORERS,
        "min_score": some(st.sampled_from([0, 0.5, 1])),
        "thresholds": some(st.one_of(TEXTS, st.lists(TEXTS, max_size=2))),
        "repeats": some(st.integers(0, 1001)),
        "name": TEXTS,
        "description": TEXTS,
    },
)


def loads(text):
    """Whether the loader accepts a suite, and what it says where it doesn't."""
    try:
        read_suite(text, "it.eval.yaml")
    except UsageError as error:
        return False, str(error)
    return True, None


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(SUITES)
@example({"cases": [{"input": 7, "expected": True, "id": 3.5, "tags": [1, False]}]})
@example({"cases": [{"input": "x", "id": None, "metadata": None, "cluster": None}]})
@example({"cases": "x", "repeats": 2.0})
@example({"cases": "x", "model": ["a", "a"]})
@example({"cases": "x", "scorers": [{"contains": None}]})
@example({"cases": [{"input": "x", "id": "y" * 201}]})
@example({"cases": [{"input": "x", "id": "a\x07b"}]})
@example({"cases": [{"file": "x.csv", "columns": {}}]})
@example({"cases": [{"file": "x.csv", "input": "both"}]})
def test_the_schema_accepts_what_the_loader_accepts(suite):
    """And refuses what it refuses, whatever stands in the file."""
    text = yaml.safe_dump(suite, allow_unicode=False, sort_keys=False)
    # As an editor reads it, by YAML 1.2.
    root = compose(text, "it.eval.yaml")
    read = None if root is None else Values("it.eval.yaml").of(root)

    accepted, message = loads(text)

    errors = [error.message for error in VALIDATOR.iter_errors(read)]
    assert accepted == (not errors), f"{text}\nloader: {message}\nschema: {errors}"


def test_the_schema_is_one():
    """Editors refuse a broken one without a word."""
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_the_schema_knows_the_keys_of_the_loader():
    """And none besides, each with a description to show."""
    from pytest_modeleval.suites.yaml_suites import SUITE_KEYS

    assert list(SCHEMA["properties"]) == list(SUITE_KEYS)
    for name, value in SCHEMA["properties"].items():
        kind = SCHEMA["definitions"].get(value.get("$ref", "").rpartition("/")[2], {})
        assert value.get("description") or kind.get("description"), name


@pytest.mark.parametrize("key", ["expcted", "scorer", "treshold"])
def test_both_refuse_a_misspelt_key(key):
    """The reason to have a schema."""
    text = f"cases: x.csv\n{key}: 1\n"

    assert not loads(text)[0]
    assert not VALIDATOR.is_valid({"cases": "x.csv", key: 1})
