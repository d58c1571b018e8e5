"""Vital signs are chosen by the names that exist, and read over real HTTP against the sandbox."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.sandboxes.http import Reply
from infra.local.sandboxes.prometheus.server import PrometheusSandbox
from shared.telemetry.conventions import CONVENTIONS, choose, request_signs
from shared.telemetry.port import BY_WORDS, FROM_LINES, MetricQuery, MetricsOverview
from shared.telemetry.prometheus import Prometheus, PrometheusSettings

START = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
END = START + timedelta(minutes=15)
TIMES = range(int(START.timestamp()) - 300, int(END.timestamp()) + 1, 15)
SERVICE = {"service_name": "checkout"}
NAMES_PATH = "/api/v1/label/__name__/values"


@pytest.fixture
def sandbox() -> Iterator[PrometheusSandbox]:
    with PrometheusSandbox() as prometheus:
        yield prometheus


def overview(sandbox: PrometheusSandbox, **settings: object) -> MetricsOverview:
    prometheus = Prometheus(PrometheusSettings.model_validate({"prometheus_host": sandbox.url, **settings}))
    return prometheus.overview(MetricQuery("checkout", START, END))


def last(read: MetricsOverview) -> dict[str, float]:
    """Return the newest value of each series."""
    return {one.name: round(one.points[-1][1], 3) for one in read.series}


def count(sandbox: PrometheusSandbox, name: str, per_s: float, **labels: str) -> None:
    """Load a counter that grows steadily."""
    sandbox.load(name, {**SERVICE, **labels}, [(t, (t - TIMES[0]) * per_s) for t in TIMES])


def gauge(sandbox: PrometheusSandbox, name: str, value: float, **labels: str) -> None:
    """Load a gauge that stands still."""
    sandbox.load(name, {**SERVICE, **labels}, [(t, value) for t in TIMES])


def requests(sandbox: PrometheusSandbox, base: str, label: str, good: str, bad: str, unit_s: float = 1) -> None:
    """Load a histogram of 8 good and 2 bad requests a second, all of them between 0.1 and 0.5 seconds."""
    for status, per_s in ((good, 8), (bad, 2)):
        count(sandbox, f"{base}_count", per_s, **{label: status})
        count(sandbox, f"{base}_sum", per_s * 0.2 / unit_s, **{label: status})
        for limit, share in (("0.1", 0), ("0.5", 1), ("+Inf", 1)):
            le = limit if limit == "+Inf" else f"{float(limit) / unit_s:g}"
            count(sandbox, f"{base}_bucket", per_s * share, **{label: status, "le": le})


@pytest.mark.parametrize(
    ("base", "label", "good", "bad", "unit_s", "prefix", "convention"),
    [
        ("http_server_request_duration_seconds", "http_response_status_code", "200", "503", 1, "", "OpenTelemetry"),
        ("http_server_duration_milliseconds", "http_status_code", "200", "500", 0.001, "", "OpenTelemetry"),
        ("http_server_requests_seconds", "outcome", "SUCCESS", "SERVER_ERROR", 1, "", "Micrometer"),
        ("http_server_requests_seconds", "status", "200", "502", 1, "", "Micrometer"),
        ("http_request_duration_seconds", "code", "200", "500", 1, "", "Prometheus client libraries"),
        ("flask_http_request_duration_seconds", "status", "200", "500", 1, "", "Prometheus client libraries"),
        ("rpc_server_duration_milliseconds", "rpc_grpc_status_code", "0", "14", 0.001, "grpc_", "OpenTelemetry"),
        ("rpc_server_call_duration_seconds", "rpc_response_status_code", "OK", "INTERNAL", 1, "grpc_", "OpenTelemetry"),
    ],
)
def test_requests_are_read_as_they_are_exported(
    sandbox: PrometheusSandbox, base: str, label: str, good: str, bad: str, unit_s: float, prefix: str, convention: str
) -> None:
    """Rate, share of failures and latency in seconds, whichever library measured them."""
    requests(sandbox, base, label, good, bad, unit_s)

    read = overview(sandbox)

    expected = {f"{prefix}error_ratio": 0.2, f"{prefix}request_rate": 10.0, f"{prefix}latency_p95": 0.48}
    assert last(read) == expected
    assert {one.convention for one in read.series} == {convention}


def test_grpc_and_http_are_both_read(sandbox: PrometheusSandbox) -> None:
    """A service may answer both, and one may fail alone."""
    count(sandbox, "http_requests_total", 10, code="200")
    for code, per_s in (("OK", 3), ("NotFound", 1), ("Unavailable", 1)):
        count(sandbox, "grpc_server_handled_total", per_s, grpc_code=code)

    assert last(overview(sandbox)) == {
        "error_ratio": 0.0,
        "request_rate": 10.0,
        "grpc_error_ratio": 0.2,
        "grpc_request_rate": 5.0,
    }


def test_mesh_shows_a_service_that_measures_nothing(sandbox: PrometheusSandbox) -> None:
    """Istio names the workload; a call that the caller's proxy reports too counts once."""
    for reporter in ("source", "destination"):
        for code, per_s in (("200", 3), ("503", 1)):
            labels = {"destination_workload": "checkout", "reporter": reporter, "response_code": code}
            sandbox.load("istio_requests_total", labels, [(t, (t - TIMES[0]) * per_s) for t in TIMES])

    assert last(overview(sandbox)) == {"mesh_error_ratio": 0.25, "mesh_request_rate": 4.0}


