"""
How exporters name their metrics: which vital sign is read from which metric, for the metrics that exist.

The table is data: of each slot the first row whose metrics exist is read, so the rows of a slot stand best first. A
row's `metric` is a regular expression for whole names, because libraries put a namespace before them.

Sources: https://prometheus.io/docs/practices/naming/, https://opentelemetry.io/docs/specs/semconv/http/http-metrics/,
https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/, https://docs.micrometer.io/micrometer/reference/,
https://github.com/grpc-ecosystem/go-grpc-middleware, https://istio.io/latest/docs/reference/config/metrics/,
https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md,
https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from string import Template

from shared.telemetry.port import BY_WORDS, FROM_LINES
from shared.telemetry.vitals import Vital

REQUESTS = "requests"
"""The part of a slot's name that says that it holds requests to the service."""


@dataclass(frozen=True)
class Convention:
    """
    One row: where `metric` exists, and with it each of `others`, `promql` reads the vital sign `sign` from it.

    In PromQL and `others`, `$metric` stands for the name that was found and `$base` for the name without its last word.
    `by` are labels that hold the service's name too; with `is_own` false the service's own label is not used.
    """

    slot: str
    sign: str
    source: str
    metric: str
    promql: str
    unit: str = ""
    higher_is_worse: bool = True
    others: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    is_own: bool = True


@dataclass(frozen=True)
class Kind:
    """A kind of requests: the prefix of its signs, and what its rows have in common."""

    slot: str
    prefix: str
    by: tuple[str, ...] = ()
    is_own: bool = True
    extra: str = ""

    def row(self, part: str, sign: str, source: str, metric: str, promql: str, unit: str) -> Convention:
        """Return the row of one sign of this kind."""
        return Convention(
            f"{self.slot}: {part}",
            self.prefix + sign,
            source,
            metric,
            promql,
            unit,
            by=self.by,
            is_own=self.is_own,
        )


Failed = tuple[tuple[str, str], ...]


def rate(kind: Kind, name: str = "$metric", more: str = "") -> str:
    """Return PromQL of the requests per second of a kind; `more` are further matchers."""
    return f"sum(rate({name}{{{kind.extra}{more}$selector}}[$window]))"


def counted(kind: Kind, source: str, metric: str, failed: Failed) -> Iterator[Convention]:
    """Yield the rows of a counter of requests; without a label of the status it shows no failures, so no ratio."""
    bad = [rate(kind, more=f'{label}=~"{value}",') for label, value in failed]
    # Before the first failure there is no series of failures: then it is zero.
    good = [rate(kind, more=f'{label}!="",') + " * 0" for label, _ in failed]
    ratio = f"({' or '.join([*bad, *good])}) / {rate(kind)}"
    yield kind.row("failed", "error_ratio", source, metric, ratio, "ratio")
    yield replace(kind.row("rate", "request_rate", source, metric, rate(kind), "requests/s"), higher_is_worse=False)


def timed(kind: Kind, source: str, histogram: str, unit_s: float = 1) -> Iterator[Convention]:
    """Yield the rows of a histogram of durations: its 95th percentile, and without buckets its mean."""
    scale = "" if unit_s == 1 else f" * {unit_s}"
    buckets = f"sum by (le) (rate($metric{{{kind.extra}$selector}}[$window]))"
    quantile = f"histogram_quantile(0.95, {buckets}){scale}"
    yield kind.row("latency", "latency_p95", source, f"{histogram}_bucket", quantile, "s")
    mean = f"{rate(kind)} / {rate(kind, '${base}_count')}{scale}"
    yield replace(kind.row("latency", "latency_mean", source, f"{histogram}_sum", mean, "s"), others=("${base}_count",))


def requests(kind: Kind, source: str, histogram: str, failed: Failed, unit_s: float = 1) -> tuple[Convention, ...]:
    """Return the rows of a histogram of durations, whose count is the number of requests."""
    return (*counted(kind, source, f"{histogram}_count", failed), *timed(kind, source, histogram, unit_s))


def gauge(slot: str, sign: str, source: str, metric: str, unit: str, *by: str, how: str = "max") -> Convention:
    """Return the row of a gauge, by default of its worst instance."""
    return Convention(slot, sign, source, metric, f"{how}($metric{{$selector}})", unit, by=by)


