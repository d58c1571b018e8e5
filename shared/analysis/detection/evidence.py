"""Turns a telemetry summary into the contract's patterns, traces, anomalies and counts, each with its evidence."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count

from shared.analysis.detection.health import is_down
from shared.analysis.detection.ranking import count_before
from shared.analysis.detection.summary import TelemetrySummary
from shared.analysis.faults import matching
from shared.analysis.faults.usage import most_used
from shared.analysis.logs.groups import LineGroup, TraceGroup
from shared.analysis.logs.parse import read
from shared.analysis.series import change_point
from shared.analysis.series.metric_anomalies import Anomaly, quantity
from shared.analysis.thresholds import CHANGE_PERIOD
from shared.bounds import clip
from shared.contracts import ErrorSummary, Evidence, Frame, LogPattern, MetricAnomaly, StackTrace
from shared.telemetry.port import LogPage

TIME_PARTS = 60
MAX_TRACES = 8
MAX_PATTERNS = 20
"""As many of each as the contract keeps."""
MAX_ANOMALY_EVIDENCE = 10
MAX_LINE_EVIDENCE = 12
MAX_CHANGES = 3
MAX_CHANGE_LINES = 20
"""A line written more often than this does not report a change: instances start less often."""
TRACE_CHARS = 1600
LINE_CHARS = 500
TEMPLATE_CHARS = 200


class EvidenceCollector:
    """Collects evidence and numbers it in order of arrival."""

    def __init__(self, page: LogPage | None) -> None:
        self.evidence: list[Evidence] = []
        self._query = page.query if page else ""
        self._is_whole = page is not None and page.is_complete
        self._link = page.link if page else ""
        self._numbers = {prefix: count(1) for prefix in "LTMA"}

    def alert(self, summary: TelemetrySummary) -> None:
        """Keep what the alert itself says."""
        alert = summary.alert
        title = f"{alert.alert_name or 'alert'} {alert.status} for {alert.service_name}: {alert.summary}".rstrip(": ")
        values = ", ".join(f"{name}={value}" for name, value in alert.values.items())
        text = f"{title}\n{values}" if values else title
        self._keep("A", "alert", text, alert.started_at or alert.received_at, "", alert.generator_url)

    def condition(self, summary: TelemetrySummary) -> None:
        """Keep whether the alert's own condition holds, where that is known."""
        state = summary.condition
        if state is not None and state.holds is not None:
            text = state.sentence[:1].upper() + state.sentence[1:]
            self._keep("M", "metrics", text, state.since or summary.alert.end, state.measure, "")

    def down(self, summary: TelemetrySummary) -> None:
        """Keep that no scrape reaches the service, where that is so."""
        if (up := is_down(summary.series)) is not None:
            since = next((at for at, value in reversed(up.points) if value != 0), up.points[0][0])
            self.metric(f"up is 0 from {since:%H:%M:%S} to {up.points[-1][0]:%H:%M:%S} UTC", since, up.query)

    def trace(self, group: TraceGroup, at: datetime | None) -> StackTrace:
        """Return the trace in the contract's form, and keep its text as evidence."""
        raised = group.parsed.raised
        text = _trace_text(group)
        evidence_id = self._keep("T", "logs", text, group.times.first, self._query, self._link)
        return StackTrace(
            language=group.parsed.language,
            exception_type=raised.type,
            message=raised.message,
            frames=[Frame(**frame._asdict()) for frame in raised.frames],
            caused_by=[str(other) for other in group.parsed.others],
            count=len(group.times),
            count_before_onset=count_before(group.times, at),
            first_seen=group.times.first,
            last_seen=group.times.last,
            is_doubtful=group.is_doubtful_from(at),
            # A line that was not read may be one in which texts are not escaped.
            is_in_own_field=group.is_in_own_field and self._is_whole,
            evidence_id=evidence_id,
        )

    def pattern(self, group: LineGroup, at: datetime | None, keep: bool) -> LogPattern:
        """Return the pattern in the contract's form; with `keep`, keep its exemplar as evidence."""
        text = group.exemplar.text.partition("\n")[0] or group.exemplar.text.strip()
        evidence_id = (
            self._keep("L", "logs", text[:LINE_CHARS], group.times.first, self._query, self._link) if keep else None
        )
        return LogPattern(
            template=group.cluster.template,
            level=group.level,
            count=len(group.times),
            count_before_onset=count_before(group.times, at),
            first_seen=group.times.first,
            last_seen=group.times.last,
            exemplar=text,
            raises=next((raised for raised, _ in group.raises.most_common(1)), ""),
            evidence_id=evidence_id,
        )

    def line(self, text: str, at: datetime) -> str:
        """Keep one line as evidence; return its id."""
        return self._keep("L", "logs", text.strip().partition("\n")[0][:LINE_CHARS], at, self._query, self._link)

    def anomaly_of(self, service: str, anomaly: Anomaly) -> str:
        """Keep a sentence on a series of another service; return its id."""
        series = anomaly.series
        moved = f"{quantity(anomaly.baseline, series.unit)} → {quantity(anomaly.value, series.unit)}"
        text = f"{series.name} of {service}: {moved} from {anomaly.at:%H:%M:%S} UTC"
        return self.metric(text, anomaly.at, series.query)

    def metric(self, text: str, at: datetime, query: str) -> str:
        """Keep what series show, in a sentence; return its id."""
        return self._keep("M", "metrics", text, at, query, "")

    def annotation(self, text: str, at: datetime, link: str) -> str:
        """Keep what Grafana, which also sends the alert, reports; return its id."""
        return self._keep("A", "alert", text, at, "", link)

    def last_lines(self, summary: TelemetrySummary) -> None:
        """Keep the last lines of a service that stopped writing: they may say why."""
        for entry in summary.last_lines:
            self.line(entry.text, entry.at)

    def anomaly(self, anomaly: Anomaly, keep: bool) -> MetricAnomaly:
        """Return the anomaly in the contract's form; with `keep`, keep a sentence on it as evidence."""
        series = anomaly.series
        moved = f"{quantity(anomaly.baseline, series.unit)} → {quantity(anomaly.value, series.unit)}"
        text = f"{series.name}: {moved}"
        since = f"{text} from {anomaly.at:%H:%M:%S} UTC"
        evidence_id = self._keep("M", "metrics", since, anomaly.at, series.query, "") if keep else None
        return MetricAnomaly(
            metric=series.name,
            description=f"{text}, {min(anomaly.deviations, 999):.0f} deviations from its baseline",
            at=anomaly.at,
            baseline=anomaly.baseline,
            value=anomaly.value,
            evidence_id=evidence_id,
        )

    def metrics_read(self, summary: TelemetrySummary) -> None:
        """Keep which metrics were read, by whose names, and which are not there."""
        by_source: dict[str, list[str]] = {}
        for series in summary.series:
            by_source.setdefault(series.convention, []).append(series.name)
        groups = [
            ", ".join(dict.fromkeys(names)) + (f" ({source})" if source else "") for source, names in by_source.items()
        ]
        if groups:
            text = " ".join([f"Metrics read: {'; '.join(groups)}.", *summary.metrics_absent])
            self._keep("M", "metrics", text, summary.window.end, "", "")

    def _keep(self, prefix: str, source: str, text: str, at: datetime, query: str, link: str) -> str:
        evidence = Evidence.model_validate(
            {
                "id": f"{prefix}{next(self._numbers[prefix])}",
                "source": source,
                "query": query,
                "at": at,
                "text": text,
                "link": link,
            }
        )
        self.evidence.append(evidence)
        return evidence.id