def test_mean_is_read_where_there_are_no_buckets(sandbox: PrometheusSandbox) -> None:
    """Micrometer exports none unless asked to."""
    count(sandbox, "http_server_requests_seconds_count", 10, status="200")
    count(sandbox, "http_server_requests_seconds_sum", 2, status="200")

    assert last(overview(sandbox))["latency_mean"] == 0.2


def test_counter_without_a_status_gives_no_share_of_failures(sandbox: PrometheusSandbox) -> None:
    """Nothing says that none failed."""
    count(sandbox, "http_requests_total", 10, method="GET")

    assert last(overview(sandbox)) == {"request_rate": 10.0}


def test_cluster_metrics_are_found_by_container_and_deployment(sandbox: PrometheusSandbox) -> None:
    """cAdvisor and kube-state-metrics know no service, but its container and deployment."""
    container, pod = {"container": "checkout"}, {"pod": "checkout-1"}
    growing, steady = [(t, (t - TIMES[0]) * 0.5) for t in TIMES], [(t, 1.0) for t in TIMES]
    sandbox.load("container_cpu_usage_seconds_total", {**container, **pod}, growing)
    sandbox.load("container_cpu_cfs_throttled_periods_total", container, growing)
    sandbox.load("container_cpu_cfs_periods_total", container, [(t, (t - TIMES[0]) * 2) for t in TIMES])
    sandbox.load("container_memory_working_set_bytes", container, [(t, 5e8) for t in TIMES])
    sandbox.load("kube_pod_container_status_last_terminated_reason", {**container, "reason": "OOMKilled"}, steady)
    sandbox.load("kube_pod_container_status_waiting_reason", {**container, "reason": "CrashLoopBackOff"}, steady)
    sandbox.load("kube_deployment_status_replicas_unavailable", {"deployment": "checkout"}, [(t, 2) for t in TIMES])
    sandbox.load("container_memory_working_set_bytes", {"container": "other"}, [(t, 9e9) for t in TIMES])

    assert last(overview(sandbox)) == {
        "cpu": 0.5,
        "cpu_throttled": 0.25,
        "memory": 5e8,
        "oom_killed_containers": 1,
        "waiting_containers": 1,
        "replicas_unavailable": 2,
    }


def test_pools_and_queues_are_read(sandbox: PrometheusSandbox) -> None:
    """Those of the service, and queues and consumer groups of its name."""
    gauge(sandbox, "hikaricp_connections_pending", 7, pool="main")
    gauge(sandbox, "hikaricp_connections_active", 9, pool="main")
    gauge(sandbox, "hikaricp_connections_max", 10, pool="main")
    for partition in ("0", "1"):
        labels = {"consumergroup": "checkout", "partition": partition}
        sandbox.load("kafka_consumergroup_lag", labels, [(t, 200) for t in TIMES])
    sandbox.load("rabbitmq_queue_messages_ready", {"queue": "checkout"}, [(t, 40) for t in TIMES])

    assert last(overview(sandbox)) == {"pool_waiting": 7, "pool_usage": 0.9, "queue_lag": 400, "queue_ready": 40}


