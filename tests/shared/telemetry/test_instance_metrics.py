"""Starts, restarts and versions of each instance, over real HTTP against the Prometheus sandbox."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.sandboxes.http import Reply, Request
from infra.local.sandboxes.prometheus.server import PrometheusSandbox
from shared.telemetry.instance_metrics import MAX_VERSIONED, queries
from shared.telemetry.port import MetricQuery, MetricsOverview
from shared.telemetry.prometheus import Prometheus, PrometheusSettings

START = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
TIMES = range(int(START.timestamp()), int(START.timestamp()) + 901, 15)


class Store(PrometheusSandbox):
    """Answers range queries of one metric with a fault."""

    broken: tuple[str, Reply] | None = None

    def answer(self, request: Request) -> Reply:
        """Answer as Prometheus does, or with the fault."""
        if self.broken and request.param("query").startswith(self.broken[0]):
            return self.broken[1]
        return super().answer(request)


@pytest.fixture
def store() -> Iterator[Store]:
    """A Prometheus with two pods of the service api, and one of another."""
    with Store() as store:
        for pod, container in (("api-1", "api"), ("api-2", "api"), ("web-1", "web")):
            of_cluster = {"pod": pod, "container": container}
            store.load("kube_pod_container_status_restarts_total", of_cluster, [(t, t > TIMES[30]) for t in TIMES])
            reason = {**of_cluster, "reason": "OOMKilled"}
            store.load("kube_pod_container_status_last_terminated_reason", reason, [(t, 1) for t in TIMES])
            own = {"service_name": container, "pod": pod}
            store.load("process_start_time_seconds", own, [(t, TIMES[0]) for t in TIMES])
            store.load("shop_build_info", {**own, "version": "2.15.0"}, [(t, 1) for t in TIMES])
        yield store


def overview(store: Store) -> MetricsOverview:
    """Return what is read of api."""
    prometheus = Prometheus(
        PrometheusSettings.model_validate({"prometheus_host": store.url, "prometheus_timeout_s": 1})
    )
    return prometheus.overview(MetricQuery("api", START, START + timedelta(minutes=15)))


def test_each_instance_of_the_service_has_its_series(store: Store) -> None:
    """By the service's own label or by its container, whatever exists; others' pods are left out."""
    read = overview(store)

    assert sorted((one.name, one.labels["pod"]) for one in read.instances) == [
        (name, pod)
        for name in (
            "kube_pod_container_status_last_terminated_reason",
            "kube_pod_container_status_restarts_total",
            "process_start_time_seconds",
            "shop_build_info",
        )
        for pod in ("api-1", "api-2")
    ]
    assert read.hints == ()


@pytest.mark.parametrize(
    "reply", [Reply(404), Reply(403), Reply(500), Reply.of_text("garbage"), Reply.of_json({}), Reply().held(5)]
)
def test_fault_of_one_leaves_the_rest_and_is_named(store: Store, reply: Reply) -> None:
    """Vital signs are read as before."""
    expected = overview(store)
    store.broken = ("shop_build_info", reply)

    read = overview(store)

    assert read.series == expected.series
    assert {one.name for one in read.instances} == {one.name for one in expected.instances} - {"shop_build_info"}
    (hint,) = read.hints
    assert hint.startswith("shop_build_info was not read, so restarts or versions may be missing: ")


def test_versions_are_read_of_few_metrics_the_services_own_first() -> None:
    """Every library may have one."""
    names = ["kube_pod_container_info", "go_build_info", "a_build_info", "b_build_info", "c_build_info", "up"]

    assert len(queries(names)) == MAX_VERSIONED
    assert "kube_pod_container_info" not in queries(names)
    assert queries(["up", "build_information"]) == {}
    assert queries(["kube_pod_container_info"]) == {
        "kube_pod_container_info": "kube_pod_container_info{$selector} or kube_pod_container_info{container=$service}"
    }
