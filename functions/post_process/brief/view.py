"""Turns a request into what its reader needs, in the order in which it is needed at 3 a.m."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from shared.analysis.series.still import is_measured_still
from shared.analysis.series.window import span
from shared.bounds import clip
from shared.contracts import Failure, Incident, OutcomeKind, PostProcessRequest
from shared.text.harmless import defanged, one_line

from .agreement import advises, contradicts_kind, summary
from .ended import ended_at
from .model import Block, Items, Section, Table, TextLine, Tone, View, Words, at_time, is_by_model, on_day
from .opinion import BriefWords
from .reader_time import ago, minute, short, zone
from .sections import actions, code_lines, conclusions, facts
from .sections.failures import answers, degradations, explain, lacking
from .sections.over_time import chart


@dataclass(frozen=True)
class Usage:
    """What the answer cost; `duration_ms` runs from the alert's arrival to the publication."""

    tokens: int = 0
    cost_usd: float = 0.0
    duration_ms: int = 0


def kind_of(request: PostProcessRequest, failures: list[Failure]) -> OutcomeKind:
    """Return how the incident ends: dismissed, degraded when anything failed or was missing, else full."""
    if request.incident and not request.incident.needs_response:
        return "dismissed"
    return "degraded" if failures or request.incident is None or degradations(request) else "full"


def severity_of(request: PostProcessRequest) -> str:
    """Return the severity, `unknown` when nothing was judged."""
    return request.incident.severity if request.incident else "unknown"


def headline(request: PostProcessRequest) -> str:
    """Return what is broken, in one line."""
    alert, incident = request.alert, request.incident
    symptoms = incident.initial_symptoms if incident else []
    # A model's symptom is no place for advice: what to do is said once, by code.
    symptom = next((one for one in symptoms if not (is_by_model(incident) and advises(one))), "")
    if incident and incident.verdict == "cannot_tell":
        symptom = f"Cannot tell whether {alert.service_name} is harmed. {alert.summary or alert.alert_name}".strip()
    text = symptom or alert.summary or alert.alert_name or f"Alert on {alert.service_name}"
    return clip(" ".join(text.split()), 160)


def title(request: PostProcessRequest) -> str:
    """
    Return what users meet, else what is broken, for a subject.

    In words of code and of the alert's rule: nothing of a line, no model's.
    """
    alert, incident = request.alert, request.incident
    text = (incident.impact.rstrip(".") or incident.title) if incident and incident.needs_response else ""
    text = text or (incident.title if incident else "")
    if incident and incident.verdict == "cannot_tell":
        text = f"Cannot tell whether {alert.service_name} is harmed. {alert.summary or alert.alert_name}".strip()
    text = text or alert.summary or alert.alert_name or f"Alert on {alert.service_name}"
    return clip(defanged(one_line(text)), 160)


def since(request: PostProcessRequest) -> datetime | None:
    """Return when it started: the onset in telemetry, else what the alert's sender reported."""
    onset = request.incident.onset if request.incident else None
    return onset or request.alert.started_at


def view(request: PostProcessRequest, failures: list[Failure], usage: Usage, words: BriefWords, link: str = "") -> View:
    """
    Return the whole brief; `failures` holds every failure known so far, `words` may open it.

    `link` names the incident of another service that has the same cause.
    """
    kind = kind_of(request, failures)
    incident = request.incident
    troubles = [*failures, *degradations(request)]
    what_failed = Section("What failed", tuple(explain(troubles))) if troubles else None
    linked = Section("The same cause elsewhere", (TextLine(f"{link}."),)) if link else None
    before, after = _sections(request, kind, words)
    severity = severity_of(request)
    state = ", cannot tell" if incident and incident.verdict == "cannot_tell" else ""
    ended = ", ended" if ended_at(incident) else ""
    mark = f"[{severity}{ended or state}]"
    marks = {"full": mark, "degraded": f"{mark} [degraded]", "dismissed": "[dismissed]"}
    return View(
        kind=kind,
        tone=_tone(incident, kind),
        badge="no response needed" if kind == "dismissed" else f"{severity} severity{ended}",
        service=request.alert.service_name,
        headline=in_users_terms(request),
        since=since_words(request, usage),
        scope=" ".join(filter(None, (_scope(request), _owners(request), words.seen_before))),
        subject=clip(f"{marks[kind]} {one_line(request.alert.service_name)}: {title(request)}", 180),
        warning=warning(troubles),
        sections=tuple(section for section in (*before, linked, what_failed, *after) if section),
        footer=_footer(request, usage),
    )