def test_what_names_of_its_own_say_is_read_but_shows_no_requests(sandbox: PrometheusSandbox) -> None:
    """Words are a guess: they may show harm, and a request metric is still asked for."""
    gauge(sandbox, "shop_latency_p90_s", 0.3)
    gauge(sandbox, "cpu_usage_percent", 3)

    read = overview(sandbox)

    assert last(read) == {"latency": 0.3, "cpu": 3}
    assert {one.convention for one in read.series} == {BY_WORDS}
    assert read.absent[0].startswith("No request metric exists for checkout")


def test_operators_query_goes_before_the_convention(sandbox: PrometheusSandbox) -> None:
    """It replaces the sign of its name, keeps its unit, and counts as a request metric."""
    count(sandbox, "http_requests_total", 10, code="200")
    gauge(sandbox, "orders_per_second", 4)

    read = overview(sandbox, prometheus_queries={"request_rate": "sum(orders_per_second{$selector})"})

    (rate,) = (one for one in read.series if one.name == "request_rate")
    assert (rate.points[-1][1], rate.unit, rate.convention) == (4, "requests/s", "PROMETHEUS_QUERIES")


def test_what_is_not_there_is_said(sandbox: PrometheusSandbox) -> None:
    """The request metric first, then the rest in one sentence."""
    gauge(sandbox, "process_resident_memory_bytes", 1e8)

    absent = overview(sandbox).absent

    assert [sentence.partition(" by the names")[0] for sentence in absent] == [
        "No request metric exists for checkout",
        "Not there for checkout: metrics of latency, the processor, restarts.",
    ]
    assert "PROMETHEUS_QUERIES" in absent[0]


def test_service_without_metrics_costs_one_call_and_names_the_label(sandbox: PrometheusSandbox) -> None:
    """The likeliest mistake is the label."""
    count(sandbox, "http_requests_total", 10, service_name="other")

    read = overview(sandbox)

    assert (read.series, len(sandbox.requests)) == ((), 1)
    assert 'service_name="checkout"; PROMETHEUS_SERVICE_LABEL' in read.absent[0]


@pytest.mark.parametrize("reply", [Reply.of_text("404 page not found", 404), Reply.of_json({"status": "error"}, 400)])
def test_store_that_cannot_list_names_is_asked_the_fixed_queries(sandbox: PrometheusSandbox, reply: Reply) -> None:
    """Older ones, and some that speak PromQL alone."""
    count(sandbox, "http_requests_total", 10, code="200")
    sandbox.fail_next(reply)

    assert last(overview(sandbox))["request_rate"] == 10.0


def test_names_are_asked_once_within_bounds(sandbox: PrometheusSandbox) -> None:
    """One call, for the window, with a limit."""
    count(sandbox, "http_requests_total", 10, code="200")
    overview(sandbox)

    (listing,) = (request for request in sandbox.requests if request.path == NAMES_PATH)
    assert (listing.param("start"), listing.param("end")) == (START.isoformat(), END.isoformat())
    assert int(listing.param("limit")) <= 10_000
    assert '{service_name="checkout"}' in listing.query["match[]"]


def test_every_row_finds_a_metric_of_its_own_name() -> None:
    """A row whose pattern is no name, or that a row before always hides, could never be read."""
    plain = [row for row in CONVENTIONS if re.fullmatch(r"[a-z0-9_]+", row.metric)]
    assert len(plain) > len(CONVENTIONS) / 2
    for row in plain:
        base = row.metric.rpartition("_")[0]
        others = [other.replace("${base}", base) for other in row.others]
        assert row.sign in choose([row.metric, *others]).vitals, row


def test_client_metrics_are_no_requests_to_the_service() -> None:
    """What it calls is distinguished from what calls it."""
    choice = choose(["http_client_requests_seconds_count", "app_http_client_requests_total", "client_latency_s"])

    assert not set(choice.vitals) & {*request_signs(), "latency"}


def test_metric_that_a_pipeline_counts_from_lines_is_named_so() -> None:
    """Who writes lines writes it too."""
    sources = choose(["promtail_custom_http_requests_total"]).sources

    assert sources["error_ratio"] == FROM_LINES
    assert choose(["shop_http_requests_total"]).sources["error_ratio"] != FROM_LINES
