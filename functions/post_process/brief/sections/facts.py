"""The sections with facts: error counts, timeline, log patterns, what is not known, where to look."""

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo

from shared.bounds import both_ends, clip
from shared.contracts import Change, Incident, LogPattern, PostProcessRequest, StackTrace
from shared.text.short_name import short_name

from ..model import (
    Block,
    Code,
    Items,
    Link,
    Links,
    Section,
    Table,
    TextLine,
    Words,
    at_time,
    on_day,
)
from ..reader_time import second, zone
from .code_lines import suspects
from .over_time import chart

LINKS = 8
CHANGES = 8
PATTERNS = 8
LINE_CHARS = 240
_SOURCES = {"A": "Grafana", "C": "code host", "L": "log line", "M": "metrics", "T": "stack trace"}
"""Where evidence comes from, by the first character of its id."""


def what_changed(request: PostProcessRequest) -> Section | None:
    """Return what changed near the onset by all that was read, the closest first, each with its source."""
    incident, code = request.incident, request.code_analysis
    if incident is None or not (changes := [*incident.what_changed, *(code.what_changed if code else ())]):
        return None
    onset = incident.onset or incident.end
    where = zone()
    ranked = sorted(_once(changes), key=lambda pair: abs(pair[0].at - onset))[:CHANGES]
    rows = tuple(_change(one, sources, incident.onset, where) for one, sources in ranked)
    pages = tuple(Link(f"Source of {at_time(one.at)} UTC", one.link) for one, _ in ranked if one.link)
    return Section("What changed", (Items(rows), *([Links(pages)] if pages else ())), expendable=1)


def _once(changes: Sequence[Change]) -> list[tuple[Change, list[str]]]:
    """Return each change with its evidence; what a line or Grafana says of a version is part of its deployment."""
    deployments = [one for one in changes if one.kind == "reported" and one.version_after]
    facts = [(one, [one.evidence_id] if one.evidence_id else []) for one in changes]
    for one, sources in list(facts):
        if one.kind != "reported" or one.version_after:
            continue
        same = next((each for each in deployments if _names(one.what, each.version_after)), None)
        if same is not None and (one.evidence_id or "")[:1] in ("L", "A"):
            facts.remove((one, sources))
            next(others for each, others in facts if each is same).extend(sources)
    return facts


def _names(text: str, version: str) -> bool:
    """Return whether a text names a version, with or without its `v`."""
    return re.search(rf"(?<![\w.-])v?{re.escape(version.removeprefix('v'))}(?!\w|[.-]\w)", text) is not None


def _change(change: Change, sources: Sequence[str], onset: datetime | None, where: tzinfo) -> str:
    after = ", after the onset" if onset is not None and change.at > onset else ""
    named = dict.fromkeys(_SOURCES.get(id_[:1], id_) for id_ in sources)
    cited = f" [{', '.join(named)}]" if named else ""
    return f"{second(change.at, where)}{after}: {clip(change.what, 500)}{cited}"


def errors(request: PostProcessRequest) -> Section | None:
    """Return counts, a chart, the kinds of error and the metrics that left their range."""
    incident = request.incident
    if incident is None:
        return None
    counts = incident.error_summary
    peak = f", most in the minute from {counts.peak_error_time:%H:%M}" if counts.peak_error_time else ""
    window = f"from {at_time(incident.start)} to {at_time(incident.end)} UTC"
    # One failure may write several.
    errors = f"{counts.total_errors:,} error lines"
    if counts.failures is not None and counts.failures < counts.total_errors:
        errors = f"{counts.failures:,} failures, in {counts.total_errors:,} error lines,"
    counted = f"{errors} and {counts.total_warnings:,} warnings {window}{peak}."
    blocks: list[Block] = [TextLine(counted if incident.lines_read else _uncounted(incident, window))]
    if drawn := chart(request):
        blocks.append(drawn)
    kinds = [(name, count) for name, count in counts.error_types.items() if count <= counts.total_errors]
    # One kind is the headline, and is quoted.
    if len(kinds := sorted(kinds, key=lambda item: -item[1])[:6]) > 1:
        blocks.append(Table(("Error", "Count"), tuple((clip(name, 120), f"{count:,}") for name, count in kinds)))
    # The first is the headline, where no measure of what users meet is.
    first = 0 if incident.impact else 1
    # So is the share that fails, in the same words.
    met = incident.impact.partition(",")[0].rstrip(".").lower()
    listed = [one for one in incident.initial_symptoms[first:5] if not (met and one.lower().startswith(met))]
    if symptoms := tuple(clip(symptom, 300) for symptom in listed):
        blocks.insert(1, Items(symptoms))
    # What is drawn is described by the chart.
    others = [one for one in counts.metric_anomalies if drawn is None or one.metric != drawn.title]
    if anomalies := tuple(clip(anomaly.description, 300) for anomaly in others[:5]):
        blocks.append(Items(anomalies))
    return Section("Errors", tuple(blocks), expendable=2)


def _uncounted(incident: Incident, window: str) -> str:
    """Return why there are no counts: without log lines, zero errors would mislead."""
    if incident.log_query_used:
        return f"No log line was found {window}, so there was nothing to count."
    return f"The logs {window} were not read, so errors were not counted."