def growth(slot: str, sign: str, source: str, metric: str, unit: str, *by: str, how: str = "max(rate") -> Convention:
    """Return the row of a counter's growth, by default the rate of its worst instance."""
    return Convention(slot, sign, source, metric, f"{how}($metric{{$selector}}[$window]))", unit, by=by)


def share(
    slot: str, sign: str, source: str, used: str, limit: str, *, is_counter: bool = False, by: str = ""
) -> Convention:
    """Return the row of a share of a limit, summed over instances, because their labels may differ."""
    part = "sum(rate({}{{$selector}}[$window]))" if is_counter else "sum({}{{$selector}})"
    promql = f"{part.format('$metric')} / {part.format(limit)}"
    return Convention(slot, sign, source, used, promql, "ratio", others=(limit,), by=(by,) if by else ())


_HTTP = Kind(f"http {REQUESTS}", "")
_GRPC = Kind(f"grpc {REQUESTS}", "grpc_")
_ISTIO = Kind(
    f"mesh {REQUESTS}",
    "mesh_",
    by=("destination_workload", "destination_service_name"),
    # The proxy of the caller reports the same request too.
    extra='reporter="destination",',
)
_ENVOY = Kind(f"mesh {REQUESTS}", "mesh_", by=("envoy_cluster_name",), is_own=False)
_CLIENT = Kind("calls of others", "dependency_")

