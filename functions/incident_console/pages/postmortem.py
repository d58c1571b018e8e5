"""The incident as a Markdown postmortem: facts filled in, and the sections that only people can write."""

import re
from collections.abc import Iterable, Iterator

from shared.bounds import clip
from shared.text.harmless import defanged, one_line, visible

from .incident_view import IncidentView

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~!])")
MAX_EVIDENCE_CHARS = 1_200


def postmortem(view: IncidentView) -> str:
    """Return the Markdown. Texts of others are inert in it: no markup, no links, no HTML."""
    parts = [*_head(view), *_timeline(view), *_causes(view), *_code(view), *_actions(view), *_evidence(view)]
    blanks = ["## What went well", "", "_To be written._", "", "## What to do differently", "", "_To be written._", ""]
    return "\n".join([*parts, *blanks, *_how(view)]) + "\n"


def inert(text: object) -> str:
    """Return a text for a line of Markdown, in which nothing is markup or a link."""
    return _MARKS.sub(r"\\\1", defanged(one_line(str(text))))


def fenced(text: str) -> list[str]:
    """Return a text as a code block that it cannot close."""
    body = visible(text)
    most_ticks = max((len(run) for run in re.findall(r"`+", body)), default=0)
    border = "`" * max(3, most_ticks + 1)
    return [border, body, border, ""]


def _head(view: IncidentView) -> Iterator[str]:
    trace = view.trace
    incident, alert, outcome = trace.incident, trace.alert, view.outcome
    yield from (f"# {inert(trace.document['service_name'])}: {inert(view.title)}", "")
    facts = {
        "Incident": trace.incident_id,
        "Outcome": view.outcome_words,
        "Severity": incident.severity if incident else "",
        "Kind": incident.incident_type_hint.replace("_", " ") if incident else "",
        "Alert": alert.alert_name if alert else "",
        "Alert fired": f"{alert.started_at:%Y-%m-%d %H:%M:%S} UTC" if alert and alert.started_at else "",
        "Onset": f"{incident.onset:%Y-%m-%d %H:%M:%S} UTC" if incident and incident.onset else "",
        "Received": f"{trace.created_at:%Y-%m-%d %H:%M:%S} UTC",
        "Brief after": f"{outcome.duration_ms / 1000:.1f} s" if outcome and outcome.duration_ms else "",
        "Pull request": view.pr_url if view.is_own(view.pr_url) else "",
        "Models": f"{view.tokens:,} tokens, ${view.cost_usd:.4f}",
    }
    yield from ("| | |", "|---|---|")
    for name, value in facts.items():
        if value:
            yield f"| {name} | {value if name == 'Pull request' else inert(value)} |"
    yield ""
    if incident:
        yield from ("## Impact", "", inert(incident.impact or "Not known."), "")
        yield from _list(incident.initial_symptoms)


def _timeline(view: IncidentView) -> Iterator[str]:
    incident, alert = view.trace.incident, view.trace.alert
    moments = [(change.at, change.what) for change in view.changes]
    moments += [(incident.onset, "Onset: the behaviour changed")] if incident and incident.onset else []
    moments += [(alert.started_at, f"The alert {alert.alert_name} fired")] if alert and alert.started_at else []
    pairs = zip(view.trace.runs, view.rows, strict=False)
    moments += [(run.start, f"{row.label}: {row.headline}") for run, row in pairs]
    yield from ("## Timeline (UTC)", "")
    for at, what in sorted(moments, key=lambda moment: moment[0]):
        yield f"- {at:%Y-%m-%d %H:%M:%S} {inert(what)}"
    yield ""


def _causes(view: IncidentView) -> Iterator[str]:
    yield from ("## Cause", "")
    if not view.causes:
        yield from ("No cause was found.", "")
    for number, one in enumerate(view.causes, 1):
        ids = ", ".join(one.cause.evidence_ids)
        yield f"{number}. {inert(one.cause.hypothesis)} ({one.cause.confidence:.0%}, by {ids})"
        for quote in one.quotes:
            mark = "" if quote.is_verbatim else " (not found word for word)"
            yield f"   - {quote.evidence_id}: “{inert(quote.text)}”{mark}"
    yield ""
    unknowns = view.trace.root_causes.unknowns if view.trace.root_causes else []
    if unknowns:
        yield from ("Not known:", "")
        yield from _list(unknown.what for unknown in unknowns)


def _code(view: IncidentView) -> Iterator[str]:
    code, solution = view.trace.code_analysis, view.trace.solution
    if code and code.suspect_commits:
        yield from ("## Suspect commits", "")
        for commit in code.suspect_commits:
            by = f"{inert(commit.subject)}, {inert(commit.author)}"
            yield f"- {commit.sha[:12]} {by} ({commit.score:.0%}): {inert(commit.why)}"
        yield ""
    if solution and solution.patch_withheld:
        yield from (f"No patch: {inert(solution.patch_withheld)}", "")


def _actions(view: IncidentView) -> Iterator[str]:
    suggestions, solution = view.trace.suggestions, view.trace.solution
    yield from ("## Actions", "")
    actions = [mitigation.action for mitigation in solution.mitigations] if solution else []
    actions += [suggestion.description for suggestion in suggestions.suggestions] if suggestions else []
    yield from (f"- [ ] {inert(action)}" for action in dict.fromkeys(actions))
    yield ""


def _evidence(view: IncidentView) -> Iterator[str]:
    yield from ("## Evidence", "")
    for piece in view.evidence:
        at = f", {piece.at:%Y-%m-%d %H:%M:%S} UTC" if piece.at else ""
        yield from (f"**{piece.id}** ({piece.source}{at})", "")
        yield from fenced(clip(piece.text, MAX_EVIDENCE_CHARS))


def _how(view: IncidentView) -> Iterator[str]:
    yield from ("## How this was worked out", "")
    for row in view.rows:
        cost = f", {row.tokens:,} tokens, ${row.cost_usd:.4f}" if row.tokens else ""
        yield f"- {inert(row.label)}: {row.state}, {row.seconds:.1f} s, {inert(row.model or 'no run')}{cost}"
        yield from (f"  - {inert(error)}" for error in row.errors)
    dropped = [claim for run in view.trace.runs for claim in run.entry["claims_dropped"]]
    if dropped:
        yield from ("", "Claims that code dropped:", "")
        yield from _list(dropped)


def _list(texts: Iterable[str]) -> Iterator[str]:
    yield from (f"- {inert(text)}" for text in texts)
    yield ""
