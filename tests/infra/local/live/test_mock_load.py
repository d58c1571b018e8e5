"""MOCK_CPU, MOCK_RAM and MOCK_NETWORK: what Prometheus says of the service's pods is what was asked for."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from infra.local.live import mock_load
from infra.local.sandboxes.prometheus.server import PrometheusSandbox
from shared.errors import Rejected
from tests.builders import NOW

AT = int(NOW.timestamp())


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    """The metrics of a build: one pod that runs, one that has ended."""
    rows = []
    for pod, end in (("shop-new", AT), ("shop-old", AT - 600)):
        labels = {"__name__": "up", "service_name": "shop", "namespace": "web", "pod": pod, "version": "2"}
        rows.append({"metric": labels, "values": [[at, "1"] for at in range(AT - 1800, end + 1, 15)]})
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps({"data": {"result": rows}}))
    return path


def value_of(metrics: Path, query: str, moment_s: int = AT) -> float | None:
    """Return the value of a query at a moment, or None without one."""
    with PrometheusSandbox() as prometheus:
        prometheus.load_file(metrics)
        parameters = {"query": query, "time": str(moment_s)}
        result = requests.get(f"{prometheus.url}/api/v1/query", params=parameters, timeout=10).json()["data"]["result"]
    return float(result[0]["value"][1]) if result else None


@pytest.mark.parametrize(("load", "cores"), [("high", 0.95), ("mid", 0.5), ("low", 0.1), ("42.5", 0.425)])
def test_processor_is_as_busy_as_asked_for_the_last_minutes(metrics: Path, load: str, cores: float) -> None:
    """And low before, so that there is something to notice; it goes on while the stack runs."""
    mock_load.add(metrics, mock_load.settings_of({"MOCK_CPU": load}), NOW)
    query = 'sum(rate(container_cpu_usage_seconds_total{container="shop"}[2m]))'

    assert value_of(metrics, query) == pytest.approx(cores, rel=0.01)
    assert value_of(metrics, query, AT + 3 * 3600) == pytest.approx(cores, rel=0.01)
    assert value_of(metrics, query, AT - 900) == pytest.approx(0.1, rel=0.01)


def test_memory_and_network_are_shares_of_their_limits(metrics: Path) -> None:
    """Only of the pod that runs, and nothing that was not asked for."""
    mock_load.add(metrics, mock_load.settings_of({"MOCK_RAM": "high", "MOCK_NETWORK": "mid"}), NOW)

    used = value_of(metrics, 'sum(container_memory_working_set_bytes{container="shop"})')
    limit = value_of(metrics, 'sum(container_spec_memory_limit_bytes{container="shop"})')
    received = value_of(metrics, 'sum(rate(container_network_receive_bytes_total{pod="shop-new"}[2m]))')
    assert used is not None
    assert limit == 512 * 2**20
    assert used / limit == pytest.approx(0.95, rel=0.01)
    assert received == pytest.approx(62_500_000, rel=0.01)
    assert value_of(metrics, 'container_network_receive_bytes_total{pod="shop-old"}') is None
    assert value_of(metrics, "container_cpu_usage_seconds_total") is None


def test_without_a_wish_nothing_is_added(metrics: Path) -> None:
    """Also where the variables are empty."""
    before = metrics.read_text()

    mock_load.add(metrics, mock_load.settings_of({"MOCK_CPU": "", "OTHER": "high"}), NOW + timedelta(0))

    assert json.loads(metrics.read_text()) == json.loads(before)


@pytest.mark.parametrize("load", ["very", "-5", "1000000", "high "])
def test_load_that_is_none_is_said(load: str) -> None:
    """With what to write."""
    with pytest.raises(Rejected, match="high, mid, low, or a number"):
        mock_load.settings_of({"MOCK_RAM": load})
