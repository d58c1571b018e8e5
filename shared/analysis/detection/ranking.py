"""Which traces and patterns explain the incident: the new and the risen before the steady, then the frequent.

Every service has some errors all the time. What explains an incident was not there before, so groups are ordered by
how much better a rise at the onset explains them than a steady rate; the count only breaks ties.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import reduce
from itertools import pairwise

from shared.analysis.logs.groups import Groups, LineGroup, TraceGroup
from shared.analysis.logs.levels import Level
from shared.analysis.series import change_point
from shared.analysis.series.change_point import SURE, ChangePoint
from shared.analysis.series.event_times import MICROSECOND, EventTimes
from shared.analysis.series.window import Window

ERROR_SCORE = 2.0
"""Nats by which an error ranks above a warning whose rise is equally certain."""
LINE_SURE = 8.0
"""Nats a rise of lines without a stack trace needs: services often write some of them in bursts."""
MIN_WARNINGS = 10
CLEAN = timedelta(minutes=1)
"""Time without a crash before the first one, for it to count as a change."""
RIGHT_BEFORE = timedelta(minutes=5)
GREAT_SHARE = 0.3
"""Share of a service's lines since the rise of an error that makes it harmful even if traffic rose too."""


def note_changes(groups: Groups, window: Window, fired: datetime | None, whole_since: Mapping[Level, datetime]) -> None:
    """
    Set `change` of each group that rose or crashed; `fired` is when the alert began to fire.

    Lines of a level in `whole_since` were left out before that time, so nothing is known of them there.
    """
    for trace in groups.traces:
        rise = change_point.find_rise(trace.times, window.start, window.end)
        event = _event(trace.times, trace.exemplar.level, window)
        trace.change = rise or _just_before(trace, window, fired) or event
    for line in groups.lines:
        if line.level not in ("debug", "info") and len(line.times) > 1:
            start = max(window.start, whole_since.get(line.level, window.start))
            change = change_point.find_rise(line.times, start, window.end)
            line.change = _beyond_traffic(line, change, groups, window) if change else None
        line.change = line.change or _event(line.times, line.level, window)
    _note_first_errors(groups, window)


def _note_first_errors(groups: Groups, window: Window) -> None:
    """
    Take errors of any kind together where none was written before: each kind alone may be too rare to be certain.

    Together they need the certainty of one line. A line that the service always writes now and then leaves no clean
    stretch, so that nothing is taken together.
    """
    errors = [line for line in groups.lines if line.is_error]
    if not errors or any(line.change for line in errors):
        return
    times = reduce(EventTimes.together_with, (line.times for line in errors))
    rise = change_point.find_rise(times, window.start, window.end)
    if rise is None or not rise.is_new or rise.score < LINE_SURE:
        return
    services = {service for line in errors for service in line.services}
    traffic = [groups.traffic[service] for service in services if service in groups.traffic]
    width = change_point.bucket_width(window.start, window.end)
    if change_point.score_by_traffic(times, rise.at, traffic, width) >= SURE:
        for line in errors:
            line.change = ChangePoint(line.times.first, SURE, 0, len(line.times))


def _event(times: EventTimes, level: Level, window: Window) -> ChangePoint | None:
    """
    Return the first crash as a change: a crash is an event that needs no rate.

    Returns None when crashes repeat so often that the time before the first was not long enough to be clean.
    """
    if level != "fatal":
        return None
    gaps = (later - earlier for earlier, later in pairwise(times.micros))
    max_gap = max(gaps, default=0) * MICROSECOND
    is_clean = times.first - window.start >= max(CLEAN, 2 * max_gap)
    return ChangePoint(times.first, SURE, 0, len(times)) if is_clean else None


def _just_before(trace: TraceGroup, window: Window, fired: datetime | None) -> ChangePoint | None:
    """Return a trace through own code, first seen right before the alert fired, as new: rare faults harm as well."""
    if fired is None or not trace.parsed.raised.has_app_frame:
        return None
    first = trace.times.first
    if fired - RIGHT_BEFORE <= first <= window.end and first - window.start >= 2 * RIGHT_BEFORE:
        return ChangePoint(first, SURE, 0, len(trace.times))
    return None


def _beyond_traffic(line: LineGroup, change: ChangePoint, groups: Groups, window: Window) -> ChangePoint | None:
    """Return the rise of a line when it exceeds its services' traffic rise or is a large share of the lines since.

    A new stack trace is significant at any traffic; a line alone may be how the service always answers some requests.
    """
    if line.carries_trace:
        return change
    traffic = [groups.traffic[service] for service in line.services if service in groups.traffic]
    score = change_point.score_by_traffic(
        line.times, change.at, traffic, change_point.bucket_width(window.start, window.end)
    )
    since = sum(len(each) - each.before(change.at) for each in traffic)
    is_sure = change.score >= LINE_SURE and score >= SURE
    if is_sure or (line.is_error and change.after >= GREAT_SHARE * (since + change.after)):
        return replace(change, score=min(change.score, max(score, SURE)))
    return None


def risen(groups: Groups) -> list[TraceGroup | LineGroup]:
    """Return what rose and is harmful: crashes first, then the most certain."""
    harmful: list[TraceGroup | LineGroup] = [trace for trace in groups.traces if trace.change]
    harmful += [line for line in groups.lines if line.change and (line.is_error or _is_grave(line))]
    return sorted(harmful, key=lambda group: (_is_fatal(group), _sureness(group)), reverse=True)


def _is_fatal(group: TraceGroup | LineGroup) -> bool:
    return group.exemplar.level == "fatal"


def incident_onset(risen_groups: Sequence[TraceGroup | LineGroup]) -> datetime | None:
    """Return when the most certain rise began, or the first crash when that was earlier."""
    crash = next((group for group in risen_groups if _is_fatal(group)), None)
    best = next((group for group in risen_groups if not _is_fatal(group)), None)
    return min((group.change.at for group in (crash, best) if group and group.change), default=None)


def order_traces(traces: Sequence[TraceGroup], at: datetime | None, window: Window) -> list[TraceGroup]:
    """Return the traces, the most explanatory first."""
    return sorted(traces, key=lambda group: (-_explains(group, at, window), -len(group.times), group.times.first))


def order_lines(lines: Sequence[LineGroup], at: datetime | None, window: Window) -> list[LineGroup]:
    """Return the templates, the most explanatory first; errors and warnings before the rest."""
    return sorted(lines, key=lambda group: (-_class_of(group), -_rise(group.times, at, window), -len(group.times)))


def count_before(times: EventTimes, at: datetime | None) -> int:
    """Return how many of the times are before the onset; 0 when there is no onset."""
    return times.before(at) if at else 0


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


def _rise(times: EventTimes, at: datetime | None, window: Window) -> float:
    return change_point.rise_score(times, at, window.start, window.end) if at else 0.0


def _class_of(group: LineGroup) -> int:
    if group.is_error:
        return 3
    return {"warning": 2, "unknown": 1}.get(group.level, 0)
