"""Hypotheses from templates over evidence; one that can quote no evidence is not returned."""

from collections.abc import Sequence
from datetime import datetime

from shared.analysis.causes.quotes import evidence_of, quote, quote_trace
from shared.analysis.causes.resource_use import use_of
from shared.analysis.code.paths import deepest_own, is_test
from shared.analysis.faults import matching
from shared.analysis.faults.leading import is_background, is_new, signal_of
from shared.analysis.faults.matching import Signal
from shared.analysis.faults.settings import setting_of
from shared.analysis.logs.levels import SERVER_ERROR
from shared.analysis.series.change_point import SURE
from shared.analysis.series.condition import MAX_LAG
from shared.analysis.series.metric_anomalies import HARM, LOG_RATE
from shared.analysis.series.still import is_measured_still
from shared.analysis.series.window import span
from shared.bounds import clip
from shared.contracts import (
    Alert,
    Evidence,
    Incident,
    LogPattern,
    MetricAnomaly,
    Quote,
    RootCause,
    StackTrace,
    SuspectBasis,
)
from shared.text.short_name import short_name

NEW_OWN_TRACE, WIDE_OWN_TRACE = 0.86, 0.5
"""
Of a trace that is new: how often the first file named was at fault where the stack is in at most FEW_FILES files of the
service, and where it is in more. Chosen on 51 recorded incidents (37 of 43, 4 of 8); on 56 others: 42 of 47, 4 of 9.
"""
FEW_FILES = 2
OWN_TRACE = 0.5
FOREIGN_TRACE = 0.35
BACKGROUND = 0.1
DOUBTFUL = (
    "It stands in a value of another line, in an ordinary one, or in a kind that mostly comes without a trace, so that "
    "a user of the service may have sent it."
)
NAMED_FAULT = 0.6
STEADY_FAULT = 0.35
ROLLED_OUT = 0.6
SUSPECTED: dict[SuspectBasis, float] = {"changed": 0.6, "failed_first": 0.6, "time": 0.4, "perhaps_changed": 0.35}
"""By what a suspect rests on; where most of the time passes, that may be usual."""
DEPLOYED = 0.45
METRIC = 0.4
SENTENCES = {
    "dependency": "{target}, which {service} calls, fails: {name}.",
    "resource": "{service} ran out of a resource: {name}.",
    "config": "{service} is configured or permitted wrongly: {name}.",
    "crash": "{service} crashes.",
}
UNNAMED_DEPENDENCY = "{service} fails at what it calls: {name}; no line that was read names it."


def from_trace(incident: Incident, trace: StackTrace, service: str) -> RootCause | None:
    """
    Return a hypothesis from the exception and the deepest frame of the service's own code.

    A resource, dependency or setting that the exception names goes before the frame that reports it.
    """
    quotes = quote_trace(incident, trace)
    if not quotes or trace.evidence_id is None:
        return None
    own = deepest_own(trace.frames)
    hypothesis = f"{_event(trace, _raised(trace, _same_event(incident, trace)))}, {_when(incident, trace)}"
    touched = [own.path] if own else []
    signal, line = signal_of(incident, trace)
    if signal is not None and signal.rule.kind != "crash":
        use, stated = use_of(incident, signal)
        # The fault stands for the message of the exception, which a quote holds.
        event = _event(trace, short_name(trace.exception_type))
        hypothesis = f"{_named_fault(service, signal, use)} {event}, {_when(incident, trace)}."
        named = [Quote(evidence_id=line.evidence_id, text=signal.quote)] if line and line.evidence_id else []
        quotes = [*named, *quotes, *(one for one in stated if one not in quotes)]
        confidence = NAMED_FAULT if is_new(incident, trace) else STEADY_FAULT
        touched = [*_touched(service, signal), *touched]
    elif own is not None:
        hypothesis, confidence = f"{hypothesis}.", _own_trace(trace) if is_new(incident, trace) else OWN_TRACE
    else:
        hypothesis, confidence = f"{hypothesis}; by their paths all frames are of libraries.", FOREIGN_TRACE
    if is_background(incident, trace):
        hypothesis, confidence = f"{hypothesis} It came before the onset too, and no rise is certain.", BACKGROUND
    if trace.is_doubtful:
        hypothesis = f"{hypothesis} {DOUBTFUL}"
    return _cause(hypothesis, confidence, quotes, touched)


def _own_trace(trace: StackTrace) -> float:
    files = {frame.path for frame in trace.app_frames if not is_test(frame.path)}
    return NEW_OWN_TRACE if len(files) <= FEW_FILES else WIDE_OWN_TRACE


def is_same_event(one: StackTrace, other: StackTrace) -> bool:
    """Return whether two traces came in the same entries, as an exception that is raised from another."""
    return (one.count, one.first_seen, one.last_seen) == (other.count, other.first_seen, other.last_seen)


def _same_event(incident: Incident, trace: StackTrace) -> list[str]:
    """Return what else is raised in the same chain, or in the same entries."""
    raised = [f"{one.exception_type}: {one.message}" for one in incident.stack_traces if is_same_event(one, trace)]
    own = f"{trace.exception_type}: {trace.message}"
    return [text.rstrip(": .") for text in dict.fromkeys([*trace.caused_by, *raised]) if text != own]


