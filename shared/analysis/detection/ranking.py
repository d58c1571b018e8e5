"""Which traces and patterns explain the incident: the new and the risen before the steady, then the frequent.

A service always has some error it lives with. What explains an incident is what was not there before, so groups are
ordered by how much better a rise at the onset explains them than a steady rate, and count only breaks ties.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from shared.analysis.logs.groups import Groups, LineGroup, TraceGroup
from shared.analysis.logs.levels import Level
from shared.analysis.series import change_point
from shared.analysis.series.change_point import SURE, ChangePoint
from shared.analysis.series.window import Window

ERROR_SCORE = 2.0
"""Nats an error is preferred by over a warning that rose as surely."""
LINE_SURE = 8.0
"""Nats a rise of lines without a stack trace needs: a service writes some of them in bursts all its life."""
MIN_WARNINGS = 10
CLEAN = timedelta(minutes=1)
"""Time without a crash before the first, for it to have begun something."""
RIGHT_BEFORE = timedelta(minutes=5)
GREAT_SHARE = 0.3
"""Share of a service's lines since its begin that makes an error harm even if traffic began with it."""


def note_changes(groups: Groups, window: Window, fired: datetime | None) -> None:
    """Find the rise of each group worth one: traces, errors, warnings; `fired` is since when the alert fires."""
    for trace in groups.traces:
        rise = change_point.find_rise(trace.times, window.start, window.end)
        event = _event(trace.times, trace.exemplar.level, window)
        trace.change = rise or _just_before(trace, window, fired) or event
    for line in groups.lines:
        if line.level not in ("debug", "info") and len(line.times) > 1:
            change = change_point.find_rise(line.times, window.start, window.end)
            line.change = _beyond_traffic(line, change, groups, window) if change else None
        line.change = line.change or _event(line.times, line.level, window)


def _event(times: Sequence[datetime], level: Level, window: Window) -> ChangePoint | None:
    """
    Take a crash for what it is, an event that needs no rate: the change is when it happened.

    Unless it comes again and again, so that no time before it was long enough to be clean.
    """
    if level != "fatal":
        return None
    longest = max((later - earlier for earlier, later in pairwise(times)), default=timedelta())
    is_clean = times[0] - window.start >= max(CLEAN, 2 * longest)
    return ChangePoint(times[0], SURE, 0, len(times)) if is_clean else None


def _just_before(trace: TraceGroup, window: Window, fired: datetime | None) -> ChangePoint | None:
    """Take a trace through own code, first seen right before the alert fired, for new: rare is no less harm."""
    if fired is None or not trace.parsed.raised.has_app_frame:
        return None
    first = trace.times[0]
    if fired - RIGHT_BEFORE <= first <= window.end and first - window.start >= 2 * RIGHT_BEFORE:
        return ChangePoint(first, SURE, 0, len(trace.times))
    return None


def _beyond_traffic(line: LineGroup, change: ChangePoint, groups: Groups, window: Window) -> ChangePoint | None:
    """Keep the rise of a line that is more than a rise of its services' traffic, or a great share of it since.

    A stack trace that was not there before is news however much traffic there is; a line alone may be how the service
    always answers some requests.
    """
    if line.carries_trace:
        return change
    traffic = sorted(time for service in line.services for time in groups.traffic.get(service, ()))
    score = change_point.score_by_traffic(
        line.times, change.at, traffic, change_point.bucket_width(window.start, window.end)
    )
    since = len(traffic) - bisect_left(traffic, change.at)
    is_sure = change.score >= LINE_SURE and score >= SURE
    if is_sure or (line.is_error and change.after >= GREAT_SHARE * (since + change.after)):
        return replace(change, score=min(change.score, max(score, SURE)))
    return None


def risen(groups: Groups) -> list[TraceGroup | LineGroup]:
    """Return what rose and does harm: crashes first, then the surest."""
    found: list[TraceGroup | LineGroup] = [trace for trace in groups.traces if trace.change]
    found += [line for line in groups.lines if line.change and (line.is_error or _is_grave(line))]
    return sorted(found, key=lambda group: (_is_fatal(group), _sureness(group)), reverse=True)


def _is_fatal(group: TraceGroup | LineGroup) -> bool:
    return group.exemplar.level == "fatal"


def incident_onset(risen_groups: Sequence[TraceGroup | LineGroup]) -> datetime | None:
    """Return when the surest rise began, or the first crash when that was before it."""
    crash = next((group for group in risen_groups if _is_fatal(group)), None)
    best = next((group for group in risen_groups if not _is_fatal(group)), None)
    return min((group.change.at for group in (crash, best) if group and group.change), default=None)


def order_traces(traces: Sequence[TraceGroup], at: datetime | None, window: Window) -> list[TraceGroup]:
    """Return the traces, the most explanatory first."""
    return sorted(traces, key=lambda group: (-_explains(group, at, window), -len(group.times), group.times[0]))


def order_lines(lines: Sequence[LineGroup], at: datetime | None, window: Window) -> list[LineGroup]:
    """Return the templates, the most explanatory first; errors and warnings before the rest."""
    return sorted(lines, key=lambda group: (-_class_of(group), -_rise(group.times, at, window), -len(group.times)))


def count_before(times: Sequence[datetime], at: datetime | None) -> int:
    """Return how many of the times lie before the onset; none do when there is no onset."""
    return sum(time < at for time in times) if at else 0


def _is_grave(line: LineGroup) -> bool:
    assert line.change is not None
    return line.level == "warning" and line.change.after >= MIN_WARNINGS


def _sureness(group: TraceGroup | LineGroup) -> float:
    assert group.change is not None
    is_error = isinstance(group, TraceGroup) or group.is_error
    return group.change.score + (ERROR_SCORE if is_error else 0.0)


def _explains(group: TraceGroup, at: datetime | None, window: Window) -> float:
    own = 1.0 if group.parsed.raised.has_app_frame else 0.0
    return round(_rise(group.times, at, window), 1) + own


def _rise(times: Sequence[datetime], at: datetime | None, window: Window) -> float:
    return change_point.rise_score(times, at, window.start, window.end) if at else 0.0


def _class_of(group: LineGroup) -> int:
    if group.is_error:
        return 3
    return {"warning": 2, "unknown": 1}.get(group.level, 0)
