"""A second service in a scenario's telemetry, which works: the pods from before the fault, moved to the present."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def add(logs: Path, metrics: Path, service: str, version: str) -> None:
    """Add a service to the recorded logs and metrics: what the pods of `version` did, as if it had ended just now."""
    _extend(logs, "stream", service, version)
    _extend(metrics, "metric", service, version)


def _extend(path: Path, labels: str, service: str, version: str) -> None:
    body = json.loads(path.read_text(encoding="utf-8"))
    series = body["data"]["result"]
    healthy = [each for each in series if each[labels].get("version") == version]
    shift = max(_times(series)) - max(_times(healthy))
    for each in healthy:
        copy = json.loads(json.dumps(each))
        copy[labels]["service_name"] = service
        copy["values"] = [[_moved(time, shift), *rest] for time, *rest in each["values"]]
        series.append(copy)
    path.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")


def _times(series: list[dict[str, Any]]) -> Iterator[int]:
    return (int(value[0]) for each in series for value in each["values"])


def _moved(time: str | int, shift: int) -> str | int:
    """Return a time as it stands in the recording: Loki's nanoseconds as text, Prometheus' seconds as a number."""
    return str(int(time) + shift) if isinstance(time, str) else time + shift
