"""Converts the pods' log entries and answers to what Loki and Prometheus would hold."""

from collections.abc import Callable, Sequence
from datetime import datetime
from math import ceil

from pydantic import JsonValue

from infra.local.scenarios.scenario import Scenario
from infra.local.scenarios.traffic import Pod, RecordedAnswer

SCRAPE_EVERY_S = 15
BUCKETS_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

Json = dict[str, JsonValue]
Point = tuple[int, float]


def to_loki(scenario: Scenario, pods: Sequence[Pod], now: datetime) -> Json:
    """
    Return the body of a Loki `query_range` answer: a stream per pod, newest first, nothing later than `now`.

    Source: Loki HTTP API, GET /loki/api/v1/query_range.
    """
    now_ns = int(now.timestamp() * 1e9)
    streams: list[JsonValue] = []
    for pod in pods:
        values: list[JsonValue] = [[str(ns), text] for ns, text in reversed(pod.entries) if ns <= now_ns]
        if values:
            streams.append({"stream": dict(labels_of(scenario, pod)), "values": values})
    return {"status": "success", "data": {"resultType": "streams", "result": streams, "stats": {}}}


def to_prometheus(scenario: Scenario, pods: Sequence[Pod]) -> Json:
    """
    Return the body of a Prometheus `query_range` answer: one point per scrape of a living pod, counters from zero.

    Source: Prometheus HTTP API, GET /api/v1/query_range.
    """
    probe_path = scenario.traffic.health_check["path"]
    series: list[JsonValue] = []
    for pod in pods:
        answers = [answer for answer in pod.answers if answer.path != probe_path]
        labels = labels_of(scenario, pod)
        for code in sorted({answer.status for answer in answers}):
            counted = [answer.at for answer in answers if answer.status == code]
            series.append(_series("http_requests_total", {**labels, "code": str(code)}, _count(pod, counted)))
        for bucket in (*BUCKETS_S, float("inf")):
            counted = [answer.at for answer in answers if answer.duration_s <= bucket]
            limit = "+Inf" if bucket == float("inf") else str(bucket)
            name = "http_request_duration_seconds_bucket"
            series.append(_series(name, {**labels, "le": limit}, _count(pod, counted)))
        series.append(_series("process_resident_memory_bytes", labels, _latest_memory(pod)))
        series.append(_series("up", labels, _scrape(pod, lambda _: 1.0)))
    return {"status": "success", "data": {"resultType": "matrix", "result": series}}


def error_ratio(pods: Sequence[Pod], until: datetime, minutes: float) -> float:
    """Return the share of 5xx among the answers of the `minutes` before `until`; 0 without answers."""
    end = until.timestamp()
    statuses = [answer.status for pod in pods for answer in _between(pod, end - minutes * 60, end)]
    return sum(status >= 500 for status in statuses) / max(len(statuses), 1)


def _between(pod: Pod, start: float, end: float) -> list[RecordedAnswer]:
    return [answer for answer in pod.answers if start < answer.at <= end]


def labels_of(scenario: Scenario, pod: Pod) -> dict[str, str]:
    """Return the labels of a pod's lines and series."""
    names = {"service_name": scenario.service_name, "namespace": scenario.namespace}
    return {**names, "pod": pod.name, "version": pod.version}


def _count(pod: Pod, happened: Sequence[float]) -> list[Point]:
    return _scrape(pod, lambda at: float(sum(moment <= at for moment in happened)))


def _latest_memory(pod: Pod) -> list[Point]:
    seen = [(answer.at, float(answer.resident_bytes)) for answer in pod.answers]
    return _scrape(pod, lambda at: next((size for when, size in reversed(seen) if when <= at), seen[0][1]))


def _scrape(pod: Pod, read: Callable[[float], float]) -> list[Point]:
    first = ceil(pod.start_ns / 1e9 / SCRAPE_EVERY_S) * SCRAPE_EVERY_S
    return [(at, read(at)) for at in range(first, int(pod.end_ns // 1e9) + 1, SCRAPE_EVERY_S)]


def _series(name: str, labels: dict[str, str], points: Sequence[Point]) -> Json:
    return {"metric": {"__name__": name, **labels}, "values": [[at, str(value)] for at, value in points]}
