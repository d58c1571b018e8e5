"""Prometheus, the metrics store."""

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from string import Template
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from shared.errors import Rejected, Unavailable
from shared.quoting import quoted
from shared.settings import Settings
from shared.telemetry.http_reader import BasicAuth, ByteBudget, Host, Label, NotFound, Reader, epoch_us, matcher
from shared.telemetry.port import NO_METRICS_STORE, MetricQuery, MetricsOverview, Series

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Prometheus refuses more than 11,000 points per series; a thousand is enough to read.
_POINTS = 1000
# An operator's query may group by a label with many values; the first ones are enough.
_SERIES_PER_QUERY = 10
# 70 series of a thousand points; a query of all vital signs together reads at most four times that.
_ANSWER_BYTES = 2_000_000
_OVERVIEW_BYTES = 8_000_000
# rate() needs two samples, and a scrape interval can be a minute.
_WINDOW_S = 120
_STATUS_LABELS = ("code", "status", "status_code")


@dataclass(frozen=True)
class Vital:
    """
    One vital sign: PromQL in which `$selector` stands for the service's label matcher, `$service` for its quoted
    name and `$window` for the range of rates.
    """

    promql: str
    unit: str = ""
    higher_is_worse: bool = True


def _error_ratio() -> str:
    """
    Return PromQL that tries each common name of the status label, because client libraries differ.

    Before the first failure there is no series of failures, so traffic without failures counts as a ratio of zero.
    """
    failed = (f'sum(rate(http_requests_total{{$selector,{name}=~"5.."}}[$window]))' for name in _STATUS_LABELS)
    traffic = "sum(rate(http_requests_total{$selector}[$window]))"
    return f"({' or '.join(failed)} or {traffic} * 0) / {traffic}"


VITALS: Mapping[str, Vital] = {
    "error_ratio": Vital(_error_ratio(), "ratio"),
    "request_rate": Vital("sum(rate(http_requests_total{$selector}[$window]))", "requests/s", higher_is_worse=False),
    "latency_p95": Vital(
        "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{$selector}[$window])))", "s"
    ),
    # The worst instance, because a sum over many hides the one that suffers.
    "cpu": Vital("max(rate(process_cpu_seconds_total{$selector}[$window]))", "cores"),
    "memory": Vital("max(process_resident_memory_bytes{$selector})", "bytes"),
    "up": Vital("min(up{$selector})", "up", higher_is_worse=False),
    # kube-state-metrics has the container, and the service's label only if it is relabelled.
    "restarts": Vital(
        "sum(increase(kube_pod_container_status_restarts_total{$selector}[$window]))"
        " or sum(increase(kube_pod_container_status_restarts_total{container=$service}[$window]))",
        "restarts",
    ),
}
"""The series by conventional metric names; what a service does not export is absent from the overview."""


class PrometheusSettings(Settings):
    """Where Prometheus is; without its own host, Grafana's host and credentials are used."""

    prometheus_host: Host | None = Field(None, description="Base URL of Prometheus; unset, GRAFANA_HOST is tried.")
    prometheus_basicauth: BasicAuth | None = Field(
        None, description="user:password for PROMETHEUS_HOST; unset, no credentials are sent there."
    )
    grafana_host: Host | None = Field(
        None, description="Base URL of Loki, or of Grafana's data source proxy that leads to it; logs need it."
    )
    grafana_basicauth: BasicAuth | None = Field(
        None, description="user:password for GRAFANA_HOST; unset, no credentials are sent."
    )
    prometheus_service_label: Label = Field("service_name", description="Prometheus' label that names the service.")
    prometheus_timeout_s: float = Field(
        10, gt=0, le=300, description="Time for one query of metrics, retries included, in seconds."
    )
    # By name: replaces the PromQL of a vital sign or adds one; an empty text removes one.
    prometheus_queries: dict[str, str] = Field(
        default_factory=dict,
        max_length=20,
        description="JSON, maps a vital sign to its PromQL; a new name adds one, an empty text removes one.",
    )

    @property
    def credentials(self) -> SecretStr | None:
        """Grafana's credentials go to Grafana's host only."""
        return self.prometheus_basicauth or (None if self.prometheus_host else self.grafana_basicauth)


class _Range(BaseModel):
    metric: dict[str, str]
    values: list[tuple[float, float]] = Field(default_factory=list)


class _Data(BaseModel):
    resultType: Literal["matrix"]  # noqa: N815  # Prometheus' name
    result: list[_Range]


