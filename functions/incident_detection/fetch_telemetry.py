"""Read the telemetry of an alert, redacted; a store that fails becomes a named trouble in the answer."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

from shared import telemetry
from shared.analysis.logs.stack_traces.ownership import names_of
from shared.bounds import clip
from shared.contracts import Alert
from shared.errors import IncidentCopilotError, Misconfigured
from shared.redaction import redact, redact_lines
from shared.step import recorder
from shared.telemetry.port import (
    NO_LOG_STORE,
    NO_METRICS_STORE,
    LogLine,
    LogPage,
    LogQuery,
    Logs,
    MetricQuery,
    MetricsOverview,
)

from .count_unread import count_unread

PROBLEM_BYTES = 8_000_000
"""Of the lines that look like problems, where not all lines could be read."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class TelemetryRead:
    """What was read; `logs` is None when the log store failed."""

    logs: LogPage | None
    metrics: MetricsOverview
    troubles: tuple[str, ...]


def read_telemetry(alert: Alert) -> TelemetryRead:
    """Return logs and metrics of the alert's window, read beside each other."""
    troubles: list[str] = []
    metric_troubles: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        metrics_read = pool.submit(
            # In the context of this step, where what is called is recorded.
            copy_context().run,
            _or_trouble,
            lambda: _read_metrics(alert),
            "Metrics are missing",
            metric_troubles,
        )
        store = _or_trouble(_log_store, "Logs are missing", troubles)
        logs = _or_trouble(lambda: _read_logs(store, alert, troubles), "Logs are missing", troubles) if store else None
        metrics = metrics_read.result() or MetricsOverview()
    if store is None and not troubles:
        # What is not set up has not failed.
        metrics = replace(metrics, hints=(*metrics.hints, NO_LOG_STORE))
    return TelemetryRead(logs, metrics, (*troubles, *metric_troubles))


def without_secrets(page: LogPage) -> LogPage:
    """Return the page without secrets; models, mails and traces only see what passed here."""
    texts = redact_lines([line.text for line in page.lines])
    # Lines of one stream share their labels.
    labels = {id(line.labels): line.labels for line in page.lines}
    redacted = {number: redacted_labels(each) for number, each in labels.items()}
    lines = (
        LogLine(line.at, line.nanoseconds, text, redacted[id(line.labels)])
        for line, text in zip(page.lines, texts, strict=True)
    )
    return replace(page, lines=tuple(lines))


def redacted_labels(labels: Mapping[str, str]) -> dict[str, str]:
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


def _log_store() -> Logs | None:
    """Return the log store, or None where none is named. Raises Misconfigured."""
    try:
        return telemetry.connect_logs()
    except Misconfigured:
        if telemetry.has_log_store():
            raise
        return None


def _read_logs(logs: Logs, alert: Alert, troubles: list[str]) -> LogPage:
    query = LogQuery(alert.service_name, alert.start, alert.end, labels=alert.labels)
    everything = _search(logs, query)
    if everything.is_complete and not everything.lines:
        label = _or_trouble(lambda: logs.other_label(query), "Other labels were not tried", [])
        if label:
            query = replace(query, label=label)
            everything = replace(_search(logs, query), tried=everything.selector)
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
        return MetricsOverview(absent=(NO_METRICS_STORE,), hints=(NO_METRICS_STORE,))
    query = MetricQuery(alert.service_name, alert.start, alert.end, labels=alert.labels)
    with recorder.tool("query_prometheus", service_name=alert.service_name) as call:
        read = metrics.overview(query)
        series = tuple(replace(item, labels=redacted_labels(item.labels)) for item in read.series)
        call.result = "\n".join(
            [*(f"{item.name}: {len(item.points)} points, {item.query}" for item in series), *read.absent]
        )
    instances = tuple(replace(item, labels=redacted_labels(item.labels)) for item in read.instances)
    return replace(read, series=series, instances=instances, hints=tuple(redact(hint) for hint in read.hints))
