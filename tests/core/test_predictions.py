"""Predictions and failures: what they refuse, how they compare, and what they show."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval.core.predictions import Failure, Prediction, Usage, total_cost


@pytest.mark.parametrize("output", ["billing", "", 3, [1, 2], {"team": "billing"}, None])
def test_a_prediction_compares_by_its_output(output):
    """``assert prediction == case.expected`` is all that a test has to say."""
    assert Prediction(output=output) == output
    assert output == Prediction(output=output)
    assert Prediction(output=output, latency_s=1.0) == Prediction(output=output, latency_s=2.0)
    assert Prediction(output=output) != "something else"


def test_a_prediction_shows_its_output_alone():
    """A failing assert shows the answer, not the clocks around it."""
    prediction = Prediction(output="billing", latency_s=0.5)

    assert repr(prediction) == "'billing'"
    assert f"{prediction}" == "billing"


def test_a_prediction_contains_what_its_output_contains():
    """``assert "refund" in prediction`` reads the answer."""
    assert "fun" in Prediction(output="refund")
    assert "login" not in Prediction(output="refund")


def test_a_prediction_has_no_hash():
    """It equals its output, which may be a list."""
    with pytest.raises(TypeError):
        hash(Prediction(output="billing"))


@pytest.mark.parametrize("name", ["latency_s", "cost_usd"])
@pytest.mark.parametrize("value", [0, 0.0, 1, 0.25, np.float64(0.25), None])
def test_an_amount_is_a_number_of_at_least_0_or_unknown(name, value):
    """Seconds and dollars may be 0 or unknown, and the two are told apart."""
    assert getattr(Prediction(output="x", **{name: value}), name) == value


@pytest.mark.parametrize("name", ["latency_s", "cost_usd"])
@pytest.mark.parametrize(
    "value", [-1, -0.001, math.nan, math.inf, "0.2", True, [1]], ids=lambda value: f"{value!r}"
)
def test_what_is_no_amount_is_refused(name, value):
    """A model's wrong number is refused where it is made, with the name of the field."""
    with pytest.raises(ValueError) as caught:
        Prediction(output="x", **{name: value})

    message = f"Prediction.{name} is a finite number of at least 0 or None, not {value!r}"
    assert str(caught.value) == message


@pytest.mark.parametrize("usage", [{"input_tokens": 3}, (3, 4), 7])
def test_usage_is_a_usage(usage):
    """A mapping of tokens is refused, since its names differ between providers."""
    with pytest.raises(ValueError) as caught:
        Prediction(output="x", usage=usage)

    assert str(caught.value) == f"Prediction.usage is a Usage or None, not {usage!r}"


@pytest.mark.parametrize(
    "name", ["input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens"]
)
@pytest.mark.parametrize("value", [-1, 1.5, True, None, "3"])
def test_tokens_are_counts(name, value):
    """A number of tokens is a whole number of at least 0."""
    tokens = {"input_tokens": 1, "output_tokens": 1}

    with pytest.raises(ValueError) as caught:
        Usage(**(tokens | {name: value}))

    assert str(caught.value) == f"Usage.{name} is a count of tokens, not {value!r}"


def test_a_failure_is_timed_without_losing_what_it_says():
    """The engine adds the clocks; kind and message stay."""
    failure = Failure(kind="timeout", message="no answer within 5 s", latency_s=5.0)

    timed = failure.timed(total_s=21.0, n_attempts=4)

    assert timed == Failure(
        kind="timeout", message="no answer within 5 s", latency_s=5.0, total_s=21.0, n_attempts=4
    )


@pytest.mark.parametrize(
    ("costs", "expected"),
    [([], None), ([None], None), ([0.25, None], None), ([0.25], 0.25), ([0.25, 0.5], 0.75)],
)
def test_a_sum_with_an_unknown_cost_is_unknown(costs, expected):
    """An unknown cost is never taken for 0."""
    assert total_cost(costs) == expected


@given(costs=st.lists(st.floats(0, 1e6), min_size=1))
def test_known_costs_add_up(costs):
    """The sum is exact whatever the order."""
    assert total_cost(costs) == math.fsum(costs) == total_cost(costs[::-1])
