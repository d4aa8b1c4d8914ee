"""Prices: what an answer cost, in the order of who knows it best."""

import pytest

from pytest_modeleval import Prediction, Usage
from pytest_modeleval.models.prices import price_of
from pytest_modeleval.settings import Price

USAGE = Usage(input_tokens=1000, output_tokens=100)
TABLE = {"gpt-5-mini": Price(input=2.0, output=10.0, cached_input=0.5)}


OPENAI = "https://api.openai.com/v1"


AZURE = "https://my-place.openai.azure.com/openai/v1"


def cost_of(*, asked_model="gpt-5-mini", prices=None, price_list_url=OPENAI, **prediction):
    """What an answer with these fields cost."""
    return price_of(
        Prediction(output="a", **prediction),
        asked_model=asked_model,
        price_list_url=price_list_url,
        prices=prices or {},
    )


def price(**fields):
    """Cost and source of an answer with these fields."""
    cost = cost_of(**fields)
    return cost.usd, cost.source


def test_reported_comes_first():
    """What the application reports beats every table, also where it reports 0."""
    assert price(cost_usd=0.5, usage=USAGE, prices=TABLE) == (0.5, "reported")
    assert price(cost_usd=0.0, usage=USAGE, prices=TABLE) == (0.0, "reported")


def test_a_source_that_is_reported_too():
    """An application may say where its figure comes from."""
    assert price(cost_usd=0.5, cost_source="invoice") == (0.5, "invoice")


def test_the_users_table_comes_second():
    """Dollars per million tokens, before any public list."""
    cost, source = price(usage=USAGE, prices=TABLE)

    assert cost == pytest.approx((1000 * 2.0 + 100 * 10.0) / 1e6)
    assert source == "model_eval_prices"


def test_cached_input_has_its_own_rate():
    """Cached tokens are inside the input and billed apart; reasoning is inside the output."""
    usage = Usage(
        input_tokens=1000, output_tokens=100, cached_input_tokens=600, reasoning_tokens=80
    )

    cost, _ = price(usage=usage, prices=TABLE)

    assert cost == pytest.approx((400 * 2.0 + 600 * 0.5 + 100 * 10.0) / 1e6)


def test_cached_input_without_a_rate():
    """It costs what other input does."""
    usage = Usage(input_tokens=1000, output_tokens=0, cached_input_tokens=600)

    assert price(usage=usage, prices={"gpt-5-mini": Price(input=1, output=1)})[0] == 0.001


def test_more_cached_tokens_than_input():
    """A server that miscounts never makes a negative cost."""
    usage = Usage(input_tokens=10, output_tokens=0, cached_input_tokens=20)

    assert price(usage=usage, prices=TABLE)[0] == pytest.approx(20 * 0.5 / 1e6)


def test_the_table_knows_the_served_name_too():
    """The asked name is looked up first, then the one that the server says it used."""
    table = TABLE | {"gpt-5-mini-2026": Price(input=1, output=0)}

    served = price(asked_model="alias", model="gpt-5-mini-2026", usage=USAGE, prices=table)
    asked = price(model="gpt-5-mini-2026", usage=USAGE, prices=table)

    assert served[0] == pytest.approx(0.001)
    assert asked[0] == pytest.approx(0.003)


def test_the_table_holds_for_functions():
    """A function that reports usage is priced by the user's table."""
    cost, _ = price(asked_model="app:route", price_list_url=None, usage=USAGE, prices=TABLE)
    priced, source = price(
        asked_model="app:route",
        price_list_url=None,
        usage=USAGE,
        prices={"app:route": Price(input=1, output=0)},
    )

    assert cost is None
    assert (priced, source) == (pytest.approx(0.001), "model_eval_prices")


def test_public_prices_come_third():
    """A hosted model that the public list knows is priced by it."""
    cost, source = price(asked_model="gpt-4o-mini", usage=USAGE)

    assert cost > 0
    assert source == "genai-prices"


@pytest.mark.parametrize(
    "unknown",
    [
        {"usage": None},
        {"usage": USAGE, "price_list_url": None},
        {"usage": USAGE, "asked_model": "no-such-model-of-anyone"},
        {
            "usage": USAGE,
            "asked_model": "gpt-4o-mini",
            "price_list_url": "http://127.0.0.1:8000/v1",
        },
        {"usage": USAGE, "asked_model": "gpt-4o-mini", "price_list_url": "http://localhost/v1"},
    ],
    ids=["no usage", "a function", "unknown model", "loopback", "localhost"],
)
def test_what_nobody_knows_is_unknown(unknown):
    """An unknown cost is None and never a guessed 0."""
    assert price(**unknown) == (None, None)


def test_a_free_model():
    """A price of 0 is a known cost of 0."""
    table = {"gpt-5-mini": Price(input=0, output=0)}

    assert price(usage=USAGE, prices=table) == (0.0, "model_eval_prices")


