"""The offline judgement: whether it is an incident, its severity and its kind."""

from datetime import datetime

from shared.analysis.detection.classify import Classification
from shared.analysis.detection.summary import TelemetrySummary
from shared.analysis.logs.groups import LineGroup, TraceGroup
from shared.analysis.series.metric_anomalies import LOG_RATE, Anomaly, quantity
from shared.bounds import clip
from shared.contracts import Incident, Judgement, Severity

SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
LABELS: dict[str, Severity] = {
    **dict.fromkeys(("critical", "page", "fatal", "emergency", "p1", "sev1", "disaster"), "critical"),
    **dict.fromkeys(("high", "error", "major", "p2", "sev2"), "high"),
    **dict.fromkeys(("medium", "warning", "warn", "minor", "p3", "sev3", "average"), "medium"),
    **dict.fromkeys(("low", "info", "informational", "none", "p4", "sev4"), "low"),
}
HARMFUL_SHARE = 0.5
"""Share of error lines that is harmful even when steady."""
HARMFUL_TRACE_SHARE = 0.05
"""Share of entries with a stack trace that is harmful even when steady: services often have errors, rarely this."""
START_SHARE = 0.05
"""What is present from the start of the window is first seen within this share of it."""
HIGH_SHARE = 0.10
CRITICAL_SHARE = 0.40


def judge(summary: TelemetrySummary, kind: Classification, incident: Incident) -> Judgement:
    """Return the judgement; `incident` carries the evidence the reasons cite."""
    harms = _harms(summary)
    blind = summary.is_blind
    detected = bool(harms) or blind
    return Judgement(
        incident_detected=detected,
        recommendation="proceed" if detected else "dismiss",
        severity=_severity(summary) if detected else "low",
        incident_type_hint=kind.type if detected else "unknown",
        affected_services=_affected(summary),
        initial_symptoms=_symptoms(summary),
        reasoning=_reasoning(harms, summary, kind, incident),
    )


def _harms(summary: TelemetrySummary) -> list[str]:
    """Return each reason to call it an incident."""
    harms = [_harm_of(group, summary) for group in summary.risen[:3]]
    if summary.has_fatal:
        harms.append("a line of the level fatal was written")
    if summary.anomalies:
        harms.append(_departure(summary.anomalies[0], summary))
    if not summary.risen and summary.trace_share >= HARMFUL_TRACE_SHARE:
        harms.append(f"{summary.trace_share:.0%} of the entries carry a stack trace, all through the window")
    elif not summary.risen and summary.error_share >= HARMFUL_SHARE:
        harms.append(f"{summary.error_share:.0%} of the lines are errors, all through the window")
    if not summary.risen and summary.errors and not summary.has_baseline:
        harms.append("errors are there, and the window shows no time before them in which they were usual")
    return harms


def _harm_of(group: TraceGroup | LineGroup, summary: TelemetrySummary) -> str:
    assert group.change is not None
    name, count, at = _name(group), group.change.after, f"{group.change.at:%H:%M:%S} UTC"
    if not group.change.is_new:
        return f"{name} rose: {group.change.before} before {at}, {count} since"
    if summary.shows_before(group.change.at):
        return f"{name} is new: {count} since {at}, none before"
    if _is_at_start(group.change.at, summary):
        return f"{name}: {count} since at least the start of the window, {at}"
    return f"{name}: {count} since {at}, where the lines that could be read begin"


def _name(group: TraceGroup | LineGroup) -> str:
    """Name an exception by its type and a line by its own words: a template is not what was logged."""
    return (
        group.parsed.raised.type if isinstance(group, TraceGroup) else f"“{clip(group.exemplar.message.strip(), 120)}”"
    )


def _is_at_start(at: datetime, summary: TelemetrySummary) -> bool:
    window = summary.window
    return at - window.start <= (window.end - window.start) * START_SHARE


def _departure(anomaly: Anomaly, summary: TelemetrySummary) -> str:
    """Describe how far a series left its usual range, and when."""
    since = f"{anomaly.at:%H:%M:%S} UTC"
    if anomaly.series.name == LOG_RATE:
        usual, left = f"{anomaly.baseline:.4g}", f"{anomaly.value:.2g}"
        return f"{summary.alert.service_name} stopped writing: {usual} log lines a minute until {since}, {left} after"
    unit = anomaly.series.unit
    moved = f"{quantity(anomaly.baseline, unit)} to {quantity(anomaly.value, unit)}"
    return f"{anomaly.series.name} went from {moved}, since {since}"


def _severity(summary: TelemetrySummary) -> Severity:
    """Return the worse of what the telemetry shows and the alert rule's label; with no findings, the label decides."""
    label_severity = LABELS.get(summary.alert.labels.get("severity", "").lower())
    severity: Severity = "medium"
    if summary.has_fatal or summary.error_share >= HIGH_SHARE:
        severity = "high"
    if summary.error_share >= CRITICAL_SHARE or (summary.has_fatal and summary.error_share >= HIGH_SHARE):
        severity = "critical"
    if not summary.risen and not summary.errors and not summary.anomalies:
        return label_severity or "medium"
    return max(severity, label_severity or "low", key=SEVERITIES.index)


def _affected(summary: TelemetrySummary) -> list[str]:
    """Return the services in which something rose, the alert's own first."""
    services = {service for group in summary.risen for service in group.services if service}
    services.discard(summary.alert.service_name)
    return [summary.alert.service_name, *sorted(services)]


def _symptoms(summary: TelemetrySummary) -> list[str]:
    symptoms = [_harm_of(group, summary)[:300] + "." for group in summary.risen[:5]]
    symptoms += [f"{_departure(one, summary)}." for one in summary.anomalies[:3]]
    return symptoms or _steady(summary)


def _steady(summary: TelemetrySummary) -> list[str]:
    """Name what is wrong although nothing changed, and since when it was seen."""
    bad: list[TraceGroup | LineGroup] = [*summary.traces, *(line for line in summary.lines if line.is_error)]
    if not bad:
        return []
    first, count = bad[0], len(bad[0].times)
    span = f"from {first.times.first:%H:%M:%S} to {first.times.last:%H:%M:%S} UTC"
    if _is_at_start(first.times.first, summary):
        span = f"since at least the start of the window, {first.times.first:%H:%M:%S} UTC"
    return [f"{_name(first)}: {count} {span}, of {len(summary.errors)} errors in all."[:400]]


def _reasoning(harms: list[str], summary: TelemetrySummary, kind: Classification, incident: Incident) -> str:
    cited = ", ".join(one.id for one in incident.evidence[:6])
    if harms:
        return f"{'; '.join(harms)}. Kind: {kind.reason}. Evidence: {cited}."
    if summary.is_blind:
        return f"There is no telemetry to judge by, so the alert is trusted. Evidence: {cited}."
    logs = "No error is new or risen" if summary.lines_read else "No log line was found"
    seen = "no metric left its range" if summary.metrics_read else "metrics were not read"
    return f"{logs}, {seen}: nothing shows harm. Evidence: {cited}."
