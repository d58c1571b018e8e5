"""What the house needs of a log store and of a metrics store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class LogQuery:
    """A question to the log store; times are aware UTC, `limit` counts lines over all pages."""

    service_name: str
    start: datetime
    end: datetime
    limit: int = 20_000
    only_problems: bool = False
    """Only lines that look like warnings, errors or worse."""
    containing: tuple[str, ...] = ()
    """Only lines that hold each of these texts, in their very case."""


@dataclass(frozen=True)
class LogLine:
    """One log entry; `nanoseconds` keeps the store's full precision."""

    at: datetime
    nanoseconds: int
    text: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LogPage:
    """The lines of one answer, oldest first."""

    lines: tuple[LogLine, ...]
    query: str
    is_complete: bool
    """False when the limit cut older lines off."""
    link: str = ""
    """Where a human sees the same, when the store has such a page."""


class Logs(Protocol):
    """A log store."""

    def search(self, query: LogQuery) -> LogPage:
        """
        Return the newest lines up to `query.limit`, oldest first.

        Raises Unavailable (no answer, 5xx), Throttled (429), Refused (401, 403, 404), Rejected (bad query).
        """
        ...


@dataclass(frozen=True)
class MetricQuery:
    """A question to the metrics store; times are aware UTC, `step_s` is in seconds."""

    service_name: str
    start: datetime
    end: datetime
    step_s: int = 15


@dataclass(frozen=True)
class Series:
    """One named series: `points` are (time, value) oldest first, never NaN or infinite."""

    name: str
    unit: str
    query: str
    labels: Mapping[str, str]
    points: tuple[tuple[datetime, float], ...]
    higher_is_worse: bool = True


class Metrics(Protocol):
    """A metrics store."""

    def overview(self, query: MetricQuery) -> list[Series]:
        """
        Return what there is of the service's vital series: errors, traffic, latency, saturation, restarts.

        Raises Unavailable (no answer, 5xx), Throttled (429), Refused (401, 403, 404), Rejected (bad query).
        """
        ...
