"""Times of events, read and counted."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.analysis.series.event_times import EventTimes

START = datetime(2031, 5, 6, 7, 0, tzinfo=UTC)
WIDTH = timedelta(seconds=10)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def listed(events: EventTimes) -> list[datetime]:
    """Return each time as often as it has events."""
    return sorted(time for time, count in events.items() for _ in range(count))


def times(*seconds: float, counted: dict[float, int] | None = None) -> EventTimes:
    """Return events at these seconds, and so many more at others."""
    return EventTimes(map(at, seconds)).with_counted((at(one), count) for one, count in (counted or {}).items())


@pytest.mark.parametrize(
    "events", [times(1, 2, 2, 35.000001), times(2, counted={1: 1, 2: 1, 35.000001: 1})], ids=["read", "counted"]
)
def test_counted_events_are_events_like_those_read(events: EventTimes) -> None:
    """Every answer is the same, to the microsecond."""
    assert listed(events) == [at(1), at(2), at(2), at(35.000001)]
    assert (len(events), events.first, events.last) == (4, at(1), at(35.000001))
    assert [events.before(at(seconds)) for seconds in (1, 2, 2.1, 99)] == [0, 1, 3, 4]
    assert events.first_from(at(2.5)) == at(35.000001)
    assert listed(events.between(at(2), at(35))) == [at(2), at(2)]
    assert events.per_bucket(START, WIDTH) == {0: 3, 3: 1}
    assert listed(events.mirrored(START, at(40))) == [at(4.999999), at(38), at(38), at(39)]


def test_nothing_has_no_first_time() -> None:
    """There is no time to return, and a count of nothing is no event."""
    nothing = times(counted={5: 0})

    assert (len(nothing), listed(nothing), nothing.per_bucket(START, WIDTH)) == (0, [], {})
    with pytest.raises(ValueError, match="empty"):
        _ = nothing.first


def test_counting_more_leaves_the_events_themselves_alone() -> None:
    """The groups of one reading share no state."""
    events = times(1)

    assert (len(events.with_counted([(at(0), 7)])), len(events)) == (8, 1)
