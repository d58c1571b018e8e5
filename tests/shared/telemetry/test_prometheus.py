"""The Prometheus adapter, over real HTTP against the sandbox."""

import json
import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra import bundle
from infra.local.sandboxes.http import Reply
from infra.local.sandboxes.prometheus.server import PrometheusSandbox
from shared.errors import Misconfigured, Refused, Rejected, Throttled, Unavailable
from shared.http.retries import TRIES
from shared.telemetry.port import NO_METRICS_STORE, MetricQuery, Series
from shared.telemetry.prometheus import Prometheus, PrometheusSettings, coarse_enough, parse_ranges
from shared.telemetry.vitals import FIXED, fill

RECORDED = bundle.ROOT.parent / "shared" / "payloads" / "prometheus_query_range"
START = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
T0 = int(START.timestamp())
TIMES = range(T0 - 300, T0 + 901, 15)


@pytest.fixture
def sandbox() -> Iterator[PrometheusSandbox]:
    with PrometheusSandbox() as prometheus:
        yield prometheus


def prometheus_at(sandbox: PrometheusSandbox, **settings: object) -> Prometheus:
    return Prometheus(PrometheusSettings.model_validate({"prometheus_host": sandbox.url, **settings}))


def metric_query(service_name: str = "api", step_s: int = 15, minutes: float = 15) -> MetricQuery:
    return MetricQuery(service_name, START, START + timedelta(minutes=minutes), step_s)


def load_service(sandbox: PrometheusSandbox, status_label: str = "code", service: str = "api") -> None:
    """Load a service with 8 good and 2 bad requests per second, a memory leak and one container restart."""
    labels = {"service_name": service}
    for status, per_s in (("200", 8), ("503", 2)):
        samples = [(t, float(t - TIMES[0]) * per_s) for t in TIMES]
        sandbox.load("http_requests_total", {**labels, status_label: status}, samples)
    for bound, share in (("0.1", 0.9), ("0.5", 1.0), ("+Inf", 1.0)):
        samples = [(t, (t - TIMES[0]) * 10 * share) for t in TIMES]
        sandbox.load("http_request_duration_seconds_bucket", {**labels, "le": bound}, samples)
    sandbox.load("process_cpu_seconds_total", labels, [(t, (t - TIMES[0]) * 0.5) for t in TIMES])
    sandbox.load("process_resident_memory_bytes", labels, [(t, 1e8 + t - T0) for t in TIMES])
    sandbox.load("up", labels, [(t, 1) for t in TIMES])
    restarts = [(t, 3 if t < T0 + 450 else 4) for t in TIMES]
    sandbox.load("kube_pod_container_status_restarts_total", {"container": service, "pod": "p"}, restarts)


def by_name(series: Sequence[Series]) -> dict[str, Series]:
    return {each.name: each for each in series}


@pytest.mark.parametrize("status_label", ["code", "status", "status_code"])
def test_the_vital_series_of_a_service_are_found(sandbox: PrometheusSandbox, status_label: str) -> None:
    """Errors, traffic, latency, saturation and restarts, with any common name of the status label."""
    load_service(sandbox, status_label)

    series = by_name(prometheus_at(sandbox).overview(metric_query()).series)

    assert series.keys() == FIXED.keys()
    last = {name: each.points[-1][1] for name, each in series.items()}
    assert last["error_ratio"] == pytest.approx(0.2)
    assert last["request_rate"] == pytest.approx(10)
    assert last["latency_p95"] == pytest.approx(0.3)
    assert last["cpu"] == pytest.approx(0.5)
    assert (last["memory"], last["up"]) == (1e8 + 900, 1)
    assert max(value for _, value in series["restarts"].points) == pytest.approx(1, rel=0.2)
    assert series["error_ratio"].points[0][0] == START
    assert series["error_ratio"].points[-1][0] == START + timedelta(minutes=15)
    assert {name for name, each in series.items() if not each.higher_is_worse} == {"request_rate", "up"}


def test_what_a_service_does_not_export_is_absent(sandbox: PrometheusSandbox) -> None:
    """One metric gives one series; an unknown service has none."""
    sandbox.load("up", {"service_name": "api"}, [(t, 1) for t in TIMES])

    assert list(by_name(prometheus_at(sandbox).overview(metric_query()).series)) == ["up"]
    assert prometheus_at(sandbox).overview(metric_query("unknown")).series == ()