def announcement(request: PostProcessRequest, failures: list[Failure]) -> dict[str, Any]:
    """Return what other systems receive: the few facts they show, and the incident as JSON."""
    incident, pull_request = request.incident, request.pull_request
    causes = request.root_causes.root_causes if request.root_causes else []
    started = since(request) or request.alert.received_at
    troubles = [*failures, *degradations(request)]
    return {
        "incident_id": request.incident_id,
        # The trace's name for the same id; receivers read either.
        "invocation_id": request.incident_id,
        "kind": kind_of(request, failures),
        "service_name": request.alert.service_name,
        "alert_name": request.alert.alert_name,
        "severity": incident.severity if incident else "unknown",
        "incident_type": incident.incident_type_hint if incident else "unknown",
        "title": title(request),
        "headline": headline(request),
        "impact": incident.impact if incident else "",
        "since": started.isoformat(),
        "most_likely_cause": conclusions.stated(causes[0], request) if causes else "",
        "confidence": causes[0].confidence if causes else None,
        "recommended_action": actions.recommended(request),
        "pr_url": pull_request.pr_url if pull_request else None,
        # The page alone: the code that opens it stands in the mail.
        "approval_url": pull_request.approval_url if pull_request and pull_request.awaits_approval else None,
        "failures": [failure.model_dump() for failure in troubles],
        "incomplete": lacking(troubles),
        "incident": incident.model_dump(mode="json") if incident else None,
    }


def deployed(request: PostProcessRequest) -> dict[str, Any] | None:
    """
    Return the deploy that the analysis names, as other systems receive it; None when it names none.

    That is the rollout that explains the leading error, else the first that was rolled out or reported.
    """
    incident = request.incident
    if incident is None or not incident.needs_response:
        return None
    deploys = [one for one in incident.what_changed if one.kind in ("rollout", "reported")]
    change = incident.rollout or next(iter(deploys), None)
    if change is None:
        return None
    commits = request.code_analysis.suspect_commits if request.code_analysis else []
    details = {"what": change.what, "at": change.at.isoformat(), "kind": change.kind, "commit": ""}
    details |= {"version_before": change.version_before, "version_after": change.version_after}
    details |= {"commit": f"{commits[0].sha} {commits[0].subject}"} if commits else {}
    return {
        "incident_id": request.incident_id,
        "service_name": request.alert.service_name,
        "change": details,
        "change_url": change.link or (commits[0].url if commits else "") or "",
    }


def _sections(
    request: PostProcessRequest, kind: OutcomeKind, words: BriefWords
) -> tuple[tuple[Section | None, ...], tuple[Section | None, ...]]:
    """Return the sections before and after the one on what failed."""
    if kind == "dismissed" and request.incident:
        return (_why_dismissed(request.incident), _looked_at(request.incident, request)), (
            facts.patterns(request.incident),
            facts.hints(request.incident),
            facts.links(request),
        )
    unknown, best = _missing(request.incident), conclusions.cause(request)
    # What a reader needs first fills the first screen of a phone; whatever explains it comes after.
    return (unknown, best, actions.do_now(request, conclusions.button(request))), (
        conclusions.grounds(request),
        facts.what_changed(request),
        actions.then(request),
        conclusions.pull_request(request),
        _in_short(request, words),
        actions.remarks(request),
        code_lines.code(request),
        facts.errors(request),
        facts.timeline(request),
        facts.patterns(request.incident),
        facts.unknowns(request),
        facts.links(request, words.ended_by_url),
    )


def _in_short(request: PostProcessRequest, words: BriefWords) -> Section | None:
    """Return the model's opening, in which code alone says what to do."""
    text = summary(clip(words.summary, 900), actions.recommended(request))
    return Section("In short", (Words(clip(text, 1200)),)) if text else None


def _missing(incident: Incident | None) -> Section | None:
    """Return what would be needed to tell, first of all when nobody can tell."""
    if incident is None or incident.verdict != "cannot_tell":
        return None
    sentences = tuple(clip(sentence, 400) for sentence in incident.missing)
    errors = incident.error_summary.total_errors
    seen = "Nothing that was read shows harm or health."
    if errors:
        counted = "1 error line was read" if errors == 1 else f"{errors:,} error lines were read"
        seen = f"{counted}; whether that is usual for the service cannot be seen."
    return Section("Cannot tell: what is missing", (TextLine(seen), Items(sentences)))


def _why_dismissed(incident: Incident) -> Section:
    symptoms = tuple(clip(symptom, 300) for symptom in incident.initial_symptoms[:5])
    reasoning = clip(incident.reasoning, 1200) or "The evidence shows no harm."
    blocks: list[Block] = [Items(tuple(clip(proof, 400) for proof in incident.health))] if incident.health else []
    blocks += [Words(reasoning)] if is_by_model(incident) or not incident.health else []
    blocks += [Items(symptoms)] if symptoms else []
    return Section("Why no response is needed", tuple(blocks))


