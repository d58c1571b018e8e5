"""Root causes without a model: templates over the evidence, confidence capped by what could be seen."""

from shared.analysis.advice import followup_queries
from shared.analysis.causes import hypotheses
from shared.contracts import Incident, RootCause, RootCauseRequest, RootCauses, Unknown

NO_LOGS_CAP = 0.4
NO_ONSET_CAP = 0.55
DEGRADED_CAP = 0.65
OFFLINE_CAP = 0.75
"""No template read the code, so none may be surer."""
MAX_CAUSES = 5
LIKELY = 0.3


def explain(request: RootCauseRequest) -> RootCauses:
    """
    Return hypotheses, the likeliest first, and what is not known with the query to run next.

    What detection had to do without lowers the confidence here and is told by detection alone.
    """
    incident, service = request.incident, request.alert.service_name
    causes = _capped(_all(request), incident)
    likely = causes[0].hypothesis if causes and causes[0].confidence >= LIKELY else ""
    return RootCauses(
        produced_by="offline",
        root_causes=causes,
        most_likely=likely or "Unknown: the evidence names no cause. `unknowns` says where to look next.",
        unknowns=_unknowns(incident, causes, service)[:10],
    )


def _all(request: RootCauseRequest) -> list[RootCause]:
    incident, service = request.incident, request.alert.service_name
    found = [hypotheses.from_trace(incident, trace) for trace in incident.stack_traces[:3]]
    found += hypotheses.from_signals(incident, service)
    found.append(hypotheses.from_deploy(request.alert, incident))
    found += [hypotheses.from_metric(incident, one, service) for one in incident.error_summary.metric_anomalies[:2]]
    known = [cause for cause in found if cause is not None]
    own = None if known else hypotheses.from_own_answers(incident, service)
    return [own] if own else known


def _capped(causes: list[RootCause], incident: Incident) -> list[RootCause]:
    """Cap by what was available; equals keep their order, so the leading trace stays first."""
    cap = _cap(incident)
    lowered = [cause.model_copy(update={"confidence": min(cause.confidence, cap)}) for cause in causes]
    ranked = sorted(lowered, key=lambda cause: -cause.confidence)
    if ranked and ranked[0].confidence >= LIKELY:
        ranked = [cause for cause in ranked if cause.confidence > hypotheses.BACKGROUND]
    return ranked[:MAX_CAUSES]


def _cap(incident: Incident) -> float:
    if incident.lines_read == 0:
        return NO_LOGS_CAP
    if incident.onset is None:
        return NO_ONSET_CAP
    return DEGRADED_CAP if incident.degraded else OFFLINE_CAP


def _unknowns(incident: Incident, causes: list[RootCause], service: str) -> list[Unknown]:
    found: list[Unknown] = []
    if incident.lines_read == 0:
        found.append(
            Unknown(what="What the service wrote: no log line was read.", next_query=followup_queries.lines_of(service))
        )
    if incident.onset is None:
        unread = "the logs were not read and no metric tells" if incident.lines_read == 0 else ""
        why = unread or "no change was found in the window; widen the window"
        found.append(Unknown(what=f"When it began: {why}.", next_query=followup_queries.problems_by_pod(service)))
    if not causes or causes[0].confidence < LIKELY:
        found.append(
            Unknown(
                what="Which errors the service writes, and where.", next_query=followup_queries.problems_by_pod(service)
            )
        )
    found += _about_causes(incident, causes, service)
    if not incident.error_summary.metric_anomalies:
        found.append(
            Unknown(what="Whether containers restarted.", next_query=followup_queries.restarts_and_limits(service))
        )
    return found


def _about_causes(incident: Incident, causes: list[RootCause], service: str) -> list[Unknown]:
    """What would confirm or refute the first hypotheses."""
    found: list[Unknown] = []
    for trace in incident.stack_traces[:1]:
        what = f"Which requests lead to {trace.exception_type}."
        found.append(Unknown(what=what, next_query=followup_queries.lines_with(service, trace.exception_type)))
    for cause in causes[:3]:
        others = [name for name in cause.affected_components if name != service and "/" not in name]
        if others:
            what = f"Whether {others[0]} fails for others too."
            found.append(Unknown(what=what[:500], next_query=followup_queries.lines_naming(others[0], service)))
    return found
