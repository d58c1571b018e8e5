"""What to do now, without a model and before the cause is known."""

from shared import followup_queries
from shared.analysis.advice.look_at_instances import look_at_instances
from shared.analysis.advice.look_elsewhere import look_elsewhere
from shared.analysis.advice.rollback_target import rollback_target
from shared.analysis.causes.quotes import needle_of, quote_trace
from shared.analysis.code.paths import deepest_own
from shared.analysis.faults import matching
from shared.analysis.faults.matching import Signal
from shared.analysis.faults.resources import measures_resource
from shared.analysis.series.metric_anomalies import LOG_RATE
from shared.contracts import Alert, Incident, Suggestion, SuggestionRequest, Suggestions

MAX_SUGGESTIONS = 6


def suggest(request: SuggestionRequest) -> Suggestions:
    """Return actions in the order to take them; there is always at least one."""
    alert, incident = request.alert, request.incident
    suggestions = [
        one
        for make in (_look_elsewhere, _by_signal, _roll_back, _check_why_logs_stopped, _patch, _scale)
        if (one := make(alert, incident))
    ]
    ordered = sorted(suggestions, key=lambda one: ("high", "medium", "low").index(one.priority))[:MAX_SUGGESTIONS]
    ordered = ordered or [_look_at_instances(alert.service_name)]
    return Suggestions(
        produced_by="offline",
        suggestions=ordered,
        recommended_action=ordered[0].description,
    )


def _look_elsewhere(alert: Alert, incident: Incident) -> Suggestion | None:
    if (advice := look_elsewhere(alert.service_name, incident)) is None:
        return None
    action, steps = advice
    impact = f"Ends what {alert.service_name} suffers from."
    return Suggestion(type="api", description=action, steps=steps, priority="high", estimated_impact=impact)


def _roll_back(alert: Alert, incident: Incident) -> Suggestion | None:
    """Suggest a rollback when the service's own code began to fail: the last good version is the quickest fix."""
    trace = incident.stack_traces[0] if incident.stack_traces else None
    if trace is None or not trace.app_frames or incident.onset is None or trace.count_before_onset:
        return None
    if not incident.shows_before_onset:
        return None  # it may have failed all along
    if rollback_target(incident):
        return _undo(alert, incident)
    if incident.suspect_service:
        return None
    version = f" {alert.commit}" if alert.commit else ""
    is_own_fault = matching.of_trace(trace) is None
    reason = ": its own code began to fail then" if is_own_fault else ""
    unseen = "No deployment shows in what was read."
    line = next(iter(quote_trace(incident, trace)), None)
    needle = needle_of(trace, line.text) if line else trace.exception_type
    lines = followup_queries.lines_with(incident.log_selector, needle)
    return Suggestion(
        type="rollback",
        description=f"Roll {alert.service_name} back if{version or ' a version'} was deployed shortly before "
        f"{incident.onset:%Y-%m-%d %H:%M:%S} UTC{reason}.",
        steps=[
            *([] if incident.what_changed else [unseen]),
            *_step("After it, watch that this stops", lines),
        ],
        priority="high" if is_own_fault else "medium",
        estimated_impact=f"Ends {trace.exception_type} ({trace.count} times in the window) if the version caused it.",
    )


def _undo(alert: Alert, incident: Incident) -> Suggestion:
    """Suggest a rollback of what was seen to bring the error, or to come right before it."""
    impact = "Ends the error, which only the new instances write."
    if incident.rollout is None:
        impact = "Ends the error if the version that came before the onset brought it."
    return Suggestion(
        type="rollback",
        description=f"Roll {alert.service_name} back to {rollback_target(incident)}.",
        steps=[
            "Check that no data migration since then forbids going back.",
            "Deploy it, and watch that the error does not come back.",
        ],
        priority="high",
        estimated_impact=impact,
    )


def _by_signal(alert: Alert, incident: Incident) -> Suggestion | None:
    signal = matching.leading(incident)
    if signal is None or (signal.rule.kind == "crash" and incident.stack_traces):
        return None  # the trace of a crash says more and has its own suggestions
    return _for_kind(alert.service_name, incident, signal)


def _step(words: str, query: str) -> list[str]:
    """Return a step with its query, or none without one: the log store did not answer."""
    return [f"{words}: {query}"] if query else []


