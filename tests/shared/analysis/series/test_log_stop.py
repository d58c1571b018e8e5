"""Log stops: traffic that ends suddenly."""

import random
from datetime import datetime, timedelta

import pytest

from shared.analysis.series.event_times import EventTimes
from shared.analysis.series.log_stop import find_stop
from shared.analysis.series.window import Window
from tests.builders import NOW

START = NOW - timedelta(minutes=30)
WINDOW = Window(START, NOW)


def every(seconds: float, start_s: float = 0, end_s: float = 1800) -> list[datetime]:
    """Return the times every so many seconds of the window."""
    count = int((end_s - start_s) / seconds)
    return [START + timedelta(seconds=start_s + seconds * index) for index in range(count)]


def test_traffic_that_ends_is_a_stop():
    """The stop holds the time of the last line, the lines per minute before it, and zero since."""
    times = every(4.2, end_s=1080)

    stop = find_stop(EventTimes(times), WINDOW, '{service_name="shop"}')

    assert stop is not None
    assert (stop.at, stop.value) == (times[-1], 0)
    assert stop.baseline == pytest.approx(14.3, abs=0.1)
    assert stop.series.query == 'sum(count_over_time({service_name="shop"} [1m]))'


def test_traffic_that_ends_except_for_a_heartbeat_is_a_stop():
    """A line every few minutes does not hide the stop."""
    assert find_stop(EventTimes([*every(4.2, end_s=1080), *every(300, 1200)]), WINDOW, "") is not None


@pytest.mark.parametrize(
    "times",
    [
        every(4.2),
        every(4.2, end_s=1700),  # the window of a replay ends a little after its data
        every(120, end_s=1080),  # so few lines can pause by chance
        [*every(4.2, end_s=1080), *every(12, 1080)],  # a lull
        [one for start in (0, 600, 1200) for one in every(1, start, start + 60)],  # a job every ten minutes
        [],
    ],
    ids=["steady", "ends late", "few", "lull", "job", "nothing"],
)
def test_other_pauses_are_not_stops(times: list[datetime]):
    """A pause counts only when chance, a regular pattern or the window's edge do not explain it."""
    assert find_stop(EventTimes(times), WINDOW, "") is None


def test_random_traffic_never_looks_like_a_stop():
    """In a thousand windows of random lines, many or few, no stop is reported."""
    chance = random.Random(3)
    windows = [sorted(START + timedelta(seconds=chance.uniform(0, 1800)) for _ in range(n)) for n in (5, 20, 100) * 333]

    assert not [one for one in windows if find_stop(EventTimes(one), WINDOW, "")]
