"""The room of telemetry: logs and metrics. `connect_logs()` and `connect_metrics()` choose the provider."""

from shared.errors import Misconfigured
from shared.settings import Settings
from shared.telemetry.port import Logs, Metrics


class TelemetrySettings(Settings):
    """Which providers answer, and whether there is anything to ask for metrics."""

    telemetry_provider_logs: str = "loki"
    telemetry_provider_metrics: str = "prometheus"
    prometheus_host: str = ""
    grafana_host: str = ""


def connect_logs() -> Logs:
    """
    Return the log store that TELEMETRY_PROVIDER_LOGS names.

    Raises Misconfigured when there is no such provider, or its settings are missing or wrong.
    """
    provider = TelemetrySettings.from_env().telemetry_provider_logs
    if provider == "loki":
        from shared.telemetry.loki import Loki, LokiSettings

        return Loki(LokiSettings.from_env())
    raise Misconfigured(f"TELEMETRY_PROVIDER_LOGS is {provider!r}; there is: loki")


def connect_metrics() -> Metrics | None:
    """
    Return the metrics store that TELEMETRY_PROVIDER_METRICS names; none when no host is configured, for metrics are
    optional.

    Raises Misconfigured when there is no such provider, or its settings are wrong.
    """
    settings = TelemetrySettings.from_env()
    if settings.telemetry_provider_metrics != "prometheus":
        raise Misconfigured(
            f"TELEMETRY_PROVIDER_METRICS is {settings.telemetry_provider_metrics!r}; there is: prometheus"
        )
    if not (settings.prometheus_host or settings.grafana_host):
        return None
    from shared.telemetry.prometheus import Prometheus, PrometheusSettings

    return Prometheus(PrometheusSettings.from_env())