# A server's fault by https://opentelemetry.io/docs/specs/semconv/rpc/grpc/
_GRPC_NAMES = "Unknown|DeadlineExceeded|Unimplemented|Internal|Unavailable|DataLoss"
_GRPC_UPPER = "UNKNOWN|DEADLINE_EXCEEDED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS"
_GRPC_NUMBERS = "2|4|12|13|14|15"
_STATUS = tuple((label, "5..") for label in ("code", "status", "status_code"))
_NAMESPACE = r"(?:(?!.*client)[a-z0-9_]+_)?"
# What pipelines of logs put before the names of metrics that they count from lines.
_COUNTS_LINES = re.compile(r"(?:promtail|loki|alloy|fluentbit|fluentd|vector|mtail|grok|log|logs)_")
# What a gauge's name does not end with.
_IS_GAUGE = r"(?!.*_(?:total|count|sum|bucket|created|info)$)"
CONVENTIONS: tuple[Convention, ...] = (
    *counted(_HTTP, "Prometheus client libraries", f"{_NAMESPACE}http_requests_total", _STATUS),
    *requests(_HTTP, "OpenTelemetry", "http_server_request_duration_seconds", (("http_response_status_code", "5.."),)),
    *requests(_HTTP, "Micrometer", "http_server_requests_seconds", (("outcome", "SERVER_ERROR"), ("status", "5.."))),
    *requests(_HTTP, "OpenTelemetry", "http_server_duration_milliseconds", (("http_status_code", "5.."),), 0.001),
    *requests(_HTTP, "OpenTelemetry", "http_server_duration_seconds", (("http_status_code", "5.."),)),
    *requests(_HTTP, "Prometheus client libraries", f"{_NAMESPACE}http_requests?_duration_seconds", _STATUS),
    *counted(
        _HTTP, "Prometheus client libraries", f"{_NAMESPACE}http_(?:server_)?requests?(?:_[a-z]+)?_total", _STATUS
    ),
    *requests(_HTTP, "Prometheus client libraries", f"{_NAMESPACE}requests?_(?:duration|latency)_seconds", _STATUS),
    *counted(_GRPC, "gRPC", "grpc_server_handled_total", (("grpc_code", _GRPC_NAMES),)),
    *timed(_GRPC, "gRPC", "grpc_server_handling_seconds"),
    *requests(_GRPC, "OpenTelemetry", "rpc_server_call_duration_seconds", (("rpc_response_status_code", _GRPC_UPPER),)),
    *requests(
        _GRPC, "OpenTelemetry", "rpc_server_duration_milliseconds", (("rpc_grpc_status_code", _GRPC_NUMBERS),), 0.001
    ),
    # 0 is a request whose client left before the answer, which anybody can do.
    *counted(_ISTIO, "Istio", "istio_requests_total", (("response_code", "5.."),)),
    *timed(_ISTIO, "Istio", "istio_request_duration_milliseconds", 0.001),
    *counted(_ENVOY, "Envoy", "envoy_cluster_upstream_rq_xx", (("envoy_response_code_class", "5"),)),
    *timed(_ENVOY, "Envoy", "envoy_cluster_upstream_rq_time", 0.001),
    *requests(
        _CLIENT, "OpenTelemetry", "http_client_request_duration_seconds", (("http_response_status_code", "5.."),)
    ),
    *requests(_CLIENT, "Micrometer", "http_client_requests_seconds", (("outcome", "SERVER_ERROR|UNKNOWN"),)),
    Convention("target", "up", "Prometheus", "up", "min(up{$selector})", "up", higher_is_worse=False),
    growth("processor", "cpu", "cAdvisor", "container_cpu_usage_seconds_total", "cores", "container"),
    growth("processor", "cpu", "Prometheus client libraries", "process_cpu_seconds_total", "cores"),
    gauge("processor", "cpu_usage", "Micrometer", "process_cpu_usage", "ratio"),
    gauge(
        "processor", "cpu_usage", "OpenTelemetry", "(?:process_runtime_)?jvm_cpu_(?:recent_)?utilization_ratio", "ratio"
    ),
    share(
        "throttling",
        "cpu_throttled",
        "cAdvisor",
        "container_cpu_cfs_throttled_periods_total",
        "container_cpu_cfs_periods_total",
        is_counter=True,
        by="container",
    ),
    gauge("memory", "memory", "cAdvisor", "container_memory_working_set_bytes", "bytes", "container"),
    gauge("memory", "memory", "Prometheus client libraries", "process_resident_memory_bytes", "bytes"),
    Convention("heap", "heap", "Micrometer", "jvm_memory_used_bytes", 'sum($metric{area="heap",$selector})', "bytes"),
    growth("garbage collection", "gc_pause", "Micrometer", "jvm_gc_pause_seconds_sum", "s/s"),
    gauge("goroutines", "goroutines", "Prometheus client libraries", "go_goroutines", "goroutines"),
    gauge("event loop", "eventloop_lag", "Prometheus client libraries", "nodejs_eventloop_lag_seconds", "s"),
    share("open files", "open_fds", "Prometheus client libraries", "process_open_fds", "process_max_fds"),
    growth(
        "restarts",
        "restarts",
        "kube-state-metrics",
        "kube_pod_container_status_restarts_total",
        "restarts",
        "container",
        how="sum(increase",
    ),
    Convention(
        "out of memory",
        "oom_killed_containers",
        "kube-state-metrics",
        "kube_pod_container_status_last_terminated_reason",
        'sum($metric{reason="OOMKilled",$selector})',
        "containers",
        by=("container",),
    ),
    Convention(
        "waiting containers",
        "waiting_containers",
        "kube-state-metrics",
        "kube_pod_container_status_waiting_reason",
        'sum($metric{reason!="ContainerCreating",reason!="PodInitializing",$selector})',
        "containers",
        by=("container",),
    ),
    gauge(
        "replicas",
        "replicas_unavailable",
        "kube-state-metrics",
        "kube_deployment_status_replicas_unavailable",
        "replicas",
        "deployment",
    ),
    gauge("pool waiting", "pool_waiting", "HikariCP", "hikaricp_connections_pending", "callers"),
    gauge("pool waiting", "pool_waiting", "OpenTelemetry", "db_client_connections?_pending_requests", "callers"),
    growth(
        "pool waiting",
        "pool_waits",
        "Go's database/sql",
        "go_sql_(?:stats_connections_)?(?:wait_count_total|waited_for)",
        "waits/s",
    ),
    share("pool usage", "pool_usage", "HikariCP", "hikaricp_connections_active", "hikaricp_connections_max"),
    share("pool usage", "pool_usage", "Micrometer", "jdbc_connections_active", "jdbc_connections_max"),
    share("pool usage", "pool_usage", "Go's database/sql", "go_sql_in_use_connections", "go_sql_max_open_connections"),
    growth("pool timeouts", "pool_timeouts", "HikariCP", "hikaricp_connections_timeout_total", "timeouts/s"),
    share(
        "worker threads",
        "thread_usage",
        "Micrometer",
        "tomcat_threads_busy_threads",
        "tomcat_threads_config_max_threads",
    ),
    gauge(
        "consumer lag",
        "queue_lag",
        "Kafka exporter",
        "kafka_consumergroup_lag(?:_sum)?",
        "messages",
        "consumergroup",
        how="sum",
    ),
    gauge("consumer lag", "queue_lag", "Kafka client", "kafka_consumer_(?:fetch_manager_)?records_lag_max", "messages"),
    gauge("queue", "queue_ready", "RabbitMQ", "rabbitmq_queue_messages_ready", "messages", "queue", how="sum"),
    # An exporter with names of its own: what its gauges say by their words may show harm, but proves no health.
    Convention(
        f"http {REQUESTS}: latency",
        "latency",
        BY_WORDS,
        rf"{_IS_GAUGE}(?!.*client).*latency.*(?:_s|_seconds)",
        "max($metric{$selector})",
        "s",
    ),
    gauge(
        f"http {REQUESTS}: latency", "latency", BY_WORDS, rf"{_IS_GAUGE}(?!.*client).*(?:latency|response_?time).*", ""
    ),
    gauge(
        f"http {REQUESTS}: failed",
        "errors",
        BY_WORDS,
        rf"{_IS_GAUGE}.*(?:errors?|fail(?:ed|ure)?s?)_?(?:rate|ratio|share|percent)",
        "",
    ),
    gauge("processor", "cpu", BY_WORDS, rf"{_IS_GAUGE}(?!.*(?:limit|request|quota)).*cpu_?(?:usage|util).*", ""),
    gauge(
        "memory",
        "memory",
        BY_WORDS,
        rf"{_IS_GAUGE}(?!.*(?:limit|request|quota)).*mem(?:ory)?_?(?:usage|used|util).*",
        "",
    ),
    gauge("queue", "queue_length", BY_WORDS, rf"{_IS_GAUGE}.*(?:queue|backlog)_?(?:length|size|depth)", ""),
)