def patterns(collector: EvidenceCollector, summary: TelemetrySummary) -> list[LogPattern]:
    """Return the patterns, most explanatory first; only errors, warnings and what rose become evidence."""
    result: list[LogPattern] = []
    for index, group in enumerate(summary.lines[:MAX_PATTERNS]):
        is_informative = group.is_error or group.level == "warning" or group.change is not None
        result.append(collector.pattern(group, summary.onset, is_informative and index < MAX_LINE_EVIDENCE))
    return result


def reported_changes(summary: TelemetrySummary) -> list[LineGroup]:
    """Return the lines that report a start or a deployment shortly before the onset, the newest first."""
    if summary.onset is None:
        return []
    changes = [
        group
        for group in summary.lines
        if timedelta() <= summary.onset - group.times.first <= CHANGE_PERIOD
        and len(group.times) <= MAX_CHANGE_LINES
        and not group.is_error
        and matching.CHANGE.search(group.exemplar.message)
    ]
    return sorted(changes, key=lambda group: group.times.first, reverse=True)[:MAX_CHANGES]


def keep_most_used(
    collector: EvidenceCollector, page: LogPage | None, traces: Sequence[StackTrace], patterns: Sequence[LogPattern]
) -> None:
    """
    Keep the line that states the most use of a resource which the evidence calls exhausted.

    A pool states it in a line of its own, often of the level debug, and with other numbers each time.
    """
    lines = page.lines if page else ()
    problems = [one.exemplar for one in patterns if one.level in ("fatal", "error", "warning")]
    signals = [*map(matching.of_trace, traces), *(matching.first([text]) for text in problems)]
    subjects = dict.fromkeys(one.about for one in signals if one is not None and one.rule.kind == "resource")
    text = next(filter(None, (most_used(about, (line.text for line in lines)) for about in subjects)), "")
    for entry in [read(line) for line in lines if text and line.text == text][:1]:
        if not any(entry.text.startswith(one.text) for one in collector.evidence):
            collector.line(entry.text, entry.at)


