"""The offline judgement: whether it is an incident, its severity and its kind."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.analysis.code.paths import deepest_own
from shared.analysis.detection.classify import Classification
from shared.analysis.detection.health import Health, health_of, is_down
from shared.analysis.detection.summary import TelemetrySummary
from shared.analysis.logs.groups import LineGroup, TraceGroup
from shared.analysis.logs.levels import SERVER_ERROR
from shared.analysis.logs.masking import WILDCARD, masker
from shared.analysis.logs.request_ids import without_ids
from shared.analysis.series.metric_anomalies import LOG_RATE, Anomaly, quantity
from shared.analysis.series.window import span
from shared.bounds import clip
from shared.contracts import DetectionVerdict, Incident, Judgement, Severity
from shared.telemetry.port import FAILURES, Series
from shared.text.short_name import short_name

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
MAX_NAME = 60
REQUEST = re.compile(r"\b(?P<method>GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (?P<path>/[^\s?\"]*)")
CRITICAL_SHARE = 0.40


Naming = Callable[[TraceGroup | LineGroup], str]


@dataclass(frozen=True)
class Decision:
    """The judgement, the verdict it comes to, what that rests on, and what is wrong in words of code alone."""

    judgement: Judgement
    verdict: DetectionVerdict
    health: Health
    title: str


def decide(summary: TelemetrySummary, kind: Classification, incident: Incident, troubles: Sequence[str]) -> Decision:
    """
    Return the decision; `incident` carries the evidence the reasons cite, `troubles` are the sources that failed.

    Harm makes an incident; health must be proven as harm must: without either, nobody can tell.
    """
    harms, health = _harms(summary), health_of(summary, troubles)
    verdict: DetectionVerdict = "incident" if harms else "healthy" if health.proof else "cannot_tell"
    severity = _severity(summary, verdict)
    judgement = Judgement(
        incident_detected=bool(harms),
        recommendation="dismiss" if verdict == "healthy" else "proceed",
        severity=severity,
        # Requests that were followed name a kind of fault even where nothing shows harm in this service.
        incident_type_hint=kind.type if harms or kind.is_followed else "unknown",
        affected_services=_affected(summary),
        initial_symptoms=_symptoms(summary, verdict),
        reasoning=_reasoning(harms, kind, incident, health),
    )
    return Decision(judgement, verdict, health, _title(summary, verdict))


def looks_healthy(summary: TelemetrySummary, troubles: Sequence[str]) -> bool:
    """Return whether the service's own telemetry shows neither errors nor slowness, and enough to tell."""
    is_quiet = not _harms(summary) and summary.requests_changed_at is None
    return is_quiet and bool(health_of(summary, troubles).proof)


def _harms(summary: TelemetrySummary) -> list[str]:
    """Return each reason to call it an incident."""
    harms = [_harm_of(group, summary) for group in _events(summary)[:3]]
    if summary.condition is not None and summary.condition.holds:
        harms.insert(0, summary.condition.sentence)
    if (down := is_down(summary.series)) is not None:
        harms.insert(0, _down(down, summary))
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


def _down(up: Series, summary: TelemetrySummary) -> str:
    """Say since when no scrape reaches the service."""
    since = next((at for at, value in reversed(up.points) if value != 0), None)
    when = (
        f"since {since:%H:%M:%S} UTC" if since else f"all through the window, from {summary.window.start:%H:%M:%S} UTC"
    )
    return f"{summary.alert.service_name} is down: no scrape reaches it (up is 0) {when}"


def _harm_of(group: TraceGroup | LineGroup, summary: TelemetrySummary, name: str = "") -> str:
    assert group.change is not None
    name, count, at = name or _name(group), group.change.after, f"{group.change.at:%H:%M:%S} UTC"
    if not group.change.is_new:
        return f"{name} rose: {group.change.before} before {at}, {count} since"
    if summary.shows_before(group.change.at):
        return f"{name} is new: {count} since {at}, none in the {span(group.change.at - summary.window.start)} before"
    if _is_at_start(group.change.at, summary):
        return f"{name}: {count} since at least the start of the window, {at}"
    return f"{name}: {count} since {at}, where the lines that could be read begin"


def _name(group: TraceGroup | LineGroup) -> str:
    """Name an exception by its type and the service's own function, a line by its words without what varies."""
    if isinstance(group, TraceGroup):
        raised, own = group.parsed.raised, deepest_own(group.parsed.raised.frames)
        if own is None:
            return clip(short_name(raised.type), MAX_NAME)
        place = short_name(own.function, 2) if "<module" not in own.function else own.path
        return f"{short_name(raised.type)} in {clip(place, MAX_NAME)}"
    if (request := REQUEST.search(group.exemplar.text)) and SERVER_ERROR.search(group.exemplar.text):
        return f"{request['method']} {masker()(request['path']).replace(WILDCARD, '…')} answered with 5xx"
    words = group.exemplar.message
    # A line that only announces a trace was grouped by what the trace raises.
    if group.says_trace or len(group.times) > 1:
        words = group.cluster.root.template.replace(WILDCARD, "…")
    return f"“{clip(without_ids(words), 90)}”"