@dataclass(frozen=True)
class Choice:
    """The vital signs that can be read, by name, and the source of each."""

    vitals: dict[str, Vital]
    sources: dict[str, str]


def identity_labels() -> tuple[str, ...]:
    """Return the labels other than the service's own that may hold its name."""
    return tuple(sorted({label for row in CONVENTIONS for label in row.by}))


def request_signs() -> tuple[str, ...]:
    """Return the vital signs that show requests to the service."""
    return tuple(dict.fromkeys(row.sign for row in CONVENTIONS if REQUESTS in row.slot and row.source != BY_WORDS))


def choose(names: Collection[str], by_operator: Collection[str] = ()) -> Choice:
    """
    Return the vital signs that the metrics of these names give, the first row of each slot.

    `by_operator` are the signs that an operator wrote queries for: their slots are taken, and nothing is guessed.
    """
    choice, taken = Choice({}, {}), {row.slot for row in CONVENTIONS if row.sign in by_operator}
    for row in CONVENTIONS:
        if row.slot in taken or (by_operator and row.source == BY_WORDS):
            continue
        if (name := _first(row, names)) is not None:
            taken.add(row.slot)
            choice.vitals[row.sign] = Vital(_promql(row, name), row.unit, row.higher_is_worse)
            choice.sources[row.sign] = FROM_LINES if _COUNTS_LINES.match(name) else row.source
    return choice


def signs_of(name: str) -> frozenset[str]:
    """Return the vital signs that are read from a metric of this name; none where its name alone suggests them."""
    if _COUNTS_LINES.match(name):
        return frozenset()
    return frozenset(row.sign for row in CONVENTIONS if row.source != BY_WORDS and re.fullmatch(row.metric, name))


def _first(row: Convention, names: Collection[str]) -> str | None:
    """Return the shortest name that the row is about: a longer one is a part or a variant of it."""
    pattern = re.compile(row.metric)
    matching = [
        name for name in names if pattern.fullmatch(name) and all(_named(other, name) in names for other in row.others)
    ]
    return min(matching, key=lambda name: (len(name), name), default=None)


def _named(text: str, name: str) -> str:
    return Template(text).safe_substitute(metric=name, base=name.rpartition("_")[0])


def _promql(row: Convention, name: str) -> str:
    """Return PromQL that tries the service's own label, and then the others that may hold its name."""
    promql = _named(row.promql, name)
    selectors = [*(["$selector"] if row.is_own else []), *(f"{label}=$service" for label in row.by)]
    return " or ".join(f"({promql.replace('$selector', each)})" if row.by else promql for each in selectors)
