"""Read the telemetry of an alert, redacted; a store that fails becomes a named trouble in the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

from shared import telemetry
from shared.analysis.detection.other_services import requests_to_follow
from shared.analysis.logs.stack_traces.ownership import names_of
from shared.bounds import clip
from shared.contracts import Alert
from shared.errors import IncidentCopilotError
from shared.redaction import redact, redact_lines
from shared.step import recorder
from shared.telemetry.port import NO_METRICS_STORE, LogLine, LogPage, LogQuery, Logs, MetricQuery, MetricsOverview

from .count_unread import count_unread

REQUEST_LINES, REQUEST_BYTES = 1_000, 2_000_000
"""Error lines of all services, for the requests that are followed."""
PROBLEM_BYTES = 8_000_000
"""Of the lines that look like problems, where not all lines could be read."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class TelemetryRead:
    """What was read; `logs` is None when the log store failed."""

    logs: LogPage | None
    metrics: MetricsOverview
    troubles: tuple[str, ...]
    requests: tuple[LogLine, ...] = ()
    """Error lines of all services for failing requests of this one."""


def read_telemetry(alert: Alert) -> TelemetryRead:
    """Return logs and metrics of the alert's window."""
    troubles: list[str] = []
    logs = _or_trouble(lambda: _read_logs(telemetry.connect_logs(), alert, troubles), "Logs are missing", troubles)
    metrics = _or_trouble(lambda: _read_metrics(alert), "Metrics are missing", troubles)
    requests = _or_trouble(lambda: _follow(alert, logs), "Other services were not read", [])
    return TelemetryRead(logs, metrics or MetricsOverview(), tuple(troubles), requests or ())


def _follow(alert: Alert, page: LogPage | None) -> tuple[LogLine, ...]:
    """Return the error lines of all services for failing requests, in one search; none where lines name no request."""
    ids = requests_to_follow(page.lines) if page else []
    if page is None or not ids:
        return ()
    query = LogQuery(alert.service_name, alert.start, alert.end, label=page.label, requests=tuple(ids))
    # Only errors say who failed; the other lines of a request would be many times as many.
    query = replace(query, only="errors", limit=REQUEST_LINES, max_bytes=REQUEST_BYTES)
    with recorder.tool("follow_requests", requests=len(ids)) as call:
        others = without_secrets(telemetry.connect_logs().search(query))
        call.args["query"] = others.query
        call.result = f"{len(others.lines)} lines"
    # The analysis knows services by one name, whatever this store calls it.
    named = (replace(line, labels=_with_service(line.labels, others.service_label)) for line in others.lines)
    return tuple(named)


def _with_service(labels: Mapping[str, str], label: str) -> Mapping[str, str]:
    return {**labels, "service_name": labels.get(label, "")}


def without_secrets(page: LogPage) -> LogPage:
    """Return the page without secrets; models, mails and traces only see what passed here."""
    texts = redact_lines([line.text for line in page.lines])
    lines = (
        replace(line, text=text, labels=_redacted(line.labels)) for line, text in zip(page.lines, texts, strict=True)
    )
    return replace(page, lines=tuple(lines))


def _redacted(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: _redacted_label(value) for name, value in labels.items()}


@lru_cache(10_000)
def _redacted_label(value: str) -> str:
    """Redact once per value: lines of one stream share their labels."""
    return redact(value)


def _or_trouble(read: Callable[[], Result], what: str, troubles: list[str]) -> Result | None:
    try:
        return read()
    except IncidentCopilotError as error:
        troubles.append(redact(f"{what}: {error}"))
        return None


def _read_logs(logs: Logs, alert: Alert, troubles: list[str]) -> LogPage:
    query = LogQuery(alert.service_name, alert.start, alert.end)
    everything = _search(logs, query)
    if everything.is_complete and not everything.lines:
        label = _or_trouble(lambda: logs.other_label(query), "Other labels were not tried", [])
        if label:
            query = replace(query, label=label)
            everything = _search(logs, query)
    if everything.is_complete:
        return everything
    # The window holds more than is read and the oldest lines are missing: of those, problems are read separately.
    since = everything.lines[0].at if everything.lines else alert.end
    problems = LogPage((), "", is_complete=True)
    if alert.start < since:
        problems = _search(logs, replace(query, end=since, only="problems", max_bytes=PROBLEM_BYTES))
    own_names = names_of(alert.service_name, alert.github_repo)
    unread = _or_trouble(
        lambda: count_unread(logs, query, since, problems, own_names), "Older lines are not counted", troubles
    )
    return replace(_merged(everything, problems), unread=unread)


def _search(logs: Logs, query: LogQuery) -> LogPage:
    window = {"start": query.start.isoformat(), "end": query.end.isoformat(), "limit": query.limit}
    with recorder.tool("query_loki", service_name=query.service_name, **window) as call:
        page = without_secrets(logs.search(query))
        call.args["query"] = page.query
        call.result = f"{len(page.lines)} lines, complete: {page.is_complete}\n" + _tail(page)
    return page


def _tail(page: LogPage) -> str:
    return "\n".join(clip(line.text, 300) for line in page.lines[-200:])


def _merged(everything: LogPage, problems: LogPage) -> LogPage:
    oldest = everything.lines[0].nanoseconds if everything.lines else 0
    older = tuple(line for line in problems.lines if line.nanoseconds < oldest)
    return replace(everything, lines=older + everything.lines)


def _read_metrics(alert: Alert) -> MetricsOverview:
    metrics = telemetry.connect_metrics()
    if metrics is None:
        return MetricsOverview(absent=(NO_METRICS_STORE,))
    query = MetricQuery(alert.service_name, alert.start, alert.end)
    with recorder.tool("query_prometheus", service_name=alert.service_name) as call:
        read = metrics.overview(query)
        series = tuple(replace(item, labels=_redacted(item.labels)) for item in read.series)
        call.result = "\n".join(
            [*(f"{item.name}: {len(item.points)} points, {item.query}" for item in series), *read.absent]
        )
    instances = tuple(replace(item, labels=_redacted(item.labels)) for item in read.instances)
    return replace(read, series=series, instances=instances, hints=tuple(redact(hint) for hint in read.hints))