def test_traffic_before_the_first_failure_has_a_ratio_of_zero(sandbox: PrometheusSandbox) -> None:
    """The series of failures starts with the first one; before that, the ratio is zero, not missing."""
    labels = {"service_name": "api"}
    sandbox.load("http_requests_total", {**labels, "code": "200"}, [(t, (t - TIMES[0]) * 8) for t in TIMES])
    failures = [(t, (t - T0 - 600) * 2) for t in TIMES if t >= T0 + 600]
    sandbox.load("http_requests_total", {**labels, "code": "500"}, failures)

    series = by_name(prometheus_at(sandbox).overview(metric_query()).series)

    ratio = dict(series["error_ratio"].points)
    assert list(ratio) == [at for at, _ in series["request_rate"].points]
    assert {ratio[at] for at in ratio if at < START + timedelta(seconds=600)} == {0.0}
    assert series["error_ratio"].points[-1][1] == pytest.approx(0.2)


def test_a_ratio_without_traffic_is_absent_not_nan(sandbox: PrometheusSandbox) -> None:
    """Zero failures in zero requests give no number."""
    for code in ("200", "500"):
        sandbox.load("http_requests_total", {"service_name": "api", "code": code}, [(t, 5) for t in TIMES])

    series = by_name(prometheus_at(sandbox).overview(metric_query()).series)

    assert "error_ratio" not in series
    assert series["request_rate"].points[-1][1] == 0


@pytest.mark.parametrize("name", ['a"b', "a\\", "a\nb", '"} or up{a="', "moon🌙", "$selector", "{job}"])
def test_a_service_name_never_changes_the_query(sandbox: PrometheusSandbox, name: str) -> None:
    """Hostile names find their own series and no others."""
    sandbox.load("up", {"service_name": name}, [(t, 1) for t in TIMES])
    sandbox.load("up", {"service_name": "other"}, [(t, 0) for t in TIMES])

    assert {value for _, value in by_name(prometheus_at(sandbox).overview(metric_query(name)).series)["up"].points} == {
        1
    }


def test_the_operators_queries_replace_add_and_remove_vitals(
    sandbox: PrometheusSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are JSON in PROMETHEUS_QUERIES; a replaced series keeps its unit."""
    load_service(sandbox)
    queries = {"memory": "min(process_resident_memory_bytes{$selector})", "codes": 'up{$selector,job!~"x$"}', "cpu": ""}
    monkeypatch.setenv("PROMETHEUS_HOST", sandbox.url)
    monkeypatch.setenv("PROMETHEUS_QUERIES", json.dumps(queries))

    series = by_name(Prometheus(PrometheusSettings.from_env()).overview(metric_query()).series)

    assert "cpu" not in series
    assert (series["memory"].query, series["memory"].unit) == (
        'min(process_resident_memory_bytes{service_name="api"})',
        "bytes",
    )
    assert series["codes"].labels == {"__name__": "up", "service_name": "api"}


@pytest.mark.parametrize(
    ("step_s", "minutes", "expected"), [(15, 15, 15), (1, 15, 1), (1, 60, 4), (15, 60 * 24, 87), (60, 60 * 24 * 7, 606)]
)
def test_a_series_has_at_most_a_thousand_points(step_s: int, minutes: int, expected: int) -> None:
    """The step grows for a long window, and never shrinks."""
    assert coarse_enough(metric_query(step_s=step_s, minutes=minutes)) == expected
    assert minutes * 60 // expected + 1 <= 1000


def test_rates_look_back_over_several_steps() -> None:
    """At least two minutes, so that one scrape per minute still gives a rate."""
    assert fill("[$window]", "service_name", metric_query(step_s=15)) == "[120s]"
    assert fill("[$window]", "service_name", metric_query(step_s=60)) == "[240s]"


def test_another_service_label_is_a_setting(sandbox: PrometheusSandbox) -> None:
    """Many stacks call it job or app."""
    sandbox.load("up", {"job": "api"}, [(t, 1) for t in TIMES])

    assert (
        prometheus_at(sandbox, prometheus_service_label="job").overview(metric_query()).series[0].query
        == 'min(up{job="api"})'
    )


@pytest.mark.parametrize("setting", ["prometheus_selector", "prometheus_selectors"])
def test_series_are_selected_by_the_alerts_labels_where_a_template_says_so(
    sandbox: PrometheusSandbox, setting: str
) -> None:
    """The names that exist and every vital sign are read by it."""
    sandbox.load("up", {"namespace": "shop", "pod": "api-1"}, [(t, 1) for t in TIMES])
    sandbox.load("up", {"namespace": "bank", "pod": "api-1"}, [(t, 0) for t in TIMES])
    template = '{namespace="$namespace", pod=~"$service-.*"}'
    value = template if setting == "prometheus_selector" else {"api": template}
    query = MetricQuery("api", START, START + timedelta(minutes=15), labels={"namespace": "shop"})

    (up,) = prometheus_at(sandbox, **{setting: value}).overview(query).series

    assert up.query == 'min(up{namespace="shop", pod=~"api-.*"})'
    assert {value for _, value in up.points} == {1.0}


def test_a_dead_prometheus_costs_one_timeout(sandbox: PrometheusSandbox) -> None:
    """All series are queried in parallel: the last query has arrived before the first is given up."""
    sandbox.fail_next(*[Reply(delay_s=30)] * 20)

    with pytest.raises(Unavailable, match=r"did not answer in 0\.5 s"):
        prometheus_at(sandbox, prometheus_timeout_s=0.5).overview(metric_query())

    assert len(sandbox.requests) > 1


def test_a_refused_connection_is_unavailable() -> None:
    """No server listens on the port."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Unavailable, match=f"Prometheus at '{host}'"):
            Prometheus(PrometheusSettings(prometheus_host=host)).overview(metric_query())


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply.of_text("Unauthorized", 401), Refused, "401: 'Unauthorized'"),
        (Reply.of_text("slow down", 429, {"Retry-After": "3"}), Throttled, "slow down"),
        (Reply.of_json({"status": "error", "errorType": "bad_data", "error": "1:2: odd"}, 400), Rejected, "'1:2: odd'"),
        (Reply.of_text("boom", 500), Unavailable, "500: 'boom'"),
        (
            Reply.of_json({"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}}),
            Unavailable,
            "format",
        ),
    ],
)
def test_faults_become_errors_that_quote_them(
    sandbox: PrometheusSandbox, reply: Reply, error: type[Exception], words: str
) -> None:
    """They say who must act, which query was sent and what came back; never a credential."""
    sandbox.fail_next(*[reply] * (len(FIXED) + 1) * TRIES)

    with pytest.raises(error) as raised:
        prometheus_at(sandbox, prometheus_basicauth="ann:s3cret").overview(metric_query())

    assert words in str(raised.value)
    assert 'service_name="api"' in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_an_operators_invalid_query_is_rejected_and_quoted(sandbox: PrometheusSandbox) -> None:
    """The operator reads Prometheus' own message."""
    queries = {"broken": "sum(rate(foo{$selector}[5m])"}

    with pytest.raises(Rejected, match=r"sum\(rate\(foo.*unclosed left parenthesis"):
        prometheus_at(sandbox, prometheus_queries=queries).overview(metric_query())


