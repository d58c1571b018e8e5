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
from shared.analysis.logs.parse import LogEntry, Source
from shared.analysis.logs.stack_traces.forged import ForgedTraces
from shared.analysis.logs.stack_traces.parsed import ParsedTrace
from shared.analysis.series.change_point import ChangePoint
from shared.analysis.series.event_times import EventTimes, microseconds

MAX_RAISED = 20
"""Of one kind of line; the messages may all differ."""
PARSED_TEXTS = 256
"""Texts of which the parsed traces are held; a storm repeats fewer."""


@dataclass
class TracePosition:
    """Traces that came with lines of one kind; `certain` are when some came in which no text from outside is seen."""

    certain: EventTimes = field(default_factory=EventTimes)
    is_unusual: bool = False
    """Whether lines of this kind mostly come without a trace, so that one is no words of the service."""

    def has_certain_from(self, at: datetime | None) -> bool:
        return not self.is_unusual and len(self.certain) > (self.certain.before(at) if at else 0)


@dataclass
class TraceGroup:
    """Stack traces of one shape; `exemplar` is the first."""

    parsed: ParsedTrace
    exemplar: LogEntry
    times: EventTimes = field(default_factory=EventTimes)
    services: set[str] = field(default_factory=set)
    instances: Counter[str] = field(default_factory=Counter)
    """How many each instance wrote; empty where lines name none."""
    positions: dict[Cluster, TracePosition] = field(default_factory=dict)
    """Where they stand, by the kind of line they came with."""
    in_field: Counter[Source] = field(default_factory=Counter)
    """How many stand in a field that only a logger fills, by who wrote them."""
    is_in_own_field: bool = False
    """Whether all do, in logs of escaped texts alone."""
    change: ChangePoint | None = None

    def is_doubtful_from(self, at: datetime | None) -> bool:
        """Return whether each since a time, or each at all where none came since, may be text that somebody sent."""
        since = at if at is not None and self.times.before(at) < len(self.times) else None
        return not any(one.has_certain_from(since) for one in self.positions.values())


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
    traces: int = 0
    """How many came with a stack trace."""
    raises: Counter[str] = field(default_factory=Counter)
    """What the traces that came with it raise, as `Type: message`."""
    says_trace: bool = False
    """Whether its lines say no more than that a trace follows."""
    whole: int = 0
    parts: int = 0
    change: ChangePoint | None = None

    @property
    def carries_trace(self) -> bool:
        """Whether a stack trace came with it."""
        return self.traces > 0

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
        self._plain: set[Source] = set()
        """Who wrote a line that is no object of fields."""

    def add(self, entry: LogEntry) -> int:
        """Add an entry that is not older than the entries before; return its time in microseconds since 1970."""
        micros = microseconds(entry.at)
        self._forged.note(entry)
        parsed = self._parsed(entry.text)
        if not entry.is_structured:
            self._plain.add(entry.source)
        cluster = self._add_line(entry, micros, parsed)
        if parsed:
            self._add_traces(entry, micros, parsed, cluster)
        if RANK[entry.level] < RANK["warning"] and not parsed:
            times = self._traffic.get(entry.service)
            if times is None:
                times = self._traffic[entry.service] = EventTimes()
            times.add_micros(micros)
        return micros

    def groups(self) -> Groups:
        """Return the groups of all entries so far."""
        lines = _joined(self._lines.values())
        _note_positions(self._traces.values(), lines)
        for trace in self._traces.values():
            escaped = sum(count for source, count in trace.in_field.items() if source not in self._plain)
            trace.is_in_own_field = escaped == len(trace.times)
        return Groups(list(self._traces.values()), lines, self._traffic)

    def _add_traces(self, entry: LogEntry, micros: int, parsed: list[ParsedTrace], cluster: Cluster) -> None:
        is_certain = not self._forged.is_doubtful(entry)
        for trace in {trace.shape: trace for trace in reversed(parsed)}.values():
            group = self._traces.get(trace.shape)
            if group is None:
                group = self._traces[trace.shape] = TraceGroup(trace, entry)
            group.times.add_micros(micros)
            position = group.positions.setdefault(cluster, TracePosition())
            if is_certain:
                position.certain.add_micros(micros)
            group.in_field[entry.source] += entry.has_trace_field and len(parsed) == 1 and _begins_with_frames(trace)
            group.services.add(entry.service)
            _count_instance(group, entry)

    def _parsed(self, text: str) -> list[ParsedTrace]:
        """Parse a text once while it repeats: a parsed trace takes several times the memory of its text."""
        if not stack_traces.may_hold_trace(text):
            return []
        parsed = self._parsed_by_text.pop(text, None)
        if parsed is None:
            parsed = stack_traces.parse(text, self._own_names)
            if len(self._parsed_by_text) >= PARSED_TEXTS:
                del self._parsed_by_text[next(iter(self._parsed_by_text))]
        self._parsed_by_text[text] = parsed
        return parsed

    def _add_line(self, entry: LogEntry, micros: int, parsed: list[ParsedTrace]) -> Cluster:
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
            group.traces += 1
            if len(group.raises) < MAX_RAISED or str(parsed[-1].raised) in group.raises:
                group.raises[str(parsed[-1].raised)] += 1
        return cluster


def _begins_with_frames(trace: ParsedTrace) -> bool:
    """
    Return whether the frames stand before the message, which may hold what a user sent: frames of its own among them.

    Python writes a single exception so; the others write the message first.
    """
    return trace.language == "python" and not trace.others


def _note_positions(traces: Iterable[TraceGroup], lines: Iterable[LineGroup]) -> None:
    """Note which kinds of lines mostly come without a trace: a call that logs an exception always logs one."""
    usual: Counter[Cluster] = Counter()
    for line in lines:
        usual[line.cluster.root] += 2 * line.traces - len(line.times)
    for trace in traces:
        for cluster, position in trace.positions.items():
            position.is_unusual = usual[cluster.root] < 0


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
            first.traces += group.traces
            first.raises += group.raises
    return list(joined.values())
