"""Groups of log entries: by template and by shape of stack trace, with the times each was seen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.analysis.logs import stack_traces
from shared.analysis.logs.drain import Cluster, Drain
from shared.analysis.logs.join_traces import RANK
from shared.analysis.logs.levels import Level
from shared.analysis.logs.parse import LogEntry
from shared.analysis.logs.stack_traces.parsed import ParsedTrace
from shared.analysis.series.change_point import ChangePoint


@dataclass
class TraceGroup:
    """Stack traces of one shape; `exemplar` is the first."""

    parsed: ParsedTrace
    exemplar: LogEntry
    times: list[datetime] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    change: ChangePoint | None = None


@dataclass
class LineGroup:
    """Log entries of one template and level; `carries_trace` when a stack trace came with them."""

    cluster: Cluster
    exemplar: LogEntry
    level: Level
    times: list[datetime] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    carries_trace: bool = False
    change: ChangePoint | None = None

    @property
    def is_error(self) -> bool:
        """Error or worse."""
        return RANK[self.level] >= RANK["error"]


@dataclass
class Groups:
    """The log entries, grouped."""

    traces: list[TraceGroup]
    lines: list[LineGroup]
    traffic: dict[str, list[datetime]]
    """Times of ordinary lines by service: a measure of its traffic."""


def group(entries: Iterable[LogEntry], own_names: Sequence[str]) -> Groups:
    """Return the entries by template and by stack trace, each in order of first appearance."""
    drain = Drain()
    traces: dict[object, TraceGroup] = {}
    lines: dict[tuple[int, Level], LineGroup] = {}
    traffic: dict[str, list[datetime]] = {}
    parsed_by_text: dict[str, list[ParsedTrace]] = {}
    for entry in entries:
        parsed = _parse(entry.text, own_names, parsed_by_text)
        for trace in parsed:
            _add_trace(traces, trace, entry)
        _add_line(lines, drain, entry, parsed)
        if RANK[entry.level] < RANK["warning"] and not parsed:
            traffic.setdefault(entry.service, []).append(entry.at)
    return Groups(list(traces.values()), _joined(lines.values()), traffic)


def _joined(lines: Iterable[LineGroup]) -> list[LineGroup]:
    """Join the groups whose clusters turned out to be one."""
    joined: dict[tuple[int, Level], LineGroup] = {}
    for line_group in lines:
        first = joined.setdefault((line_group.cluster.root.key, line_group.level), line_group)
        if first is not line_group:
            first.times = sorted([*first.times, *line_group.times])
            first.services |= line_group.services
            first.carries_trace = first.carries_trace or line_group.carries_trace
    return list(joined.values())


def _parse(text: str, own_names: Sequence[str], parsed_by_text: dict[str, list[ParsedTrace]]) -> list[ParsedTrace]:
    if "\n" not in text:
        return []
    parsed = parsed_by_text.get(text)
    if parsed is None:
        parsed = parsed_by_text[text] = stack_traces.parse(text, own_names)
    return parsed


def _add_trace(traces: dict[object, TraceGroup], trace: ParsedTrace, entry: LogEntry) -> None:
    trace_group = traces.setdefault(trace.shape, TraceGroup(trace, entry))
    trace_group.times.append(entry.at)
    trace_group.services.add(entry.service)


def _add_line(
    lines: dict[tuple[int, Level], LineGroup], drain: Drain, entry: LogEntry, parsed: list[ParsedTrace]
) -> None:
    says_trace = bool(parsed) and (not entry.message or "Traceback (most recent" in entry.message)
    cluster = drain.add(str(parsed[-1].raised) if says_trace else entry.message)
    # An access log has one template for good and bad responses, so the level distinguishes them.
    line_group = lines.setdefault((cluster.key, entry.level), LineGroup(cluster, entry, entry.level))
    line_group.times.append(entry.at)
    line_group.services.add(entry.service)
    line_group.carries_trace = line_group.carries_trace or bool(parsed)
