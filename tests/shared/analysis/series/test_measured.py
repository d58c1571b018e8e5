"""Which series is worth drawing, and its few points."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, strategies

from shared.analysis.series.condition import state_of
from shared.analysis.series.measured import MAX_PARTS, measured
from shared.analysis.series.metric_anomalies import Anomaly
from shared.analysis.series.window import Window
from shared.telemetry.port import AlertCondition, ConditionReading, Series
from tests.builders import NOW, an_alert

START = datetime(2031, 5, 6, 7, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(minutes=15))
RATIO = 'sum(rate(http_requests_total{code=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))'


def series(name: str, *values: float, step_s: int = 15, **fields: Any) -> Series:
    """Return a series from the start of the window on."""
    points = tuple((START + timedelta(seconds=step_s * index), value) for index, value in enumerate(values))
    return Series(name, fields.pop("unit", "ratio"), "q", {}, points, **fields)


def anomaly(one: Series, deviations: float = 9) -> Anomaly:
    """Return an anomaly of a series."""
    return Anomaly(one, START, 0.0, 1.0, deviations)


def test_what_the_alert_watches_goes_first_with_its_threshold() -> None:
    """The reader sees what fired and where its limit is, in the words and the unit of its users."""
    points = tuple((NOW - timedelta(minutes=3 - index), value) for index, value in enumerate((0.001, 0.002, 0.09, 0.2)))
    reading = ConditionReading(AlertCondition(RATIO, ">", 0.05), (Series("", "", "q", {}, points),))
    state = state_of(an_alert(), reading)
    window = Window(NOW - timedelta(minutes=4), NOW)

    drawn = measured(state, [anomaly(series("error_ratio", 1, 1))], window, has_errors=True)

    assert drawn is not None
    assert (drawn.title, drawn.unit) == ("Share of requests that fail", "ratio")
    assert (drawn.threshold, drawn.limit, drawn.higher_is_worse) == (0.05, "above 5 %", True)
    assert drawn.values == [None, 0.001, 0.002, 0.2]


def test_condition_without_a_threshold_is_not_drawn() -> None:
    """It has a result only while it holds, so that a line of it would show no before."""
    reading = ConditionReading(AlertCondition("absent(up)"), (Series("", "", "q", {}, ((NOW, 1.0),)),))

    assert measured(state_of(an_alert(), reading), [], WINDOW, has_errors=True) is None


def test_least_value_matters_where_the_alert_fires_below() -> None:
    """The worst value of a part is the lowest."""
    points = tuple(
        (NOW - timedelta(seconds=45 - 15 * index), value) for index, value in enumerate((9.0, 1.0, 9.0, 1.0))
    )
    reading = ConditionReading(AlertCondition("min(replicas)", "<", 2), (Series("", "", "q", {}, points),))

    drawn = measured(state_of(an_alert(), reading), [], Window(NOW - timedelta(days=1), NOW), has_errors=False)

    assert drawn is not None
    assert not drawn.higher_is_worse
    assert drawn.values[-1] == 1.0


def test_harm_goes_before_what_moved_further() -> None:
    """Users meet failures and slow answers, not memory."""
    heap, latency = series("heap", 1, 2, unit="bytes"), series("latency_p95", 1, 2, unit="s")

    drawn = measured(None, [anomaly(heap, 99), anomaly(latency)], WINDOW, has_errors=True)

    assert drawn is not None
    assert (drawn.title, drawn.unit, drawn.threshold) == ("latency_p95", "s", None)


def test_counted_errors_go_before_a_series_that_shows_no_harm() -> None:
    """Without errors it is better than nothing."""
    heap = anomaly(series("heap", 1, 2, unit="bytes"))

    drawn = measured(None, [heap], WINDOW, has_errors=False)

    assert drawn is not None
    assert drawn.title == "heap"
    assert measured(None, [heap], WINDOW, has_errors=True) is None
    assert measured(None, [], WINDOW, has_errors=False) is None


def test_gap_in_a_series_stays_a_gap() -> None:
    """What was not measured is not zero, and parts are no shorter than the usual step."""
    points = series("error_ratio", *range(60)).points
    gapped = Series("error_ratio", "ratio", "q", {}, points[:20] + points[30:])

    drawn = measured(None, [anomaly(gapped)], WINDOW, has_errors=True)

    assert drawn is not None
    assert drawn.values == [*map(float, range(20)), *[None] * 10, *map(float, range(30, 60))]


@given(
    values=strategies.lists(strategies.floats(0, 1e12), min_size=1, max_size=300),
    step_s=strategies.integers(1, 120),
    higher_is_worse=strategies.booleans(),
)
def test_worst_value_is_never_lost(values: list[float], step_s: int, higher_is_worse: bool) -> None:
    """However few points remain, a peak of one sample is one of them, to four digits."""
    one = series("error_ratio", *values, step_s=step_s, higher_is_worse=higher_is_worse)
    inside = [value for at, value in one.points if at <= WINDOW.end]

    drawn = measured(None, [anomaly(one)], WINDOW, has_errors=True)

    assert drawn is not None
    assert len(drawn.values) <= MAX_PARTS
    worst = max if higher_is_worse else min
    assert worst(value for value in drawn.values if value is not None) == float(f"{worst(inside):.4g}")
