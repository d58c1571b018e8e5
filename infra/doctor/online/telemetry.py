"""Loki, Prometheus and Grafana: whether they answer, and know the label that names a service."""

from collections.abc import Mapping
from datetime import timedelta

from pydantic import SecretStr

from infra.doctor.check import Check, ok, unknown, wrong
from infra.doctor.environment import TIMEOUT_S
from shared import clock
from shared.errors import IncidentCopilotError, Rejected, Throttled, Unavailable
from shared.settings import lookup
from shared.telemetry.grafana import GrafanaSettings
from shared.telemetry.http_reader import ByteBudget, Reader
from shared.telemetry.loki import SERVICE_LABELS, LokiSettings
from shared.telemetry.prometheus import PrometheusSettings

_MAX_BYTES = 4_000_000
_DAY = timedelta(days=1)
_MAX_NAMES = 12


def check_loki() -> list[Check]:
    """Return whether Loki answers and has lines with the label, of the last day."""
    if lookup("GRAFANA_HOST") is None:
        return [unknown("Loki was not asked: GRAFANA_HOST is not set, so logs come from a sandbox or from nowhere")]
    settings = LokiSettings.from_env()
    headers = {"X-Scope-OrgID": settings.loki_tenant} if settings.loki_tenant else {}
    try:
        names = _names("Loki", settings.grafana_host, settings.grafana_basicauth, headers, "/loki/api/v1/labels", 10**9)
    except IncidentCopilotError as error:
        return [_refusal(error, "GRAFANA_HOST", "GRAFANA_BASICAUTH and LOKI_TENANT")]
    label = settings.loki_service_label
    if not names:
        return [unknown("Loki answers and has no line of the last 24 hours, so its labels are not known")]
    if label in names:
        return [ok(f"Loki answers and knows the label {label}")]
    better = next((one for one in SERVICE_LABELS if one in names), "the one that names the service")
    return [
        wrong(
            f"Loki answers, and no line of the last 24 hours has the label {label}; its labels are {_listed(names)}",
            f"set LOKI_SERVICE_LABEL={better}",
        )
    ]


def check_prometheus() -> list[Check]:
    """Return whether Prometheus answers and has series with the label, of the last day."""
    if lookup("PROMETHEUS_HOST") is None:
        return [unknown("Prometheus was not asked: PROMETHEUS_HOST is not set")]
    settings = PrometheusSettings.from_env()
    label, host = settings.prometheus_service_label, settings.prometheus_host or ""
    path = f"/api/v1/label/{label}/values"
    try:
        services = _names("Prometheus", host, settings.credentials, {}, path, 1)
    except Rejected:
        # Longer than what is read: there are plenty.
        return [ok(f"Prometheus answers and knows the label {label}")]
    except IncidentCopilotError as error:
        return [_refusal(error, "PROMETHEUS_HOST", "PROMETHEUS_BASICAUTH")]
    if services:
        return [ok(f"Prometheus answers and knows the label {label}, with {len(services)} values")]
    fix = "set PROMETHEUS_SERVICE_LABEL to the label that names the service, for example job or app"
    return [wrong(f"Prometheus answers, and no series of the last 24 hours has the label {label}", fix)]


def check_grafana() -> list[Check]:
    """Return whether Grafana lets the token read annotations; nothing without a token."""
    if lookup("GRAFANA_TOKEN") is None:
        return []
    settings = GrafanaSettings.from_env()
    if not settings.root or settings.grafana_token is None:
        fix = "set GRAFANA_URL to Grafana's root URL"
        return [wrong("GRAFANA_TOKEN is set, and the address of Grafana is not known", fix)]
    bearer = {"Authorization": f"Bearer {settings.grafana_token.get_secret_value()}"}
    reader = Reader("Grafana", settings.root, TIMEOUT_S, None, bearer, max_bytes=_MAX_BYTES)
    try:
        reader.get("/api/annotations", {"limit": 1}, "one annotation", ByteBudget(_MAX_BYTES))
    except IncidentCopilotError as error:
        return [_refusal(error, "GRAFANA_URL", "GRAFANA_TOKEN, whose account needs annotations:read")]
    return [ok("Grafana answers and lets GRAFANA_TOKEN read annotations")]


def _names(
    service: str, host: str, basicauth: SecretStr | None, headers: Mapping[str, str], path: str, per_second: int
) -> list[str]:
    """Return a list of names of the last day; `per_second` is the API's unit of time. Raises what Reader does."""
    reader, now = Reader(service, host, TIMEOUT_S, basicauth, headers, max_bytes=_MAX_BYTES), clock.now()
    window = {name: int(at.timestamp()) * per_second for name, at in (("start", now - _DAY), ("end", now))}
    answer = reader.get(path, window, path, ByteBudget(_MAX_BYTES))
    rows = answer.get("data") if isinstance(answer, dict) else None
    # Loki leaves `data` out when it has no labels.
    return [str(row) for row in rows] if isinstance(rows, list) else []


def _refusal(error: IncidentCopilotError, address: str, credentials: str) -> Check:
    if isinstance(error, Unavailable):
        return wrong(str(error), f"check {address}, and the way to it from this machine")
    if isinstance(error, Throttled):
        return unknown(str(error), "try again later")
    return wrong(str(error), f"check {address}, {credentials}")


def _listed(names: list[str]) -> str:
    more = len(names) - _MAX_NAMES
    return ", ".join(names[:_MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
