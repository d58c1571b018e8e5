"""
Adds what was only counted to what was read: lines, errors and the times of each kind of error before the page starts.

The store counts lines, the analysis entries, and a stack trace of many lines is one entry. So the counts of each kind
of error are corrected by the ratio of the two where both are known, which is since the page starts.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.analysis.logs.digest import LogDigest
from shared.analysis.logs.groups import LineGroup, TraceGroup
from shared.analysis.series.event_times import EventTimes
from shared.telemetry.port import LogCounts, LogLine, LogPage, Unread

USUAL_GAPS = 3
"""A kind of error that is first read so many of its usual gaps after the page starts was not there before."""


@dataclass(frozen=True)
class Totals:
    """`entries` is how many there are, read or not; `older` are the lines that were only counted."""

    entries: int
    older: EventTimes


def add_unread(logs: LogDigest, page: LogPage) -> Totals:
    """Complete the digest of an incomplete page by its counts, and return the totals; a complete page has no more."""
    unread = page.unread
    if unread is None:
        return Totals(len(logs.times), EventTimes())
    older = unread.lines.before(unread.since)
    _add_traffic(logs, page.lines, older, unread)
    for trace in logs.groups.traces:
        trace.times = trace.times.with_counted(_older_of(trace, unread))
    joined = 0.0
    for line in logs.groups.lines:
        if line.is_error:
            counts = list(_older_of(line, unread))
            parts_each = line.parts / line.whole if line.whole else 1.0
            line.times = line.times.with_counted(counts)
            logs.errors = logs.errors.with_counted(counts)
            joined += (parts_each - 1) * line.times.before(unread.since)
    entries_since = len(logs.times) - logs.times.before(unread.since)
    # An older error takes as many lines as those of its kind that were read; any other line is an entry.
    older_entries = max(older.total - round(joined), logs.errors.before(unread.since))
    return Totals(entries_since + older_entries, EventTimes().with_counted(older.points))


def _index(lines: Sequence[LogLine], at: datetime) -> int:
    return bisect_left(lines, at, key=lambda line: line.at)


def _ratio(entries: int, counts: LogCounts, unread: Unread) -> float:
    """Return the entries for each line that the store counts, both since problems were read; 0 when it counts none."""
    lines = counts.total - counts.before(unread.problems_since).total
    return entries / lines if lines > 0 else 0.0


def _scaled(counts: LogCounts, unread: Unread, ratio: float) -> Iterator[tuple[datetime, int]]:
    return ((at, round(count * ratio)) for at, count in counts.before(unread.problems_since).points)


def _older_of(group: TraceGroup | LineGroup, unread: Unread) -> Iterator[tuple[datetime, int]]:
    """Return the counts of one kind of error: by its words where they were counted, else its share of all errors."""
    for words, counts in unread.by_words.items():
        ratio = _ratio(len(group.times), counts, unread)
        if ratio and all(word in group.exemplar.text for word in words):
            return _scaled(counts, unread, ratio)
    if not _was_there(group.times, unread.problems_since, unread.errors.step):
        return iter(())
    return _scaled(unread.errors, unread, _ratio(len(group.times), unread.errors, unread))


def _was_there(times: EventTimes, since: datetime, step: timedelta) -> bool:
    gap = (times.last - times.first) / max(len(times) - 1, 1)
    return times.first - since <= max(step, USUAL_GAPS * gap)


def _add_traffic(logs: LogDigest, lines: Sequence[LogLine], older: LogCounts, unread: Unread) -> None:
    """Count the ordinary lines before the page starts: all lines without the problems, which were read or counted."""
    read_problems = EventTimes(line.at for line in lines[: _index(lines, unread.since)])
    errors = dict(unread.errors.before(unread.problems_since).points)
    ordinary: dict[datetime, int] = {}
    for at, count in older.points:
        problems = read_problems.before(at + older.step) - read_problems.before(at) + errors.get(at, 0)
        ordinary[at] = max(count - problems, 0)
    service = logs.first.service if logs.first else ""
    traffic: Mapping[str, EventTimes] = logs.groups.traffic
    logs.groups.traffic[service] = traffic.get(service, EventTimes()).with_counted(ordinary.items())
