"""Anomalies in metric series."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.analysis.series.metric_anomalies import DEVIATIONS, find_anomalies
from shared.telemetry.port import Series

START = datetime(2031, 5, 6, 7, 0, tzinfo=UTC)


def series(*values: float, unit: str = "s", higher_is_worse: bool = True) -> Series:
    """Return a series with one point per minute."""
    points = tuple((START + timedelta(minutes=index), value) for index, value in enumerate(values))
    return Series("latency", unit, "q", {}, points, higher_is_worse)


def test_value_far_from_its_baseline_is_an_anomaly():
    """An anomaly holds its time, the baseline and the new value."""
    (anomaly,) = find_anomalies([series(1, 1.1, 0.9, 1, 1.05, 1, 5, 9, 8, 7)], None)

    assert (anomaly.at, anomaly.baseline, anomaly.value) == (START + timedelta(minutes=6), 1.0, 9)


def test_onset_separates_the_baseline_from_the_rest():
    """When the onset is known, everything before it is the baseline."""
    values = (1, 2, 1, 2, 1, 2, 9, 9)

    assert find_anomalies([series(*values)], START + timedelta(minutes=6))


def test_series_that_starts_with_the_incident_has_no_baseline():
    """The first half of an incident is not the usual state."""
    values = (9, 9, 9, 9, 9, 20, 30, 30, 30)

    assert not find_anomalies([series(*values)], START + timedelta(minutes=1))
    assert find_anomalies([series(*values)], None)


def test_anomaly_begins_where_its_values_do_and_not_where_the_search_did():
    """The first half is searched too, where what the second half begins with was there before."""
    usual, worse = (1, 1.1, 0.9, 1, 1.05, 1, 1, 1.1, 0.9, 1, 1), (7, *[9, 8] * 6)

    (anomaly,) = find_anomalies([series(*usual, *worse)], None)

    assert len(usual) < (len(usual) + len(worse)) // 2
    assert anomaly.at == START + timedelta(minutes=len(usual))


def test_noise_is_not_an_anomaly():
    """Neither a single spike nor a noisy series counts."""
    assert not find_anomalies([series(1, 1, 1, 1, 1, 1, 9, 1, 1, 1)], None)
    assert not find_anomalies([series(1, 9, 2, 8, 1, 9, 2, 8, 1, 9)], None)


def test_newest_point_alone_is_an_anomaly_when_it_is_far_out():
    """An alert fires on the newest point, so no second point is needed."""
    assert find_anomalies([series(1, 1.1, 1, 0.9, 1, 1, 1, 9)], None)


def test_improvement_is_not_an_anomaly():
    """Falling latency does no harm; falling traffic does."""
    values = (9, 9, 9, 9, 9, 1, 1, 1)

    assert not find_anomalies([series(*values)], None)
    assert find_anomalies([series(*values, higher_is_worse=False)], None)


def test_too_short_series_has_no_anomaly():
    """A series this short has no baseline."""
    assert not find_anomalies([series(1, 9, 9)], None)


def test_flat_ratio_needs_a_rise_of_one_percentage_point():
    """An error ratio of zero may rise a little without harm."""
    assert not find_anomalies([series(0, 0, 0, 0, 0, 0.004, 0.004, 0.004, unit="ratio")], None)
    assert find_anomalies([series(0, 0, 0, 0, 0, 0.2, 0.3, 0.3, unit="ratio")], None)


def test_sample_that_the_query_repeats_is_one_sample():
    """A query each 15 seconds shows a value that is scraped each minute four times: still one noisy sample."""
    scraped = (1, 1.2, 0.9, 1.1, 1, 1.3, 0.9, 9, 1, 1.1)
    points = tuple((START + timedelta(seconds=15 * n), scraped[n // 4]) for n in range(40))

    assert not find_anomalies([Series("latency", "s", "q", {}, points)], None)
    assert find_anomalies([Series("latency", "s", "q", {}, (*points[:32], *((at, 9) for at, _ in points[32:])))], None)


def test_bursts_that_came_before_are_usual():
    """The median of a bursty series says nothing of its bursts."""
    calm_and_bursts = (1, 1, 9, 1, 1, 8, 1, 1)

    assert not find_anomalies([series(*calm_and_bursts, 9, 8, 9)], START + timedelta(minutes=8))
    assert find_anomalies([series(*calm_and_bursts, 90, 80, 90)], START + timedelta(minutes=8))


def test_series_that_hardly_ever_changed_does_not_outrank_a_larger_change():
    """Deviations are counted in the least change that matters, not in a spread of nearly zero."""
    constant = replace(series(10, 10, 10.001, 10, 10, 10, 10, 16, 16, 16), name="constant")
    noisy = replace(series(1, 1.1, 0.9, 1, 1.05, 1, 1, 30, 30, 30), name="noisy")

    anomalies = find_anomalies([constant, noisy], START + timedelta(minutes=7))

    assert [one.series.name for one in anomalies] == ["noisy", "constant"]
    assert anomalies[1].deviations < 10


def test_series_of_an_unknown_unit_that_was_always_zero_counts_a_little():
    """How much is much is not known."""
    (anomaly,) = find_anomalies([series(0, 0, 0, 0, 0, 7, 7, 7, unit="")], None)

    assert anomaly.deviations == 2 * DEVIATIONS
