"""The interfaces of a log store and of a metrics store."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import eq, ge, gt, le, lt, ne
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol


@dataclass(frozen=True)
class LogQuery:
    """A query to the log store; times are aware UTC, `limit` counts lines and `max_bytes` bytes over all answers."""

    service_name: str
    start: datetime
    end: datetime
    limit: int = 20_000
    only: Literal["all", "problems", "errors"] = "all"
    """`problems` look like warnings, errors or worse, `errors` like errors or worse."""
    containing: tuple[str, ...] = ()
    """Only lines that contain all of these texts, case-sensitive."""
    max_bytes: int = 16_000_000
    """As the store sends them; lines of 800 bytes reach the limit of lines first."""
    label: str = ""
    """The store's label that names the service; empty for the one that is configured."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of the alert, for the store's selector."""
    requests: tuple[str, ...] = ()
    """Only lines that hold one of these ids, of every service instead of this one."""
    within: tuple[tuple[str, str], ...] = ()
    """Labels and their values that narrow a search of every service."""


class LogLine(NamedTuple):
    """One log entry; `nanoseconds` keeps the store's full precision."""

    at: datetime
    nanoseconds: int
    text: str
    labels: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class LogCounts:
    """How many lines match one query in each step of time: (start of the step, lines), oldest first, without zeros."""

    query: str
    step: timedelta
    points: tuple[tuple[datetime, int], ...]

    @property
    def total(self) -> int:
        """All lines."""
        return sum(count for _, count in self.points)

    def before(self, at: datetime) -> "LogCounts":
        """Return the counts before `at`; a step that `at` divides is counted by its share."""
        points = [(start, self._share_before(start, count, at)) for start, count in self.points if start < at]
        return replace(self, points=tuple((start, count) for start, count in points if count))

    def _share_before(self, start: datetime, count: int, at: datetime) -> int:
        return round(count * min((at - start) / self.step, 1.0))


@dataclass(frozen=True)
class Unread:
    """
    What a page leaves out, counted by the store; each count is over the whole window.

    From `since` on every line was read, from `problems_since` on every line that looks like a problem. `by_words` are
    counts of lines that hold certain words of an error.
    """

    since: datetime
    problems_since: datetime
    lines: LogCounts
    errors: LogCounts
    by_words: Mapping[tuple[str, ...], LogCounts] = field(default_factory=dict)


@dataclass(frozen=True)
class LogPage:
    """The lines that match one query, oldest first."""

    lines: tuple[LogLine, ...]
    query: str
    is_complete: bool
    """False when older lines were left out, because of the limit of lines or of bytes."""
    link: str = ""
    """A page where a human sees the same lines, if the store has one."""
    selector: str = ""
    """What of the query selects the service, in the store's language; further queries are built on it."""
    others_selector: str = ""
    """What selects the services beside it."""
    tried: str = ""
    """The selector that had no lines, where another label had."""
    label: str = ""
    """The store's label that names the service, where it is not the one that is configured."""
    service_label: str = ""
    """The label of lines that names their service."""
    unread: Unread | None = None
    """What an incomplete page leaves out, if it was counted."""


class Logs(Protocol):
    """A log store."""

    def search(self, query: LogQuery) -> LogPage:
        """
        Return the newest lines up to `query.limit` and `query.max_bytes`, oldest first.

        Raises Unavailable (no answer, 5xx), Throttled (429), Refused (401, 403, 404), Rejected (bad query).
        """
        ...

    def other_label(self, query: LogQuery) -> str:
        """
        Return another conventional label under which the service has lines in the window, or an empty text.

        One call, for a service without a line under its label. Raises what `search` raises.
        """
        ...

    def count(self, query: LogQuery) -> LogCounts:
        """
        Return how many lines match, by time, in at most 300 steps; limits of lines and bytes do not apply.

        Raises what `search` raises.
        """
        ...


@dataclass(frozen=True)
class MetricQuery:
    """A query to the metrics store; times are aware UTC, `step_s` is in seconds."""

    service_name: str
    start: datetime
    end: datetime
    step_s: int = 15
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of the alert, for the store's selector."""


@dataclass(frozen=True)
class Series:
    """One named series: `points` are (time, value) oldest first, never NaN or infinite."""

    name: str
    unit: str
    query: str
    labels: Mapping[str, str]
    points: tuple[tuple[datetime, float], ...]
    higher_is_worse: bool = True
    convention: str = ""
    """Whose names for metrics it was chosen by, or the setting that holds its query."""


