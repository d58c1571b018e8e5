"""What incidents cost: what one used when it was counted, times public list prices, each with where it comes from.

Prices are of 2026-11 for a tier 1 region, USD, without discounts. Each quantity says whether it was counted, by
`make bench ONLY=load`, or assumed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from infra.costs import counted
from shared.model.pricing import PRICES

INCIDENTS = 1_000
MODELS = {"gemini-3.8-flash": "Gemini 3.8 Flash", "gemini-3.5-flash-lite": "Gemini 3.5 Flash-Lite"}
FULL = "full"

# Assumed, because a laptop cannot know it.
MODEL_S = 8.0
"""Seconds that a model takes for an answer."""
STEP_S, START_S = 1.0, 2.0
"""Seconds of a function's own work for one request, and of a start, which is billed too."""
GIB = 0.5
"""Of a function; they have 0.25 to 1."""
TOKENS_OUT = 1_500
"""Of one answer of a model, with what it thinks."""
REQUEST_LOG_BYTES = 1_000
"""Of the line that Cloud Run writes for each request."""
DELIVERIES = 2
"""Pub/Sub bills a message as it is published and as it is delivered."""
MESSAGE_BYTES = 1_000
"""As which it bills one that is shorter; those that wake are empty, and each function gets its own."""

# One month of the sweeper, which the clock calls whether there are incidents or not.
DAYS = 30
SWEEPS = 60 * 24 * DAYS
SWEEP_S = 0.5
"""Seconds of 1 CPU and 0.25 GiB of a sweep that finds nothing overdue; an assumption."""
SWEEP_READS = 5
"""Documents of such a sweep, counted by a test: three states, what changed, and the note of what needs a delivery."""
CPU_S, GIB_S, REQUEST, READ = 0.000024, 0.0000025, 0.40 / 1_000_000, 0.06 / 100_000
"""USD of one."""
IDLE_CPU_S, IDLE_GIB_S = 0.0000025, 0.0000025
"""USD of one second of an instance that is there without a request."""
MONTH_S = DAYS * 24 * 3600


@dataclass(frozen=True)
class Item:
    """One line of the estimate; `usd` is for all INCIDENTS, `quantity` of one."""

    what: str
    arithmetic: str
    usd: float
    basis: str = ""
    quantity: float = 0
    price: float = 0
    """USD of one unit."""
    free: float = 0
    """Units that are free each month."""

    def of_month(self, incidents: int, *, has_free_tier: bool) -> float:
        """Return what so many incidents of one month cost."""
        used = incidents * self.quantity
        return max(0.0, used - (self.free if has_free_tier else 0)) * self.price


def items(path: str = FULL) -> list[Item]:
    """Return every line of a path; a path is a key of counted.json."""
    used = counted.paths()[path]
    requests = used["step_requests"] + used["function_requests"] + used.get("wakes", 0)
    calls = {model: used.get(f"calls of {model}", 0) for model in MODELS}
    seconds = sum(calls.values()) * MODEL_S + requests * STEP_S + used.get("wakes", 0) * START_S
    logs = used["log_bytes"] + requests * REQUEST_LOG_BYTES
    messages = used["pubsub_bytes"] * DELIVERIES + used.get("wakes", 0) * MESSAGE_BYTES
    both = "requests and calls counted, seconds of each assumed"
    return [
        _item("Cloud Run functions, CPU", seconds, "s", CPU_S, 1, both, 180_000),
        _item("Cloud Run functions, memory", seconds * GIB, "GiB-s", GIB_S, 1, both, 360_000),
        _item("Cloud Run functions, requests", requests, "requests", 0.40, 1_000_000, "counted", 2_000_000),
        _item("Cloud Workflows, steps", used.get("billed_steps", 0), "steps", 0.01, 1_000, "counted", 5_000),
        _item("Pub/Sub", messages, "bytes", 40, 2**40, "counted", 10 * 2**30),
        _item("Firestore, reads", used["firestore_reads"], "documents", 0.06, 100_000, "counted", 50_000 * DAYS),
        _item("Firestore, writes", used["firestore_writes"], "documents", 0.18, 100_000, "counted", 20_000 * DAYS),
        _item("Firestore, deletes by TTL", used["firestore_documents"], "documents", 0.02, 100_000, "counted", 0),
        _item("Cloud Logging", logs, "bytes", 0.50, 2**30, "counted, lines of requests assumed", 50 * 2**30),
        *(line for model, count in calls.items() for line in _of_model(model, count, used) if count),
    ]


def _of_model(model: str, calls: int, used: dict[str, int]) -> Iterator[Item]:
    price, name = PRICES[model], MODELS[model]
    tokens_in = used.get(f"tokens in of {model}", 0)
    prompts = "prompts counted, 4 characters a token"
    yield _item(f"{name}, in", tokens_in, "tokens", price.tokens_in, 1_000_000, prompts, 0)
    answers = "calls counted, tokens assumed"
    yield _item(f"{name}, out", calls * TOKENS_OUT, "tokens", price.tokens_out, 1_000_000, answers, 0)


def monthly() -> Item:
    """Return the sweeper's line, for one month without incidents; it is no part of what incidents cost."""
    cpu = f"{SWEEP_S:g} s × (${CPU_S:g} + 0.25 GiB × ${GIB_S:g})"  # noqa: RUF001
    arithmetic = f"{SWEEPS:,} calls × ({cpu} + 1 request × ${REQUEST:g} + {SWEEP_READS} reads × ${READ:g})"  # noqa: RUF001
    call = SWEEP_S * (CPU_S + 0.25 * GIB_S) + REQUEST + SWEEP_READS * READ
    what = "**each month besides**: `incident_sweeper`, called each minute"
    return Item(what, arithmetic, SWEEPS * call, "reads counted, seconds assumed")


def warm(cpu: float, gib: float) -> float:
    """Return what one instance that is always there costs a month, without requests."""
    return MONTH_S * (cpu * IDLE_CPU_S + gib * IDLE_GIB_S)


def _item(what: str, quantity: float, unit: str, price: float, per: int, basis: str, free: float) -> Item:
    arithmetic = f"{INCIDENTS:,} × {quantity:,.0f} {unit} × ${price:g}" + (f" / {per:,}" if per > 1 else "")  # noqa: RUF001
    return Item(what, arithmetic, INCIDENTS * quantity * price / per, basis, quantity, price / per, free)


def table() -> str:
    """Return the estimate as a table of Markdown."""
    rows = [f"| {item.what} | {item.arithmetic} | {item.basis} | {item.usd:.2f} |" for item in items()]
    models = sum(item.usd for item in items() if item.what.startswith("Gemini"))
    total = sum(item.usd for item in items())
    sweeper = monthly()
    ends = [
        f"| **all** | with models | | **{total:.2f}** |",
        f"| **all** | with the offline analyst | | **{total - models:.2f}** |",
        f"| {sweeper.what} | {sweeper.arithmetic} | {sweeper.basis} | {sweeper.usd:.2f} |",
    ]
    return "\n".join(["| what | arithmetic | basis | USD |\n|---|---|---|--:|", *rows, *ends])
