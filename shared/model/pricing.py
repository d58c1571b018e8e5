"""What each model costs and can do. Prices of 2026-11, USD per 1 M tokens.

Sources: https://ai.google.dev/gemini-api/docs/pricing, https://ai.google.dev/gemini-api/docs/thinking and
https://ai.google.dev/gemini-api/docs/structured-output (tools and a schema in one call: Gemini 3 and later).
"""

import re
from dataclasses import dataclass
from typing import Literal

Thinking = Literal["level", "budget", "none"]
"""How a model's thinking is limited: by a level, by a budget of tokens, or not at all."""


@dataclass(frozen=True)
class Price:
    """USD per 1 M tokens; thinking tokens are billed as output."""

    tokens_in: float
    tokens_cached: float
    tokens_out: float


@dataclass(frozen=True)
class Capabilities:
    """What a model can do; unknown capabilities are not used."""

    tools_with_schema: bool = False
    """Functions and a schema for the answer in one call."""
    thinking: Thinking = "none"


PRICES = {
    "gemini-3.8-flash": Price(0.75, 0.075, 3.75),
    "gemini-3.5-flash-lite": Price(0.30, 0.03, 2.50),
    "gemini-2.5-pro": Price(1.25, 0.125, 10.0),
    "gemini-2.5-flash": Price(0.30, 0.03, 2.50),
}

HIGHEST_PRICE = max(PRICES.values(), key=lambda price: price.tokens_out)


def cost_usd(model: str, tokens_in: int, tokens_cached: int, tokens_out: int) -> float:
    """Return the cost in USD; `tokens_in` includes the cached ones. An unknown model has the highest price."""
    price = _price(model)
    fresh = max(tokens_in - tokens_cached, 0)
    return (fresh * price.tokens_in + tokens_cached * price.tokens_cached + tokens_out * price.tokens_out) / 1_000_000


def capabilities(model: str) -> Capabilities:
    """Return what a model can do, by the generation in its name, so that new models of a family are covered."""
    match = re.match(r"(?:.*/)?gemini-(\d+)", model)
    generation = int(match[1]) if match else 0
    if generation >= 3:
        return Capabilities(tools_with_schema=True, thinking="level")
    return Capabilities(thinking="budget" if generation == 2 and "2.5-flash" in model else "none")


def _price(model: str) -> Price:
    """Return the price of the model's family: dates and `-preview` are ignored; `-flash-lite` is not `-flash`."""
    name = re.sub(r"(-preview)?(-\d{2,4})*$", "", model.rsplit("/", 1)[-1])
    return PRICES.get(name, HIGHEST_PRICE)