BY_WORDS = "the words of their names"
"""The convention of series whose metric has a name of its own: who counts what for it is not known."""
FROM_LINES = "log lines, as their names say"
"""The convention of series that a pipeline of logs counts, so that who writes lines writes them too."""
PROTOCOLS = ("", "grpc_", "mesh_")
"""What stands before the name of a series of requests, by who measured them."""
FAILURES = tuple(f"{protocol}error_ratio" for protocol in PROTOCOLS)
"""Series of the share of requests to the service that fail."""
CHOSEN_BY_CLIENTS = ("grpc_error_ratio",)
"""Of these, what a client makes fail: it sets the deadline of a gRPC call, and calls methods that are not there."""
FAILS = re.compile(r"5\.\.|5\d\d|5xx|error|fail|unavailable", re.IGNORECASE)
"""Words and numbers by which an expression selects what fails."""
PLATFORM_FAILURES = ("up", "restarts", "oom_killed_containers", "waiting_containers", "replicas_unavailable")
"""Series by which the platform reports that instances fail."""
NO_LOG_STORE = "No log store is configured: GRAFANA_HOST names one."
NO_METRICS_STORE = "No metrics store is configured: PROMETHEUS_HOST names one."
"""What is absent where no host is known to have metrics."""


@dataclass(frozen=True)
class MetricsOverview:
    """The vital series of a service that exist, and what does not, in sentences that say how to get it."""

    series: tuple[Series, ...] = ()
    absent: tuple[str, ...] = ()
    instances: tuple[Series, ...] = ()
    """Starts, restarts and versions of each instance, where the store has them."""
    hints: tuple[str, ...] = ()
    """What could not be read of them, in sentences."""


Comparison = Literal[">", ">=", "<", "<=", "==", "!="]
COMPARISONS: Mapping[str, Comparison] = {">": ">", ">=": ">=", "<": "<", "<=": "<=", "==": "==", "!=": "!="}


@dataclass(frozen=True)
class AlertCondition:
    """
    What an alert measures, in the store's language, and how that is compared with its threshold.

    Without a threshold the measure has a result while the condition holds, and none while it does not.
    """

    measure: str
    comparison: Comparison = ">"
    threshold: float | None = None

    def holds(self, value: float) -> bool:
        """Return whether a value of the measure fulfils the condition."""
        if self.threshold is None:
            return True
        compare = {">": gt, ">=": ge, "<": lt, "<=": le, "==": eq, "!=": ne}[self.comparison]
        return bool(compare(value, self.threshold))


Measured = Literal["failures", "other", "unknown"]


@dataclass(frozen=True)
class ConditionReading:
    """
    An alert's condition, and what it measures in the window.

    `measures` is `failures` of the service or something `other`, where its metrics are of a convention; a metric of
    another name may be counted from log lines.
    """

    condition: AlertCondition
    series: tuple[Series, ...]
    measures: Measured = "unknown"


@dataclass(frozen=True)
class Annotation:
    """A mark in time that somebody set on dashboards; `at` is aware UTC, `link` its dashboard if it has one."""

    at: datetime
    text: str
    tags: tuple[str, ...] = ()
    link: str = ""

    def names(self, service: str) -> bool:
        """Return whether its text or a tag names a service."""
        return any(re.search(rf"(?<![\w-]){re.escape(service)}(?![\w-])", text) for text in (self.text, *self.tags))


class Annotations(Protocol):
    """The annotations of dashboards."""

    def deployments(self, start: datetime, end: datetime) -> tuple[Annotation, ...]:
        """
        Return those that report a deployment, newest first, at most 100.

        Raises Unavailable (no answer, 5xx), Throttled (429), Refused (401, 403, 404), Rejected (bad query).
        """
        ...


class AlertRules(Protocol):
    """The rules of an alerting system."""

    def condition(self, uid: str) -> AlertCondition | None:
        """
        Return the condition of a rule, or None when it cannot be evaluated by the metrics store alone.

        Raises Unavailable (no answer, 5xx), Throttled (429), Refused (401, 403, 404), Rejected (bad query).
        """
        ...


class Metrics(Protocol):
    """A metrics store."""

    def evaluate(self, expression: str, query: MetricQuery) -> tuple[Series, ...]:
        """
        Return the series that an expression in the store's language gives, over the time of `query`; it only reads.

        Raises what `overview` raises.
        """
        ...

    def vitals_of(self, services: Collection[str], query: MetricQuery) -> Mapping[str, tuple[Series, ...]]:
        """
        Return the vital series of several services, by service, over the time of `query`; one without any is missing.

        One call for each vital sign, whatever the number of services. Raises what `overview` raises.
        """
        ...

    def overview(self, query: MetricQuery) -> MetricsOverview:
        """
        Return the service's vital series that exist: errors, traffic, latency, saturation, restarts.

        Raises Unavailable (no answer, 5xx), Throttled (429), Refused (401, 403, 404), Rejected (bad query).
        """
        ...
