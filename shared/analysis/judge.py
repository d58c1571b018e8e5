"""The offline judgement: is it an incident, how bad, of what kind."""

from shared.analysis.assemble import RANK
from shared.analysis.classify import Classification
from shared.analysis.groups import LineGroup, TraceGroup
from shared.analysis.picture import Picture
from shared.contracts import Incident, Judgement, Severity

SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
LABELS: dict[str, Severity] = {
    **dict.fromkeys(("critical", "page", "fatal", "emergency", "p1", "sev1", "disaster"), "critical"),
    **dict.fromkeys(("high", "error", "major", "p2", "sev2"), "high"),
    **dict.fromkeys(("medium", "warning", "warn", "minor", "p3", "sev3", "average"), "medium"),
    **dict.fromkeys(("low", "info", "informational", "none", "p4", "sev4"), "low"),
}
HARMFUL_SHARE = 0.5
"""Share of error lines that is harm even when steady."""
HARMFUL_TRACE_SHARE = 0.05
"""Share of entries with a stack trace that is harm even when steady: services live with errors, hardly with that."""
HIGH_SHARE = 0.10
CRITICAL_SHARE = 0.40


def judge(picture: Picture, kind: Classification, incident: Incident) -> Judgement:
    """Return the judgement; `incident` carries the evidence the reasons cite."""
    harms = _harms(picture)
    blind = picture.is_blind
    detected = bool(harms) or blind
    return Judgement(
        incident_detected=detected,
        recommendation="proceed" if detected else "dismiss",
        severity=_severity(picture) if detected else "low",
        incident_type_hint=kind.type if detected else "unknown",
        affected_services=_affected(picture),
        initial_symptoms=_symptoms(picture)[:10],
        reasoning=_reasoning(harms, blind, kind, incident)[:2000],
    )


def _harms(picture: Picture) -> list[str]:
    """Return each reason to call it an incident."""
    harms = [_harm_of(group) for group in picture.risen[:3]]
    if _fatal(picture):
        harms.append("a process crashed")
    if picture.anomalies:
        harms.append(f"{picture.anomalies[0].series.name} left its usual range")
    if not picture.risen and picture.trace_share >= HARMFUL_TRACE_SHARE:
        harms.append(f"{picture.trace_share:.0%} of the entries carry a stack trace, all through the window")
    elif not picture.risen and picture.error_share >= HARMFUL_SHARE:
        harms.append(f"{picture.error_share:.0%} of the lines are errors, all through the window")
    if not picture.risen and picture.errors and not picture.has_baseline:
        harms.append("errors are there, and the window shows no time before them in which they were usual")
    return harms


def _harm_of(group: TraceGroup | LineGroup) -> str:
    assert group.change is not None
    name = group.parsed.raised.type if isinstance(group, TraceGroup) else f"“{group.cluster.template[:120]}”"
    if group.change.is_new:
        return f"{name} is new: {group.change.after} since {group.change.at:%H:%M:%S} UTC, none before"
    return f"{name} rose: {group.change.before} before {group.change.at:%H:%M:%S} UTC, {group.change.after} since"


def _fatal(picture: Picture) -> bool:
    return any(RANK[entry.level] == RANK["fatal"] for entry in picture.errors)


def _severity(picture: Picture) -> Severity:
    """Take the worse of what the telemetry shows and what the rule's author said; blind, believe the author."""
    said = LABELS.get(picture.alert.labels.get("severity", "").lower())
    shown: Severity = "medium"
    if _fatal(picture) or picture.error_share >= HIGH_SHARE:
        shown = "high"
    if picture.error_share >= CRITICAL_SHARE or (_fatal(picture) and picture.error_share >= HIGH_SHARE):
        shown = "critical"
    if not picture.risen and not picture.errors and not picture.anomalies:
        return said or "medium"
    return max(shown, said or "low", key=SEVERITIES.index)


def _affected(picture: Picture) -> list[str]:
    """Return the services in which something rose, the alert's own first."""
    named = {service for group in picture.risen for service in group.services if service}
    named.discard(picture.alert.service_name)
    return [picture.alert.service_name, *sorted(named)][:20]


def _symptoms(picture: Picture) -> list[str]:
    symptoms = [_harm_of(group)[:300] + "." for group in picture.risen[:5]]
    symptoms += [
        f"{one.series.name} went from {one.baseline:.4g} to {one.value:.4g} {one.series.unit}".strip() + "."
        for one in picture.anomalies[:3]
    ]
    if not symptoms and picture.errors:
        symptoms.append(f"{len(picture.errors)} errors in the window, at a steady rate.")
    return symptoms


def _reasoning(harms: list[str], blind: bool, kind: Classification, incident: Incident) -> str:
    cited = ", ".join(one.id for one in incident.evidence[:6])
    if harms:
        return f"{'; '.join(harms)}. Kind: {kind.reason}. Evidence: {cited}."
    if blind:
        return f"There is no telemetry to judge by, so the alert is taken at its word. Evidence: {cited}."
    return f"No error is new or risen, no metric left its range: nothing shows harm. Evidence: {cited}."