def _raised(trace: StackTrace, others: Sequence[str]) -> str:
    """Say what is raised, and what else with it."""
    raised = clip(f"{trace.exception_type}: {trace.message}".rstrip(": ."), 300)
    return f"{raised} (with {clip(others[0], 250)})" if others else raised


def _event(trace: StackTrace, raised: str) -> str:
    """Say where in the service's own code it is raised."""
    own = deepest_own(trace.frames)
    if own is None:
        return f"A library raises {raised}"
    place = own.path if own.line is None else f"{own.path}:{own.line}"
    where = f"{short_name(own.function, 2)} ({place})" if own.function and "<" not in own.function else place
    if own is trace.frames[-1]:
        return f"{where} raises {raised}"
    return f"What {where} calls raises {raised}"


def from_signals(incident: Incident, service: str) -> list[RootCause]:
    """
    Return hypotheses from what log lines and exceptions say about a dependency, a resource or the configuration.

    One piece of evidence makes one hypothesis, from the most specific rule: matching two rules does not make it more
    certain. What a trace says belongs to that trace's hypothesis.
    """
    causes: list[RootCause] = []
    signals = [signal_of(incident, trace)[0] for trace in incident.stack_traces]
    rule_names = {signal.rule.name for signal in signals if signal} | (
        {"crash"} if incident.stack_traces else set[str]()
    )
    faults: set[tuple[str, str]] = set()
    by_traces = {trace.evidence_id for trace in incident.stack_traces}
    for one in _logs_of(incident):
        if one.id in by_traces:
            continue
        signal = next(iter(matching.find(one.text, 1)), None)
        if signal is None or signal.rule.name in rule_names or (signal.rule.name, signal.target) in faults:
            continue
        if signal.quote and signal.quote in one.text:
            faults.add((signal.rule.name, signal.target))
            causes.append(_from_signal(incident, service, one, signal))
    return causes


def from_rollout(alert: Alert, incident: Incident) -> RootCause | None:
    """Return a hypothesis from new instances that alone wrote the leading error."""
    change = incident.rollout
    evidence = evidence_of(incident, change.evidence_id) if change else None
    if change is None or evidence is None:
        return None
    at = f"{change.at:%H:%M:%S} UTC"
    what = f"Version {change.version_after}, rolled out at {at}," if change.version_after else f"The rollout at {at}"
    hypothesis = f"{what} brought the error: it comes from the new instances alone."
    return _cause(hypothesis, ROLLED_OUT, quote(evidence), [alert.service_name])


def from_other_service(incident: Incident, service: str) -> RootCause | None:
    """Return a hypothesis from the service where the trouble begins, by the requests that were followed."""
    suspect = incident.own_part or next((one for one in incident.other_services if one.role == "suspect"), None)
    if suspect is None or suspect.basis is None:
        return None
    evidence = [evidence_of(incident, id_) for id_ in (suspect.evidence_id, suspect.metrics_evidence_id)]
    quotes = [one for each in evidence if each for one in quote(each)]
    name = suspect.service_name
    if suspect.basis == "failed_first":
        counted = f"{suspect.failed_first_in} of {suspect.requests} failing requests that were followed"
        what = f"{name} fails, and {service} with it: in {counted} its error was the first."
        if name == service:
            if incident.onset is None or not quotes:
                return None  # it may fail so all the time
            what = f"{service}'s own error comes first, in {counted}: “{clip(quotes[0].text, 300)}”."
    elif suspect.basis == "time":
        what = f"{service} waits for {name} most of the time of the requests that were followed."
    elif not suspect.behaviour:
        return None  # nothing can be said of what changed
    elif name == service:
        what = f"It begins in {service} itself, by its requests that were followed."
    else:
        begins = "may begin" if suspect.basis == "perhaps_changed" else "begins"
        what = f"It {begins} in {name}, by the requests of {service} that were followed."
    hypothesis = " ".join(part for part in (what, suspect.behaviour) if part)
    return _cause(clip(hypothesis, 800), SUSPECTED[suspect.basis], quotes, [name, service]) if quotes else None


def from_deploy(alert: Alert, incident: Incident) -> RootCause | None:
    """Return a hypothesis from a start, a rollout or a new configuration that the logs show before the onset."""
    if incident.rollout is not None:
        return None  # which says more
    for one in incident.evidence:
        if one.source == "logs" and one.at and incident.onset and one.at <= incident.onset and is_change(one.text):
            quotes = quote(one)
            version = f" ({alert.commit})" if alert.commit else ""
            hypothesis = f"The start or change at {one.at:%H:%M:%S} UTC{version}, before the onset, caused it."
            return _cause(hypothesis, DEPLOYED, quotes, [alert.service_name])
    return None


