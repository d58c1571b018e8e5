"""Read what telemetry holds on an alert; a store that fails becomes a trouble with a name."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from shared import recorder, telemetry
from shared.contracts import Alert
from shared.errors import IncidentCopilotError
from shared.telemetry.port import LogPage, LogQuery, Logs, MetricQuery, Series

Got = TypeVar("Got")


@dataclass(frozen=True)
class TelemetryRead:
    """What was read; `logs` is none when the log store failed."""

    logs: LogPage | None
    series: tuple[Series, ...]
    troubles: tuple[str, ...]


def read_telemetry(alert: Alert) -> TelemetryRead:
    """Return logs and metrics of the alert's window."""
    troubles: list[str] = []
    logs = _or_trouble(lambda: _read_logs(telemetry.connect_logs(), alert), "Logs are missing", troubles)
    series = _or_trouble(lambda: _read_metrics(alert), "Metrics are missing", troubles)
    return TelemetryRead(logs, series or (), tuple(troubles))


def _or_trouble(read: Callable[[], Got], what: str, troubles: list[str]) -> Got | None:
    try:
        return read()
    except IncidentCopilotError as error:
        troubles.append(f"{what}: {error}")
        return None


def _read_logs(logs: Logs, alert: Alert) -> LogPage:
    query = LogQuery(alert.service_name, alert.start, alert.end)
    everything = _search(logs, query)
    if everything.is_complete:
        return everything
    # The window holds more than the limit: what matters may lie before the cut, so problems are read apart.
    problems = _search(logs, replace(query, only_problems=True))
    return _merged(everything, problems)


def _search(logs: Logs, query: LogQuery) -> LogPage:
    window = {"start": query.start.isoformat(), "end": query.end.isoformat(), "limit": query.limit}
    with recorder.tool("query_loki", service_name=query.service_name, **window) as call:
        page = logs.search(query)
        call.args["query"] = page.query
        call.result = f"{len(page.lines)} lines, complete: {page.is_complete}\n" + _tail(page)
    return page


def _tail(page: LogPage) -> str:
    return "\n".join(line.text[:300] for line in page.lines[-200:])


def _merged(everything: LogPage, problems: LogPage) -> LogPage:
    cut = everything.lines[0].nanoseconds if everything.lines else 0
    older = tuple(line for line in problems.lines if line.nanoseconds < cut)
    return replace(everything, lines=older + everything.lines)


def _read_metrics(alert: Alert) -> tuple[Series, ...]:
    metrics = telemetry.connect_metrics()
    if metrics is None:
        return ()
    query = MetricQuery(alert.service_name, alert.start, alert.end)
    with recorder.tool("query_prometheus", service_name=alert.service_name) as call:
        series = tuple(metrics.overview(query))
        call.result = "\n".join(f"{item.name}: {len(item.points)} points, {item.query}" for item in series)
    return series
