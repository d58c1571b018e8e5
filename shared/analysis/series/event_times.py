"""When events happened, compactly: a list of a million datetimes takes 56 MB, these take 8."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from heapq import merge

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Return the whole microseconds from 1970 to an aware time."""
    return (moment - EPOCH) // MICROSECOND


def moment_of(micros: int) -> datetime:
    """Return the aware UTC time so many microseconds after 1970."""
    return EPOCH + timedelta(microseconds=micros)


class EventTimes:
    """
    Sorted times of events: of events that were read, and of events that were only counted, so many at one time.

    Times are added oldest first. Its length is the number of events of both kinds.
    """

    __slots__ = ("_counted", "_micros")

    def __init__(self, times: Iterable[datetime] = ()) -> None:
        self._micros = array("q", map(microseconds, times))
        self._counted: list[tuple[int, int]] = []

    def add(self, at: datetime) -> None:
        """Add an event that is not older than the events before."""
        self._micros.append(microseconds(at))

    def add_micros(self, micros: int) -> None:
        """Add an event by its microseconds since 1970."""
        self._micros.append(micros)

    def with_counted(self, counts: Iterable[tuple[datetime, int]]) -> "EventTimes":
        """Return these events and the counted ones; each count is of events at one time."""
        both = EventTimes()
        both._micros = self._micros
        both._counted = sorted([*self._counted, *((microseconds(at), count) for at, count in counts if count > 0)])
        return both

    def together_with(self, other: "EventTimes") -> "EventTimes":
        """Return these events and the other ones."""
        both = EventTimes()
        both._micros = array("q", merge(self._micros, other._micros))
        both._counted = sorted([*self._counted, *other._counted])
        return both

    def __len__(self) -> int:
        return len(self._micros) + sum(count for _, count in self._counted)

    @property
    def micros(self) -> Sequence[int]:
        """The microseconds since 1970 of the events that were read."""
        return self._micros

    def items(self) -> Iterator[tuple[datetime, int]]:
        """Yield each time and the events at it: first those that were read, one by one, then those counted."""
        yield from ((moment_of(micros), 1) for micros in self._micros)
        yield from ((moment_of(micros), count) for micros, count in self._counted)

    @property
    def first(self) -> datetime:
        """The oldest time. Raises ValueError when there is no event."""
        return moment_of(min([*self._micros[:1], *(at for at, _ in self._counted[:1])]))

    @property
    def last(self) -> datetime:
        """The newest time. Raises ValueError when there is no event."""
        return moment_of(max([*self._micros[-1:], *(at for at, _ in self._counted[-1:])]))

    def before(self, at: datetime) -> int:
        """Return how many events are older than `at`."""
        micros = microseconds(at)
        return bisect_left(self._micros, micros) + sum(count for one, count in self._counted if one < micros)

    def first_from(self, at: datetime) -> datetime:
        """Return the time of the first event not older than `at`. Raises ValueError when there is none."""
        micros = microseconds(at)
        index = bisect_left(self._micros, micros)
        counted = next((one for one, _ in self._counted if one >= micros), None)
        return moment_of(min([*self._micros[index : index + 1], *([] if counted is None else [counted])]))

    def between(self, start: datetime, end: datetime) -> "EventTimes":
        """Return the events in [start, end], both included."""
        first, last = microseconds(start), microseconds(end)
        inside = EventTimes()
        inside._micros = self._micros[bisect_left(self._micros, first) : bisect_right(self._micros, last)]
        inside._counted = [(at, count) for at, count in self._counted if first <= at <= last]
        return inside

    def mirrored(self, start: datetime, end: datetime) -> "EventTimes":
        """Return the events with time running backwards between `start` and `end`."""
        both = microseconds(start) + microseconds(end)
        mirror = EventTimes()
        mirror._micros = array("q", (both - micros for micros in reversed(self._micros)))
        mirror._counted = [(both - at, count) for at, count in reversed(self._counted)]
        return mirror

    def per_bucket(self, start: datetime, width: timedelta) -> dict[int, int]:
        """Return the number of events in each bucket of `width` counted from `start`, oldest first; none are absent."""
        zero, size = microseconds(start), width // MICROSECOND
        counts: dict[int, int] = {}
        for micros in self._micros:
            bucket = (micros - zero) // size
            counts[bucket] = counts.get(bucket, 0) + 1
        for micros, count in self._counted:
            bucket = (micros - zero) // size
            counts[bucket] = counts.get(bucket, 0) + count
        return dict(sorted(counts.items()))
