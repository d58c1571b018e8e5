"""Prometheus, the metrics store."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from shared.errors import IncidentCopilotError, Rejected, Unavailable
from shared.settings import Settings
from shared.telemetry.conventions import Choice, choose, identity_labels, request_signs
from shared.telemetry.http_reader import (
    BasicAuth,
    ByteBudget,
    Host,
    Label,
    NotFound,
    Reader,
    any_matcher,
    epoch_us,
    selector,
)
from shared.telemetry.instance_metrics import queries as instance_queries
from shared.telemetry.port import NO_METRICS_STORE, MetricQuery, MetricsOverview, Series
from shared.telemetry.selectors import Selector, SelectorTemplate, service_selector
from shared.telemetry.vitals import FIXED, Vital, fill, fill_for_each, with_overrides

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Prometheus refuses more than 11,000 points per series; a thousand is enough to read.
_POINTS = 1000
# An operator's query may group by a label with many values; the first ones are enough.
_SERIES_PER_QUERY = 10
# 70 series of a thousand points; a query of all vital signs together reads at most four times that.
# A service has tens of instances, and a restarted container is a new series.
_SERIES_OF_INSTANCES = 200
_ANSWER_BYTES = 2_000_000
_OVERVIEW_BYTES = 8_000_000
# Names of metrics; a service has hundreds, and one of a thousand labels has no more names for it.
_MAX_NAMES = 10_000
_NAMES_BYTES = 1_000_000


Range = tuple[dict[str, str], tuple[tuple[datetime, float], ...]]
"""The labels and points of one series."""
_EXPECTED = {
    "latency": ("latency_p95", "latency_mean", "latency", "grpc_latency_p95", "mesh_latency_p95"),
    "the processor": ("cpu", "cpu_usage"),
    "memory": ("memory", "heap"),
    "restarts": ("restarts",),
}


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
    prometheus_selector: SelectorTemplate = Field(
        "",
        validate_default=False,
        description="Selects a service's series by labels of the alert, as LOKI_SELECTOR does its lines; without it, "
        "or where the alert lacks one, PROMETHEUS_SERVICE_LABEL does.",
    )
    prometheus_selectors: dict[str, SelectorTemplate] = Field(
        default_factory=dict, max_length=500, description="JSON, maps a service to its own PROMETHEUS_SELECTOR."
    )
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


class _Names(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    status: Literal["success"]
    data: list[str]


class Prometheus:
    """
    Metrics in Prometheus.

    Source: https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries
    """

    def __init__(self, settings: PrometheusSettings) -> None:
        self._settings = settings
        self._queries = settings.prometheus_queries
        self._is_guess = settings.prometheus_host is None
        host = settings.prometheus_host or settings.grafana_host or ""
        timeout_s, credentials = settings.prometheus_timeout_s, settings.credentials
        self._reader = Reader("Prometheus", host, timeout_s, credentials, max_bytes=_ANSWER_BYTES)
        # Half the time: without the list there are the fixed queries, which need theirs.
        self._names_reader = Reader("Prometheus", host, timeout_s / 2, credentials, max_bytes=_NAMES_BYTES)

    def overview(self, query: MetricQuery) -> MetricsOverview:
        """
        Return the service's vital series that exist, and which do not.

        One call lists the names of its metrics, from which the vital signs are chosen by convention; a store that
        cannot list them is asked the fixed queries. PROMETHEUS_QUERIES goes before both. All are queried in parallel,
        so a dead Prometheus costs one timeout and a half. A 404 of GRAFANA_HOST, which may be the address of Loki
        alone, means that there is no metrics store.
        Raises Unavailable (no answer, 5xx), Throttled (429), Refused (401, 403, 404), Rejected (bad query or window, or
        more series than can be read).
        """
        if query.start >= query.end or query.step_s < 1:
            raise Rejected(f"A metric query needs start < end and step_s >= 1, got {query!r}")
        try:
            return self._overview(replace(query, step_s=coarse_enough(query)))
        except NotFound:
            if self._is_guess:
                return MetricsOverview(absent=(NO_METRICS_STORE,), hints=(NO_METRICS_STORE,))
            raise

    def vitals_of(self, services: Collection[str], query: MetricQuery) -> Mapping[str, tuple[Series, ...]]:
        """
        Return the vital series of each service, those by the label of services alone, with one query for each sign.

        A store that cannot list names, or that is not there, has none. Raises as `overview` does.
        """
        query, label = replace(query, step_s=coarse_enough(query)), self._settings.prometheus_service_label
        try:
            names = self._names([f"{{{any_matcher(label, services)}}}"], query)
        except NotFound:
            if self._is_guess:
                return {}
            raise
        vitals = with_overrides(choose(names, self._queries).vitals, self._queries)
        queries = {name: fill_for_each(vital.promql, label, query, services) for name, vital in vitals.items()}
        budget = ByteBudget(_OVERVIEW_BYTES)
        with ThreadPoolExecutor(max_workers=len(queries) or 1) as pool:
            futures = {
                (name, promql): pool.submit(copy_context().run, self._ranges, promql, query, budget)
                for name, promql in queries.items()
                if promql is not None
            }
        by_service: defaultdict[str, list[Series]] = defaultdict(list)
        for (name, promql), future in futures.items():
            for labels, points in future.result():
                vital, service = vitals[name], labels.get(label, "")
                series = Series(name, vital.unit, promql, labels, points, vital.higher_is_worse)
                if service in services and name not in {one.name for one in by_service[service]}:
                    by_service[service].append(series)
        return {service: tuple(series) for service, series in by_service.items()}

    def evaluate(self, expression: str, query: MetricQuery) -> tuple[Series, ...]:
        """Return the series that PromQL gives over the time of `query`; raises as `overview` does."""
        query = replace(query, step_s=coarse_enough(query))
        ranges = self._ranges(expression, query, ByteBudget(_ANSWER_BYTES))
        return tuple(Series("", "", expression, labels, points) for labels, points in ranges)

    def _selector(self, query: MetricQuery) -> Selector:
        settings = self._settings
        return service_selector(
            settings.prometheus_service_label,
            settings.prometheus_selector,
            settings.prometheus_selectors,
            query.service_name,
            query.labels,
        )

    def _overview(self, query: MetricQuery) -> MetricsOverview:
        try:
            names: frozenset[str] | None = self._names(self._selectors(query), query)
        except (NotFound, Rejected, Unavailable):
            names = None
        choice = Choice(dict(FIXED), {}) if names is None else choose(names, self._queries)
        vitals = with_overrides(choice.vitals, self._queries)
        budget = ByteBudget(_OVERVIEW_BYTES)
        of_instances = instance_queries(names or ())
        with ThreadPoolExecutor(max_workers=len(vitals) + len(of_instances) or 1) as pool:
            # Each gets a copy of the context, so that its log lines name the incident too.
            futures = [
                pool.submit(copy_context().run, self._series, name, vital, query, budget)
                for name, vital in vitals.items()
            ]
            details = [
                pool.submit(copy_context().run, self._instances, name, Vital(promql), query)
                for name, promql in of_instances.items()
            ]
        series = [one for future in futures for one in future.result()]
        instances, failed = [part for future in details for part in future.result()[0]], _failed(details)
        sources = {**choice.sources, **dict.fromkeys(self._queries, "PROMETHEUS_QUERIES")}
        named = tuple(replace(one, convention=sources.get(one.name, "")) for one in series)
        return MetricsOverview(named, tuple(self._absent(named, names, query)), tuple(instances), failed)

    def _selectors(self, query: MetricQuery) -> list[str]:
        """Return what selects the service's series: by its own selector, and by labels that may hold its name."""
        conventional = (selector(label, query.service_name) for label in identity_labels())
        return list(dict.fromkeys((self._selector(query).own, *conventional)))

    def _names(self, selectors: Sequence[str], query: MetricQuery) -> frozenset[str]:
        """
        Return the names of the metrics in the window that one of the matchers selects.

        Source: https://prometheus.io/docs/prometheus/latest/querying/api/#querying-label-values
        """
        params: dict[str, str | int | Sequence[str]] = {
            "match[]": selectors,
            "start": query.start.isoformat(),
            "end": query.end.isoformat(),
            "limit": _MAX_NAMES,
        }
        request = f"the names of the metrics of {selectors[0]}"
        budget = ByteBudget(_NAMES_BYTES)
        return frozenset(
            parse_names(self._names_reader.get("/api/v1/label/__name__/values", params, request, budget), request)
        )

    def _absent(self, series: Sequence[Series], names: frozenset[str] | None, query: MetricQuery) -> Iterator[str]:
        """Yield what the service has no metric of, the most important first."""
        service, read = query.service_name, {one.name for one in series}
        if not read and not names:
            yield (
                f"No metric of {service} exists: no series has {self._selector(query).matchers}; "
                "PROMETHEUS_SERVICE_LABEL is the label that names the service, PROMETHEUS_SELECTOR what selects it."
            )
            return
        if not read & {*request_signs(), *self._queries}:
            yield (
                f"No request metric exists for {service} by the names that client libraries, OpenTelemetry, "
                "Micrometer, gRPC, Istio and Envoy use; PROMETHEUS_QUERIES can name its own."
            )
        lacking = [what for what, signs in _EXPECTED.items() if not read & set(signs)]
        if lacking:
            yield f"Not there for {service}: metrics of {', '.join(lacking)}."

    def _ranges(self, promql: str, query: MetricQuery, budget: ByteBudget) -> list[Range]:
        params: dict[str, str | int] = {"query": promql, "step": query.step_s}
        params |= {"start": query.start.isoformat(), "end": query.end.isoformat()}
        request = f"{promql} from {params['start']} to {params['end']}"
        return parse_ranges(self._reader.get("/api/v1/query_range", params, request, budget), request)

    def _instances(self, name: str, vital: Vital, query: MetricQuery) -> tuple[list[Series], str]:
        """Return a metric's series by instance, and why there are none; vital signs do not fail with them."""
        try:
            return self._series(name, vital, query, ByteBudget(_ANSWER_BYTES), _SERIES_OF_INSTANCES), ""
        except IncidentCopilotError as error:
            return [], f"{name} was not read, so restarts or versions may be missing: {error}"

    def _series(
        self, name: str, vital: Vital, query: MetricQuery, budget: ByteBudget, limit: int = _SERIES_PER_QUERY
    ) -> list[Series]:
        promql = fill(vital.promql, self._selector(query).matchers, query)
        ranges = self._ranges(promql, query, budget)
        return [
            Series(name, vital.unit, promql, labels, points, vital.higher_is_worse) for labels, points in ranges[:limit]
        ]


def _failed(details: Sequence[Future[tuple[list[Series], str]]]) -> tuple[str, ...]:
    return tuple(reason for future in details if (reason := future.result()[1]))


def coarse_enough(query: MetricQuery) -> int:
    """Return the step in seconds: the requested one, or the smallest that keeps a series within a thousand points."""
    window_s = (epoch_us(query.end) - epoch_us(query.start)) / 1_000_000
    return max(query.step_s, math.ceil(window_s / (_POINTS - 1)))


def parse_names(body: object, request: str) -> list[str]:
    """Return the values of an answer that lists a label's; raises Unavailable when it is not one."""
    try:
        return _Names.model_validate(body).data
    except ValidationError:
        raise Unavailable(f"Prometheus, asked {request}, answered in an unknown format") from None


def parse_ranges(body: object, request: str) -> list[Range]:
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
