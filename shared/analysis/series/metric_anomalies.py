"""Anomalies in metric series: values that left the range they had before the onset."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from shared.telemetry.port import Series

LOG_RATE = "log_rate"
"""Name of the series of log lines a minute, counted from what was read."""
MIN_BASELINE = 4
DEVIATIONS = 6.0
"""Robust standard deviations by which a value must leave the baseline."""
MIN_CHANGE = 0.5
"""And the share of the baseline by which it must change."""
MIN_RUN = 2
"""And for how many points in a row: one noisy sample is no anomaly. The newest may be alone if twice as far out."""
NORMAL = 1.4826  # turns a median absolute deviation into a standard deviation of normal noise
# A series that never changed has no spread: the smallest change that counts depends on its unit.
FLOORS = {"ratio": 0.01, "s": 0.05, "cores": 0.1, "bytes": 64e6, "requests/s": 0.1, "restarts": 0.5}
MIN_FLOOR = 1e-9


SYMPTOMS = ("error_ratio", "request_rate")
"""Series that show the harm itself; others may also show its cause."""


def quantity(value: float, unit: str) -> str:
    """Return a value as a reader expects it, a ratio in percent."""
    return f"{value * 100:.3g} %" if unit == "ratio" else f"{value:.4g} {unit}".rstrip()


@dataclass(frozen=True)
class Anomaly:
    """A series left its range at `at`; `value` is the worst of the run, `deviations` how far out."""

    series: Series
    at: datetime
    baseline: float
    value: float
    deviations: float


def find_anomalies(series: Sequence[Series], onset: datetime | None) -> list[Anomaly]:
    """Return the anomalies, largest deviation first; without an onset the first half of a series is its baseline."""
    anomalies = [anomaly for one in series if (anomaly := _anomaly(one, onset)) is not None]
    return sorted(anomalies, key=lambda anomaly: (-anomaly.deviations, anomaly.series.name))


def _anomaly(series: Series, onset: datetime | None) -> Anomaly | None:
    before = [value for at, value in series.points if onset is not None and at < onset]
    if onset is None:
        before = [value for _, value in series.points[: len(series.points) // 2]]
    if len(before) < MIN_BASELINE:
        return None
    baseline = median(before)
    spread = NORMAL * median(abs(value - baseline) for value in before)
    min_change = max(DEVIATIONS * spread, MIN_CHANGE * abs(baseline), FLOORS.get(series.unit, MIN_FLOOR))
    run = _first_worse_points(series.points[len(before) :], baseline, min_change, series.higher_is_worse)
    if not run or (len(run) < MIN_RUN and abs(run[-1][1] - baseline) < 2 * min_change):
        return None
    worst = max(run, key=lambda point: abs(point[1] - baseline))[1]
    return Anomaly(series, run[0][0], baseline, worst, abs(worst - baseline) / (spread or min_change))


def _first_worse_points(
    points: Sequence[tuple[datetime, float]], baseline: float, min_change: float, higher_is_worse: bool
) -> list[tuple[datetime, float]]:
    """
    Return the first points in a row that are worse than the baseline by `min_change`, at least MIN_RUN of them.

    A shorter row is returned only at the end of the series, where it may have just begun; the caller judges it.
    """
    run: list[tuple[datetime, float]] = []
    for at, value in points:
        worse_by = value - baseline if higher_is_worse else baseline - value
        if worse_by >= min_change:
            run.append((at, value))
        elif len(run) >= MIN_RUN:
            break
        else:
            run = []
    return run
