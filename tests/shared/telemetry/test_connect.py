"""Choosing a provider."""

import pytest

from shared import telemetry
from shared.errors import Misconfigured
from shared.telemetry.loki import Loki
from shared.telemetry.prometheus import Prometheus


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("TELEMETRY_PROVIDER_LOGS", "TELEMETRY_PROVIDER_METRICS", "GRAFANA_HOST", "PROMETHEUS_HOST")
    for name in names:
        monkeypatch.delenv(name, raising=False)


def test_loki_and_prometheus_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """One host is enough for both."""
    monkeypatch.setenv("GRAFANA_HOST", "https://logs.example.com")

    assert isinstance(telemetry.connect_logs(), Loki)
    assert isinstance(telemetry.connect_metrics(), Prometheus)


def test_logs_need_a_host() -> None:
    """The missing variable is named."""
    with pytest.raises(Misconfigured, match="GRAFANA_HOST"):
        telemetry.connect_logs()


def test_metrics_are_optional() -> None:
    """Without any host there is no metrics store, and no error."""
    assert telemetry.connect_metrics() is None


def test_unknown_provider_is_misconfigured_and_the_supported_ones_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message lists what would work."""
    monkeypatch.setenv("TELEMETRY_PROVIDER_LOGS", "splunk")
    monkeypatch.setenv("TELEMETRY_PROVIDER_METRICS", "graphite")

    with pytest.raises(Misconfigured, match="TELEMETRY_PROVIDER_LOGS is 'splunk'; supported: loki"):
        telemetry.connect_logs()
    with pytest.raises(Misconfigured, match="TELEMETRY_PROVIDER_METRICS is 'graphite'; supported: prometheus"):
        telemetry.connect_metrics()
