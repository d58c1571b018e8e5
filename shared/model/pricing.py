"""What each model costs and can do. Prices of 2026-11, USD per 1 M tokens.

Sources: https://ai.google.dev/gemini-api/docs/pricing, https://ai.google.dev/gemini-api/docs/thinking and
https://ai.google.dev/gemini-api/docs/structured-output (tools and a schema in one call: Gemini 3 and later).
"""

import re
from dataclasses import dataclass
from typing import Literal

Thinking = Literal["level", "budget", "none"]
"""How a model is told to think less: by a level, by a budget of tokens, or not at all."""


@dataclass(frozen=True)
class Price:
    """USD per 1 M tokens; thinking tokens are billed as output."""

    tokens_in: float
    tokens_cached: float
    tokens_out: float


@dataclass(frozen=True)
class Capabilities:
    """What a model can do; what is not known of it is not asked of it."""

    tools_with_schema: bool = False
    """Functions and a schema for the answer in one call."""
    thinking: Thinking = "none"


PRICES = {
    "gemini-3.8-flash": Price(0.75, 0.075, 3.75),
    "gemini-3.5-flash-lite": Price(0.30, 0.03, 2.50),
    "gemini-2.5-pro": Price(1.25, 0.125, 10.0),
    "gemini-2.5-flash": Price(0.30, 0.03, 2.50),
}

DEAREST = max(PRICES.values(), key=lambda price: price.tokens_out)


def cost_usd(model: str, tokens_in: int, tokens_cached: int, tokens_out: int) -> float:
    """Return the cost in USD; `tokens_in` includes the cached ones. An unknown model is charged as the dearest."""
    price = _price(model)
    fresh = max(tokens_in - tokens_cached, 0)
    return (fresh * price.tokens_in + tokens_cached * price.tokens_cached + tokens_out * price.tokens_out) / 1_000_000


def capabilities(model: str) -> Capabilities:
    """Return what a model can do, judged by the generation in its name, so that a new one of a family is known."""
    found = re.match(r"(?:.*/)?gemini-(\d+)", model)
    generation = int(found[1]) if found else 0
    if generation >= 3:
        return Capabilities(tools_with_schema=True, thinking="level")
    return Capabilities(thinking="budget" if generation == 2 and "2.5-flash" in model else "none")


def _price(model: str) -> Price:
    """A dated or preview name costs what its family costs; `-flash-lite` is no `-flash`."""
    name = re.sub(r"(-preview)?(-\d{2,4})*$", "", model.rsplit("/", 1)[-1])
    return PRICES.get(name, DEAREST)
