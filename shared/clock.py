"""The one place that reads the clock: `now()` is always aware UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def to_utc(moment: datetime) -> datetime:
    """
    Return `moment` in UTC.

    Raises ValueError when it carries no time zone, or is at the end of what a calendar holds.
    """
    if moment.tzinfo is None:
        raise ValueError("a time needs its time zone, for example 2026-01-31T08:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time must be within the years 1 to 9999 in UTC") from None
