"""Root causes without a model: templates over the evidence, confidence capped by what could be seen."""

from shared import followup_queries
from shared.analysis import confidence
from shared.analysis.causes import hypotheses
from shared.analysis.faults.leading import signal_of
from shared.analysis.series.window import span
from shared.bounds import clip
from shared.contracts import Incident, LogPattern, RootCause, RootCauseRequest, RootCauses, StackTrace, Unknown

MAX_CAUSES = 5
LIKELY = 0.3


def explain(request: RootCauseRequest) -> RootCauses:
    """
    Return hypotheses, most likely first, and what is unknown, each with the query to run next.

    Telemetry that detection lacked lowers the confidence here; only detection reports it.
    """
    incident, service = request.incident, request.alert.service_name
    causes = _capped(_all(request), incident)
    likely = causes[0].hypothesis if causes and causes[0].confidence >= LIKELY else ""
    return RootCauses(
        produced_by="offline",
        root_causes=causes,
        most_likely=likely or "Unknown: the evidence names no cause. `unknowns` says where to look next.",
        unknowns=_unknowns(incident, causes, service),
    )


def _all(request: RootCauseRequest) -> list[RootCause]:
    incident, service = request.incident, request.alert.service_name
    candidates = [hypotheses.from_trace(incident, trace, service) for trace in _causes_of(incident)[:3]]
    candidates += hypotheses.from_signals(incident, service)
    if incident.own_part is None or not any(candidates):
        # What fails within the service says more than that its requests go another way there.
        candidates.append(hypotheses.from_other_service(incident, service))
    candidates.append(hypotheses.from_rollout(request.alert, incident))
    candidates.append(hypotheses.from_deploy(request.alert, incident))
    candidates += [
        hypotheses.from_metric(incident, one, service) for one in incident.error_summary.metric_anomalies[:2]
    ]
    causes = [cause for cause in candidates if cause is not None]
    own_failure = None if causes else hypotheses.from_server_errors(incident, service)
    return [own_failure] if own_failure else causes


def _events(incident: Incident) -> list[StackTrace]:
    """Return the traces, the first of those that came in the same entries."""
    traces = incident.stack_traces
    return [
        trace
        for index, trace in enumerate(traces)
        if not any(hypotheses.is_same_event(trace, other) for other in traces[:index])
    ]


def _causes_of(incident: Incident) -> list[StackTrace]:
    """Return the events, the first of those that name the same fault: however it shows, it is one cause."""
    events: dict[tuple[str, str] | int, StackTrace] = {}
    for number, trace in enumerate(_events(incident)):
        signal, _ = signal_of(incident, trace)
        is_named = signal is not None and signal.rule.kind != "crash"
        events.setdefault((signal.rule.name, signal.target) if signal and is_named else number, trace)
    return list(events.values())


def _capped(causes: list[RootCause], incident: Incident) -> list[RootCause]:
    """Cap by what was available; equals keep their order, so the leading trace stays first."""
    lowered = [
        cause.replace(
            confidence=min(cause.confidence, confidence.cap(incident, confidence.OFFLINE_CAP, cause.evidence_ids))
        )
        for cause in causes
    ]
    ranked = sorted(lowered, key=lambda cause: -cause.confidence)
    if ranked and ranked[0].confidence >= LIKELY:
        ranked = [cause for cause in ranked if cause.confidence > hypotheses.BACKGROUND]
    return ranked[:MAX_CAUSES]


def _unknowns(incident: Incident, causes: list[RootCause], service: str) -> list[Unknown]:
    unknowns: list[Unknown] = []
    selector = incident.log_selector
    if incident.lines_read == 0:
        # A store that failed is named elsewhere, and cannot be asked; one that holds no line of the service may hold
        # lines of others about it.
        unread = "no log line was there" if selector else "its logs could not be read"
        others = followup_queries.lines_naming(service, incident.other_logs_selector)
        unknowns.append(Unknown(what=f"What the service wrote: {unread}.", next_query=others or selector))
    if incident.onset is None:
        unread = ""
        if incident.lines_read == 0:
            logs = "no log line was there" if selector else "the logs were not read"
            unread = f"{logs}, and no metric shows it"
        window = span(incident.end - incident.start)
        why = (
            unread
            or f"nothing that was read changes clearly within {window}; a larger LOOKUP_WINDOW_SECONDS shows more"
        )
        unknowns.append(
            Unknown(what=f"When it began: {why}.", next_query=_problems(incident) if incident.lines_read else "")
        )
    if incident.lines_read and (not causes or causes[0].confidence < LIKELY):
        unknowns.append(_unexplained(incident))
    unknowns += _about_causes(incident, causes, service)
    if _may_have_restarts(incident):
        query = followup_queries.container_restarts(service, incident.start, incident.end)
        unknowns.append(Unknown(what="Whether containers restarted.", next_query=query))
    return unknowns


def _may_have_restarts(incident: Incident) -> bool:
    """Return whether a metrics store is there to ask for restarts, which were not read or left their range."""
    read = [one.text for one in incident.evidence if one.source == "metrics"]
    return bool(read) and not incident.error_summary.metric_anomalies and not any("restarts" in text for text in read)


def _unexplained(incident: Incident) -> Unknown:
    """Return what is not known when no cause is likely: why the errors that were read happen, or which there are."""
    selector = incident.log_selector
    worst = _worst(incident)
    if worst is None:
        return Unknown(what="Which errors happen, and where.", next_query=_problems(incident))
    what = f"Why this is written {worst.count} times: {clip(worst.exemplar, 200)}"
    return Unknown(what=what, next_query=followup_queries.lines_with(selector, _constant(worst.template)))


def _worst(incident: Incident) -> LogPattern | None:
    return next((one for one in incident.patterns if one.level in ("fatal", "error")), None)


def _problems(incident: Incident) -> str:
    """Return the query for the leading error over time; for problem words where no error was read."""
    worst = _worst(incident)
    if worst is None:
        return followup_queries.problems_over_time(incident.log_selector)
    return followup_queries.over_time(followup_queries.lines_with(incident.log_selector, _constant(worst.template)))


def _constant(template: str) -> str:
    """Return the longest part of a template that every one of its lines holds."""
    return max((part.strip() for part in template.split("<*>")), key=len)


def _about_causes(incident: Incident, causes: list[RootCause], service: str) -> list[Unknown]:
    """Return what would confirm or refute the first hypotheses."""
    unknowns: list[Unknown] = []
    files = {frame.path for trace in incident.stack_traces for frame in trace.frames}
    for cause in causes[:3]:
        others = [name for name in cause.affected_components if name != service and name not in files]
        if others:
            what = f"Whether {others[0]} fails for others too."
            unknowns.append(
                Unknown(what=what, next_query=followup_queries.lines_naming(others[0], incident.other_logs_selector))
            )
    return unknowns