def _looked_at(incident: Incident, request: PostProcessRequest) -> Section:
    counts, received = incident.error_summary, request.alert.received_at
    drawn = chart(request)
    rows = (
        ("Window", f"{on_day(incident.start, received)} {at_time(incident.start)} to {at_time(incident.end)} UTC"),
        ("Log lines", f"{incident.lines_read:,}"),
        ("Errors", f"{counts.total_errors:,}"),
        ("Warnings", f"{counts.total_warnings:,}"),
        ("Query", clip(incident.log_query_used, 300) or "none"),
    )
    return Section("What was looked at", (Table(("What", "Found"), rows), *([drawn] if drawn else ())))


def _tone(incident: Incident | None, kind: OutcomeKind) -> Tone:
    if kind == "dismissed":
        return "calm"
    return incident.severity if incident else "high"


def since_words(request: PostProcessRequest, usage: Usage) -> str:
    """Return since when, by the reader's clock and UTC, how long before it was written, and whether it goes on."""
    started, received, where = since(request), request.alert.received_at, zone()
    name = f"Alert {clip(request.alert.alert_name, 120)}, received" if request.alert.alert_name else "Alert received"
    if started is None:
        return f"Since: not known. {name} {minute(received, where)}"
    is_same_day = started.astimezone(where).date() == received.astimezone(where).date()
    alert_received = f"{name} {minute(received, where, started, has_day=not is_same_day)}"
    before = ago(started, received + timedelta(milliseconds=usage.duration_ms))
    return (
        f"Since {minute(started, where, received)}{f', {before}' if before else ''}"
        f"{_still(request.incident, where)}. {alert_received}"
    )


def _still(incident: Incident | None, where: tzinfo) -> str:
    """Return whether it went on until what was read ends, or when it was last seen; empty when nothing shows it."""
    counts = incident.error_summary.errors_over_time if incident else []
    if incident is None:
        return ""
    still = f", still at {short(incident.end, where)}"
    if not any(counts):
        return still if is_measured_still(incident) else ""
    seen = [trace.last_seen for trace in incident.stack_traces]
    seen += [pattern.last_seen for pattern in incident.patterns if pattern.level in ("error", "fatal")]
    if not seen:
        return ""
    is_going_on = incident.end - max(seen) <= 2 * (incident.end - incident.start) / len(counts)
    if is_going_on or is_measured_still(incident):
        return still
    return f", last seen at {short(max(seen), where)}"


def in_users_terms(request: PostProcessRequest) -> str:
    """Return what users meet, where it was measured; else what is broken, as `headline` does."""
    incident = request.incident
    if incident is not None and not incident.needs_response and incident.health and not incident.initial_symptoms:
        return clip(f"No harm seen. {headline(request)}", 160)
    if incident is None or not incident.needs_response or not incident.impact:
        return headline(request)
    return clip(incident.impact.rstrip("."), 160)


def _scope(request: PostProcessRequest) -> str:
    """Return the kind of fault and which other services are affected, after the symptom where that is no headline."""
    incident = request.incident
    if incident is None or not incident.needs_response:
        return ""
    kind = (
        "Unknown" if incident.verdict == "cannot_tell" else incident.incident_type_hint.replace("_", " ").capitalize()
    )
    if contradicts_kind(actions.leads_back(request), incident.incident_type_hint):
        kind = ""
    others = [name for name in incident.affected_services if name != request.alert.service_name]
    also = f" Also affected: {', '.join(others)}." if others else ""
    # The cause says it again.
    is_named = request.root_causes is not None and bool(request.root_causes.root_causes)
    # The share that fails is in both, in the same words.
    is_repeated = headline(request).lower().startswith(incident.impact.partition(",")[0].rstrip(".").lower())
    symptom = f"{headline(request).rstrip('.')}. " if incident.impact and not (is_named or is_repeated) else ""
    named = "Kind of fault not known." if kind == "Unknown" else f"{kind}." if kind else ""
    return clip(f"{symptom}{named}{also}".strip(), 400)


def _owners(request: PostProcessRequest) -> str:
    return clip(request.code_analysis.owners, 200) if request.code_analysis else ""


def warning(troubles: list[Failure]) -> str:
    """Return what the reader lacks, in a line; empty when nothing failed."""
    if not troubles:
        return ""
    return clip(f"Incomplete. {lacking(troubles)} See “What failed”.", 300)


def _footer(request: PostProcessRequest, usage: Usage) -> tuple[str, ...]:
    makers = dict.fromkeys(answer.produced_by for _, answer in answers(request))
    named = ", ".join("offline analyst (rules, no model)" if maker == "offline" else maker for maker in makers)
    took = f"written {span(timedelta(milliseconds=usage.duration_ms))} after the alert" if usage.duration_ms else ""
    cost = f"{usage.tokens:,} tokens, ${usage.cost_usd:.4f}" if usage.tokens else ""
    read = f"{request.incident.lines_read:,} log lines read" if request.incident else "no logs read"
    return (
        f"Analysed by: {named or 'nobody, no analysis arrived'}",
        ", ".join(filter(None, (cost, read, took))),
        f"Trace id: {request.incident_id}",
    )
