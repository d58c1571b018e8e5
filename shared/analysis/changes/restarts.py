"""Restarts of instances, each once, by what counts them, by when a process began, and by the lines it starts with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from shared.analysis.logs.instances import name_of
from shared.analysis.logs.start_lines import StartLine
from shared.telemetry.instance_metrics import LAST_REASON, RESTARTS, START_TIMES
from shared.telemetry.port import Series

SEEN_LATE = timedelta(minutes=2)
"""A counter shows a restart at the scrape after it: a minute apart by Prometheus' default, read in steps of time."""
CLOCKS = timedelta(seconds=2)
"""Start times so close are one: they are rounded, and the process starts after its container."""


@dataclass(frozen=True)
class Restart:
    """One restart, or `times` of them at once; `text` is its line, `query` what returned it, where it has them."""

    instance: str
    at: datetime
    times: int = 1
    reason: str = ""
    text: str = ""
    query: str = ""


def restarts(lines: Sequence[StartLine], series: Sequence[Series], start: datetime) -> list[Restart]:
    """Return the restarts since `start`, oldest first; of several sources for one, the line and the exact time stay."""
    seen = [Restart(one.instance, one.at, text=one.text) for one in lines]
    for more in (_by_start_time(series, start), _by_counter(series)):
        seen += _unseen(seen, more)
    reasons = _reasons(series)
    named = [
        Restart(one.instance, one.at, one.times, reasons.get(one.instance, ""), one.text, one.query) for one in seen
    ]
    return sorted(named, key=lambda one: (one.at, one.instance))


def _unseen(seen: Sequence[Restart], more: Sequence[Restart]) -> list[Restart]:
    """Return those that no other source showed: of a counter's restarts as many as were not seen in its time."""
    unseen = []
    for one in more:
        same = sum(other.instance == one.instance and abs(other.at - one.at) <= SEEN_LATE for other in seen)
        if one.times > same:
            unseen.append(Restart(one.instance, one.at, one.times - same, query=one.query))
    return unseen


def _by_start_time(series: Sequence[Series], start: datetime) -> list[Restart]:
    """Return the starts of instances that had started before: each container and each process holds its own time."""
    times: dict[tuple[str, str, str], dict[datetime, str]] = {}
    for one in series:
        if one.name in START_TIMES and (name := name_of(one.labels)):
            starts = times.setdefault((name, one.name, one.labels.get("container", "")), {})
            starts |= {at: one.query for _, value in one.points if (at := _moment(value)) is not None}
    by_instance: dict[str, list[Restart]] = {}
    for (name, _, _), starts in times.items():
        ordered = sorted(starts)
        others = by_instance.setdefault(name, [])
        for before, at in pairwise(ordered):
            is_new = at - before > CLOCKS and at > start
            if is_new and not any(abs(other.at - at) <= SEEN_LATE for other in others):
                others.append(Restart(name, at, query=starts[at]))
    return [one for each in by_instance.values() for one in each]


def _moment(value: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _by_counter(series: Sequence[Series]) -> list[Restart]:
    """Return what the counter of restarts grew by; it falls when an instance is replaced under its name."""
    grown: list[Restart] = []
    for one in series:
        name = name_of(one.labels)
        if one.name != RESTARTS or not name:
            continue
        grown += [
            Restart(name, at, round(after - before), query=one.query)
            for (_, before), (at, after) in pairwise(one.points)
            if after > before
        ]
    return sorted(grown, key=lambda restart: restart.at)


def _reasons(series: Sequence[Series]) -> dict[str, str]:
    """Return why each instance last ended, by the series that holds it now."""
    latest: dict[str, tuple[datetime, str]] = {}
    for one in series:
        name, reason = name_of(one.labels), one.labels.get("reason", "")
        if one.name == LAST_REASON and name and reason and one.points and one.points[-1][1]:
            latest[name] = max(latest.get(name, (one.points[-1][0], reason)), (one.points[-1][0], reason))
    return {name: reason for name, (_, reason) in latest.items()}
