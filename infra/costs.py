"""What 1,000 incidents cost: quantities of one incident times public list prices, each with where it comes from.

Prices are of 2026-11 for a tier 1 region, USD, without free tiers and discounts. Quantities that were measured say so.
"""

from dataclasses import dataclass

from shared.model.pricing import PRICES

INCIDENTS = 1_000
HEAVY, LIGHT = PRICES["gemini-3.8-flash"], PRICES["gemini-3.5-flash-lite"]

# One incident on the full path: assumed generously where it depends on one's services.
STEPS = 100
"""Of Cloud Workflows; 76 were counted on the local engine, retries and approvals add some."""
FUNCTION_S = 60.0
"""Seconds of 1 CPU and 0.5 GiB over all functions together, most of it waiting for models."""
CALLS = 11
MESSAGES_KB = 3 * 4
READS, WRITES, DELETES = 80, 50, 40
LOG_KB = 60
HEAVY_CALLS, LIGHT_CALLS = 3, 2
TOKENS_IN, TOKENS_OUT = 8_000, 1_500
"""Of one model call; prompts are flat in the volume of logs."""

# One month of the sweeper, which the clock calls whether there are incidents or not.
SWEEPS = 60 * 24 * 30
SWEEP_S = 0.5
"""Seconds of 1 CPU and 0.25 GiB of a sweep that finds nothing overdue; an assumption."""
SWEEP_READS = 5
"""Documents of such a sweep, counted by a test: three states, what changed, and the note of what needs a delivery."""
CPU_S, GIB_S, REQUEST, READ = 0.000024, 0.0000025, 0.40 / 1_000_000, 0.06 / 100_000
"""USD of one."""


@dataclass(frozen=True)
class Item:
    """One line of the estimate; `usd` is for all incidents."""

    what: str
    arithmetic: str
    usd: float


def items() -> list[Item]:
    """Return every line."""
    return [
        _item("Cloud Run functions, CPU", FUNCTION_S, "s", CPU_S, 1),
        _item("Cloud Run functions, memory", FUNCTION_S * 0.5, "GiB-s", GIB_S, 1),
        _item("Cloud Run functions, requests", CALLS, "requests", 0.40, 1_000_000),
        _item("Cloud Workflows, steps", STEPS, "steps", 0.01, 1_000),
        _item("Pub/Sub", MESSAGES_KB, "KB", 40, 1_000_000_000),
        _item("Firestore, reads", READS, "documents", 0.06, 100_000),
        _item("Firestore, writes", WRITES, "documents", 0.18, 100_000),
        _item("Firestore, deletes by TTL", DELETES, "documents", 0.02, 100_000),
        _item("Cloud Logging", LOG_KB, "KB", 0.50, 1_000_000),
        _item("Gemini 3.8 Flash, in", HEAVY_CALLS * TOKENS_IN, "tokens", HEAVY.tokens_in, 1_000_000),
        _item("Gemini 3.8 Flash, out", HEAVY_CALLS * TOKENS_OUT, "tokens", HEAVY.tokens_out, 1_000_000),
        _item("Gemini 3.5 Flash-Lite, in", LIGHT_CALLS * TOKENS_IN, "tokens", LIGHT.tokens_in, 1_000_000),
        _item("Gemini 3.5 Flash-Lite, out", LIGHT_CALLS * TOKENS_OUT, "tokens", LIGHT.tokens_out, 1_000_000),
    ]


def monthly() -> Item:
    """Return the sweeper's line, for one month without incidents; it is no part of what incidents cost."""
    cpu = f"{SWEEP_S:g} s × (${CPU_S:g} + 0.25 GiB × ${GIB_S:g})"  # noqa: RUF001
    arithmetic = f"{SWEEPS:,} calls × ({cpu} + 1 request × ${REQUEST:g} + {SWEEP_READS} reads × ${READ:g})"  # noqa: RUF001
    call = SWEEP_S * (CPU_S + 0.25 * GIB_S) + REQUEST + SWEEP_READS * READ
    return Item("**each month besides**: `incident_sweeper`, called each minute", arithmetic, SWEEPS * call)


def _item(what: str, quantity: float, unit: str, price: float, per: int) -> Item:
    arithmetic = f"{INCIDENTS:,} × {quantity:,g} {unit} × ${price:g}" + (f" / {per:,}" if per > 1 else "")  # noqa: RUF001
    return Item(what, arithmetic, INCIDENTS * quantity * price / per)


def table() -> str:
    """Return the estimate as a table of Markdown."""
    rows = [f"| {item.what} | {item.arithmetic} | {item.usd:.2f} |" for item in items()]
    models = sum(item.usd for item in items() if item.what.startswith("Gemini"))
    total = sum(item.usd for item in items())
    sweeper = monthly()
    ends = [
        f"| **all** | with models | **{total:.2f}** |",
        f"| **all** | with the offline analyst | **{total - models:.2f}** |",
        f"| {sweeper.what} | {sweeper.arithmetic} | {sweeper.usd:.2f} |",
    ]
    return "\n".join(["| what | arithmetic | USD |\n|---|---|--:|", *rows, *ends])
