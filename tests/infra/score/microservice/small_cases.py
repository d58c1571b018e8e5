"""Small recordings in the format of the known incidents: three services, a fault in one of them, and a control."""

import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
INJECTED = START + timedelta(minutes=1)
END = START + timedelta(minutes=3)
STEP_S = 2

Lines = Sequence[tuple[float, str]]
"""Seconds since START, and the text."""


def trace_id(number: int) -> str:
    """Return a trace id of 32 hexadecimal digits."""
    return f"{number + 1:032x}"


def every(step_s: float, text: str, start_s: float = 0, end_s: float = 180, first_trace: int = 0) -> Lines:
    """Return a line each `step_s` seconds, each of a trace of its own."""
    count = int((end_s - start_s) / step_s)
    return [
        (start_s + number * step_s, text.replace("$trace", trace_id(first_trace + number))) for number in range(count)
    ]


def record(
    cases: Path,
    name: str,
    lines: Mapping[str, Lines],
    series: Mapping[tuple[str, str], Sequence[tuple[float, float]]] | None = None,
    **truth: Any,
) -> Path:
    """Write one case below `cases/microservice` and return its folder; series by service and name."""
    folder = cases / "microservice" / name
    folder.mkdir(parents=True)
    (folder / "case.json").write_text(json.dumps({"id": name, **truth}))
    streams = [{"stream": {"service_name": service}, "values": _values(texts)} for service, texts in lines.items()]
    _pack(folder / "logs.loki.json.gz", "streams", streams)
    if series:
        rows = [_row(service, metric, points) for (service, metric), points in series.items()]
        _pack(folder / "metrics.prom.json.gz", "matrix", rows)
    return folder


def faulty(**changes: Any) -> dict[str, Any]:
    """Return the truth of a fault in the service `stock`."""
    injected = INJECTED.strftime("%Y-%m-%d %H:%M:%SZ")
    return {"fault_type": "exception", "root_cause_service": "stock", "inject_time": injected, **changes}


def two_cases(cases: Path) -> Path:
    """Write a fault in `stock` that `shop` calls and `mail` does not, and a control; return the folder."""
    fine, raised = "INFO  Orders#12 TraceID: $trace served", "ERROR Stock#40 TraceID: $trace NullPointerException: null"
    lines = {
        "shop": every(STEP_S, fine),
        "stock": [*every(STEP_S, fine), *every(STEP_S, raised, 60, first_trace=30)],
        "mail": every(STEP_S, fine, first_trace=500),
    }
    flat = [(float(second), 0.02 + 0.001 * (second % 3)) for second in range(-600, 181, 20)]
    slow = [(second, 0.9 if second > 60 else value) for second, value in flat]
    series = {("shop", "podserverlatencyp90_s"): flat, ("stock", "podserverlatencyp90_s"): slow}
    record(cases, "stock-exception", lines, series, **faulty())
    record(cases, "control", {"shop": lines["shop"], "mail": lines["mail"]}, fault_type="none")
    return cases


def _values(lines: Lines) -> list[list[str]]:
    return [[str(int((START.timestamp() + second) * 1e9)), text] for second, text in lines]


def _row(service: str, metric: str, points: Sequence[tuple[float, float]]) -> dict[str, Any]:
    labels = {"__name__": metric, "service_name": service, "pod": f"{service}-0"}
    return {"metric": labels, "values": [[START.timestamp() + second, str(value)] for second, value in points]}


def _pack(path: Path, kind: str, result: list[Any]) -> None:
    body = {"status": "success", "data": {"resultType": kind, "result": result}}
    path.write_bytes(gzip.compress(json.dumps(body).encode()))
