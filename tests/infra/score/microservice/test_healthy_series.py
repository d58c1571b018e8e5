"""Generated series are those of a healthy service, to Prometheus and to the analyst."""

from datetime import timedelta

import pytest

from infra.local.sandboxes.prometheus.server import PrometheusSandbox
from infra.score.microservice.healthy_series import healthy_series
from shared.analysis.series.metric_anomalies import find_anomalies
from shared.telemetry.port import MetricQuery, Series
from shared.telemetry.prometheus import Prometheus, PrometheusSettings
from tests.infra.score.microservice.small_cases import END, START


def overview(service: str, window_minutes: int = 15) -> dict[str, Series]:
    """Return what the product reads of the series of one service."""
    with PrometheusSandbox() as prometheus:
        for name, labels, samples in healthy_series(service, START, END):
            prometheus.load(name, labels, samples)
        reader = Prometheus(PrometheusSettings(prometheus_host=prometheus.url))
        query = MetricQuery(service, END - timedelta(minutes=window_minutes), END)
        return {one.name: one for one in reader.overview(query).series}


def test_product_reads_requests_errors_and_latency() -> None:
    """All three by its own queries, with few errors and ordinary times."""
    series = overview("shop")

    assert set(series) == {"error_ratio", "request_rate", "latency_p95"}
    assert max(value for _, value in series["error_ratio"].points) < 0.01
    assert all(0.05 < value < 0.25 for _, value in series["latency_p95"].points)
    assert all(15 < value < 25 for _, value in series["request_rate"].points)


@pytest.mark.parametrize("service", [f"service-{number}" for number in range(10)])
def test_healthy_series_hold_no_anomaly(service: str) -> None:
    """Else a false alarm on a control would be the generator's."""
    assert find_anomalies(list(overview(service).values()), None) == []


def test_series_are_the_same_each_time_and_differ_by_service() -> None:
    """A score can be repeated."""
    assert list(healthy_series("shop", START, END)) == list(healthy_series("shop", START, END))
    assert [points for _, _, points in healthy_series("shop", START, END)] != [
        points for _, _, points in healthy_series("mail", START, END)
    ]
