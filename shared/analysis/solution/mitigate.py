"""Measures that end the harm, by the kind of fault; each claims no more than the evidence shows."""

from collections.abc import Sequence
from typing import Literal

from shared.analysis.advice.look_at_instances import look_at_instances
from shared.analysis.advice.look_elsewhere import look_elsewhere
from shared.analysis.advice.rollback_target import changes_to_undo, rollback_target
from shared.analysis.advice.suggest import fix_of, values_of_rollback
from shared.analysis.advice.templates import AdviceTemplate, commands_for
from shared.analysis.advice.values import name, service_name, values_of
from shared.analysis.faults.leading import leading
from shared.analysis.faults.resources import measures_resource
from shared.analysis.series.metric_anomalies import LOG_RATE
from shared.contracts import CodeAnalysis, Incident, IncidentType, Mitigation, SolutionRequest, SuspectCommit

Priority = Literal["high", "medium", "low"]
REVERT_SCORE = 0.5
"""A commit with a lower score explains too little to name in a rollback, let alone to revert automatically."""


def best_suspect(analysis: CodeAnalysis | None) -> SuspectCommit | None:
    """Return the commit that explains the failure best, however badly."""
    return analysis.suspect_commits[0] if analysis and analysis.suspect_commits else None


def mitigations(
    request: SolutionRequest, category: IncidentType, reverts: str, templates: Sequence[AdviceTemplate]
) -> list[Mitigation]:
    """
    Return what ends the harm, most promising first, with the commands that the templates give; there is at least one.

    `reverts` is the commit that the patch reverts exactly, if there is one.
    """
    revert = [_revert(reverts)] if reverts else []
    measures = [_with_commands(one, request, reverts, templates) for one in [*_measures(request, category), *revert]]
    return measures + _advised(request, measures) or [
        _with_commands(_last_resort(request, category), request, reverts, templates)
    ]


def _last_resort(request: SolutionRequest, category: IncidentType) -> Mitigation:
    """Return what is left when nothing ends the harm sooner: the place in the code, else the instances."""
    fix = fix_of(request.incident) if category in ("code_issue", "unknown") else None
    if fix is None:
        return _check_instances(service_name(request.alert))
    return Mitigation(advice_id=fix.advice_id, action=fix.description, priority="high")


def _with_commands(
    measure: Mitigation, request: SolutionRequest, reverts: str, templates: Sequence[AdviceTemplate]
) -> Mitigation:
    alert, changes = request.alert, changes_to_undo(request.incident, request.code_analysis)
    more = {"sha": reverts, "dependency": _dependency(alert.service_name, request.incident)}
    values = values_of(alert, request.incident, **more, **values_of_rollback(alert, changes))
    return measure.replace(commands=commands_for(measure.advice_id, alert.service_name, values, templates))


def _advised(request: SolutionRequest, measures: Sequence[Mitigation]) -> list[Mitigation]:
    """Return the urgent suggestions that no measure repeats."""
    actions = {measure.action for measure in measures}
    return [
        Mitigation(
            advice_id=each.advice_id,
            action=each.description,
            steps=each.steps,
            commands=each.commands,
            priority=each.priority,
        )
        for each in (request.suggestions.suggestions if request.suggestions else [])
        if each.priority == "high" and each.description not in actions
    ]


def _measures(request: SolutionRequest, category: IncidentType) -> list[Mitigation]:
    service, incident = service_name(request.alert), request.incident
    if (elsewhere := look_elsewhere(service, incident)) is not None:
        # Its instances, versions and code were not read: a measure for it would be a guess.
        return [Mitigation(advice_id="look_elsewhere", action=elsewhere[0], steps=elsewhere[1], priority="high")]
    signal = leading(incident)
    # A fault with steps of its own has them among the suggestions.
    has_steps = signal is not None and bool(signal.rule.steps)
    if category == "code_issue":
        return _rollback(request)
    if category == "config_issue":
        return [*([] if has_steps else [_restore_config(service, incident)]), *_rollback(request, "medium")]
    if category == "infrastructure_issue":
        return _for_instances(request)
    if category == "external_dependency":
        return [] if has_steps else _relieve_dependency(request)
    has_cause = bool(_exhausted_resource(incident)) or _has_stopped(incident)
    return [*(_for_instances(request) if has_cause else []), *_rollback(request, "medium")]