def from_metric(incident: Incident, anomaly: MetricAnomaly, service: str) -> RootCause | None:
    """Return a hypothesis from a series that left its range; one that shows the harm itself names no cause."""
    evidence = evidence_of(incident, anomaly.evidence_id)
    if evidence is None or anomaly.metric in HARM:
        return None
    quotes = [Quote(evidence_id=evidence.id, text=evidence.text)]
    if anomaly.metric == LOG_RATE:
        last = next((one for one in incident.evidence if one.source == "logs" and one.at == anomaly.at), None)
        hypothesis = f"{service} is down or stuck since {anomaly.at:%H:%M:%S} UTC, or its logs no longer arrive."
        return _cause(hypothesis, METRIC, [*quotes, *quote(last)], [service])
    if anomaly.metric == "up":
        return _cause(
            f"{service} is down since {anomaly.at:%H:%M:%S} UTC: no scrape reaches it.", METRIC, quotes, [service]
        )
    moved = evidence.text.removeprefix(f"{anomaly.metric}: ")
    hypothesis = f"{anomaly.metric} of {service} left its usual range: {moved}."
    return _cause(hypothesis, METRIC, quotes, [service])


def from_server_errors(incident: Incident, service: str) -> RootCause | None:
    """Return a hypothesis from server errors in the service's own access log, which does not say why they happen."""
    for one in _logs_of(incident):
        if SERVER_ERROR.search(one.text):
            hypothesis = f"{service} itself answers requests with server errors; no line that was read says why."
            return _cause(hypothesis, FOREIGN_TRACE, quote(one), [service])
    return None


def is_change(text: str) -> bool:
    """Return whether the line reports a start, a deployment, a migration or a new configuration."""
    return bool(matching.CHANGE.search(text.partition("\n")[0]))


def _from_signal(incident: Incident, service: str, one: Evidence, signal: Signal) -> RootCause:
    pattern = next((each for each in incident.patterns if each.evidence_id == one.id), None)
    is_certain = is_new(incident, pattern) if pattern else incident.onset is not None and incident.shows_before_onset
    confidence = NAMED_FAULT if is_certain else STEADY_FAULT
    if pattern and is_background(incident, pattern):
        confidence = BACKGROUND
    use, stated = use_of(incident, signal)
    quotes = [Quote(evidence_id=one.id, text=signal.quote), *(each for each in stated if each.evidence_id != one.id)]
    seen = f" Written {_when(incident, pattern)}." if pattern else ""
    return _cause(f"{_named_fault(service, signal, use)}{seen}", confidence, quotes, _touched(service, signal))


def _named_fault(service: str, signal: Signal, use: str) -> str:
    sentence = (
        UNNAMED_DEPENDENCY if signal.rule.kind == "dependency" and not signal.target else SENTENCES[signal.rule.kind]
    )
    setting = setting_of(signal.quote) if signal.rule.name == "missing configuration" else ""
    detail = signal.detail or use or setting
    name = f"{signal.rule.name} ({detail})" if detail else signal.rule.name
    return sentence.format(service=service, target=signal.target, name=name)


def _touched(service: str, signal: Signal) -> list[str]:
    return [service, signal.target] if signal.target else [service]


def _logs_of(incident: Incident) -> list[Evidence]:
    """Return log evidence of errors and warnings in the order of the traces and patterns, most informative first."""
    ids = [trace.evidence_id for trace in incident.stack_traces]
    ids += [pattern.evidence_id for pattern in incident.patterns if pattern.level in ("fatal", "error", "warning")]
    return [one for evidence_id in ids if (one := evidence_of(incident, evidence_id)) is not None]


def _when(incident: Incident, seen: StackTrace | LogPattern) -> str:
    """Say how often since when, how often before, and that it ended where it surely did."""
    count, before = seen.count, seen.count_before_onset
    ended = f", the last at {seen.last_seen:%H:%M:%S} UTC and none since" if _has_ended(incident, seen) else ""
    if incident.onset is None:
        return f"{_times(count)} from {seen.first_seen:%H:%M:%S} UTC on, without a clear start{ended}"
    return f"{_since(incident, incident.onset, count, before)}{ended}"


def _has_ended(incident: Incident, seen: StackTrace | LogPattern) -> bool:
    """Return whether it stayed away for so long that, at the rate before, it would surely have come again."""
    spread = (seen.last_seen - seen.first_seen).total_seconds()
    quiet = (incident.end - seen.last_seen).total_seconds()
    # Logs may come late, and a metric may still show what they do not.
    is_quiet = incident.end - seen.last_seen > MAX_LAG and not is_measured_still(incident)
    return is_quiet and seen.count > 1 and quiet * (seen.count - 1) > SURE * spread > 0


def _since(incident: Incident, onset: datetime, count: int, before: int) -> str:
    since = f"{_times(count - before)} since {onset:%H:%M:%S} UTC"
    if before:
        return f"{since}, {_times(before)} before"
    if not incident.shows_before_onset:
        return f"{since}, where reading began"
    return f"{since}, none in the {span(onset - incident.start)} read before"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _cause(hypothesis: str, confidence: float, quotes: list[Quote], components: list[str]) -> RootCause:
    return RootCause(
        hypothesis=hypothesis,
        confidence=confidence,
        evidence_ids=list(dict.fromkeys(one.evidence_id for one in quotes)),
        quotes=quotes,
        affected_components=list(dict.fromkeys(components)),
    )
