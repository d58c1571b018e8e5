"""The time that a reading covers."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Window:
    """The time that was read; `start` is that of the first line when the store left older ones out."""

    start: datetime
    end: datetime


def span(length: timedelta) -> str:
    """Return a length of time in words, like "43 min"; under two minutes in seconds, from three hours on in hours."""
    seconds = round(length.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 3 * 3600 else f"{seconds // 3600} h"
