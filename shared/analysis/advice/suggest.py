"""What to do now, without a model and before the cause is known."""

from collections.abc import Sequence

from shared import followup_queries
from shared.analysis.advice.look_at_instances import look_at_instances
from shared.analysis.advice.look_elsewhere import look_elsewhere
from shared.analysis.advice.rollback_target import changes_to_undo, rollback_target
from shared.analysis.advice.templates import BUILT_IN, AdviceTemplate, commands_for
from shared.analysis.advice.values import deployment_of, name, service_name, values_of
from shared.analysis.causes.quotes import needle_of, quote_trace
from shared.analysis.causes.resource_use import use_of
from shared.analysis.code.paths import deepest_own
from shared.analysis.faults.leading import is_background, leading, signal_of
from shared.analysis.faults.matching import Signal
from shared.analysis.faults.resources import measures_shared_load
from shared.analysis.faults.settings import setting_of
from shared.analysis.series.metric_anomalies import LOG_RATE
from shared.contracts import (
    Alert,
    Change,
    Command,
    Frame,
    Incident,
    StackTrace,
    Suggestion,
    SuggestionRequest,
    Suggestions,
)

MAX_SUGGESTIONS = 6


def suggest(request: SuggestionRequest, templates: Sequence[AdviceTemplate] = BUILT_IN) -> Suggestions:
    """Return actions in the order to take them, with the commands that the templates give; there is at least one."""
    alert, incident = request.alert, request.incident
    makers = (_look_elsewhere, _by_signal, _roll_back, _check_why_logs_stopped, _patch, _scale, _follow_runbook)
    suggestions = [one for make in makers if (one := make(alert, incident))]
    ordered = sorted(suggestions, key=lambda one: ("high", "medium", "low").index(one.priority))[:MAX_SUGGESTIONS]
    if not any(one.advice_id != "follow_runbook" for one in ordered):
        ordered = [_look_at_instances(alert), *ordered]
    return Suggestions(
        produced_by="offline",
        suggestions=[_with_commands(one, alert, incident, templates) for one in ordered],
        recommended_action=ordered[0].description,
    )


def _with_commands(
    suggestion: Suggestion, alert: Alert, incident: Incident, templates: Sequence[AdviceTemplate]
) -> Suggestion:
    signal = leading(incident)
    more = {"dependency": signal.target if signal else ""}
    values = values_of(alert, incident, **more, **values_of_rollback(alert, changes_to_undo(incident)))
    filled = commands_for(suggestion.advice_id, alert.service_name, values, templates)
    return suggestion.replace(commands=[*suggestion.commands, *filled])


def values_of_rollback(alert: Alert, changes: Sequence[Change]) -> dict[str, str]:
    """Return what the template of a rollback may be filled with, by what it undoes."""
    return {
        "deployment": next(filter(None, (deployment_of(alert, one) for one in changes)), ""),
        "version_before": next((one.version_before for one in changes if one.version_before), ""),
        "version_after": next((one.version_after for one in changes if one.version_after), ""),
    }


def _look_elsewhere(alert: Alert, incident: Incident) -> Suggestion | None:
    service = service_name(alert)
    if (advice := look_elsewhere(service, incident)) is None:
        return None
    action, steps = advice
    return Suggestion(
        advice_id="look_elsewhere",
        type="api",
        description=action,
        steps=steps,
        priority="high",
        estimated_impact=f"Ends what {service} suffers from.",
    )


def _roll_back(alert: Alert, incident: Incident) -> Suggestion | None:
    """
    Suggest a rollback when new instances alone fail or the service's own code began to: the quickest fix.

    New instances say so without a trace too.
    """
    if incident.rollout is not None and not incident.suspect_service:
        return _undo(alert, incident)
    trace = incident.stack_traces[0] if incident.stack_traces else None
    if trace is None or not trace.app_frames or incident.onset is None or trace.count_before_onset:
        return None
    if not incident.shows_before_onset:
        return None  # it may have failed all along
    if rollback_target(incident):
        return _undo(alert, incident)
    if incident.suspect_service:
        return None
    version = name(alert.commit or "")
    is_own_fault = _is_own_fault(incident, trace)
    if not is_own_fault and not alert.commit:
        return None  # what failed is known, and nothing says that a version has to do with it
    reason = ": its own code began to fail then" if is_own_fault else ""
    line = next(iter(quote_trace(incident, trace)), None)
    needle = needle_of(trace, line.text) if line else trace.exception_type
    lines = followup_queries.lines_with(incident.log_selector, needle)
    return Suggestion(
        advice_id="roll_back",
        type="rollback",
        description=_if_deployed(service_name(alert), version, f"{incident.onset:%Y-%m-%d %H:%M:%S} UTC")
        + f"{reason}.",
        steps=[] if incident.what_changed else ["Look first whether it is live: no deployment shows in what was read."],
        commands=_query("After it, watch that this stops", lines),
        priority="high" if is_own_fault else "medium",
        estimated_impact=f"Ends the error ({trace.count} times in the window) if the version caused it.",
    )


