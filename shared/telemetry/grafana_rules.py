"""Alert rules in Grafana: what an alert measures, and its threshold."""

from pydantic import Field, SecretStr

from shared.errors import Unavailable
from shared.settings import Settings
from shared.telemetry.alert_condition import from_grafana_rule
from shared.telemetry.http_reader import ByteBudget, Host, Reader
from shared.telemetry.port import AlertCondition

# A rule holds its queries and its texts.
_RULE_BYTES = 500_000
_PROXY = "/api/datasources/"


class GrafanaRuleSettings(Settings):
    """Where Grafana's rules are; without a token none is read."""

    grafana_host: Host | None = Field(
        None, description="Base URL of Loki, or of Grafana's data source proxy that leads to it; logs need it."
    )
    grafana_url: Host | None = Field(
        None,
        description="Root URL of Grafana, for rules and links; unset, what GRAFANA_HOST has before /api/datasources/.",
    )
    grafana_token: SecretStr | None = Field(
        None, description="Token of a Grafana service account that may read alert rules; unset, none is read."
    )
    prometheus_timeout_s: float = Field(
        10, gt=0, le=300, description="Time for one query of metrics, retries included, in seconds."
    )

    @property
    def root(self) -> str:
        """Return Grafana's root URL, or an empty text when it is not known."""
        return root_of(self.grafana_host, self.grafana_url)


def root_of(host: str | None, url: str | None) -> str:
    """Return Grafana's root URL: as it is set, or what the path of its data source proxy follows; else empty."""
    root, proxy, _ = (host or "").partition(_PROXY)
    return url or (root if proxy else "")


def data_source_of(host: str) -> str:
    """Return the UID in the path of a data source proxy, or an empty text."""
    _, _, uid = host.partition(f"{_PROXY}proxy/uid/")
    return uid.partition("/")[0]


class GrafanaRules:
    """
    Grafana's alert rules, read with a token.

    Source: https://grafana.com/docs/grafana/latest/developers/http_api/alerting_provisioning/
    """

    def __init__(self, root: str, token: SecretStr, timeout_s: float) -> None:
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        self._reader = Reader("Grafana", root, timeout_s, headers=headers, max_bytes=_RULE_BYTES)

    def condition(self, uid: str) -> AlertCondition | None:
        """
        Return the condition of a rule, or None when it is none that Prometheus alone can evaluate.

        Raises Unavailable, Throttled, Refused (401, 403, 404), Rejected as any reader of telemetry does.
        """
        rule = self._reader.get(
            f"/api/v1/provisioning/alert-rules/{uid}", {}, f"the alert rule {uid!r}", ByteBudget(_RULE_BYTES)
        )
        if not isinstance(rule, dict):
            raise Unavailable(f"Grafana, asked the alert rule {uid!r}, answered in an unknown format")
        return from_grafana_rule(rule)
