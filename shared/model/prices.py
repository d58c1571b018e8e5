"""What a call costs. Prices of 2026-11, USD per 1 M tokens. Source: https://ai.google.dev/gemini-api/docs/pricing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Price:
    """USD per 1 M tokens; thinking tokens are billed as output."""

    tokens_in: float
    tokens_cached: float
    tokens_out: float


PRICES = {
    "gemini-3.8-flash": Price(0.75, 0.075, 3.75),
    "gemini-3.5-flash-lite": Price(0.30, 0.03, 2.50),
    "gemini-2.5-pro": Price(1.25, 0.125, 10.0),
    "gemini-2.5-flash": Price(0.30, 0.03, 2.50),
}

DEAREST = max(PRICES.values(), key=lambda price: price.tokens_out)


def cost_usd(model: str, tokens_in: int, tokens_cached: int, tokens_out: int) -> float:
    """Return the cost in USD; `tokens_in` includes the cached ones. An unknown model is charged as the dearest."""
    price = PRICES.get(model, DEAREST)
    fresh = tokens_in - tokens_cached
    return (fresh * price.tokens_in + tokens_cached * price.tokens_cached + tokens_out * price.tokens_out) / 1_000_000
