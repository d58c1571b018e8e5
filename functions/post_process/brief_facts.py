"""The sections that show: error counts, timeline, log patterns, what is not known, where to look."""

from datetime import datetime, timedelta

from shared.contracts import Incident, LogPattern, PostProcessRequest

from .brief_answers import suspects
from .brief_blocks import Block, Chart, Code, Items, Line, Link, Links, Section, Table, Words, at_time, clip

CHART_BARS = 60
LINKS = 8


def errors(incident: Incident | None) -> Section | None:
    """Return counts, a chart, the kinds of error and the metrics that left their range."""
    if incident is None:
        return None
    counts = incident.error_summary
    peak = f", peak at {at_time(counts.peak_error_time)}" if counts.peak_error_time else ""
    window = f"from {at_time(incident.start)} to {at_time(incident.end)} UTC"
    blocks: list[Block] = [
        Line(f"{counts.total_errors:,} errors and {counts.total_warnings:,} warnings {window}{peak}.")
    ]
    if drawn := chart(incident):
        blocks.append(drawn)
    kinds = [(name, count) for name, count in counts.error_types.items() if count <= counts.total_errors]
    if kinds := sorted(kinds, key=lambda item: -item[1])[:6]:
        blocks.append(Table(("Error", "Count"), tuple((clip(name, 120), f"{count:,}") for name, count in kinds)))
    if symptoms := tuple(clip(symptom, 300) for symptom in incident.initial_symptoms[1:5]):
        blocks.insert(1, Items(symptoms))
    if anomalies := tuple(clip(anomaly.description, 300) for anomaly in counts.metric_anomalies[:5]):
        blocks.append(Items(anomalies))
    return Section("Errors", tuple(blocks), expendable=2)


def chart(incident: Incident) -> Chart | None:
    """Return the errors over the window; telemetry keeps counts per pattern, so each pattern is spread evenly."""
    patterns = _error_patterns(incident)
    width = (incident.end - incident.start) / CHART_BARS
    if not patterns or width <= timedelta(0):
        return None

    def bar(moment: datetime) -> int:
        return min(max(int((moment - incident.start) / width), 0), CHART_BARS - 1)

    counts = [0.0] * CHART_BARS
    for count, first, last in (stretch for pattern in patterns for stretch in _stretches(pattern, incident.onset)):
        bars = range(bar(first), max(bar(first), bar(last)) + 1)
        for index in bars:
            counts[index] += count / len(bars)
    caption = "Errors over time. Each log pattern is spread evenly between its first and last line."
    mark = bar(incident.onset) if incident.onset else None
    return Chart(tuple(counts), caption + (" The grey line marks the onset." if incident.onset else ""), mark)


def timeline(request: PostProcessRequest) -> Section | None:
    """Return what happened when, oldest first."""
    incident = request.incident
    happened: list[tuple[datetime, str]] = [(request.alert.received_at, "Alert received")]
    happened += [(request.alert.started_at, "Alert began to fire")] if request.alert.started_at else []
    if incident:
        happened += [(incident.onset, "Behaviour changed (onset)")] if incident.onset else []
        peak = incident.error_summary.peak_error_time
        happened += [(peak, "Most errors")] if peak else []
        happened += [(trace.first_seen, f"First {trace.exception_type}") for trace in incident.stack_traces[:3]]
        happened += [(one.at, f"{one.metric} left its range") for one in incident.error_summary.metric_anomalies[:3]]
    commits = suspects(request.code_analysis)[:3]
    happened += [(commit.at, f"Commit {commit.sha[:10]}: {commit.subject}") for commit in commits]
    happened.sort(key=lambda event: event[0])
    has_one_day = len({moment.date() for moment, _ in happened}) == 1
    day = "" if has_one_day else "%d %b "
    rows = tuple((f"{moment:{day}%H:%M:%S}", clip(what, 140)) for moment, what in happened)
    return Section("Timeline", (Table(("UTC", "What"), rows),), expendable=3) if len(rows) > 1 else None


def patterns(incident: Incident | None) -> Section | None:
    """Return the most telling log lines by shape."""
    if incident is None or not incident.patterns:
        return None
    rows = tuple(
        (f"{pattern.count:,}", pattern.level, clip(pattern.template, 240), at_time(pattern.first_seen))
        for pattern in incident.patterns[:8]
    )
    table = Table(("Count", "Level", "Line (variable parts as <*>)", "First"), rows)
    return Section("Log patterns", (table,), expendable=4)


def unknowns(request: PostProcessRequest) -> Section | None:
    """Return what is not known, each with where to look next."""
    blocks: list[Block] = []
    for unknown in (request.root_causes.unknowns if request.root_causes else [])[:5]:
        blocks.append(Words(clip(unknown.what, 300)))
        blocks += [Code(clip(unknown.next_query, 500), "Look here next")] if unknown.next_query else []
    return Section("Not known yet", tuple(blocks), expendable=1) if blocks else None


def links(request: PostProcessRequest) -> Section | None:
    """Return where to go on reading: the alert's own pages first, then the evidence."""
    alert = request.alert
    runbook = next((url for name, url in alert.annotations.items() if "runbook" in name.lower()), "")
    places = [
        Link("Runbook", runbook),
        Link("Dashboard", alert.dashboard_url),
        Link("Alert rule", alert.generator_url),
        Link("Silence this alert", alert.silence_url),
    ]
    pieces = request.incident.evidence if request.incident else []
    places += [Link(f"Evidence {piece.id} ({piece.source})", piece.link) for piece in pieces]
    # Much evidence comes from one query: one link to it is enough.
    found: dict[str, Link] = {}
    for place in places:
        found.setdefault(place.url, place)
    found.pop("", None)
    return Section("Links", (Links(tuple(found.values())[:LINKS]),)) if found else None


def _error_patterns(incident: Incident) -> list[LogPattern]:
    """Return patterns that count errors alone: one with more lines than there were errors mixes in healthy lines."""
    most = incident.error_summary.total_errors or max((pattern.count for pattern in incident.patterns), default=0)
    return [one for one in incident.patterns if one.level in ("error", "fatal") and one.count <= most]


def _stretches(pattern: LogPattern, onset: datetime | None) -> list[tuple[int, datetime, datetime]]:
    """Return (count, first, last) before and after the onset."""
    before = min(pattern.count_before_onset, pattern.count)
    if onset is None or not before:
        return [(pattern.count, pattern.first_seen, pattern.last_seen)]
    return [(before, pattern.first_seen, onset), (pattern.count - before, onset, max(onset, pattern.last_seen))]
