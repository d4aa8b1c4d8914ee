"""Prices: what an answer cost, and where that figure comes from.

In order: what the application reports, the user's table, genai-prices; otherwise unknown, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modeleval.core.predictions import Prediction, Usage
    from pytest_modeleval.settings import Price

__all__ = ["UNKNOWN", "Cost", "price_of"]

_PER = 1_000_000
_STANDARD = (None, "", "default", "standard", "auto", "on_demand")
"""Names of the tier that is billed at the usual price; the last one is Groq's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What an answer cost.

    Attributes:
        usd: US dollars; None where unknown.
        source: ``reported``, ``model_eval_prices`` or ``genai-prices``; None where unknown.
        unit_prices: US dollars per million tokens by kind; None where nothing was reckoned.
    """

    usd: float | None = None
    source: str | None = None
    unit_prices: Mapping[str, float] | None = None


UNKNOWN = Cost()


def price_of(
    prediction: Prediction,
    *,
    asked_model: str,
    price_list_url: str | None = None,
    prices: Mapping[str, Price],
) -> Cost:
    """What an answer cost, and the source of the figure.

    Args:
        prediction: The answer, with its usage.
        asked_model: Name of the model that was asked, without its provider.
        price_list_url: The server that was asked, by which public price lists know it; None where
            they don't hold.
        prices: The user's own table, by model name, or by ``model@tier``.
    """
    if prediction.cost_usd is not None:
        return Cost(
            usd=prediction.cost_usd,
            source=prediction.cost_source or "reported",
            unit_prices=prediction.unit_prices,
        )
    if prediction.usage is None:
        return UNKNOWN
    tier = None if prediction.service_tier in _STANDARD else prediction.service_tier
    suffix = "" if tier is None else f"@{tier}"
    for name in (asked_model, prediction.model):
        if name is not None and name + suffix in prices:
            return _from_table(prices[name + suffix], prediction.usage)
    if price_list_url is None:
        return UNKNOWN
    model = prediction.model or asked_model
    return _from_genai_prices(prediction.usage, model, price_list_url, tier)


def _from_table(price: Price, usage: Usage) -> Cost:
    """Cached input is billed at its own rate; reasoning tokens are inside the output."""
    cached_rate = price.input if price.cached_input is None else price.cached_input
    fresh = max(usage.input_tokens - usage.cached_input_tokens, 0)
    dollars = fresh * price.input + usage.cached_input_tokens * cached_rate
    return Cost(
        usd=(dollars + usage.output_tokens * price.output) / _PER,
        source="model_eval_prices",
        unit_prices={"input": price.input, "output": price.output, "cached_input": cached_rate},
    )


def _from_genai_prices(usage: Usage, model: str, server_url: str, tier: str | None) -> Cost:
    """The public price, found by the server's address so that nobody's price is guessed."""
    import genai_prices

    tokens = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_input_tokens or None,
    )
    try:
        found = genai_prices.calc_price(tokens, model, provider_api_url=server_url)
        if tier is not None:
            found = _of_tier(found, tokens, model, server_url, tier)
    except Exception:  # noqa: BLE001  (whatever a price list trips over, the answer is paid for)
        return UNKNOWN
    if found is None:
        return UNKNOWN
    return Cost(
        usd=float(found.total_price), source="genai-prices", unit_prices=_unit_prices(found)
    )


def _of_tier(standard: Any, tokens: Any, model: str, server_url: str, tier: str) -> Any:
    """The price at a tier that is not the usual one; None where the list doesn't know it.

    The list answers a tier that it doesn't know with the standard price, so a price that is no
    other says nothing.
    """
    import genai_prices

    context = {"processing": "batch"} if tier == "batch" else {"service_tier": tier}
    found = genai_prices.calc_price(
        tokens, model, provider_api_url=server_url, price_context=context
    )
    return None if found.model_price == standard.model_price else found


def _unit_prices(found: Any) -> dict[str, float] | None:
    """The list's prices per million tokens; None where they depend on the number of tokens."""
    names = {"input": "input_mtok", "output": "output_mtok", "cached_input": "cache_read_mtok"}
    prices = {name: getattr(found.model_price, theirs, None) for name, theirs in names.items()}
    try:
        return {name: float(price) for name, price in prices.items() if price is not None}
    except TypeError:  # a price with steps
        return None
