"""
When behaviour changed: the moment after which events come faster than before, and how certain that is.

A CUSUM in its likelihood-ratio form for Poisson counts (Page 1954; Hinkley 1970): for each moment the log likelihood of
"two rates, changed here" over "one rate", in nats; the best moment wins. Bursts are damped, so that one retry storm in
a steady background is not a change.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf, log

from shared.analysis.series.event_times import EPOCH, EventTimes

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


def find_rise(times: EventTimes, start: datetime, end: datetime) -> ChangePoint | None:
    """Return the most likely rise of the event rate in [start, end], or None."""
    inside = times.between(start, end)
    if len(inside) < 2 or end <= start:
        return None
    width = bucket_width(start, end)
    split, score = _best_split(_weights(inside, start, width), (end - start) / width)
    if score < SURE:
        return None
    at = inside.first_from(start + split * width)
    before = times.before(at)
    return ChangePoint(at, score, before, len(times) - before)


def rise_score(times: EventTimes, onset: datetime, start: datetime, end: datetime) -> float:
    """Return how much better (nats) a rise at `onset` explains the events than a steady rate; 0 when they fell."""
    if end <= start:
        return 0.0
    width = bucket_width(start, end)
    weights = _weights(times.between(start, end), start, width)
    split = (onset - start) // width
    before = sum(weight for bucket, weight in weights.items() if bucket < split)
    after = sum(weights.values()) - before
    return rise_of_counts(before, after, float(split), max((end - start) / width - split, 1.0))


def score_by_traffic(times: EventTimes, at: datetime, traffic: Iterable[EventTimes], width: timedelta) -> float:
    """
    Return how much better (nats) a rise at `at` explains the events than a constant share of the traffic.

    `traffic` are the times of ordinary lines by service: when all of the service's lines come faster, so do its usual
    errors, and nothing broke. Infinite when there is too little traffic to compare.
    """
    all_traffic = list(traffic)
    total = sum(len(each) for each in all_traffic)
    if total < MIN_TRAFFIC:
        return inf
    weights = _weights(times, at, width)
    before = sum(weight for bucket, weight in weights.items() if bucket < 0)
    calm = sum(each.before(at) for each in all_traffic)
    return rise_of_counts(before, sum(weights.values()) - before, float(calm), max(float(total - calm), 1.0))


def bucket_width(start: datetime, end: datetime) -> timedelta:
    """Return the width of a bucket of the window, at least a second."""
    return max((end - start) / BUCKETS, timedelta(seconds=1))


def _weights(times: EventTimes, start: datetime, width: timedelta) -> dict[int, float]:
    """Count events per bucket of time, damped by the logarithm: a burst weighs little more than an event."""
    return {bucket: 1.0 + log(count) for bucket, count in times.per_bucket(start, width).items()}


def _best_split(weights: dict[int, float], length: float) -> tuple[int, float]:
    total = sum(weights.values())
    best, best_score, before = 0, 0.0, 0.0
    for bucket, weight in weights.items():
        score = rise_of_counts(before, total - before, float(bucket), max(length - bucket, 1.0))
        if score > best_score:
            best, best_score = bucket, score
        before += weight
    return best, best_score


def rise_of_counts(before: float, after: float, length_before: float, length_after: float) -> float:
    """
    Return how much better (nats) two rates explain the counts before and after a moment than one.

    The lengths are those of the two times, in any unit; 0 unless the rate rose RISE-fold.
    """
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


def peak(times: EventTimes, width: timedelta = timedelta(minutes=1)) -> datetime | None:
    """Return the start of the bucket of `width` with most events; None where no single one has most."""
    fullest = sorted(times.per_bucket(EPOCH, width).items(), key=lambda item: -item[1])[:2]
    if not fullest or (len(fullest) > 1 and fullest[0][1] == fullest[1][1]):
        return None
    return EPOCH + fullest[0][0] * width