def test_an_answer_of_too_many_series_is_rejected(sandbox: PrometheusSandbox) -> None:
    """An operator's query by a label of many values must not fill the memory."""
    points = [[T0 + n, "1"] for n in range(1000)]
    result = [{"metric": {"customer": str(number)}, "values": points} for number in range(200)]
    reply = Reply.of_json({"status": "success", "data": {"resultType": "matrix", "result": result}})
    sandbox.fail_next(*[reply] * (len(FIXED) + 1))

    with pytest.raises(Rejected, match="answered with more than"):
        prometheus_at(sandbox).overview(metric_query())


def test_grafanas_credentials_go_to_grafanas_host_only(sandbox: PrometheusSandbox) -> None:
    """The fallback uses Grafana's host and credentials together."""
    sandbox.load("up", {"service_name": "api"}, [(T0, 1)])
    prometheus_at(sandbox, prometheus_host=None, grafana_host=sandbox.url, grafana_basicauth="a:b").overview(
        metric_query()
    )
    with_grafana = {request.headers["Authorization"] for request in sandbox.requests}
    before = len(sandbox.requests)
    prometheus_at(sandbox, grafana_host="http://grafana.example.com", grafana_basicauth="a:b").overview(metric_query())
    without = {request.headers["Authorization"] for request in sandbox.requests[before:]}

    assert (with_grafana, without) == ({"Basic YTpi"}, {None})


@pytest.mark.parametrize(("minutes", "step_s"), [(0, 15), (15, 0)])
def test_an_impossible_query_is_rejected(sandbox: PrometheusSandbox, minutes: int, step_s: int) -> None:
    """An empty window or a step of zero."""
    with pytest.raises(Rejected, match="start < end and step_s >= 1"):
        prometheus_at(sandbox).overview(metric_query(minutes=minutes, step_s=step_s))


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """PROMETHEUS_QUERIES must be JSON."""
    monkeypatch.setenv("PROMETHEUS_QUERIES", "up")

    with pytest.raises(Misconfigured, match="PROMETHEUS_QUERIES"):
        PrometheusSettings.from_env()


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("range_error_rate", [13, 13]),
        ("range_memory", [13]),
        ("range_up_with_gap", [5, 5, 5]),
        ("range_empty", []),
        ("range_inf", []),
        ("range_nan_div_zero", []),
        ("range_nan_label_escape", []),
    ],
)
def test_recorded_answers_are_read_without_infinite_values(name: str, counts: list[int]) -> None:
    """NaN and infinities are dropped, and so is a series of nothing else."""
    ranges = parse_ranges(recorded(name)["body"], "a query")

    assert [len(points) for _, points in ranges] == counts
    assert all(at.tzinfo is UTC for _, points in ranges for at, _ in points)


