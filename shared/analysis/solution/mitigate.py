"""Measures that end the harm, by the kind of fault; each claims no more than the evidence shows."""

from shared.analysis.advice.look_at_instances import look_at_instances
from shared.analysis.advice.look_elsewhere import look_elsewhere
from shared.analysis.advice.rollback_target import rollback_target
from shared.analysis.faults import matching
from shared.analysis.faults.resources import measures_resource
from shared.analysis.series.metric_anomalies import LOG_RATE
from shared.contracts import CodeAnalysis, Incident, IncidentType, Mitigation, SolutionRequest, SuspectCommit

REVERT_SCORE = 0.5
"""A commit with a lower score explains too little to name in a rollback, let alone to revert automatically."""
"""Words in the names of series that measure something that can run out."""


def best_suspect(analysis: CodeAnalysis | None) -> SuspectCommit | None:
    """Return the commit that explains the failure best, however badly."""
    return analysis.suspect_commits[0] if analysis and analysis.suspect_commits else None


def mitigations(request: SolutionRequest, category: IncidentType) -> list[Mitigation]:
    """Return what ends the harm, most promising first; there is always at least one."""
    service, incident = request.alert.service_name, request.incident
    if (elsewhere := look_elsewhere(service, incident)) is not None:
        # Its instances, versions and code were not read: a measure for it would be a guess.
        measures = [Mitigation(action=elsewhere[0], steps=elsewhere[1], priority="high")]
    elif category == "code_issue":
        measures = [_rollback(request)] if incident.onset or best_suspect(request.code_analysis) else []
    elif category == "config_issue":
        measures = [_restore_config(service, incident), _rollback_if_deployed(request)]
    elif category == "infrastructure_issue":
        measures = _for_instances(request)
    elif category == "external_dependency":
        signal = matching.leading(incident)
        # A fault with steps of its own has them among the suggestions.
        measures = [] if signal and signal.rule.steps else [_relieve_dependency(service, incident)]
    else:
        has_cause = bool(_exhausted_resource(incident)) or _has_stopped(incident)
        # Without an onset nobody can see whether a version came before it.
        rollback = [_rollback_if_deployed(request)] if incident.onset else []
        measures = [*(_for_instances(request) if has_cause else []), *rollback]
    advised = [
        Mitigation(action=each.description, steps=each.steps, priority=each.priority)
        for each in (request.suggestions.suggestions if request.suggestions else [])
        if each.priority == "high"
    ]
    all_measures = measures + [each for each in advised if each.action not in {other.action for other in measures}]
    return all_measures or [_check_instances(service)]


def _for_instances(request: SolutionRequest) -> list[Mitigation]:
    """Return a measure for the exhausted resource, else for the instances; none that repeats an urgent suggestion."""
    service, exhausted = request.alert.service_name, _exhausted_resource(request.incident)
    urgent = {
        each.type
        for each in (request.suggestions.suggestions if request.suggestions else [])
        if each.priority == "high"
    }
    if exhausted:
        return [] if "scale" in urgent else [_add_resource(service, exhausted)]
    return [] if _has_stopped(request.incident) and "api" in urgent else [_check_instances(service)]


def _has_stopped(incident: Incident) -> bool:
    return any(one.metric == LOG_RATE for one in incident.error_summary.metric_anomalies)


def _rollback_if_deployed(request: SolutionRequest) -> Mitigation:
    """Return a rollback on a condition: without a sign of a code fault, only a recent deployment justifies it."""
    rollback = _rollback(request)
    if request.incident.rollout is not None:
        return rollback
    if rollback_target(request.incident, request.code_analysis):
        return rollback.replace(priority="medium")
    action = rollback.action.removesuffix(".") + ", if one was deployed shortly before it began."
    return rollback.replace(priority="medium", action=action)


def _rollback(request: SolutionRequest) -> Mitigation:
    service, suspect = request.alert.service_name, best_suspect(request.code_analysis)
    is_named = suspect is not None and suspect.score >= REVERT_SCORE
    before = f"a release without {suspect.sha[:12]}" if suspect and is_named else "the last release that worked"
    steps = [f"Find the release of {service} deployed before the onset."] if request.incident.onset else []
    if target := rollback_target(request.incident, request.code_analysis):
        named = f"; the suspect is {suspect.sha[:12]}" if suspect and is_named else ""
        before, steps = f"{target}{named}", []
    return Mitigation(
        action=f"Roll {service} back to {before}.",
        steps=[
            *steps,
            "Check that no data migration since then forbids going back.",
            f"Deploy it and watch the error rate of {service}.",
        ],
        priority="high",
    )


def _restore_config(service: str, incident: Incident) -> Mitigation:
    since = f" since {incident.onset:%Y-%m-%d %H:%M} UTC" if incident.onset else ""
    return Mitigation(
        action=f"Restore the configuration of {service} that worked.",
        steps=[
            f"Compare the variables, secrets and flags of {service} with those before the onset{since}.",
            "Put back what changed and restart the service.",
        ],
        priority="high",
    )


def _add_resource(service: str, exhausted: str) -> Mitigation:
    return Mitigation(
        action=f"Give {service} more of the resource it lacks ({exhausted}).",
        steps=[
            "Compare CPU, memory, connections and disk with their limits.",
            f"Raise the limit or the number of instances of {service}, or move it off the failing node.",
        ],
        priority="high",
    )


def _exhausted_resource(incident: Incident) -> str | None:
    """Return the exhausted resource, by a metric or by the words of the evidence, or None."""
    for one in incident.error_summary.metric_anomalies:
        if measures_resource(one.metric):
            return f"{one.metric} went from {one.baseline:g} to {one.value:g}"
    signal = matching.leading(incident)
    return signal.rule.name if signal and signal.rule.kind == "resource" else None


def _check_instances(service: str) -> Mitigation:
    action, steps = look_at_instances(service)
    return Mitigation(action=action, steps=steps, priority="high")


def _relieve_dependency(service: str, incident: Incident) -> Mitigation:
    signal = matching.leading(incident)
    others = [name for name in incident.affected_services if name != service]
    dependency = (signal.target if signal else "") or (others[0] if others else "")
    relief = "Shorten timeouts, open the circuit breaker or switch the feature off until it answers again."
    if not dependency:
        return Mitigation(
            action=f"Relieve {service} of what it calls and gets no answer from.", steps=[relief], priority="high"
        )
    steps = [f"Notify the owner of {dependency}.", relief]
    return Mitigation(action=f"Relieve {service} of {dependency}.", steps=steps, priority="high")