def _for_instances(request: SolutionRequest) -> list[Mitigation]:
    """Return a measure for the exhausted resource, else for the instances; none that repeats an urgent suggestion."""
    service, exhausted = service_name(request.alert), _exhausted_resource(request.incident)
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


def _rollback(request: SolutionRequest, priority: Priority = "high") -> list[Mitigation]:
    """
    Return a rollback to a version that is named, or to one without the commit that is; none where nothing names either.

    Without a sign of a fault in the code it has the given priority, unless new instances alone brought the error.
    """
    service, incident, suspect = service_name(request.alert), request.incident, best_suspect(request.code_analysis)
    culprit = suspect.sha[:12] if suspect and suspect.score >= REVERT_SCORE else ""
    target = rollback_target(incident, request.code_analysis)
    if not target and not culprit:
        return []
    named = f"; the suspect is {culprit}" if culprit and target else ""
    steps = [] if target or not incident.onset else [f"Find the release of {service} deployed before the onset."]
    return [
        Mitigation(
            advice_id="roll_back",
            action=f"Roll {service} back to {target or f'a release without {culprit}'}{named}.",
            steps=[
                *steps,
                "Check that no data migration since then forbids going back.",
                f"Deploy it and watch the error rate of {service}.",
            ],
            priority="high" if incident.rollout is not None else priority,
        )
    ]


def _restore_config(service: str, incident: Incident) -> Mitigation:
    since = f" since {incident.onset:%Y-%m-%d %H:%M} UTC" if incident.onset else ""
    return Mitigation(
        advice_id="restore_configuration",
        action=f"Restore the configuration of {service} that worked.",
        steps=[
            f"Compare the variables, secrets and flags of {service} with those before the onset{since}.",
            "Put back what changed and restart the service.",
        ],
        priority="high",
    )


def _add_resource(service: str, exhausted: str) -> Mitigation:
    return Mitigation(
        advice_id="add_capacity",
        action=f"Give {service} more of the resource it lacks ({exhausted}).",
        steps=[
            "Compare it with its limit, per instance.",
            f"Raise the limit or the number of instances of {service}, or move it off the failing node.",
        ],
        priority="high",
    )


def _exhausted_resource(incident: Incident) -> str | None:
    """Return the exhausted resource, by a metric or by the words of the evidence, or None."""
    for one in incident.error_summary.metric_anomalies:
        if measures_resource(one.metric):
            return f"{one.metric} went from {one.baseline:g} to {one.value:g}"
    signal = leading(incident)
    return signal.rule.name if signal and signal.rule.kind == "resource" else None


def _check_instances(service: str) -> Mitigation:
    action, steps = look_at_instances(service)
    return Mitigation(advice_id="check_instances", action=action, steps=steps, priority="high")


def _dependency(service: str, incident: Incident) -> str:
    """Return what the evidence names as the dependency that fails; an empty text when it names none."""
    signal = leading(incident)
    others = [other for other in incident.affected_services if other != service]
    return (signal.target if signal else "") or (others[0] if others else "")


def _relieve_dependency(request: SolutionRequest) -> list[Mitigation]:
    """Return what helps while a dependency fails; nothing where no evidence names it."""
    service, dependency = service_name(request.alert), name(_dependency(request.alert.service_name, request.incident))
    if not dependency:
        return []
    relief = "Shorten timeouts, open the circuit breaker or switch the feature off until it answers again."
    action, steps = f"Relieve {service} of {dependency}.", [f"Notify the owner of {dependency}.", relief]
    return [Mitigation(advice_id="relieve_dependency", action=action, steps=steps, priority="high")]


def _revert(sha: str) -> Mitigation:
    return Mitigation(
        advice_id="revert_commit",
        action=f"Revert commit {sha[:12]}, which explains the failure.",
        steps=["Merge the revert and deploy it; until then a rollback ends the harm sooner."],
        priority="high",
    )
