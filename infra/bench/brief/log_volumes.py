"""Logs of a chosen number of lines, thinned out of the scenario's own or repeated, in the share of errors it has."""

import json
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import requests

from infra.local.scenarios.scenario import Built

VOLUMES = (10, 40, 100, 1_000, 10_000)
WINDOW_NS = 840 * 1_000_000_000
"""A minute less than an alert's window, which ends a little later."""
MIN_FAILING = 2
COPY_NS = 1_000
"""Between a line and its copy."""
Entry = tuple[int, str, Mapping[str, str]]


def push(built: Built, loki_url: str, count: int) -> str:
    """Give Loki `count` lines of a service of their own; return its name. Raises requests.HTTPError."""
    name = f"volume-{count}"
    streams = [
        {"stream": dict(labels) | {"service_name": name}, "values": [[str(ns), text]]}
        for ns, text, labels in thinned(_entries(built.logs), count)
    ]
    requests.post(f"{loki_url}/loki/api/v1/push", json={"streams": streams}, timeout=60).raise_for_status()
    return name


def thinned(entries: Sequence[Entry], count: int) -> list[Entry]:
    """Return `count` entries, evenly over time, with the share of failing ones that all have, of which a few always."""
    failing = [entry for entry in entries if " ERROR " in entry[1]]
    others = [entry for entry in entries if " ERROR " not in entry[1]]
    wanted = min(count, max(MIN_FAILING, round(count * len(failing) / len(entries))))
    return sorted([*_spread(failing, wanted), *_spread(others, count - wanted)], key=lambda entry: entry[0])


def _spread(entries: Sequence[Entry], count: int) -> list[Entry]:
    if count <= len(entries):
        return [entries[index * len(entries) // count] for index in range(count)]
    copies = islice(cycle(entries), count)
    return [(ns + index // len(entries) * COPY_NS, text, labels) for index, (ns, text, labels) in enumerate(copies)]


def _entries(logs: Path) -> list[Entry]:
    """Return the entries of the alert's window, oldest first."""
    streams: list[dict[str, Any]] = json.loads(logs.read_text(encoding="utf-8"))["data"]["result"]
    entries = [(int(ns), text, stream["stream"]) for stream in streams for ns, text in stream["values"]]
    newest = max(ns for ns, _, _ in entries)
    return sorted((entry for entry in entries if entry[0] > newest - WINDOW_NS), key=lambda entry: entry[0])