def _if_deployed(service: str, version: str, onset: str) -> str:
    """Return what to do where no deployment shows; without a version it is to look for one, as none is known."""
    if version:
        return f"Roll {service} back to what ran before {version}, if that was deployed shortly before {onset}"
    return f"Find what was deployed or configured in {service} shortly before {onset}, and undo it"


def _undo(alert: Alert, incident: Incident) -> Suggestion:
    """Suggest a rollback of what was seen to bring the error, or to come right before it."""
    impact = "Ends the error, which only the new instances write."
    if incident.rollout is None:
        impact = "Ends the error if the version that came before the onset brought it."
    return Suggestion(
        advice_id="roll_back",
        type="rollback",
        description=f"Roll {service_name(alert)} back to {rollback_target(incident)}.",
        steps=[
            "Check that no data migration since then forbids going back.",
            "Deploy it, and watch that the error does not come back.",
        ],
        priority="high",
        estimated_impact=impact,
    )


def _by_signal(alert: Alert, incident: Incident) -> Suggestion | None:
    signal = leading(incident)
    if signal is None or (signal.rule.kind == "crash" and incident.stack_traces):
        return None  # the trace of a crash says more and has its own suggestions
    return _for_kind(service_name(alert), incident, signal)


def _query(what: str, query: str) -> list[Command]:
    """Return the query to copy, or none without one: the log store did not answer."""
    return [Command(what=what, command=query)] if query else []


def _for_kind(service: str, incident: Incident, signal: Signal) -> Suggestion:
    match signal.rule.kind:
        case "dependency":
            return _for_dependency(service, incident, signal)
        case "resource":
            return _for_resource(service, incident, signal)
        case "crash":
            return _for_crash(service, incident.log_selector, signal)
        case _:
            return _for_configuration(service, signal)


def _for_resource(service: str, incident: Incident, signal: Signal) -> Suggestion:
    since = "" if incident.onset else followup_queries.lines_with(incident.log_selector, signal.quote)
    use, _ = use_of(incident, signal)
    lacking = f"{signal.rule.name} ({use})" if use else signal.rule.name
    return Suggestion(
        advice_id="add_capacity",
        type="scale",
        description=f"{signal.rule.action.format(service=service)} Its logs say: {lacking}.",
        steps=list(signal.rule.steps),
        commands=_query("Find since when", since),
        priority="high",
        estimated_impact="Ends the failures for as long as there is enough of it.",
    )


def _for_dependency(service: str, incident: Incident, signal: Signal) -> Suggestion:
    fallback = signal.rule.steps or ("If it stays down, switch to its fallback or shed the calls that need it.",)
    if target := name(signal.target):
        others = followup_queries.lines_naming(target, incident.other_logs_selector)
        return Suggestion(
            advice_id="check_dependency",
            type="api",
            description=f"Check {target}. The logs of {service} say: {signal.rule.name}.",
            steps=[f"See whether {target} is up and reachable from {service}.", *fallback],
            commands=_query("See whether others fail there too", others),
            priority="high",
            estimated_impact=f"Requests that need {target} succeed again.",
        )
    own = next((own for trace in incident.stack_traces if (own := deepest_own(trace.frames))), None)
    place = _place(own) if own else ""
    return Suggestion(
        advice_id="check_dependency",
        type="api",
        description=f"Find which call of {service} fails, and what it calls. Its logs say: {signal.rule.name}.",
        steps=[*([f"The call is made in {place}."] if place else []), *fallback],
        priority="high",
        estimated_impact="Requests that need it succeed again.",
    )


