"""`make bench ONLY=brief`: from the alert to its brief, warm, cold and by volume, beside the reference.

python -m infra.bench.brief [--part warm|cold|volume …]   measures the parts, by default all; the results of the others
stay as they were measured last in build/bench_brief.json. Prints the table, and writes it to infra/README.md.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infra import bundle, readme_tables
from infra.bench.brief import log_volumes
from infra.bench.brief.measured_model import MeasuredModel
from infra.bench.brief.our_system import OurSystem
from infra.bench.brief.reference_process import Reference
from infra.bench.brief.report import table
from infra.bench.brief.timings import Timing, medians
from shared import clock

RESULTS = bundle.BUILD / "bench_brief.json"
LATENCIES = (0.0, 0.3, 1.0, 3.0)
TRIES = 3
COLD = ((0.0, 2.0), (0.3, 2.0), (1.0, 0.0), (1.0, 1.0), (1.0, 2.0), (3.0, 2.0))
"""Seconds of the model for each answer, and of the platform for each start."""
UNWOKEN = COLD[2:5]
"""Those measured without waking too."""
VOLUME_LATENCY_S = 1.0
"""Long enough that calls which can overlap do, and are not counted as a series."""
Results = dict[str, dict[str, Any]]


@contextmanager
def _both(*, wakes: bool = True) -> Iterator[tuple[OurSystem, Reference]]:
    """Run the system and the reference on the same sandboxes, and let each handle one alert that does not count."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        MeasuredModel() as model,
        OurSystem(Path(folder), model, wakes=wakes) as ours,
        Reference(ours.stack, model) as reference,
    ):
        ours.incident(0.0)
        reference.incident(0.0)
        yield ours, reference


def warm() -> Results:
    """Return the medians of some incidents at each latency, every process having worked before."""
    results: Results = {}
    with _both() as (ours, reference):
        for latency_s in LATENCIES:
            own = medians([ours.incident(latency_s) for _ in range(TRIES)])
            other = medians([reference.incident(latency_s) for _ in range(TRIES)])
            results[f"{latency_s:g}"] = _pair(own, other)
    return results


def cold() -> Results:
    """Return one incident at each latency and start penalty, no process of a function or of the reference running."""
    results: Results = {}
    with _both() as (ours, reference):
        for latency_s, penalty_s in COLD:
            ours.sleep(penalty_s)
            own = ours.incident(latency_s)
            reference.sleep(penalty_s)
            results[f"{latency_s:g} {penalty_s:g}"] = _pair(own, reference.incident(latency_s))
    with _both(wakes=False) as (ours, _):
        for latency_s, penalty_s in UNWOKEN:
            ours.sleep(penalty_s)
            results[f"{latency_s:g} {penalty_s:g}"]["unwoken"] = _row(ours.incident(latency_s))
    return results


def volume() -> Results:
    """Return one incident at each number of log lines, a model of a second."""
    results: Results = {}
    with _both() as (ours, reference):
        for count in log_volumes.VOLUMES:
            name = log_volumes.push(ours.stack.built, ours.stack.services["loki"].url, count)
            results[str(count)] = _pair(
                ours.incident(VOLUME_LATENCY_S, name), reference.incident(VOLUME_LATENCY_S, name)
            )
    return results


PARTS: dict[str, Callable[[], Results]] = {"warm": warm, "cold": cold, "volume": volume}


def _pair(own: Timing, other: Timing) -> dict[str, Any]:
    row = {"ours": _row(own), "reference": _row(other)}
    print(f"  {json.dumps(row)}", file=sys.stderr, flush=True)
    return row


def _row(timing: Timing) -> dict[str, Any]:
    return {**asdict(timing), "own_s": timing.own_s}


def main(arguments: list[str]) -> int:
    """Measure, and write the results and the table."""
    parser = argparse.ArgumentParser(prog="python -m infra.bench.brief")
    parser.add_argument("--part", choices=sorted(PARTS), action="append")
    parts = parser.parse_args(arguments).part or list(PARTS)
    results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for part in parts:
        results[part] = {"measured_at": f"{clock.now():%Y-%m-%d %H:%M} UTC", "rows": PARTS[part]()}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(table(results))
    if results.keys() >= PARTS.keys():
        readme_tables.replace("bench_brief", table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
