"""Read the requests of the alert's service over all services: their lines, and the vital series of who is in them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shared import telemetry
from shared.analysis.detection.other_services import RequestTelemetry, services_to_read
from shared.analysis.requests.follow import follow, requests_to_follow
from shared.contracts import Alert
from shared.errors import IncidentCopilotError
from shared.redaction import redact
from shared.step import recorder
from shared.telemetry.port import LogLine, LogPage, LogQuery, MetricQuery, Series

from .fetch_telemetry import redacted_labels, without_secrets

REQUEST_LINES, REQUEST_BYTES = 4_999, 6_000_000
"""One page of Loki's, when it is asked for one line more: sixty requests of eighty lines."""
PLACES = ("cluster", "k8s_cluster_name", "namespace", "k8s_namespace_name", "service_namespace")
"""Labels of what a service runs in: its requests stay there, and a search of less is as good."""


def follow_requests(alert: Alert, page: LogPage | None, onset: datetime | None) -> RequestTelemetry:
    """Return what all services did in the requests that the lines name; a store that fails is a hint, no trouble."""
    # Where no label names services, nobody can say whose line is whose.
    ids = requests_to_follow(page.lines) if page and page.service_label else []
    if page is None or not ids:
        return RequestTelemetry()
    try:
        lines = _lines(alert, page, ids)
    except IncidentCopilotError as error:
        return RequestTelemetry(hints=(redact(f"Other services were not read: {error}"),))
    followed = follow(lines, onset)
    services = services_to_read(followed, alert.service_name)
    try:
        return RequestTelemetry(followed, _series(alert, services))
    except IncidentCopilotError as error:
        return RequestTelemetry(followed, hints=(redact(f"Metrics of other services were not read: {error}"),))


def _lines(alert: Alert, page: LogPage, ids: Sequence[str]) -> tuple[LogLine, ...]:
    query = LogQuery(alert.service_name, alert.start, alert.end, label=page.label, labels=alert.labels)
    query = replace(query, requests=tuple(ids), within=_places(alert, page.lines))
    query = replace(query, limit=REQUEST_LINES, max_bytes=REQUEST_BYTES)
    with recorder.tool("follow_requests", requests=len(ids)) as call:
        others = without_secrets(telemetry.connect_logs().search(query))
        call.args["query"] = others.query
        call.result = f"{len(others.lines)} lines"
    # The analysis knows services by one name, whatever this store calls it.
    named = (line._replace(labels=_with_service(line.labels, others.service_label)) for line in others.lines)
    return tuple(named)


def _places(alert: Alert, lines: Sequence[LogLine]) -> tuple[tuple[str, str], ...]:
    """Return the labels that all lines of the service share, with the alert's value where it differs from none."""
    places = []
    for label in PLACES:
        values = {line.labels.get(label, "") for line in lines}
        if len(values) == 1 and (value := values.pop()) and alert.labels.get(label, value) == value:
            places.append((label, value))
    return tuple(places)


def _with_service(labels: Mapping[str, str], label: str) -> Mapping[str, str]:
    return {**labels, "service_name": labels.get(label, "")}


def _series(alert: Alert, services: Sequence[str]) -> Mapping[str, tuple[Series, ...]]:
    metrics = telemetry.connect_metrics()
    if metrics is None or not services:
        return {}
    with recorder.tool("query_other_services", services=", ".join(services)) as call:
        read = metrics.vitals_of(services, MetricQuery(alert.service_name, alert.start, alert.end, labels=alert.labels))
        call.result = "\n".join(f"{service}: {len(series)} series" for service, series in read.items())
    return {
        service: tuple(replace(one, labels=redacted_labels(one.labels)) for one in series)
        for service, series in read.items()
    }
