"""How much memory each function takes for one request and for several at once: `make bench-memory`.

python -m infra.bench.memory_use [NAME ...]   prints a table, from which `memory` in function.yaml is set, with a margin

Each function runs from its bundle under functions-framework, as in an instance, and gets a request of a known incident.
incident_detection reads a log on loopback besides: of the demo's size, and of the worst that its bounds let in. Other
services are absent, so what they answer is not measured. The numbers are the highest resident memory of the function's
processes, added up: pages that they share count twice, so an instance needs less.
"""

import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

from infra import bundle
from infra.local.cli import run_one
from infra.local.sandboxes.loki.server import LokiSandbox
from infra.local.stack import processes

AT_ONCE = (1, 4)
START_TIMEOUT_S = 60.0
REQUEST_TIMEOUT_S = 300.0
DEMO_LINES = 4_000
WORST_LINES = 20_000
WORST_FRAMES = 75
"""Of a stack trace of 6 KB, no two alike."""


@dataclass(frozen=True)
class Peak:
    """The highest memory of one function for `at_once` requests, in MB, and how often it answered with which status."""

    name: str
    load: str
    at_once: int
    peak_mb: int
    statuses: Mapping[int, int]


def measure(name: str, load: str, at_once: int, settings: Mapping[str, str]) -> Peak:
    """Start the function, send it the requests at once, and stop it. Raises StartFailed."""
    env = {"PATH": os.environ["PATH"], "LOG_LEVEL": "INFO", **settings}
    with tempfile.TemporaryDirectory() as folder:
        body = run_one.sample(name, Path(folder) / run_one.TRACES)
        service = run_one.start(name, processes.free_port(), Path(folder), env)
        try:
            processes.wait_listening(service, START_TIMEOUT_S)
            with ThreadPoolExecutor(at_once) as pool:
                statuses = Counter(pool.map(lambda number: _post(service.url, body, number), range(at_once)))
            peak_kb = sum(_peaks_kb(service.process.pid))
        finally:
            processes.stop([service])
    return Peak(name, load, at_once, round(peak_kb / 1000), statuses)


def _post(url: str, body: dict[str, Any] | None, number: int) -> int:
    """Send a request of an incident of its own: the answer to a repeated one is stored."""
    if body and "alert" in body:
        body = {**body, "alert": {**body["alert"], "incident_id": f"{body['alert']['incident_id']}-{number}"}}
    return requests.post(url, json=body or {}, timeout=REQUEST_TIMEOUT_S).status_code


def _peaks_kb(group: int) -> Iterator[int]:
    """Yield the highest resident memory of every process of a group; see proc(5)."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if os.getpgid(int(status.parent.name)) != group:
                continue
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except (ProcessLookupError, FileNotFoundError):
            continue
        yield int(fields["VmHWM"].split()[0])


def streams(lines: int, frames: int, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a log over the window of the alert: every line a stack trace of so many frames, no two alike."""
    alert = body["alert"]
    start, end = (datetime.fromisoformat(alert[name]).timestamp() for name in ("start", "end"))
    chance = random.Random(1)  # noqa: S311  # repeatable, not secret
    names = ["".join(chance.choices("abcdefghijklmnop", k=7)) for _ in range(5_000)]
    values = []
    for number in range(lines):
        nanoseconds = int((start + (end - start) * number / lines) * 1e9)
        trace = "".join(
            f'  File "/app/shop/{chance.choice(names)}.py", line {chance.randint(1, 900)}, in {chance.choice(names)}\n'
            f"    return {chance.choice(names)}(order)\n"
            for _ in range(frames)
        )
        text = f"Traceback (most recent call last):\n{trace}ValueError: order {number}" if frames else f"INFO {number}"
        values.append([str(nanoseconds), text])
    return [{"stream": {"service_name": alert["service_name"]}, "values": values}]


def _peaks(name: str) -> Iterator[Peak]:
    # A step without inputs writes nothing to the file.
    body = run_one.sample(name, Path(os.devnull)) if name == "incident_detection" else None
    if body is None:
        yield from (measure(name, "usual", at_once, {}) for at_once in AT_ONCE)
        return
    for load, lines, frames in (("demo", DEMO_LINES, 0), ("worst", WORST_LINES, WORST_FRAMES)):
        with LokiSandbox(streams(lines, frames, body)) as loki:
            settings = {"GRAFANA_HOST": loki.url, "LOKI_TIMEOUT_S": "120"}
            yield from (measure(name, load, at_once, settings) for at_once in AT_ONCE)


def table(peaks: Sequence[Peak]) -> str:
    """Return the peaks as a table of Markdown."""
    rows = ["| function | load | requests at once | peak MB | answers |", "|---|---|--:|--:|---|"]
    for peak in peaks:
        answers = ", ".join(f"{count} of {status}" for status, count in sorted(peak.statuses.items()))
        rows.append(f"| `{peak.name}` | {peak.load} | {peak.at_once} | {peak.peak_mb} | {answers} |")
    return "\n".join(rows)


def main(wanted: Sequence[str]) -> int:
    """Measure the wanted functions, by default all."""
    peaks = []
    for name in wanted or bundle.names():
        for peak in _peaks(name):
            print(f"  {json.dumps([peak.name, peak.load, peak.at_once, peak.peak_mb])}", file=sys.stderr)
            peaks.append(peak)
    print(table(peaks))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