def _for_crash(service: str, selector: str, signal: Signal) -> Suggestion:
    return Suggestion(
        advice_id="find_crash",
        type="api",
        description=f"Find out what ended {service}: it crashed.",
        steps=[
            "Read the exit code and the reason each instance last ended; keep the core dump if there is one.",
            "If it crashes again after each start, go back to the version that ran before.",
        ],
        commands=_query("Read the lines around the crash", followup_queries.lines_with(selector, signal.quote)),
        priority="high",
        estimated_impact="Shows what to fix.",
    )


def _for_configuration(service: str, signal: Signal) -> Suggestion:
    setting = name(setting_of(signal.quote)) if signal.rule.name == "missing configuration" else ""
    action = f"Set {setting} for {service}" if setting else f"Check the configuration of {service}"
    return Suggestion(
        advice_id="restore_configuration",
        type="config",
        description=f"{action}: {signal.rule.name}.",
        steps=list(signal.rule.steps),
        priority="high",
        estimated_impact="Ends the failures if the configuration caused them.",
    )


def _place(frame: Frame) -> str:
    """Return function, file and line of a frame, as far as they are names."""
    path = name(frame.path)
    place = path if frame.line is None or not path else f"{path}:{frame.line}"
    function = name(frame.function) if "<" not in frame.function else ""
    return f"{function} at {place}" if function and place else place or function


def fix_of(incident: Incident) -> Suggestion | None:
    """Suggest to mend the service's own code where it fails, and nothing else is to blame for it."""
    for trace in incident.stack_traces:
        own = deepest_own(trace.frames)
        if own is not None and _is_own_fault(incident, trace) and not is_background(incident, trace):
            raised = name(trace.exception_type, "the error")
            verb = "raises" if own is trace.frames[-1] else "runs into"
            return Suggestion(
                advice_id="fix_code",
                type="patch",
                description=f"For good, fix {_place(own) or 'the deepest own frame'}, which {verb} {raised}.",
                priority="medium",
                estimated_impact=f"Ends {raised} for good.",
            )
    return None


def _is_own_fault(incident: Incident, trace: StackTrace) -> bool:
    """Return whether nothing but the code is to blame for an exception; a crash says no more than that it crashed."""
    signal, _ = signal_of(incident, trace)
    return signal is None or signal.rule.kind == "crash"


def _patch(_alert: Alert, incident: Incident) -> Suggestion | None:
    return fix_of(incident)


def _scale(alert: Alert, incident: Incident) -> Suggestion | None:
    for anomaly in [] if incident.suspect_service else incident.error_summary.metric_anomalies:
        if measures_shared_load(anomaly.metric):
            return Suggestion(
                advice_id="add_capacity",
                type="scale",
                description=f"Add instances of {service_name(alert)}: {anomaly.description}.",
                steps=[f"Watch whether {anomaly.metric} returns to {anomaly.baseline:.4g}."],
                priority="medium",
                estimated_impact="Lowers the load of each instance while the cause is sought.",
            )
    return None


def _check_why_logs_stopped(alert: Alert, incident: Incident) -> Suggestion | None:
    """Lines that stop coming mean a service that stopped, or logs that no longer arrive."""
    if not any(one.metric == LOG_RATE for one in incident.error_summary.metric_anomalies):
        return None
    service = service_name(alert)
    return Suggestion(
        advice_id="check_logs",
        type="api",
        description=f"See whether {service} runs and answers: its log lines stopped coming.",
        steps=[
            f"Check the health of {service}, and on its platform the instances and why each last stopped.",
            "If it does not answer, restart it; keep a thread dump of an instance that is stuck.",
        ],
        commands=_query(
            "If it answers, look where its logs are lost", followup_queries.lines_of(incident.log_selector)
        ),
        priority="high",
        estimated_impact="Distinguishes an outage from lost logs, and ends the outage.",
    )


def _follow_runbook(alert: Alert, _incident: Incident) -> Suggestion | None:
    """Point to what the author of the rule wrote for this case."""
    if not alert.runbook_url:
        return None
    return Suggestion(
        advice_id="follow_runbook",
        type="api",
        description="Follow the runbook of the alert.",
        priority="low",
        estimated_impact="What the author of the alert's rule advises.",
    )


def _look_at_instances(alert: Alert) -> Suggestion:
    action, steps = look_at_instances(service_name(alert))
    return Suggestion(
        advice_id="check_instances",
        type="api",
        description=action,
        steps=steps,
        priority="medium",
        estimated_impact="Narrows the search.",
    )
