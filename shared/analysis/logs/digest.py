"""What the analysis needs of the lines of a log, collected in one pass that holds none of their texts but exemplars."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TypeVar

from shared.analysis.logs.failures import Failures
from shared.analysis.logs.groups import Grouper, Groups
from shared.analysis.logs.instances import Instances
from shared.analysis.logs.join_traces import RANK, assemble
from shared.analysis.logs.lines.partial_lines import whole_lines
from shared.analysis.logs.parse import LogEntry, read
from shared.analysis.logs.request_ids import RequestSample
from shared.analysis.logs.start_lines import StartLines
from shared.analysis.series.event_times import EventTimes
from shared.telemetry.port import LogLine

Item = TypeVar("Item")
BATCH = 256
"""Lines that one stage reads before the next does: in turn line by line, each would drive the other's code out of the
processor's caches, which took an eighth of the time."""


@dataclass
class LogDigest:
    """The entries of a log: groups and times. `errors` are those of error or worse; `end` is the last line's time."""

    groups: Groups
    times: EventTimes
    errors: EventTimes
    warnings: int = 0
    has_fatal: bool = False
    lines: int = 0
    instances: Instances = field(default_factory=Instances)
    failures: Failures = field(default_factory=Failures)
    failed_requests: RequestSample = field(default_factory=RequestSample)
    starts: StartLines = field(default_factory=StartLines)
    first: LogEntry | None = None
    end: datetime | None = None


def digest(lines: Iterable[LogLine], own_names: Sequence[str], whole_since: datetime | None = None) -> LogDigest:
    """
    Return the digest of the lines, which come oldest first and are read once; `own_names` as in `stack_traces`.

    Before `whole_since` some lines are missing.
    """
    grouper = Grouper(own_names, whole_since)
    result = LogDigest(grouper.groups(), EventTimes(), EventTimes())
    for entry in _in_batches(assemble(_in_batches(_read(lines, result)))):
        micros = grouper.add(entry)
        result.times.add_micros(micros)
        if grouper.latest is not None:
            result.starts.add(entry, grouper.latest)
        if RANK[entry.level] >= RANK["error"]:
            result.errors.add_micros(micros)
            result.failures.add(entry.text)
            result.has_fatal = result.has_fatal or entry.level == "fatal"
        result.warnings += entry.level == "warning"
        if result.first is None:
            result.first = entry
    result.groups = grouper.groups()
    return result


def _read(lines: Iterable[LogLine], result: LogDigest) -> Iterator[LogEntry]:
    for line in whole_lines(_counted(lines, result)):
        entry = read(line)
        if RANK[entry.level] >= RANK["error"]:
            result.failed_requests.add(line.text, line.labels)
        yield entry


def _in_batches(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the items, made some ahead of their use."""
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield from batch


def _counted(lines: Iterable[LogLine], result: LogDigest) -> Iterator[LogLine]:
    for line in lines:
        result.lines += 1
        result.instances.add(line)
        result.end = line.at
        yield line
