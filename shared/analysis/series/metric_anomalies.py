"""Anomalies in metric series: values that left the range they had before the onset."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise, takewhile
from statistics import median, quantiles

from shared.telemetry.port import PROTOCOLS, Series

Points = tuple[tuple[datetime, float], ...]

LOG_RATE = "log_rate"
"""Name of the series of log lines a minute, counted from what was read."""
MIN_BASELINE = 4
DEVIATIONS = 4.0
"""
Robust standard deviations by which a value must leave the baseline.

Chosen with the spread below on recorded series of services that nothing was done to: infra/README.md has the figures.
"""
MIN_CHANGE = 0.5
"""And the share of the baseline by which it must change."""
TAIL_DEVIATIONS = 1.2816
"""Where the first and last tenth of normal noise begin, in standard deviations."""
MIN_STEPS = 4
"""Changes of value that tell how often a series is sampled."""
MIN_RUN = 2
"""And for how many points in a row: one noisy sample is no anomaly. The newest may be alone if twice as far out."""
NORMAL = 1.4826  # turns a median absolute deviation into a standard deviation of normal noise
# A series that never changed has no spread: the smallest change that counts depends on its unit.
FLOORS = {"ratio": 0.01, "s": 0.05, "cores": 0.1, "bytes": 64e6, "requests/s": 0.1, "restarts": 0.5, "containers": 0.5}


HARM = tuple(
    protocol + sign for protocol in PROTOCOLS for sign in ("error_ratio", "request_rate", "latency_p95", "latency_mean")
)
"""Series of what users meet, which name no cause; others may also show one."""


def quantity(value: float, unit: str) -> str:
    """Return a value as a reader expects it, a ratio in percent."""
    return f"{value * 100:.3g} %" if unit == "ratio" else f"{value:.4g} {unit}".rstrip()


@dataclass(frozen=True)
class Anomaly:
    """
    A series left its range at `at`; `value` is the worst of the run.

    `deviations` is how far out: DEVIATIONS is the least that counts, whatever that rests on, so that series that hardly
    ever change compare with others.
    """

    series: Series
    at: datetime
    baseline: float
    value: float
    deviations: float


def find_anomalies(series: Sequence[Series], onset: datetime | None) -> list[Anomaly]:
    """Return the anomalies, largest deviation first; without an onset the first half of a series is its baseline."""
    anomalies = [anomaly for one in series if (anomaly := _anomaly(one, onset)) is not None]
    return sorted(anomalies, key=lambda anomaly: (-anomaly.deviations, anomaly.series.name))


def least_change(series: Series, onset: datetime | None) -> tuple[float, float] | None:
    """
    Return the baseline of a series, and by how much a value must leave it to be an anomaly.

    The change is 0 when it is not known how much is usual: a series of an unknown unit that was always zero. None when
    there are too few values for a baseline.
    """
    before, _ = _halves(series, onset)
    if len(before) < MIN_BASELINE:
        return None
    values = sorted(value for _, value in before)
    baseline = median(values)
    spread = NORMAL * median(abs(value - baseline) for value in values)
    # Half of the values of a bursty series are calm, so that their median says nothing of the bursts.
    tenths = quantiles(values, n=10, method="inclusive")
    tail = tenths[-1] if series.higher_is_worse else tenths[0]
    spread = max(spread, abs(tail - baseline) / TAIL_DEVIATIONS)
    return baseline, max(DEVIATIONS * spread, MIN_CHANGE * abs(baseline), FLOORS.get(series.unit, 0.0))


def _anomaly(series: Series, onset: datetime | None) -> Anomaly | None:
    usual = least_change(series, onset)
    if usual is None:
        return None
    baseline, min_change = usual
    before, after = _halves(series, onset)
    # Where it is not known how much is usual, half of the largest change that is seen: any lasting one counts a little.
    min_change = min_change or max((abs(value - baseline) for _, value in after), default=0.0) / 2
    if not min_change:
        return None
    run = _first_worse_points(after, baseline, min_change, series.higher_is_worse)
    if not run or (len(run) < MIN_RUN and abs(run[-1][1] - baseline) < 2 * min_change):
        return None
    if onset is None and run[0] == after[0]:
        # The half is where the search began, not what it searched for.
        run = [*_last_worse_points(before, baseline, min_change, series.higher_is_worse), *run]
    worst = max(run, key=lambda point: abs(point[1] - baseline))[1]
    return Anomaly(series, run[0][0], baseline, worst, DEVIATIONS * abs(worst - baseline) / min_change)


def _halves(series: Series, onset: datetime | None) -> tuple[Points, Points]:
    """Return the samples before the onset and from it on; without one, the two halves."""
    points = _samples(series.points)
    middle = len(points) // 2 if onset is None else bisect_left(points, onset, key=lambda point: point[0])
    return points[:middle], points[middle:]


def _samples(points: Points) -> Points:
    """
    Return the points without those that only repeat a sample: a query steps faster than a target may be scraped.

    How often it is sampled is how soon its value changes; one that hardly changes is left as it is.
    """
    changes = [at for (_, old), (at, new) in pairwise(points) if new != old]
    if len(changes) < MIN_STEPS:
        return points
    gaps = sorted(later - earlier for earlier, later in pairwise(changes))
    usual_gap = gaps[len(gaps) // 4]
    samples = [points[0]]
    for at, value in points[1:]:
        if value != samples[-1][1] or at - samples[-1][0] >= usual_gap:
            samples.append((at, value))
    return tuple(samples)


def _first_worse_points(
    points: Points, baseline: float, min_change: float, higher_is_worse: bool
) -> list[tuple[datetime, float]]:
    """
    Return the first points in a row that are worse than the baseline by `min_change`, at least MIN_RUN of them.

    A shorter row is returned only at the end of the series, where it may have just begun; the caller judges it.
    """
    run: list[tuple[datetime, float]] = []
    for at, value in points:
        if _is_worse(value, baseline, min_change, higher_is_worse):
            run.append((at, value))
        elif len(run) >= MIN_RUN:
            break
        else:
            run = []
    return run


def _last_worse_points(
    points: Points, baseline: float, min_change: float, higher_is_worse: bool
) -> list[tuple[datetime, float]]:
    """Return the points at the end that are all worse than the baseline by `min_change`, oldest first."""
    worse = takewhile(lambda point: _is_worse(point[1], baseline, min_change, higher_is_worse), reversed(points))
    return list(worse)[::-1]


def _is_worse(value: float, baseline: float, min_change: float, higher_is_worse: bool) -> bool:
    return (value - baseline if higher_is_worse else baseline - value) >= min_change
