"""Telemetry: logs and metrics. `connect_logs()` and `connect_metrics()` choose the provider."""

from typing import TYPE_CHECKING

from pydantic import Field

from shared.errors import Misconfigured
from shared.settings import Settings
from shared.telemetry.port import AlertRules, Annotations, Logs, Metrics

if TYPE_CHECKING:
    from shared.telemetry.grafana import Grafana


class TelemetrySettings(Settings):
    """Which providers are used, and whether there is a host to query for metrics."""

    telemetry_provider_logs: str = Field("loki", description="Log store; loki is the only one.")
    telemetry_provider_metrics: str = Field("prometheus", description="Metrics store; prometheus is the only one.")
    prometheus_host: str = Field("", description="Base URL of Prometheus; unset, GRAFANA_HOST is tried.")
    grafana_host: str = Field(
        "", description="Base URL of Loki, or of Grafana's data source proxy that leads to it; logs need it."
    )


def has_log_store() -> bool:
    """Return whether a log store is named at all: where none is, nothing failed. Raises Misconfigured."""
    return bool(TelemetrySettings.from_env().grafana_host)


def connect_logs() -> Logs:
    """
    Return the log store named by TELEMETRY_PROVIDER_LOGS.

    Raises Misconfigured when the provider is unknown, or its settings are missing or wrong.
    """
    provider = TelemetrySettings.from_env().telemetry_provider_logs
    if provider == "loki":
        from shared.telemetry.loki import Loki, LokiSettings

        return Loki(LokiSettings.from_env())
    raise Misconfigured(f"TELEMETRY_PROVIDER_LOGS is {provider!r}; supported: loki")


def connect_metrics() -> Metrics | None:
    """
    Return the metrics store named by TELEMETRY_PROVIDER_METRICS, or None when no host is configured.

    Raises Misconfigured when the provider is unknown, or its settings are wrong.
    """
    settings = TelemetrySettings.from_env()
    if settings.telemetry_provider_metrics != "prometheus":
        raise Misconfigured(
            f"TELEMETRY_PROVIDER_METRICS is {settings.telemetry_provider_metrics!r}; supported: prometheus"
        )
    if not (settings.prometheus_host or settings.grafana_host):
        return None
    from shared.telemetry.prometheus import Prometheus, PrometheusSettings

    return Prometheus(PrometheusSettings.from_env())


def connect_alert_rules() -> AlertRules | None:
    """
    Return Grafana's alert rules, or None without GRAFANA_TOKEN or an address of Grafana.

    Raises Misconfigured when a setting is wrong.
    """
    return _connect_grafana()


def connect_annotations() -> Annotations | None:
    """
    Return Grafana's annotations, or None without GRAFANA_TOKEN or an address of Grafana.

    Raises Misconfigured when a setting is wrong.
    """
    return _connect_grafana()


def _connect_grafana() -> "Grafana | None":
    from shared.telemetry.grafana import Grafana, GrafanaSettings

    settings = GrafanaSettings.from_env()
    if settings.grafana_token is None or not settings.root:
        return None
    tags, timeout_s = settings.grafana_annotation_tags, settings.prometheus_timeout_s
    return Grafana(settings.root, settings.grafana_token, timeout_s, tags)
