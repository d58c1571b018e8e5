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
    """All there is in the log entries, grouped."""

    traces: list[TraceGroup]
    lines: list[LineGroup]
    traffic: dict[str, list[datetime]]
    """Times of ordinary lines by service: the measure of how busy it is."""


def group(entries: Iterable[LogEntry], own_names: Sequence[str]) -> Groups:
    """Return the entries by template and by stack trace, each in order of first appearance."""
    drain = Drain()
    traces: dict[object, TraceGroup] = {}
    lines: dict[tuple[int, Level], LineGroup] = {}
    traffic: dict[str, list[datetime]] = {}
    known: dict[str, list[ParsedTrace]] = {}
    for entry in entries:
        parsed = _parse(entry.text, own_names, known)
        for trace in parsed:
            _add_trace(traces, trace, entry)
        _add_line(lines, drain, entry, parsed)
        if RANK[entry.level] < RANK["warning"] and not parsed:
            traffic.setdefault(entry.service, []).append(entry.at)
    return Groups(list(traces.values()), list(lines.values()), traffic)


def _parse(text: str, own_names: Sequence[str], known: dict[str, list[ParsedTrace]]) -> list[ParsedTrace]:
    if "\n" not in text:
        return []
    found = known.get(text)
    if found is None:
        found = known[text] = stack_traces.parse(text, own_names)
    return found


def _add_trace(traces: dict[object, TraceGroup], trace: ParsedTrace, entry: LogEntry) -> None:
    known = traces.setdefault(trace.shape, TraceGroup(trace, entry))
    known.times.append(entry.at)
    known.services.add(entry.service)


def _add_line(
    lines: dict[tuple[int, Level], LineGroup], drain: Drain, entry: LogEntry, parsed: list[ParsedTrace]
) -> None:
    says_trace = bool(parsed) and (not entry.message or "Traceback (most recent" in entry.message)
    cluster = drain.add(str(parsed[-1].raised) if says_trace else entry.message)
    # An access log has one template for answers well and bad, so the level tells them apart.
    known = lines.setdefault((cluster.key, entry.level), LineGroup(cluster, entry, entry.level))
    known.times.append(entry.at)
    known.services.add(entry.service)
    known.carries_trace = known.carries_trace or bool(parsed)
