"""Anomalies in metric series."""

from datetime import UTC, datetime, timedelta

from shared.analysis.series.metric_anomalies import find_anomalies
from shared.telemetry.port import Series

START = datetime(2031, 5, 6, 7, 0, tzinfo=UTC)


def series(*values: float, unit: str = "s", higher_is_worse: bool = True) -> Series:
    """Return a series with a point a minute."""
    points = tuple((START + timedelta(minutes=index), value) for index, value in enumerate(values))
    return Series("latency", unit, "q", {}, points, higher_is_worse)


def test_value_far_from_its_baseline_is_an_anomaly():
    """Where it left, from what, to what."""
    (found,) = find_anomalies([series(1, 1.1, 0.9, 1, 1.05, 1, 5, 9, 8, 7)], None)

    assert (found.at, found.baseline, found.value) == (START + timedelta(minutes=6), 1.0, 9)


def test_onset_parts_baseline_from_the_rest():
    """With an onset known, everything before it is baseline."""
    values = (1, 2, 1, 2, 1, 2, 9, 9)

    assert find_anomalies([series(*values)], START + timedelta(minutes=6))


def test_series_that_begins_with_the_incident_has_no_baseline():
    """The first half of an incident is not how it usually was."""
    values = (9, 9, 9, 9, 9, 20, 30, 30, 30)

    assert not find_anomalies([series(*values)], START + timedelta(minutes=1))
    assert find_anomalies([series(*values)], None)


def test_noise_is_no_anomaly():
    """Neither a single spike nor a restless series counts."""
    assert not find_anomalies([series(1, 1, 1, 1, 1, 1, 9, 1, 1, 1)], None)
    assert not find_anomalies([series(1, 9, 2, 8, 1, 9, 2, 8, 1, 9)], None)


def test_newest_point_counts_alone_when_far_out():
    """An alert fires on the newest point; it need not wait for another."""
    assert find_anomalies([series(1, 1.1, 1, 0.9, 1, 1, 1, 9)], None)


def test_improvement_is_no_anomaly():
    """Falling latency harms nobody; falling traffic does."""
    values = (9, 9, 9, 9, 9, 1, 1, 1)

    assert not find_anomalies([series(*values)], None)
    assert find_anomalies([series(*values, higher_is_worse=False)], None)


def test_too_short_a_series_says_nothing():
    """Without a baseline there is no anomaly."""
    assert not find_anomalies([series(1, 9, 9)], None)


def test_ratio_that_never_moved_needs_a_percent_to_count():
    """A flat error ratio of zero may rise a little without harm."""
    assert not find_anomalies([series(0, 0, 0, 0, 0, 0.004, 0.004, 0.004, unit="ratio")], None)
    assert find_anomalies([series(0, 0, 0, 0, 0, 0.2, 0.3, 0.3, unit="ratio")], None)