class _Answer(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    status: Literal["success"]
    data: _Data


class Prometheus:
    """
    Metrics in Prometheus.

    Source: https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries
    """

    def __init__(self, settings: PrometheusSettings) -> None:
        self._label = settings.prometheus_service_label
        self._vitals = vitals_with(settings.prometheus_queries)
        self._is_guess = settings.prometheus_host is None
        host = settings.prometheus_host or settings.grafana_host or ""
        timeout_s, credentials = settings.prometheus_timeout_s, settings.credentials
        self._reader = Reader("Prometheus", host, timeout_s, credentials, max_bytes=_ANSWER_BYTES)

    def overview(self, query: MetricQuery) -> MetricsOverview:
        """
        Return the service's vital series that exist: errors, traffic, latency, saturation, restarts.

        All are queried in parallel, so a dead Prometheus costs one timeout. A 404 of GRAFANA_HOST, which may be the
        address of Loki alone, means that there is no metrics store.
        Raises Unavailable (no answer, 5xx), Throttled (429), Refused (401, 403, 404), Rejected (bad query or window, or
        more series than can be read).
        """
        if query.start >= query.end or query.step_s < 1:
            raise Rejected(f"A metric query needs start < end and step_s >= 1, got {query!r}")
        try:
            return self._overview(replace(query, step_s=coarse_enough(query)))
        except NotFound:
            if self._is_guess:
                return MetricsOverview(absent=(NO_METRICS_STORE,))
            raise

    def _overview(self, query: MetricQuery) -> MetricsOverview:
        budget = ByteBudget(_OVERVIEW_BYTES)
        with ThreadPoolExecutor(max_workers=len(self._vitals) or 1) as pool:
            # Each gets a copy of the context, so that its log lines name the incident too.
            futures = [
                pool.submit(copy_context().run, self._series, name, vital, query, budget)
                for name, vital in self._vitals.items()
            ]
        return MetricsOverview(tuple(series for future in futures for series in future.result()))

    def _series(self, name: str, vital: Vital, query: MetricQuery, budget: ByteBudget) -> list[Series]:
        promql = fill(vital.promql, self._label, query)
        params: dict[str, str | int] = {"query": promql, "step": query.step_s}
        params |= {"start": query.start.isoformat(), "end": query.end.isoformat()}
        request = f"{promql} from {params['start']} to {params['end']}"
        ranges = parse_ranges(self._reader.get("/api/v1/query_range", params, request, budget), request)
        return [
            Series(name, vital.unit, promql, labels, points, vital.higher_is_worse)
            for labels, points in ranges[:_SERIES_PER_QUERY]
        ]


def vitals_with(overrides: Mapping[str, str]) -> dict[str, Vital]:
    """Return the vital signs with the operator's PromQL applied; an empty text removes one."""
    changed = {name: replace(VITALS.get(name, Vital("")), promql=promql) for name, promql in overrides.items()}
    return {name: vital for name, vital in {**VITALS, **changed}.items() if vital.promql.strip()}


def fill(promql: str, label: str, query: MetricQuery) -> str:
    """
    Return the PromQL for one service, with its name escaped.

    Any other dollar sign stays, because regular expressions end with one.
    Raises Rejected when the name cannot be a label's value.
    """
    return Template(promql).safe_substitute(
        selector=matcher(label, query.service_name),
        service=quoted(query.service_name),
        window=f"{max(4 * query.step_s, _WINDOW_S)}s",
    )


def coarse_enough(query: MetricQuery) -> int:
    """Return the step in seconds: the requested one, or the smallest that keeps a series within a thousand points."""
    window_s = (epoch_us(query.end) - epoch_us(query.start)) / 1_000_000
    return max(query.step_s, math.ceil(window_s / (_POINTS - 1)))


def parse_ranges(body: object, request: str) -> list[tuple[dict[str, str], tuple[tuple[datetime, float], ...]]]:
    """
    Return the labels and finite points of each series of a query_range answer; series without points are left out.

    Raises Unavailable when it is not such an answer. Errors quote `request`.
    """
    try:
        answer = _Answer.model_validate(body)
    except ValidationError as error:
        problem = error.errors(include_input=False)[0]
        raise Unavailable(
            f"Prometheus, asked {request}, answered in an unknown format: {problem['loc']} {problem['msg']}"
        ) from None
    ranges = [(each.metric, _points(each)) for each in answer.data.result]
    return [(labels, points) for labels, points in ranges if points]


def _points(each: _Range) -> tuple[tuple[datetime, float], ...]:
    """Round times to milliseconds, Prometheus' unit; drop NaN and +Inf, which a ratio without traffic gives."""
    return tuple(
        (_EPOCH + timedelta(milliseconds=round(at * 1000)), value) for at, value in each.values if math.isfinite(value)
    )