def error_summary(summary: TelemetrySummary, anomalies: list[MetricAnomaly]) -> ErrorSummary:
    """Return counts over the window: errors by exception or template, warnings by template."""
    error_types: Counter[str] = Counter()
    entries: set[tuple[int, datetime, datetime]] = set()
    for trace in summary.traces:
        came = (len(trace.times), trace.times.first, trace.times.last)
        if came not in entries:  # else it is part of a chain that counts already
            entries.add(came)
            error_types[clip(str(trace.parsed.raised), TEMPLATE_CHARS)] += len(trace.times)
    for line in summary.lines:
        if line.is_error and not line.carries_trace:
            error_types[_short(line)] += len(line.times)
    warning_types: Counter[str] = Counter()
    for line in summary.lines:
        if line.level == "warning":
            warning_types[_short(line)] += len(line.times)
    return ErrorSummary(
        total_errors=len(summary.errors),
        failures=summary.failures,
        total_warnings=summary.warnings,
        error_types=dict(error_types.most_common()),
        warning_types=dict(warning_types.most_common()),
        peak_error_time=change_point.peak(summary.errors),
        errors_over_time=_over_time(summary),
        metric_anomalies=anomalies,
    )


def _short(line: LineGroup) -> str:
    """Return the template as the contract names it, before counting: two that differ later would share one count."""
    return clip(line.cluster.template, TEMPLATE_CHARS)


def _over_time(summary: TelemetrySummary) -> list[int]:
    length = summary.window.end - summary.window.start
    counts = [0] * TIME_PARTS
    for at, errors in summary.errors.items() if length else ():
        part = int((at - summary.window.start) / length * TIME_PARTS)
        counts[min(max(part, 0), TIME_PARTS - 1)] += errors
    return counts if summary.errors else []


def _trace_text(group: TraceGroup) -> str:
    """Truncate a long trace at its less useful end: Python ends with the exception, other languages start with it."""
    text = group.exemplar.text.strip("\n")
    if len(text) <= TRACE_CHARS:
        return text
    if group.parsed.language == "python":
        return text[-TRACE_CHARS:].partition("\n")[2]
    return text[:TRACE_CHARS].rpartition("\n")[0]
