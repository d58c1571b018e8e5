"""Change points: when the rate of events changed."""

import random
from datetime import UTC, datetime, timedelta

from shared.analysis.series import change_point
from shared.analysis.series.event_times import EventTimes

START = datetime(2031, 5, 6, 7, 0, tzinfo=UTC)
END = START + timedelta(hours=1)


def at(*seconds: float) -> EventTimes:
    """Return the times so many seconds after START."""
    return EventTimes(START + timedelta(seconds=one) for one in sorted(seconds))


def random_seconds(count: int, seed: int = 1) -> list[float]:
    """Return so many seconds, anywhere in the window."""
    chance = random.Random(seed)
    return [chance.uniform(0, 3600) for _ in range(count)]


def steady(count: int, seed: int = 1) -> EventTimes:
    """Return events at a steady rate over the whole window."""
    return at(*random_seconds(count, seed))


def test_onset_of_something_new_is_its_first_event():
    """With no event before and many after, the onset is exactly the first event."""
    change = change_point.find_rise(at(*range(3000, 3600, 60)), START, END)

    assert change is not None
    assert (change.at, change.before, change.after, change.is_new) == (START + timedelta(seconds=3000), 0, 10, True)


def test_rise_over_a_background_is_dated_near_its_start():
    """A tenfold rise is dated to within a minute."""
    times = at(*random_seconds(30), *range(2400, 3600, 12))

    change = change_point.find_rise(times, START, END)

    assert change is not None
    assert abs((change.at - START).total_seconds() - 2400) < 60


def test_steady_background_has_no_onset():
    """At most one steady series in thirty looks like a rise."""
    changes = [change_point.find_rise(steady(count, seed), START, END) for seed in range(50) for count in (3, 12, 60)]

    assert sum(one is not None for one in changes) <= 5


def test_one_burst_in_a_steady_background_is_not_a_rise():
    """A burst of retries within a second counts little more than one event."""
    times = at(*random_seconds(40), *[3000 + index / 100 for index in range(50)])

    assert change_point.find_rise(times, START, END) is None


def test_falling_rate_is_not_a_rise():
    """Errors that stopped are not an onset."""
    assert change_point.find_rise(at(*range(0, 600, 20)), START, END) is None


def test_single_event_is_not_a_rise():
    """One event has no rate."""
    assert change_point.find_rise(at(3599), START, END) is None


def test_errors_in_proportion_to_traffic_are_not_a_rise():
    """Twice the requests with twice the usual errors is not a fault."""
    onset, width = START + timedelta(seconds=1800), timedelta(seconds=15)
    traffic = at(*range(1800, 3600, 5))
    usual = at(*range(1830, 3600, 60))

    assert change_point.score_by_traffic(usual, onset, [traffic], width) < change_point.SURE
    assert change_point.score_by_traffic(usual, onset, [at(*range(0, 3600, 5))], width) > change_point.SURE


def test_little_traffic_does_not_excuse_errors():
    """With too few ordinary lines there is nothing to compare with."""
    assert change_point.score_by_traffic(at(1, 2, 3), START, [at(1, 2)], timedelta(seconds=15)) == float("inf")


def test_peak_is_the_start_of_the_busiest_minute():
    """The peak is the minute with the most events; there is none without events, or where two are alike."""
    assert change_point.peak(at(10, 130, 140, 150, 200)) == START + timedelta(seconds=120)
    assert change_point.peak(at(10, 20, 130, 140)) is None
    assert change_point.peak(EventTimes()) is None