def timeline(request: PostProcessRequest) -> Section | None:
    """Return what happened when, oldest first."""
    incident = request.incident
    happened: list[tuple[datetime, str]] = [(request.alert.received_at, "Alert received")]
    happened += [(request.alert.started_at, "Alert began to fire")] if request.alert.started_at else []
    if incident:
        happened += [(incident.onset, "Behaviour changed (onset)")] if incident.onset else []
        happened += [(trace.first_seen, _first(trace)) for trace in incident.stack_traces[:3]]
        happened += [(one.at, f"{one.metric} left its range") for one in incident.error_summary.metric_anomalies[:3]]
    commits = suspects(request.code_analysis)[:3]
    happened += [(commit.at, f"Commit {commit.sha[:10]}: {commit.subject}") for commit in commits]
    happened = sorted(dict.fromkeys(happened), key=lambda event: event[0])
    where = zone()
    has_one_day = len({moment.astimezone(where).date() for moment, _ in happened}) == 1
    # One row of another year makes all rows show their year, so that they can be compared.
    moments = [moment for moment, _ in happened]
    days = ["" if has_one_day else f"{on_day(moment.astimezone(where), *moments)} " for moment in moments]
    has_offset = any(moment.astimezone(where).utcoffset() for moment in moments)
    times = [second(moment, where) if has_offset else at_time(moment) for moment in moments]
    rows = tuple((day + at, clip(what, 140)) for day, at, (_, what) in zip(days, times, happened, strict=True))
    head = f"{moments[0].astimezone(where):%Z}" if has_offset else "UTC"
    return Section("Timeline", (Table((head, "What"), rows),), expendable=3) if len(rows) > 1 else None


def _first(trace: StackTrace) -> str:
    # Its message is where it is quoted.
    return f"First {short_name(trace.exception_type)}"


def patterns(incident: Incident | None) -> Section | None:
    """Return the most significant log patterns."""
    if incident is None or not incident.patterns:
        return None
    rows = tuple(
        (f"{pattern.count:,}", pattern.level, _line_of(pattern), at_time(pattern.first_seen))
        for pattern in incident.patterns[:PATTERNS]
    )
    table = Table(("Count", "Level", "Line (variable parts as <*>)", "First"), rows)
    others = len(incident.patterns) - len(rows) + incident.left_out.get("patterns", 0)
    more = (TextLine(f"{others:,} more {'kind of line is' if others == 1 else 'kinds of lines are'} not listed."),)
    return Section("Log patterns", (table, *(more if others else ())), expendable=4)


def _line_of(pattern: LogPattern) -> str:
    """Return the template, both its ends where it is long, and what is raised with it."""
    text = both_ends(pattern.template, LINE_CHARS)
    raised = "" if clip(pattern.raises, 60, "") in text else clip(pattern.raises, LINE_CHARS)
    return f"{text} → {raised}" if raised else text


def hints(incident: Incident | None) -> Section | None:
    """Return which settings would let more be read."""
    return Section("Settings", (Items(tuple(incident.hints)),), expendable=4) if incident and incident.hints else None


def unknowns(request: PostProcessRequest) -> Section | None:
    """Return what is not known and was not said before, each with where to look next."""
    code, missing = request.code_analysis, request.incident.missing if request.incident else []
    hints = (
        *(one for one in (request.incident.hints if request.incident else ()) if one not in missing),
        *(code.hints if code and code.code_available else ()),
    )
    blocks: list[Block] = [Items(hints)] if hints else []
    suggestions = request.suggestions.suggestions if request.suggestions else []
    advised = {command.command for one in suggestions for command in one.commands}
    for unknown in (request.root_causes.unknowns if request.root_causes else [])[:5]:
        if unknown.next_query in advised:
            continue
        blocks.append(Words(clip(unknown.what, 300)))
        blocks += [Code(unknown.next_query, "Look here next", is_command=True)] if unknown.next_query else []
    return Section("Not known yet", tuple(blocks), expendable=1) if blocks else None


def links(request: PostProcessRequest, ended_by_url: str = "") -> Section | None:
    """Return where to read more: the alert's own pages first, then the evidence; the runbook is beside what to do."""
    alert, incident = request.alert, request.incident
    is_healthy = incident is not None and not incident.needs_response
    places = [
        Link("Runbook", alert.runbook_url if is_healthy else ""),
        Link("What ended it before", ended_by_url),
        Link("Dashboard", alert.dashboard_url),
        Link("Alert rule", alert.generator_url),
        Link("Silence this alert", alert.silence_url),
    ]
    pieces = request.incident.evidence if request.incident else []
    places += [Link(f"Evidence {piece.id} ({piece.source})", piece.link) for piece in pieces]
    # Much evidence comes from one query: one link to it is enough.
    by_url: dict[str, Link] = {}
    for place in places:
        by_url.setdefault(place.url, place)
    by_url.pop("", None)
    return Section("Links", (Links(tuple(by_url.values())[:LINKS]),)) if by_url else None
