"""Processor, memory and network of the service's pods, as cAdvisor reports them, as high as one wants to see."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from infra.local.local_settings import LocalSettings
from infra.local.scenarios.recording import SCRAPE_EVERY_S
from shared.errors import Rejected
from shared.http.validation import sentence

PERCENT = {"high": 95.0, "mid": 50.0, "low": 10.0}
CHANGES_AGO = timedelta(minutes=5)
"""Until then the load was low, so that there is something to notice."""
LASTS = timedelta(hours=4)
MEMORY_LIMIT_BYTES = 512 * 2**20
NETWORK_BYTES_PER_S = 125_000_000
Point = list[Any]


def names() -> tuple[str, ...]:
    """Return the names of the variables."""
    return ("MOCK_CPU", "MOCK_RAM", "MOCK_NETWORK")


def settings_of(values: Mapping[str, str]) -> LocalSettings:
    """Return what .env says of the load. Raises Rejected for a load that is none."""
    try:
        return LocalSettings.model_validate({name.lower(): values[name] for name in names() if values.get(name)})
    except ValidationError as error:
        raise Rejected(f"{sentence(error)}: write high, mid, low, or a number") from None


def add(path: Path, chosen: LocalSettings, now: datetime) -> None:
    """Add the chosen series to a file of metrics, for each pod in it that runs; nothing that is not chosen."""
    body = json.loads(path.read_text(encoding="utf-8"))
    result = body["data"]["result"]
    ups = [each for each in result if each["metric"]["__name__"] == "up" and each["values"]]
    last = max((each["values"][-1][0] for each in ups), default=0)
    for each in [one for one in ups if one["values"][-1][0] == last]:
        labels = {name: each["metric"][name] for name in ("namespace", "pod")}
        labels["container"] = each["metric"]["service_name"]
        result += list(_series(labels, chosen, each["values"][0][0], now))
    path.write_text(json.dumps(body), encoding="utf-8")


def _series(labels: dict[str, str], chosen: LocalSettings, start: int, now: datetime) -> Iterator[dict[str, Any]]:
    changes, end = int((now - CHANGES_AGO).timestamp()), int((now + LASTS).timestamp())
    times = range(start, end, SCRAPE_EVERY_S)

    def share(load: str, at: int) -> float:
        wanted = PERCENT.get(load) or float(load)
        return (wanted if at >= changes else PERCENT["low"]) / 100

    if chosen.mock_cpu is not None:
        load = chosen.mock_cpu
        yield _one("container_cpu_usage_seconds_total", labels, _grown(times, lambda at: share(load, at)))
    if chosen.mock_ram is not None:
        memory_load = chosen.mock_ram
        points = [[at, str(round(share(memory_load, at) * MEMORY_LIMIT_BYTES))] for at in times]
        yield _one("container_memory_working_set_bytes", labels, points)
        yield _one("container_spec_memory_limit_bytes", labels, [[at, str(MEMORY_LIMIT_BYTES)] for at in times])
    if chosen.mock_network is not None:
        network = chosen.mock_network
        grown = _grown(times, lambda at: share(network, at) * NETWORK_BYTES_PER_S)
        yield _one("container_network_receive_bytes_total", labels, grown)


def _grown(times: range, rate: Callable[[int], float]) -> list[Point]:
    total, points = 0.0, []
    for at in times:
        total += rate(at) * times.step
        points.append([at, str(round(total, 3))])
    return points


def _one(name: str, labels: dict[str, str], points: list[Point]) -> dict[str, Any]:
    return {"metric": {"__name__": name, **labels}, "values": points}
