"""The results as one table of Markdown."""

import platform
from collections.abc import Iterator, Mapping
from typing import Any

Row = Mapping[str, Any]
Cells = tuple[str, str, str, str, str]

METHOD = (
    "One alert of the demo's incident, from its 202 to the mail, beside a reference of the usual topology on "
    "google-adk (`infra/bench/reference`: 14 model calls in series, raw log lines in the prompt), on the same "
    "sandboxes in the same run. Warm: the median of three alerts after one that does not count. Cold: no process runs; "
    "the first request to each waits for the platform (0, 1 or 2 s) and for its start. All share two cores, where the "
    "platform gives each its own: one that was woken and not called yet has a low priority. The first post also waits "
    "for intake, or for the reference's one process, before its 202. The reference sends no early brief: ours stands "
    "beside its only one."
)
TARGETS = {
    ("warm", "1", "early"): "≤ 0.08 x",
    ("warm", "1", "full"): "≤ 0.30 x",
    ("warm", "0", "own"): "≤ 0.9 s",
    ("cold", "1 2", "early"): "≤ 4 s",
    ("cold", "1 2", "full"): "≤ 0.45 x",
}


def table(results: Mapping[str, Any]) -> str:
    """Return the parts that were measured, each ratio of one run."""
    times = ", ".join(f"{part} {results[part]['measured_at']}" for part in PARTS if part in results)
    head = [f"Measured ({times}, Python {platform.python_version()} on {platform.machine()}) by `make bench`. {METHOD}"]
    lines = ["", "| measured | ours | reference | ours / reference | target |", "|---|--:|--:|--:|---|"]
    for part, rows in PARTS.items():
        for key, row in results.get(part, {"rows": {}})["rows"].items():
            lines += [f"| {' | '.join(cells)} |" for cells in rows(key, row)]
    return "\n".join([*head, *lines])


def _warm(key: str, row: Row) -> Iterator[Cells]:
    ours, reference = row["ours"], row["reference"]
    subject = f"warm, model {key} s"
    yield _seconds(f"{subject}: accepted", ours["accepted_s"], reference["accepted_s"])
    yield from _briefs(("warm", key), subject, ours, reference)
    yield _seconds(f"{subject}: of it model calls in series", ours["usage"]["path_s"], reference["usage"]["path_s"])
    yield _seconds(
        f"{subject}: of it own work", ours["own_s"], reference["own_s"], TARGETS.get(("warm", key, "own"), "")
    )
    if key == "0":
        for step, seconds in ours["steps_s"].items():
            yield (f"{subject}: own work of step `{step}`", f"{seconds:.2f} s", "", "", "")


def _cold(key: str, row: Row) -> Iterator[Cells]:
    ours, reference = row["ours"], row["reference"]
    latency, penalty = key.split()
    subject = f"cold, model {latency} s, platform {penalty} s"
    yield _seconds(f"{subject}: accepted", ours["accepted_s"], reference["accepted_s"])
    yield from _briefs(("cold", key), subject, ours, reference)
    posted = [each["accepted_s"] + each["full_s"] for each in (ours, reference)]
    yield _seconds(f"{subject}: full brief from the post", posted[0], posted[1])
    if unwoken := row.get("unwoken"):
        early, full = (f"{unwoken[name]:.2f} s" if unwoken[name] else "" for name in ("early_s", "full_s"))
        yield (f"{subject}: early and full brief with WAKE_FUNCTIONS=false", f"{early}, {full}", "", "", "")


def _briefs(place: tuple[str, str], subject: str, ours: Row, reference: Row) -> Iterator[Cells]:
    for name in ("early", "full"):
        if ours[f"{name}_s"] is not None:
            target = TARGETS.get((*place, name), "")
            yield _seconds(f"{subject}: {name} brief", ours[f"{name}_s"], reference["full_s"], target)


def _volume(key: str, row: Row) -> Iterator[Cells]:
    ours, reference = row["ours"]["usage"], row["reference"]["usage"]
    subject = f"{int(key):,} log lines"
    calls = [f"{each['calls']}, {each['in_series']} in series" for each in (ours, reference)]
    target = "≤ 6, ≤ 3 in series"
    yield (f"{subject}: model calls", calls[0], calls[1], f"{ours['calls'] / reference['calls']:.2f}", target)
    tokens = [each["tokens_in"] + each["tokens_out"] for each in (ours, reference)]
    yield (f"{subject}: tokens", f"{tokens[0]:,}", f"{tokens[1]:,}", f"{tokens[0] / tokens[1]:.2f}", "")
    cost = [each["usd"] for each in (ours, reference)]
    yield (f"{subject}: USD", f"{cost[0]:.4f}", f"{cost[1]:.4f}", f"{cost[0] / cost[1]:.2f}", "")


PARTS = {"warm": _warm, "cold": _cold, "volume": _volume}


def _seconds(what: str, ours: float, reference: float, target: str = "") -> Cells:
    return (what, f"{ours:.2f} s", f"{reference:.2f} s", f"{ours / reference:.2f}", target)
