"""The early brief: what was read, and nothing that anybody concludes from it."""

from shared.bounds import clip
from shared.contracts import Failure, PostProcessRequest
from shared.text.harmless import one_line

from .model import Link, Links, Section, View
from .sections import code_lines, facts
from .sections.failures import degradations
from .view import Usage, in_users_terms, severity_of, since_words, title, warning

WHAT_FOLLOWS = "First facts. Cause and advice follow in this thread."


def early_subject(request: PostProcessRequest) -> str:
    """Return the subject of the early brief, and so of the whole thread: it follows from what was read alone."""
    facts_alone = request.replace(incident=request.facts)
    service = one_line(request.alert.service_name)
    return clip(f"[{severity_of(facts_alone)}] {service}: {title(facts_alone)}", 180)


def early_view(request: PostProcessRequest, failures: list[Failure], usage: Usage) -> View:
    """Return the facts of a request whose incident nobody has judged yet but the rules."""
    incident, severity = request.incident, severity_of(request)
    runbook = Links((Link("Runbook of this alert", request.alert.runbook_url),), is_button=True)
    sections = (
        Section("Runbook", (runbook,)) if request.alert.runbook_url else None,
        facts.what_changed(request),
        facts.errors(request),
        code_lines.code(request),
        facts.links(request),
    )
    read = f"{incident.lines_read:,} log lines read" if incident else "no logs read"
    return View(
        kind="early",
        tone=incident.severity if incident else "high",
        badge=f"{severity} severity, first facts",
        service=request.alert.service_name,
        headline=in_users_terms(request),
        since=since_words(request, usage),
        scope=WHAT_FOLLOWS,
        subject=early_subject(request),
        warning=warning([*failures, *degradations(request)]),
        sections=tuple(section for section in sections if section),
        footer=(read, f"Trace id: {request.incident_id}"),
    )
