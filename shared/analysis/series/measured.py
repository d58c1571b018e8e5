"""The one series of metrics that is worth drawing, reduced to few points over the window."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from statistics import median

from shared.analysis.series.condition import ConditionState
from shared.analysis.series.metric_anomalies import HARM, Anomaly
from shared.analysis.series.window import Window
from shared.contracts import MeasuredSeries
from shared.telemetry.port import Series

MAX_PARTS = 60
"""As many as errors are counted in: a part of a usual window is one step of the query."""


def measured(
    condition: ConditionState | None, anomalies: Sequence[Anomaly], window: Window, has_errors: bool
) -> MeasuredSeries | None:
    """
    Return what the alert watches, with its threshold; else the harm that users meet, where it left its range.

    None where counted errors show more, or nothing was measured that moved.
    """
    if condition is not None and condition.limit and condition.series is not None:
        return _watched(condition, condition.series, window)
    harms = [one for one in anomalies if one.series.name in HARM]
    leading = next(iter(harms if harms or has_errors else anomalies), None)
    if leading is None:
        return None
    series = leading.series
    values = _worst_of_parts(series, window, series.higher_is_worse)
    return MeasuredSeries(title=series.name, unit=series.unit, values=values, higher_is_worse=series.higher_is_worse)


def _watched(state: ConditionState, series: Series, window: Window) -> MeasuredSeries:
    assert state.condition is not None
    threshold = state.condition.threshold
    higher_is_worse = state.condition.comparison not in ("<", "<=")
    return MeasuredSeries(
        title=state.title,
        unit=state.unit,
        values=_worst_of_parts(series, window, higher_is_worse),
        higher_is_worse=higher_is_worse,
        threshold=threshold if threshold is not None and isfinite(threshold) else None,
        limit=state.limit,
    )


def _worst_of_parts(series: Series, window: Window, higher_is_worse: bool) -> list[float | None]:
    """Return the worst value of each part of the window; a part is no shorter than the usual gap between points."""
    length = window.end - window.start
    inside = [(at, value) for at, value in series.points if window.start <= at <= window.end]
    gaps = [(later - earlier).total_seconds() for (earlier, _), (later, _) in pairwise(inside)]
    usual_s = median(gaps) if gaps else 0.0
    parts = max(min(MAX_PARTS, int(length.total_seconds() / usual_s)), 1) if usual_s else MAX_PARTS
    values: list[float | None] = [None] * parts
    for at, value in inside if length else ():
        part = min(int((at - window.start) / length * parts), parts - 1)
        worst = values[part]
        if worst is None or (value > worst) == higher_is_worse:
            values[part] = float(f"{value:.4g}")
    return values