@pytest.mark.parametrize("tier", [None, "", "default", "standard", "auto", "on_demand"])
def test_names_of_the_usual_tier(tier):
    """They are billed at the usual price, by the user's table and by the public list."""
    assert price(usage=USAGE, service_tier=tier, prices=TABLE) == price(usage=USAGE, prices=TABLE)
    assert price(usage=USAGE, service_tier=tier) == price(usage=USAGE)


def test_tiers_of_the_public_list():
    """Flex and batch are cheaper, priority is dearer, and the unit prices say so."""
    tiers = (None, "flex", "batch", "priority")
    usual, flex, batch, priority = (cost_of(usage=USAGE, service_tier=tier) for tier in tiers)

    assert flex.usd < usual.usd < priority.usd
    assert batch.usd < usual.usd
    assert flex.unit_prices["input"] < usual.unit_prices["input"] < priority.unit_prices["input"]
    assert {cost.source for cost in (usual, flex, batch, priority)} == {"genai-prices"}


@pytest.mark.parametrize("tier", ["scale", "performance", "no-such-tier"])
@pytest.mark.parametrize("url", [OPENAI, AZURE])
def test_a_tier_that_nobody_knows(tier, url):
    """Its price is unknown, not the usual one that the list would answer with."""
    cost = cost_of(usage=USAGE, service_tier=tier, price_list_url=url)

    assert (cost.usd, cost.source, cost.unit_prices) == (None, None, None)


def test_a_tier_that_the_model_does_not_have():
    """A list that has no flex price of a model is not asked for its usual one."""
    assert price(asked_model="gpt-4o-mini", usage=USAGE)[0] > 0
    assert price(asked_model="gpt-4o-mini", usage=USAGE, service_tier="flex") == (None, None)


def test_tiers_of_the_users_table():
    """A row ``model@tier`` holds for that tier alone, and a row without for the usual one alone."""
    table = TABLE | {"gpt-5-mini@flex": Price(input=1.0, output=5.0)}

    def cost(tier, url=OPENAI):
        return price(usage=USAGE, service_tier=tier, prices=table, price_list_url=url)

    assert cost(None) == (pytest.approx(0.003), "model_eval_prices")
    assert cost("flex") == (pytest.approx(0.0015), "model_eval_prices")
    assert cost("priority")[1] == "genai-prices"
    assert cost("priority", url=None) == (None, None)


def test_a_tier_of_the_served_model_in_the_users_table():
    """The tier holds for both names of a model."""
    table = {"gpt-5-mini-2026@flex": Price(input=1.0, output=5.0)}

    found = price(
        asked_model="alias",
        model="gpt-5-mini-2026",
        usage=USAGE,
        service_tier="flex",
        prices=table,
        price_list_url=None,
    )

    assert found == (pytest.approx(0.0015), "model_eval_prices")


def test_unit_prices_of_the_users_table():
    """What was reckoned with is told, the rate of cached input too where it is none of its own."""
    plain = {"gpt-5-mini": Price(input=1.0, output=2.0)}

    assert cost_of(usage=USAGE, prices=TABLE).unit_prices == {
        "input": 2.0,
        "output": 10.0,
        "cached_input": 0.5,
    }
    assert cost_of(usage=USAGE, prices=plain).unit_prices["cached_input"] == 1.0


@pytest.mark.parametrize("tier", [None, "flex"])
def test_unit_prices_of_the_public_list(tier):
    """The cost can be reckoned again from them, cached input at its own rate."""
    usage = Usage(input_tokens=1000, output_tokens=100, cached_input_tokens=600)

    cost = cost_of(usage=usage, service_tier=tier)

    unit = cost.unit_prices
    dollars = 400 * unit["input"] + 600 * unit["cached_input"] + 100 * unit["output"]
    assert cost.usd == pytest.approx(dollars / 1e6)
    assert unit["cached_input"] < unit["input"]


def test_unit_prices_that_the_application_reports():
    """They are kept beside its cost."""
    cost = cost_of(cost_usd=0.5, unit_prices={"input": 3.0}, usage=USAGE)

    assert (cost.usd, cost.unit_prices) == (0.5, {"input": 3.0})


@pytest.mark.parametrize("url", [AZURE, f"{AZURE}/"])
def test_azure(url):
    """A deployment of any name is priced by the model that was served."""
    served = price(
        asked_model="our-deployment",
        model="gpt-5-mini-2025-08-07",
        usage=USAGE,
        price_list_url=url,
    )

    assert served[0] > 0
    assert served[1] == "genai-prices"
    assert price(asked_model="our-deployment", usage=USAGE, price_list_url=url) == (None, None)


def test_openrouter():
    """Its models go by their makers' names."""
    url = "https://openrouter.ai/api/v1"

    assert price(asked_model="openai/gpt-5-mini", usage=USAGE, price_list_url=url)[0] > 0
