"""Loki, the log store."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from pydantic import Field

from shared.errors import Rejected
from shared.settings import Settings
from shared.telemetry.grafana import data_source_of, root_of
from shared.telemetry.http_reader import BasicAuth, ByteBudget, Host, Label, Reader, TooLarge, epoch_us, selector
from shared.telemetry.logql import log_queries
from shared.telemetry.loki_answers import moment, parse_counts, parse_lines, parse_series
from shared.telemetry.port import LogCounts, LogLine, LogPage, LogQuery
from shared.telemetry.selectors import Selector, SelectorTemplate, by_label, service_selector

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The limit for a link in evidence; a truncated link would be broken.
_LINK_CHARS = 2000
# Read, decoded and parsed, an answer is three times in memory.
_ANSWER_BYTES = 6_000_000
# Labels of some thousand streams.
_SERIES_BYTES = 2_000_000
# As many as the analysis divides its window into.
_COUNT_STEPS = 240
# What separates two lines in an answer: inside a line the quote would be escaped.
_SEPARATOR = b'],["'
SERVICE_LABELS = (
    "service_name",
    "app",
    "service",
    "container",
    "job",
    "app_kubernetes_io_name",
    "k8s_deployment_name",
    "k8s_container_name",
    "application",
    "component",
)
"""Labels that name a service by the conventions of Promtail, Alloy, OpenTelemetry, Docker and Kubernetes."""
# With one line a page, the lines of its nanosecond would be dropped for ever.
_MIN_PAGE_LINES = 2


class LokiSettings(Settings):
    """Where Loki is, or the Grafana path that leads to it; times are in seconds."""

    grafana_host: Host = Field(
        description="Base URL of Loki, or of Grafana's data source proxy that leads to it; logs need it."
    )
    grafana_basicauth: BasicAuth | None = Field(
        None, description="user:password for GRAFANA_HOST; unset, no credentials are sent."
    )
    loki_tenant: str | None = Field(
        None,
        max_length=150,
        pattern=r"^[\w!.*'()|-]+$",
        description="Loki's tenant, the header X-Scope-OrgID; unset, no header is sent.",
    )
    loki_service_label: Label = Field("service_name", description="Loki's label that names the service.")
    loki_selector: SelectorTemplate = Field(
        "",
        validate_default=False,
        description="Selects a service's lines by labels of the alert, for example "
        '{namespace="$namespace", app="$service"}; without it, or where the alert lacks one, LOKI_SERVICE_LABEL does.',
    )
    loki_selectors: dict[str, SelectorTemplate] = Field(
        default_factory=dict, max_length=500, description="JSON, maps a service to its own LOKI_SELECTOR."
    )
    loki_timeout_s: float = Field(
        10, gt=0, le=300, description="Time for one query of logs, retries included, in seconds."
    )
    # 5000 is Loki's default for max_entries_limit_per_query; it refuses more.
    loki_page_lines: int = Field(
        5000, ge=2, le=5000, description="Lines per request to Loki; at most its max_entries_limit_per_query."
    )
    grafana_url: Host | None = Field(
        None,
        description="Root URL of Grafana, for rules and links; unset, what GRAFANA_HOST has before /api/datasources/.",
    )
    loki_datasource_uid: str = Field(
        "", description="UID of Loki's data source in Grafana, for links to Explore; unset, from GRAFANA_HOST's path."
    )


@dataclass(frozen=True)
class _Reading:
    """Lines of one expression, oldest first; every line is there from `since` (nanoseconds) on if `is_whole`."""

    lines: list[LogLine]
    is_whole: bool
    since: int


class Loki:
    """
    Logs in Loki, read page by page, newest first.

    Source: https://grafana.com/docs/loki/latest/reference/loki-http-api/#query-logs-within-a-range-of-time
    """

    def __init__(self, settings: LokiSettings) -> None:
        self._settings = settings
        headers = {"X-Scope-OrgID": settings.loki_tenant} if settings.loki_tenant else {}
        self._reader = Reader(
            "Loki",
            settings.grafana_host,
            settings.loki_timeout_s,
            settings.grafana_basicauth,
            headers,
            max_bytes=_ANSWER_BYTES,
        )

    def search(self, query: LogQuery) -> LogPage:
        """
        Return the newest lines up to `query.limit` and `query.max_bytes`, oldest first; duplicate lines are kept.

        Raises Unavailable (no answer, 5xx), Throttled (429), Refused (401, 403, 404), Rejected (bad query or window).
        """
        if query.start >= query.end or query.limit < 1:
            raise Rejected(f"A log query needs start < end and limit >= 1, got {query!r}")
        selected = self._selector(query)
        expressions = log_queries(selected, query)
        # Newest first, each expression may stop at another moment: only from the latest on is everything read.
        readings = self._readings(expressions, query)
        since = max(reading.since for reading in readings)
        lines = sorted((line for reading in readings for line in reading.lines), key=lambda line: line.nanoseconds)
        whole = [line for line in lines if line.nanoseconds >= since]
        return LogPage(
            lines=tuple(whole[-query.limit :]),
            query="\n".join(expressions),
            is_complete=len(whole) <= query.limit and all(reading.is_whole for reading in readings),
            link=self._link(expressions, query),
            selector=selected.own,
            others_selector=selected.others,
            label=query.label,
            service_label=selected.label,
        )

    def other_label(self, query: LogQuery) -> str:
        """
        Return another conventional label under which the service has lines in the window, or an empty text.

        Raises what `search` raises.
        Source: https://grafana.com/docs/loki/latest/reference/loki-http-api/#list-series
        """
        tried = self._selector(query)
        conventional = dict.fromkeys((self._settings.loki_service_label, *SERVICE_LABELS))
        labels = [label for label in conventional if selector(label, query.service_name) != tried.own]
        matches = [selector(label, query.service_name) for label in labels]
        params: dict[str, str | int | Sequence[str]] = {"match[]": matches}
        params |= {"start": epoch_us(query.start) * 1000, "end": epoch_us(query.end) * 1000}
        request = f"series of {' or '.join(matches)}"
        body = self._reader.get("/loki/api/v1/series", params, request, ByteBudget(_SERIES_BYTES))
        streams = parse_series(body, request)
        counts = Counter(label for stream in streams for label in labels if stream.get(label) == query.service_name)
        return max(counts, key=lambda label: (counts[label], -labels.index(label))) if counts else ""

    def _selector(self, query: LogQuery) -> Selector:
        if query.label:
            return by_label(query.label, query.service_name)
        settings = self._settings
        label, template, by_service = settings.loki_service_label, settings.loki_selector, settings.loki_selectors
        return service_selector(label, template, by_service, query.service_name, query.labels)

    def count(self, query: LogQuery) -> LogCounts:
        """
        Return how many lines match, by time; a step that the window divides is counted by its share.

        Raises Unavailable (no answer, 5xx), Throttled (429), Refused (401, 403, 404), Rejected (bad query or window).
        """
        if query.start >= query.end:
            raise Rejected(f"A log query needs start < end, got {query!r}")
        expressions = log_queries(self._selector(query), query)
        step_s = count_step_s(query)
        budget = ByteBudget(_ANSWER_BYTES)
        counts: Counter[int] = Counter()
        for expression in expressions:
            counts.update(self._counts(f"sum(count_over_time({expression} [{step_s}s]))", query, step_s, budget))
        return LogCounts(
            query="\n".join(f"sum(count_over_time({expression} [{step_s}s]))" for expression in expressions),
            step=timedelta(seconds=step_s),
            points=tuple(_inside(query, step_s, counts)),
        )

    def _counts(self, expression: str, query: LogQuery, step_s: int, budget: ByteBudget) -> dict[int, int]:
        """
        Return the lines by the end of their step, in seconds since 1970.

        Ends are multiples of the step, because a query frontend that divides the query moves them there.
        """
        first = epoch_us(query.start) // (step_s * 1_000_000) + 1
        last = -(-epoch_us(query.end) // (step_s * 1_000_000))
        params: dict[str, str | int] = {"query": expression, "step": step_s}
        params |= {"start": first * step_s * 1_000_000_000, "end": last * step_s * 1_000_000_000 + 1}
        request = f"{expression} from {query.start.isoformat()} to {query.end.isoformat()}"
        return parse_counts(self._reader.get("/loki/api/v1/query_range", params, request, budget), request)

    def _readings(self, expressions: list[str], query: LogQuery) -> list["_Reading"]:
        """Read the last expression first, which has fewest lines; what it leaves of the bytes is for the others."""
        readings = []
        left = query.max_bytes
        for number in range(len(expressions), 0, -1):
            budget = ByteBudget(left // number)
            readings.append(self._newest(expressions[number - 1], query, budget))
            left -= left // number - budget.left
        return readings[::-1]

    def _newest(self, expression: str, query: LogQuery, budget: ByteBudget) -> "_Reading":
        """
        Read backwards until there is one line more than the limit, or until the budget is used up.

        A full page may end in the middle of a nanosecond. The lines of that nanosecond are dropped and read again with
        the next page, so no line is lost or doubled, even among equal lines.
        """
        pages: list[list[LogLine]] = []
        is_whole = True
        page_lines = self._settings.loki_page_lines
        start, end, wanted = epoch_us(query.start) * 1000, epoch_us(query.end) * 1000, query.limit + 1
        since = start
        while wanted > 0 and start < end:
            page_limit = min(wanted, page_lines)
            spent = budget.left
            try:
                page = self._page(expression, start, end, page_limit, budget)
            except TooLarge as error:
                page_lines = _fewer(page_limit, error.part)
                if page_lines < _MIN_PAGE_LINES:
                    is_whole, since = False, end
                    break
                continue
            pages.append(page)
            if len(page) < page_limit or page_limit == wanted:
                break
            border = page[0].nanoseconds
            newer = [line for line in page if line.nanoseconds != border]
            if newer:
                pages[-1], end = newer, border + 1
            else:
                # One nanosecond fills a whole page: its other lines cannot be read.
                is_whole, end = False, border
            wanted -= len(pages[-1])
            if spent - budget.left < _ANSWER_BYTES // 4:
                page_lines = min(page_lines * 2, self._settings.loki_page_lines)
        return _Reading([line for page in reversed(pages) for line in page], is_whole, since)

    def _page(self, expression: str, start: int, end: int, limit: int, budget: ByteBudget) -> list[LogLine]:
        params: dict[str, str | int] = {"query": expression, "start": start, "end": end, "limit": limit}
        params["direction"] = "backward"
        request = f"{expression} from {moment(start).isoformat()} to {moment(end).isoformat()}"
        return parse_lines(self._reader.get("/loki/api/v1/query_range", params, request, budget), request)

    def _link(self, expressions: list[str], query: LogQuery) -> str:
        """
        Return the URL of the same query in Grafana Explore.

        It is empty where Grafana or its name for this store is not known, or when the URL would be too long.

        Source: https://grafana.com/docs/grafana/latest/explore/get-started-with-explore/ (schemaVersion 1)
        """
        host = self._settings.grafana_host
        base, uid = (
            root_of(host, self._settings.grafana_url),
            self._settings.loki_datasource_uid or data_source_of(host),
        )
        if not base or not uid:
            return ""
        queries = [
            {"refId": chr(ord("A") + n), "expr": text, "queryType": "range", "datasource": {"type": "loki", "uid": uid}}
            for n, text in enumerate(expressions)
        ]
        window = {"from": str(epoch_us(query.start) // 1000), "to": str(epoch_us(query.end) // 1000)}
        panes = {"logs": {"datasource": uid, "queries": queries, "range": window}}
        packed = json.dumps(panes, separators=(",", ":"), ensure_ascii=False)
        link = f"{base}/explore?{urlencode({'schemaVersion': 1, 'panes': packed})}"
        return link if len(link) <= _LINK_CHARS else ""


def count_step_s(query: LogQuery) -> int:
    """Return the step of counts in seconds, at least one, with which a window has at most 240 whole ones."""
    return max(-(-(epoch_us(query.end) - epoch_us(query.start)) // (_COUNT_STEPS * 1_000_000)), 1)


def _inside(query: LogQuery, step_s: int, counts: Mapping[int, int]) -> Iterator[tuple[datetime, int]]:
    """Yield the start of each step and its lines, of a step that the window divides by the share in the window."""
    for end_s, count in sorted(counts.items()):
        start, end = (_EPOCH + timedelta(seconds=seconds) for seconds in (end_s - step_s, end_s))
        inside = min(end, query.end) - max(start, query.start)
        if lines := round(count * max(inside / timedelta(seconds=step_s), 0.0)):
            yield max(start, query.start), lines


def _fewer(lines: int, part: bytes) -> int:
    """Return how many lines to ask for after an answer of `lines` was too large; `part` holds as many as fit."""
    return min(part.count(_SEPARATOR) * 9 // 10, lines // 2)
