"""Prices: what an answer cost, and where that figure comes from.

In order: what the application reports, the user's table, genai-prices; otherwise unknown, never 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modeleval.core.predictions import Prediction, Usage
    from pytest_modeleval.settings import Price

__all__ = ["price_of"]

_PER = 1_000_000


def price_of(
    prediction: Prediction,
    *,
    asked_model: str,
    price_list_url: str | None = None,
    prices: Mapping[str, Price],
) -> tuple[float | None, str | None]:
    """US dollars that an answer cost, and the source of the figure; (None, None) where unknown.

    Args:
        prediction: The answer, with its usage.
        asked_model: Name of the model that was asked, without its provider.
        price_list_url: The server that was asked, by which public price lists know it; None where
            they don't hold.
        prices: The user's own table, by model name.
    """
    if prediction.cost_usd is not None:
        return prediction.cost_usd, prediction.cost_source or "reported"
    if prediction.usage is None:
        return None, None
    for name in (asked_model, prediction.model):
        if name is not None and name in prices:
            return _from_table(prices[name], prediction.usage), "model_eval_prices"
    if price_list_url is None:
        return None, None
    return _from_genai_prices(prediction.usage, prediction.model or asked_model, price_list_url)


def _from_table(price: Price, usage: Usage) -> float:
    """Cached input is billed at its own rate; reasoning tokens are inside the output."""
    cached_rate = price.input if price.cached_input is None else price.cached_input
    fresh = max(usage.input_tokens - usage.cached_input_tokens, 0)
    dollars = fresh * price.input + usage.cached_input_tokens * cached_rate
    return (dollars + usage.output_tokens * price.output) / _PER


def _from_genai_prices(
    usage: Usage, model: str, server_url: str
) -> tuple[float | None, str | None]:
    """The public price, found by the server's address so that nobody's price is guessed."""
    import genai_prices

    try:
        price = genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cache_read_tokens=usage.cached_input_tokens or None,
            ),
            model,
            provider_api_url=server_url,
        )
    except Exception:  # noqa: BLE001  (whatever a price list trips over, the answer is paid for)
        return None, None
    return float(price.total_price), "genai-prices"
