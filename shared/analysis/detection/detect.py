"""Detection without a model: turns alert, log page and series into a complete Incident."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from shared.analysis.detection import evidence, what_changed
from shared.analysis.detection.classify import classify
from shared.analysis.detection.confirmation import confirmations, contradiction, would_confirm
from shared.analysis.detection.evidence import MAX_ANOMALY_EVIDENCE, MAX_TRACES, EvidenceCollector
from shared.analysis.detection.impact import impact_of
from shared.analysis.detection.judge import decide, looks_healthy
from shared.analysis.detection.other_services import RequestTelemetry, classified, other_services
from shared.analysis.detection.summary import TelemetrySummary, summarize
from shared.analysis.series.measured import measured
from shared.contracts import Alert, Incident, Judgement
from shared.telemetry.port import Annotation, ConditionReading, LogPage, Series

UNREAD = Judgement(incident_detected=False, recommendation="proceed", severity="low", incident_type_hint="unknown")
"""What stands until the evidence is judged."""


def detect(
    alert: Alert,
    page: LogPage | None,
    series: Sequence[Series],
    troubles: Sequence[str],
    absent: Sequence[str] = (),
    condition: ConditionReading | None = None,
    follow: Callable[[datetime | None], RequestTelemetry] | None = None,
    *,
    annotations: Sequence[Annotation] = (),
    hints: Sequence[str] = (),
    instances: Sequence[Series] = (),
) -> Incident:
    """
    Return what the telemetry shows, with evidence, and the offline judgement.

    `page` is None when the logs could not be read, `series` empty when metrics could not; `troubles` says why, in
    one sentence each. `absent` are the metrics that do not exist, in sentences; `condition` is the alert's own where it
    could be evaluated; `follow` reads the requests over all services, given the onset, unless its own telemetry
    shows that the service is well. `annotations` report deployments, `instances` say when each instance started and
    which version it is, `hints` what would let more be read.

    Health must be proven as harm must: a dead service logs nothing.
    """
    summary = summarize(alert, page, series, absent, condition, instances)
    collector = EvidenceCollector(page)
    facts = _collected(summary, page, annotations, collector)
    telemetry = follow(summary.onset) if follow and not looks_healthy(summary, troubles) else RequestTelemetry()
    parts = other_services(alert.service_name, telemetry, collector)
    incident = Incident(
        **UNREAD.model_dump(),
        **_of_summary(summary),
        **_of_page(page),
        **facts,
        verdict="cannot_tell",
        produced_by="offline",
        degraded="; ".join(troubles) or None,
        other_services=parts.others,
        own_part=parts.own,
        evidence=collector.evidence,
        hints=[*_hints(alert, page), *telemetry.hints, *hints],
    )
    decision = decide(summary, classified(classify(summary), parts), incident, troubles)
    health = {"health": list(decision.health.proof)} if decision.verdict == "healthy" else {}
    missing = {"missing": list(decision.health.missing)} if decision.verdict == "cannot_tell" else {}
    return incident.replace(
        **dict(decision.judgement), verdict=decision.verdict, title=decision.title, **health, **missing
    )


def _collected(
    summary: TelemetrySummary, page: LogPage | None, annotations: Sequence[Annotation], collector: EvidenceCollector
) -> dict[str, Any]:
    """Return the fields of an incident that cite evidence, which the collector has then, most explanatory first."""
    collector.alert(summary)
    collector.condition(summary)
    collector.down(summary)
    traces = [collector.trace(group, summary.onset) for group in summary.traces[:MAX_TRACES]]
    patterns = evidence.patterns(collector, summary)
    evidence.keep_most_used(collector, page, traces, patterns)
    collector.last_lines(summary)
    changes = what_changed.changes(summary, collector, evidence.reported_changes(summary), annotations)
    anomalies = [
        collector.anomaly(anomaly, index < MAX_ANOMALY_EVIDENCE) for index, anomaly in enumerate(summary.anomalies)
    ]
    collector.metrics_read(summary)
    return {
        "stack_traces": traces,
        "patterns": patterns,
        "what_changed": changes,
        "error_summary": evidence.error_summary(summary, anomalies),
        "confirmations": confirmations(summary, traces),
        "left_out": _left_out(
            patterns=len(summary.lines) - len(patterns), stack_traces=len(summary.traces) - len(traces)
        ),
    }


def _of_summary(summary: TelemetrySummary) -> dict[str, Any]:
    return {
        "start": summary.window.start,
        "end": summary.window.end,
        "onset": summary.onset,
        "shows_before_onset": summary.onset is not None and summary.shows_before(summary.onset),
        "measured_series": measured(summary.condition, summary.anomalies, summary.window, bool(summary.errors)),
        "impact": impact_of(summary),
        "contradiction": contradiction(summary),
        "would_confirm": would_confirm(summary),
        "failed_requests": list(summary.failed_requests),
        "lines_read": summary.lines_read,
    }


def _of_page(page: LogPage | None) -> dict[str, Any]:
    if page is None:
        return {}
    return {
        "log_query_used": page.query,
        "log_selector": page.selector,
        "log_label": page.label,
        "other_logs_selector": page.others_selector,
    }


def _hints(alert: Alert, page: LogPage | None) -> list[str]:
    """Say which label the service has when it is not the one that is configured."""
    if page is None or not page.label:
        return []
    was_read = f"{len(page.lines):,} have {page.label}={alert.service_name}, and were read"
    fix = f"set LOKI_SERVICE_LABEL={page.label}, or LOKI_SELECTOR"
    return [f"No log line has {page.tried.strip('{}')}; {was_read}: {fix}."]


def _left_out(**counts: int) -> dict[str, int]:
    """Count what was never written: thousands of patterns and traces would be made to keep a few of them."""
    return {name: count for name, count in counts.items() if count}
