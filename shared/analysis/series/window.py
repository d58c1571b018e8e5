"""The time that a reading covers."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Window:
    """The time that was read; `start` is that of the first line when the store left older ones out."""

    start: datetime
    end: datetime
