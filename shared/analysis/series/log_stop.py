"""Traffic that stops: a log rate that falls to zero, or close to it, against its own baseline."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import sqrt

from shared.analysis.series import change_point
from shared.analysis.series.event_times import MICROSECOND, EventTimes, moment_of
from shared.analysis.series.metric_anomalies import LOG_RATE, Anomaly
from shared.analysis.series.window import Window
from shared.telemetry.port import Series

MIN_SILENCE = timedelta(minutes=3)
"""Log stores lag by seconds and windows end a little after the last line: a shorter silence means nothing."""
MIN_SILENCE_SHARE = 0.1
"""And the share of the window it must last, because the window of a replay may end later than its data."""
NEAR_NOTHING = 0.1
"""Maximum share of the usual rate that is left: more is a slow period, not a stop."""
BURST = 0.5
"""Share of the usual rate that no minute after the stop reaches: a job that returns in bursts has not stopped."""
MIN_TIMES_LONGER = 3.0
"""How many times longer than any earlier silence: a job that runs now and then is silent in between."""
SURE = 12.0
"""Nats a stop needs; a service with few lines is silent by chance more often than once in a hundred thousand."""
MINUTE = timedelta(minutes=1)


def find_stop(times: EventTimes, window: Window, query: str) -> Anomaly | None:
    """
    Return the stop as an anomaly of the log rate (lines a minute), or None; `times` are those of all lines, read ones.

    `query` is the one that returned the lines.
    """
    change = change_point.find_rise(times.mirrored(window.start, window.end), window.start, window.end)
    if change is None or change.score < SURE:
        return None
    micros = times.micros
    before, after = micros[: change.after], micros[change.after :]
    last = moment_of(before[-1])
    usual = change.after / ((last - times.first) / MINUTE or 1.0)
    left = change.before / ((window.end - last) / MINUTE or 1.0)
    is_quiet = left <= NEAR_NOTHING * usual and _fullest_minute(after) < max(BURST * usual, 2)
    if not is_quiet or not _is_long(before, change.before, last, window):
        return None
    counted = f"sum(count_over_time({query} [1m]))" if query else ""
    series = Series(LOG_RATE, "lines/min", counted, {}, _per_minute(times, window), higher_is_worse=False)
    missed = usual * ((window.end - last) / MINUTE)
    return Anomaly(series, last, usual, left, (missed - change.before) / sqrt(missed))


def _is_long(before: Sequence[int], count_after: int, last: datetime, window: Window) -> bool:
    """Return whether the silence is longer than any before it; lines that still arrive divide it."""
    pause = (window.end - last) / (count_after + 1)
    max_gap = max((later - earlier for earlier, later in pairwise(before)), default=0) * MICROSECOND
    min_length = max(MIN_SILENCE, MIN_SILENCE_SHARE * (window.end - window.start))
    return window.end - last >= min_length and pause >= MIN_TIMES_LONGER * max_gap


def _fullest_minute(micros: Sequence[int]) -> int:
    minute = MINUTE // MICROSECOND
    return max((bisect_left(micros, one + minute) - index for index, one in enumerate(micros)), default=0)


def _per_minute(times: EventTimes, window: Window) -> tuple[tuple[datetime, float], ...]:
    minutes = max(int((window.end - window.start) / MINUTE), 1)
    counts = [0] * minutes
    for minute, count in times.per_bucket(window.start, MINUTE).items():
        counts[min(minute, minutes - 1)] += count
    return tuple((window.start + index * MINUTE, float(count)) for index, count in enumerate(counts))
