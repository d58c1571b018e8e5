"""Groups of log entries: by template and by shape of stack trace, with the times each was seen."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.analysis.logs import stack_traces
from shared.analysis.logs.drain import Cluster, Drain
from shared.analysis.logs.instances import name_of_source
from shared.analysis.logs.join_traces import RANK
from shared.analysis.logs.levels import Level
from shared.analysis.logs.parse import LogEntry
from shared.analysis.logs.stack_traces.forged import ForgedTraces
from shared.analysis.logs.stack_traces.parsed import ParsedTrace
from shared.analysis.series.change_point import ChangePoint
from shared.analysis.series.event_times import EventTimes, microseconds

MAX_RAISED = 20
"""Of one kind of line; the messages may all differ."""
PARSED_TEXTS = 256
"""Texts of which the parsed traces are held; a storm repeats fewer."""


@dataclass
class TraceGroup:
    """Stack traces of one shape; `exemplar` is the first."""

    parsed: ParsedTrace
    exemplar: LogEntry
    times: EventTimes = field(default_factory=EventTimes)
    services: set[str] = field(default_factory=set)
    instances: Counter[str] = field(default_factory=Counter)
    """How many each instance wrote; empty where lines name none."""
    certain: int = 0
    """How many of them are surely the service's own words, and no value that somebody sent to it."""
    change: ChangePoint | None = None


@dataclass
class LineGroup:
    """
    Log entries of one template and level; `carries_trace` when a stack trace came with them.

    Of the newest, where every line was read, `whole` are the entries and `parts` the lines they were joined from.
    """

    cluster: Cluster
    exemplar: LogEntry
    level: Level
    times: EventTimes = field(default_factory=EventTimes)
    services: set[str] = field(default_factory=set)
    instances: Counter[str] = field(default_factory=Counter)
    """Of errors: how many each instance wrote."""
    carries_trace: bool = False
    raises: Counter[str] = field(default_factory=Counter)
    """What the traces that came with it raise, as `Type: message`."""
    says_trace: bool = False
    """Whether its lines say no more than that a trace follows."""
    whole: int = 0
    parts: int = 0
    change: ChangePoint | None = None

    @property
    def is_error(self) -> bool:
        """Error or worse."""
        return RANK[self.level] >= RANK["error"]


@dataclass
class Groups:
    """The log entries, grouped, each list in order of first appearance."""

    traces: list[TraceGroup]
    lines: list[LineGroup]
    traffic: dict[str, EventTimes]
    """Times of ordinary lines by service: a measure of its traffic."""


class Grouper:
    """Groups entries one by one; of each group it holds one entry and the times of the others."""

    def __init__(self, own_names: Sequence[str], whole_since: datetime | None = None) -> None:
        self._whole_since = microseconds(whole_since) if whole_since else 0
        self._own_names = own_names
        self._drain = Drain()
        self._forged = ForgedTraces()
        self._traces: dict[object, TraceGroup] = {}
        self._lines: dict[tuple[int, Level], LineGroup] = {}
        self._traffic: dict[str, EventTimes] = {}
        self.latest: Cluster | None = None
        """The cluster of the entry that was added last."""
        self._parsed_by_text: dict[str, list[ParsedTrace]] = {}

    def add(self, entry: LogEntry) -> int:
        """Add an entry that is not older than the entries before; return its time in microseconds since 1970."""
        micros = microseconds(entry.at)
        self._forged.note(entry)
        parsed = self._parsed(entry.text)
        is_doubtful = bool(parsed) and self._forged.is_doubtful(entry)
        for trace in {trace.shape: trace for trace in reversed(parsed)}.values():
            group = self._traces.get(trace.shape)
            if group is None:
                group = self._traces[trace.shape] = TraceGroup(trace, entry)
            group.times.add_micros(micros)
            group.certain += not is_doubtful
            group.services.add(entry.service)
            _count_instance(group, entry)
        self._add_line(entry, micros, parsed)
        if RANK[entry.level] < RANK["warning"] and not parsed:
            times = self._traffic.get(entry.service)
            if times is None:
                times = self._traffic[entry.service] = EventTimes()
            times.add_micros(micros)
        return micros

    def groups(self) -> Groups:
        """Return the groups of all entries so far."""
        return Groups(list(self._traces.values()), _joined(self._lines.values()), self._traffic)

    def _parsed(self, text: str) -> list[ParsedTrace]:
        """Parse a text once while it repeats: a parsed trace takes several times the memory of its text."""
        if "\n" not in text:
            return []
        parsed = self._parsed_by_text.pop(text, None)
        if parsed is None:
            parsed = stack_traces.parse(text, self._own_names)
            if len(self._parsed_by_text) >= PARSED_TEXTS:
                del self._parsed_by_text[next(iter(self._parsed_by_text))]
        self._parsed_by_text[text] = parsed
        return parsed

    def _add_line(self, entry: LogEntry, micros: int, parsed: list[ParsedTrace]) -> None:
        says_trace = bool(parsed) and announces_trace(entry.message)
        cluster = self.latest = self._drain.add(str(parsed[-1].raised) if says_trace else entry.message)
        # An access log has one template for good and bad responses, so the level distinguishes them.
        key = (cluster.key, entry.level)
        group = self._lines.get(key)
        if group is None:
            group = self._lines[key] = LineGroup(cluster, entry, entry.level, says_trace=says_trace)
        group.times.add_micros(micros)
        group.services.add(entry.service)
        if group.is_error:
            _count_instance(group, entry)
        if micros >= self._whole_since:
            group.whole += 1
            group.parts += entry.parts
        if parsed:
            group.carries_trace = True
            if len(group.raises) < MAX_RAISED or str(parsed[-1].raised) in group.raises:
                group.raises[str(parsed[-1].raised)] += 1


def announces_trace(message: str) -> bool:
    """Return whether a message only says that a trace follows."""
    return not message or "Traceback (most recent" in message


def _count_instance(group: TraceGroup | LineGroup, entry: LogEntry) -> None:
    if name := name_of_source(entry.source):
        group.instances[name] += 1


def _joined(lines: Iterable[LineGroup]) -> list[LineGroup]:
    """Join the groups whose clusters turned out to be one."""
    joined: dict[tuple[int, Level], LineGroup] = {}
    for group in lines:
        first = joined.setdefault((group.cluster.root.key, group.level), group)
        if first is not group:
            first.times = first.times.together_with(group.times)
            first.services |= group.services
            first.instances += group.instances
            first.carries_trace = first.carries_trace or group.carries_trace
            first.raises += group.raises
    return list(joined.values())
