"""What the telemetry shows about one alert, before it is judged or turned into evidence."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.analysis.changes.versions import measured_versions, with_versions
from shared.analysis.detection import ranking
from shared.analysis.detection.unread import Totals, add_unread
from shared.analysis.logs.digest import LogDigest, digest
from shared.analysis.logs.groups import LineGroup, TraceGroup
from shared.analysis.logs.instances import InstanceLog
from shared.analysis.logs.join_traces import MAX_TRACE_ENTRIES, RANK, assemble
from shared.analysis.logs.levels import Level
from shared.analysis.logs.parse import LogEntry, read
from shared.analysis.logs.request_ids import request_times
from shared.analysis.logs.stack_traces.ownership import names_of
from shared.analysis.logs.start_lines import StartLines
from shared.analysis.requests.follow import own_change
from shared.analysis.series import metric_anomalies
from shared.analysis.series.condition import ConditionState, state_of
from shared.analysis.series.event_times import EventTimes
from shared.analysis.series.log_stop import find_stop
from shared.analysis.series.metric_anomalies import Anomaly
from shared.analysis.series.window import Window
from shared.bounds import clip
from shared.contracts import Alert
from shared.telemetry.port import ConditionReading, LogLine, LogPage, Series

SIGNAL_CHARS = 8000
BLIND_SHARE = 0.1
"""An alert that began to fire before this share of the window leaves no baseline to compare with."""
MIN_BEFORE = 3
"""With fewer lines before a moment, the logs themselves start there."""
LAST_LINES = 3
START_SHARE = 0.05
"""An instance seen first within this share of the window may have run before it."""


@dataclass(frozen=True)
class TelemetrySummary:
    """
    What was read, most explanatory first; `logs_read` and `metrics_read` say what could be read.

    `entries` counts those that were not read too, of which `older` are the times.
    `request_times` is when each request is first named, where most lines name theirs.
    `last_lines` are those before the service stopped writing, newest first; empty when it did not stop.
    """

    alert: Alert
    window: Window
    onset: datetime | None
    traces: tuple[TraceGroup, ...]
    lines: tuple[LineGroup, ...]
    risen: tuple[TraceGroup | LineGroup, ...]
    anomalies: tuple[Anomaly, ...]
    last_lines: tuple[LogEntry, ...]
    errors: EventTimes
    warnings: int
    has_fatal: bool
    lines_read: int
    entries: int
    older: EventTimes
    logs_read: bool
    log_query: str
    entry_times: EventTimes
    instances: tuple[InstanceLog, ...]
    failures: int | None
    failed_requests: tuple[str, ...]
    series: tuple[Series, ...]
    metrics_absent: tuple[str, ...] = ()
    condition: ConditionState | None = None
    request_times: EventTimes | None = None
    all_lines_read: bool = True
    requests_changed_at: datetime | None = None
    """From when the lines of its requests certainly show them slower or going on otherwise."""
    starts: StartLines = field(default_factory=StartLines)
    instance_series: tuple[Series, ...] = ()

    @property
    def settled(self) -> datetime:
        """From when on an instance that is seen first has begun: one seen first before it may have run before."""
        return self.window.start + (self.window.end - self.window.start) * START_SHARE

    @property
    def metrics_read(self) -> bool:
        """Whether the service has metrics that could be read."""
        return bool(self.series)

    @property
    def is_blind(self) -> bool:
        """Nothing shows how the service is: its logs were not read, or it is silent and has no metrics either."""
        return not self.logs_read or (self.lines_read == 0 and not self.metrics_read)

    @property
    def error_share(self) -> float:
        """Share of entries that are errors; 0 when nothing was read."""
        return len(self.errors) / self.entries if self.entries else 0.0

    @property
    def trace_share(self) -> float:
        """Share of entries that carry a stack trace."""
        return sum(len(group.times) for group in self.traces) / self.entries if self.entries else 0.0

    def shows_before(self, at: datetime) -> bool:
        """Return whether enough was read of the time before `at` to know that something was absent."""
        return self.older.before(at) + sum(group.times.before(at) for group in self.lines) >= MIN_BEFORE

    @property
    def has_baseline(self) -> bool:
        """The window shows time before the alert fired, so that steady and new can be distinguished."""
        earliest = self.window.start + (self.window.end - self.window.start) * BLIND_SHARE
        fired = self.alert.started_at
        return (fired is None or fired > earliest) and self.window.start <= self.alert.start

    @property
    def signal_texts(self) -> list[str]:
        """Texts to search for signals of known faults: what rose, or every trace and error when nothing did."""
        chosen: Sequence[TraceGroup | LineGroup] = self.risen or (
            *self.traces,
            *(one for one in self.lines if one.is_error),
        )
        return [clip(group.exemplar.text, SIGNAL_CHARS) for group in chosen[:20]]


def summarize(
    alert: Alert,
    page: LogPage | None,
    series: Sequence[Series],
    absent: Sequence[str] = (),
    condition: ConditionReading | None = None,
    instance_series: Sequence[Series] = (),
) -> TelemetrySummary:
    """
    Return what the log page and the series show.

    `absent` says which metrics do not exist, `condition` is the alert's own where it could be evaluated, and
    `instance_series` say when instances started and which versions they are.
    """
    whole_since = page.unread.since if page and page.unread else None
    logs = digest(page.lines if page else (), names_of(alert.service_name, alert.github_repo), whole_since)
    window = _window(alert, page, logs)
    totals = add_unread(logs, page) if page else Totals(0, EventTimes())
    if page and not page.is_complete and not page.unread:
        logs.groups.traffic.clear()  # ordinary lines were left out, so they measure nothing
    ranking.note_changes(logs.groups, window, alert.started_at, _whole_since(page))
    risen = ranking.risen(logs.groups)
    stop = find_stop(logs.times, window, page.query) if page and page.is_complete else None
    at, anomalies = _onset(ranking.incident_onset(risen), stop, series)
    own = own_change(page.lines, at) if page else None
    return TelemetrySummary(
        alert=alert,
        window=window,
        onset=at,
        traces=tuple(ranking.order_traces(logs.groups.traces, at, window)),
        lines=tuple(ranking.order_lines(logs.groups.lines, at, window)),
        risen=tuple(risen),
        anomalies=tuple(anomalies),
        last_lines=_last_entries(page.lines, stop.at) if page and stop else (),
        errors=logs.errors,
        warnings=logs.warnings,
        has_fatal=logs.has_fatal,
        lines_read=logs.lines,
        entries=totals.entries,
        older=totals.older,
        logs_read=page is not None,
        log_query=page.query if page else "",
        entry_times=logs.times,
        instances=with_versions(logs.instances.all(), measured_versions(instance_series)),
        # Of lines that were only counted, nobody knows which belong together.
        failures=logs.failures.count if page and page.is_complete else None,
        failed_requests=tuple(logs.failed_requests.digests),
        series=tuple(series),
        metrics_absent=tuple(absent),
        condition=state_of(alert, condition),
        request_times=request_times(page.lines) if page else None,
        all_lines_read=page is None or page.is_complete,
        requests_changed_at=own.changed_at if own else None,
        starts=logs.starts,
        instance_series=tuple(instance_series),
    )


def _onset(
    risen_at: datetime | None, stop: Anomaly | None, series: Sequence[Series]
) -> tuple[datetime | None, list[Anomaly]]:
    """Return when the incident began, by the lines that rose or else by the first series that moved, and the latter."""
    stops = [stop] if stop else []
    anomalies = [*stops, *metric_anomalies.find_anomalies(series, risen_at or (stop.at if stop else None))]
    return risen_at or min((anomaly.at for anomaly in anomalies), default=None), anomalies


def _last_entries(lines: Sequence[LogLine], at: datetime) -> tuple[LogEntry, ...]:
    """Return the last entries up to `at`, newest first; a trace of several lines may end after it."""
    index = bisect_right(lines, at, key=lambda line: line.at)
    near = lines[max(index - LAST_LINES * MAX_TRACE_ENTRIES, 0) : index + MAX_TRACE_ENTRIES]
    entries = [entry for entry in assemble(read(line) for line in near) if entry.at <= at]
    return tuple(entries[: -LAST_LINES - 1 : -1])


def _whole_since(page: LogPage | None) -> Mapping[Level, datetime]:
    """Return from when on every line of a level was read, of the levels that are not counted before."""
    if page is None or page.unread is None:
        return {}
    ordinary: tuple[Level, ...] = ("unknown", "debug", "info")
    return {**dict.fromkeys(ordinary, page.unread.since), "warning": page.unread.problems_since}


def _window(alert: Alert, page: LogPage | None, logs: LogDigest) -> Window:
    """
    Return the time that was read.

    When older lines were left out and not counted, nothing is known about the time before the first line. The exception
    is a first line that is a problem: older problems were read separately, so there was none before it.
    """
    start, end = alert.start, alert.end
    if page and logs.first and logs.end:
        is_uncounted = not page.is_complete and page.unread is None
        is_truncated = is_uncounted and RANK[logs.first.level] < RANK["warning"]
        start = logs.first.at if is_truncated else min(start, logs.first.at)
        end = max(end, logs.end + timedelta(milliseconds=1))
    return Window(start, end)
