"""
When behaviour changed: the moment after which events come faster than before, and how certain that is.

A CUSUM in its likelihood-ratio form for Poisson counts (Page 1954; Hinkley 1970): for each moment the log likelihood of
"two rates, changed here" over "one rate", in nats; the best moment wins. Bursts are damped, so that one retry storm in
a steady background is not a change.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf, log

BUCKETS = 240
MIN_TRAFFIC = 20
SURE = 4.0
"""Nats a rise needs: a steady background looks like a rise about once in thirty."""
RISE = 3.0
"""How many times faster than before events must come when there were some before."""


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A rise: first event of the new rate, how certain (nats), events before it and from it on."""

    at: datetime
    score: float
    before: int
    after: int

    @property
    def is_new(self) -> bool:
        """Return whether no such event was seen before."""
        return self.before == 0


def find_rise(times: Sequence[datetime], start: datetime, end: datetime) -> ChangePoint | None:
    """Return the most likely rise of the event rate in [start, end], or None; `times` are sorted."""
    inside = [time for time in times if start <= time <= end]
    if len(inside) < 2 or end <= start:
        return None
    width = bucket_width(start, end)
    split, score = _best_split(_weights(inside, start, width), (end - start) / width)
    if score < SURE:
        return None
    at = next(time for time in inside if time >= start + split * width)
    before = sum(time < at for time in times)
    return ChangePoint(at, score, before, len(times) - before)


def rise_score(times: Sequence[datetime], onset: datetime, start: datetime, end: datetime) -> float:
    """Return how much better (nats) a rise at `onset` explains the events than a steady rate; 0 when they fell."""
    if end <= start:
        return 0.0
    width = bucket_width(start, end)
    inside = [time for time in times if start <= time <= end]
    weights = _weights(inside, start, width)
    split = (onset - start) // width
    before = sum(weight for bucket, weight in weights.items() if bucket < split)
    after = sum(weights.values()) - before
    return _gain(before, after, float(split), max((end - start) / width - split, 1.0))


def score_by_traffic(times: Sequence[datetime], at: datetime, traffic: Sequence[datetime], width: timedelta) -> float:
    """
    Return how much better (nats) a rise at `at` explains the events than a constant share of the traffic.

    `traffic` are the times of ordinary lines, sorted: when all of the service's lines come faster, so do its usual
    errors, and nothing broke. Infinite when there is too little traffic to compare.
    """
    if len(traffic) < MIN_TRAFFIC:
        return inf
    weights = _weights(times, at, width)
    before = sum(weight for bucket, weight in weights.items() if bucket < 0)
    calm = bisect_left(traffic, at)
    return _gain(before, sum(weights.values()) - before, float(calm), max(float(len(traffic) - calm), 1.0))


def bucket_width(start: datetime, end: datetime) -> timedelta:
    """Return the width of a bucket of the window, at least a second."""
    return max((end - start) / BUCKETS, timedelta(seconds=1))


def _weights(times: Sequence[datetime], start: datetime, width: timedelta) -> dict[int, float]:
    """Count events per bucket of time, damped by the logarithm: a burst weighs little more than an event."""
    counts: dict[int, int] = {}
    for time in times:
        bucket = (time - start) // width
        counts[bucket] = counts.get(bucket, 0) + 1
    return {bucket: 1.0 + log(count) for bucket, count in sorted(counts.items())}


def _best_split(weights: dict[int, float], length: float) -> tuple[int, float]:
    total = sum(weights.values())
    best, best_score, before = 0, 0.0, 0.0
    for bucket, weight in weights.items():
        score = _gain(before, total - before, float(bucket), max(length - bucket, 1.0))
        if score > best_score:
            best, best_score = bucket, score
        before += weight
    return best, best_score


def _gain(before: float, after: float, length_before: float, length_after: float) -> float:
    """Return the log likelihood ratio of two rates over one; 0 unless the rate rose RISE-fold."""
    if length_before <= 0 or after <= 0:
        return 0.0
    rate_after = after / length_after
    if before and rate_after < RISE * before / length_before:
        return 0.0
    total_rate = (before + after) / (length_before + length_after)
    gain = after * log(rate_after / total_rate)
    if before:
        gain += before * log(before / length_before / total_rate)
    return gain


def peak(times: Sequence[datetime], width_s: int = 60) -> datetime | None:
    """Return the start of the bucket of `width_s` seconds with most events, the first of equals."""
    counts: dict[int, int] = {}
    for time in times:
        bucket = int(time.timestamp()) // width_s
        counts[bucket] = counts.get(bucket, 0) + 1
    if not counts:
        return None
    fullest = max(counts, key=lambda bucket: (counts[bucket], -bucket))
    return datetime.fromtimestamp(fullest * width_s, tz=times[0].tzinfo)