def _name_without_words(group: TraceGroup | LineGroup) -> str:
    """Name the same without a word of a line, which may be anybody's: for subjects and titles."""
    if isinstance(group, TraceGroup):
        return _name(group)
    if (request := REQUEST.search(group.exemplar.text)) and SERVER_ERROR.search(group.exemplar.text):
        return f"One kind of {request['method']} request answered with 5xx"
    return f"One kind of {group.exemplar.level} line"


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
    if anomaly.series.name in FAILURES:
        before, now = quantity(anomaly.baseline, unit), quantity(anomaly.value, unit)
        return f"up to {now} of requests fail since {since}, {before} before"
    moved = f"{quantity(anomaly.baseline, unit)} to {quantity(anomaly.value, unit)}"
    return f"{anomaly.series.name} went from {moved}, since {since}"


def _severity(summary: TelemetrySummary, verdict: DetectionVerdict) -> Severity:
    """Return the worse of what the telemetry shows and the rule's label; without an incident the label decides."""
    label_severity = LABELS.get(summary.alert.labels.get("severity", "").lower())
    if verdict == "healthy":
        return "low"
    is_down_now = is_down(summary.series) is not None
    if verdict == "cannot_tell" or not (summary.risen or summary.errors or summary.anomalies or is_down_now):
        return label_severity or "medium"
    severity: Severity = "medium"
    share = max(summary.error_share, _failing_share(summary))
    is_fatal_for_many = summary.has_fatal and share >= HIGH_SHARE
    if summary.has_fatal or share >= HIGH_SHARE:
        severity = "high"
    if is_down_now or is_fatal_for_many or share >= CRITICAL_SHARE:
        severity = "critical"
    return max(severity, label_severity or "low", key=SEVERITIES.index)


def _failing_share(summary: TelemetrySummary) -> float:
    """Return the share of requests that fail as it is measured; 0 where none is, or where it did not rise."""
    shares = [one.value for one in summary.anomalies if one.series.name in FAILURES and one.series.unit == "ratio"]
    return max(shares, default=0.0)


def _affected(summary: TelemetrySummary) -> list[str]:
    """Return the services in which something rose, the alert's own first."""
    services = {service for group in summary.risen for service in group.services if service}
    services.discard(summary.alert.service_name)
    return [summary.alert.service_name, *sorted(services)]


def _title(summary: TelemetrySummary, verdict: DetectionVerdict) -> str:
    """Return the first symptom in words of code alone."""
    return next(iter(_symptoms(summary, verdict, _name_without_words)), "")


def _symptoms(summary: TelemetrySummary, verdict: DetectionVerdict, name: Naming = _name) -> list[str]:
    if verdict == "cannot_tell":
        return []
    down = is_down(summary.series)
    condition = summary.condition.sentence if summary.condition and summary.condition.holds else ""
    symptoms = [f"{condition[:1].upper()}{condition[1:]}."] if condition else []
    symptoms += [f"{_down(down, summary)}."] if down else []
    symptoms += [_harm_of(group, summary, name(group))[:300] + "." for group in _events(summary)[:5]]
    symptoms += [f"{_departure(one, summary)}." for one in summary.anomalies[:3]]
    return list(dict.fromkeys(symptoms)) or _steady(summary, name)


def _events(summary: TelemetrySummary) -> list[TraceGroup | LineGroup]:
    """Return what rose, each event once: the line that came with a trace is the trace's."""
    traces = [group for group in summary.risen if isinstance(group, TraceGroup)]
    if not traces:
        return list(summary.risen)
    return [group for group in summary.risen if isinstance(group, TraceGroup) or not group.carries_trace]


def _steady(summary: TelemetrySummary, name: Naming) -> list[str]:
    """Name what is wrong although nothing changed, and since when it was seen."""
    bad: list[TraceGroup | LineGroup] = [*summary.traces, *(line for line in summary.lines if line.is_error)]
    if not bad:
        return []
    first, count = bad[0], len(bad[0].times)
    span = f"from {first.times.first:%H:%M:%S} to {first.times.last:%H:%M:%S} UTC"
    if _is_at_start(first.times.first, summary):
        span = f"since at least the start of the window, {first.times.first:%H:%M:%S} UTC"
    return [f"{name(first)}: {count} {span}, of {len(summary.errors)} errors in all."[:400]]


def _reasoning(harms: list[str], kind: Classification, incident: Incident, health: Health) -> str:
    cited = ", ".join(one.id for one in incident.evidence[:6])
    if harms:
        return f"{'; '.join(harms)}. Kind: {kind.reason}. Evidence: {cited}."
    if health.proof:
        return f"{' '.join(health.proof)} Evidence: {cited}."
    return f"Nothing that was read shows harm, and nothing shows health, so the alert is trusted. Evidence: {cited}."