@pytest.mark.parametrize("name", ["bad_query", "bad_step", "end_before_start", "too_many_points"])
def test_recorded_errors_are_rejected_with_prometheus_message(sandbox: PrometheusSandbox, name: str) -> None:
    """A 400 is the caller's mistake."""
    response = recorded(f"error_{name}")
    sandbox.fail_next(*[Reply.of_json(response["body"], response["status"])] * (len(FIXED) + 1))

    with pytest.raises(Rejected) as raised:
        prometheus_at(sandbox).overview(metric_query())

    assert response["body"]["error"] in str(raised.value)


def recorded(name: str) -> dict[str, Any]:
    path = RECORDED / f"{name}.json"
    if not path.exists():
        pytest.skip("the recorded payloads are not next to this checkout")
    response = json.loads(path.read_text())["response"]
    assert isinstance(response, dict)
    return response


def test_a_guessed_host_without_metrics_is_no_metrics_store(sandbox: PrometheusSandbox) -> None:
    """GRAFANA_HOST may be Loki alone, whose 404 is no failed source; the setting that names a store is said."""
    sandbox.fail_next(*[Reply.of_text("404 page not found\n", 404)] * 20)

    overview = prometheus_at(sandbox, prometheus_host=None, grafana_host=sandbox.url).overview(metric_query())

    assert (overview.series, overview.absent) == ((), (NO_METRICS_STORE,))
    assert "PROMETHEUS_HOST" in NO_METRICS_STORE


def test_a_named_host_that_has_no_metrics_api_is_refused(sandbox: PrometheusSandbox) -> None:
    """PROMETHEUS_HOST was set by someone, so its 404 is a wrong address."""
    sandbox.fail_next(*[Reply.of_text("404 page not found\n", 404)] * 20)

    with pytest.raises(Refused, match="404"):
        prometheus_at(sandbox, grafana_host="http://grafana.example.com").overview(metric_query())


def test_vital_signs_of_several_services_are_read_with_one_query_for_each(sandbox: PrometheusSandbox) -> None:
    """Each service has its own; one that exports nothing is missing, and no other service is read."""
    for service in ("api", "api.v2", "ledger", "other"):
        load_service(sandbox, service=service)
    query = metric_query()

    read = prometheus_at(sandbox).vitals_of(["api.v2", "ledger", "absent"], query)

    assert read.keys() == {"api.v2", "ledger"}
    alone = by_name(prometheus_at(sandbox).overview(metric_query("ledger")).series)
    together = by_name(read["ledger"])
    assert together.keys() == alone.keys() - {"restarts"}, "which is by the label of containers"
    assert {name: each.points for name, each in together.items()} == {name: alone[name].points for name in together}
    sent = [one.param("query") for one in sandbox.requests if "query_range" in one.path and "=~" in one.param("query")]
    assert len([one for one in sent if "ledger" in one and "api" in one]) == len(together)


def test_operators_queries_are_asked_for_several_services(sandbox: PrometheusSandbox) -> None:
    """With their aggregation by service; a query that cannot be for several is left out."""
    for service, value in (("api", 0.5), ("ledger", 0.9)):
        sandbox.load("slots_used", {"service_name": service, "pod": "p"}, [(t, value) for t in TIMES])
    queries = {"slots": "max(slots_used{$selector})", "fixed": "max(slots_used)"}

    read = prometheus_at(sandbox, prometheus_queries=queries).vitals_of(["api", "ledger"], metric_query())

    assert {service: series[0].points[-1][1] for service, series in read.items()} == {"api": 0.5, "ledger": 0.9}
    assert {one.name for series in read.values() for one in series} == {"slots"}


def test_store_that_is_not_there_has_no_vital_signs_of_others(sandbox: PrometheusSandbox) -> None:
    """GRAFANA_HOST may be the address of Loki alone; a store that is down says so."""
    sandbox.fail_next(Reply(404))
    guess = Prometheus(PrometheusSettings.model_validate({"grafana_host": sandbox.url}))

    assert guess.vitals_of(["api"], metric_query()) == {}

    sandbox.fail_next(*[Reply(503)] * TRIES)
    with pytest.raises(Unavailable):
        prometheus_at(sandbox).vitals_of(["api"], metric_query())