def _for_kind(service: str, incident: Incident, signal: Signal) -> Suggestion:
    selector = incident.log_selector
    name = signal.rule.name
    if signal.rule.kind == "dependency":
        return _for_dependency(service, incident, signal)
    if signal.rule.kind == "resource":
        return Suggestion(
            type="scale",
            description=f"Give {service} more capacity: {name}.",
            steps=[
                "Raise the limit that was reached, or add instances.",
                "Restart the instances that are stuck.",
                *_step(
                    "Find since when", "" if incident.onset else followup_queries.lines_with(selector, signal.quote)
                ),
            ],
            priority="high",
            estimated_impact="Stops the failures until the cause of the use is found.",
        )
    return _for_crash(service, selector, signal) if signal.rule.kind == "crash" else _for_configuration(service, name)


def _for_dependency(service: str, incident: Incident, signal: Signal) -> Suggestion:
    fallback = signal.rule.steps or ("If it stays down, switch to its fallback or shed the calls that need it.",)
    if target := signal.target:
        others = followup_queries.lines_naming(target, incident.other_logs_selector)
        return Suggestion(
            type="api",
            description=f"Check {target}: {service} reports about it: {signal.rule.name}.",
            steps=[
                f"See whether {target} is up and reachable from {service}.",
                *_step("See whether others fail there too", others),
                *fallback,
            ],
            priority="high",
            estimated_impact=f"Requests that need {target} succeed again.",
        )
    own = next((own for trace in incident.stack_traces if (own := deepest_own(trace.frames))), None)
    call = f"The call is made in {own.function or own.path}, {own.path}:{own.line}." if own else ""
    return Suggestion(
        type="api",
        description=f"Find what {service} calls there, and whether it answers: {signal.rule.name}.",
        steps=[*([call] if call else []), *fallback],
        priority="high",
        estimated_impact="Requests that need it succeed again.",
    )


def _for_crash(service: str, selector: str, signal: Signal) -> Suggestion:
    return Suggestion(
        type="api",
        description=f"Find out what ended {service}: it crashed.",
        steps=[
            *_step("Read the lines around the crash", followup_queries.lines_with(selector, signal.quote)),
            "Read the exit code and the reason each instance last ended; keep the core dump if there is one.",
            "If it crashes again after each start, go back to the version that ran before.",
        ],
        priority="high",
        estimated_impact="Shows what to fix.",
    )


def _for_configuration(service: str, name: str) -> Suggestion:
    return Suggestion(
        type="config",
        description=f"Check the configuration of {service}: {name}.",
        steps=[
            "Compare environment, secrets and permissions with the last good deployment.",
            "Restore what differs and restart one instance to confirm.",
        ],
        priority="high",
        estimated_impact="Ends the failures if the configuration caused them.",
    )


def _patch(_alert: Alert, incident: Incident) -> Suggestion | None:
    for trace in incident.stack_traces:
        own = deepest_own(trace.frames)
        if own is not None and matching.of_trace(trace) is None:
            place = own.path if own.line is None else f"{own.path}:{own.line}"
            where = f"{own.function} at {place}" if own.function and "<" not in own.function else place
            verb = "raises" if own is trace.frames[-1] else "runs into"
            return Suggestion(
                type="patch",
                description=f"For good, fix {where}, which {verb} {trace.exception_type}.",
                priority="medium",
                estimated_impact=f"Ends {trace.exception_type} for good.",
            )
    return None


def _scale(alert: Alert, incident: Incident) -> Suggestion | None:
    for anomaly in [] if incident.suspect_service else incident.error_summary.metric_anomalies:
        if measures_resource(anomaly.metric):
            return Suggestion(
                type="scale",
                description=f"Add instances of {alert.service_name}: {anomaly.description}.",
                steps=[f"Watch whether {anomaly.metric} returns to {anomaly.baseline:.4g}."],
                priority="medium",
                estimated_impact="Lowers the load of each instance while the cause is sought.",
            )
    return None


def _check_why_logs_stopped(alert: Alert, incident: Incident) -> Suggestion | None:
    """Lines that stop coming mean a service that stopped, or logs that no longer arrive."""
    if not any(one.metric == LOG_RATE for one in incident.error_summary.metric_anomalies):
        return None
    return Suggestion(
        type="api",
        description=f"See whether {alert.service_name} runs and answers: its log lines stopped coming.",
        steps=[
            f"Check the health of {alert.service_name}, and on its platform the instances and why each last stopped.",
            "If it does not answer, restart it; keep a thread dump of an instance that is stuck.",
            *_step("If it answers, look where its logs are lost", followup_queries.lines_of(incident.log_selector)),
        ],
        priority="high",
        estimated_impact="Distinguishes an outage from lost logs, and ends the outage.",
    )


def _look_at_instances(service: str) -> Suggestion:
    action, steps = look_at_instances(service)
    return Suggestion(
        type="api", description=action, steps=steps, priority="medium", estimated_impact="Narrows the search."
    )
