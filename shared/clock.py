"""The one place that reads the clock: `now()` is always aware UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def to_utc(moment: datetime) -> datetime:
    """
    Return `moment` in UTC.

    Raises ValueError when it carries no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a time needs its time zone, for example 2026-01-31T08:00:00Z")
    return moment.astimezone(UTC)
