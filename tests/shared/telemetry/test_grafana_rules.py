"""Grafana's alert rules, over real HTTP against a server that answers as its provisioning API."""

from collections.abc import Iterator

import pytest

from infra.local.sandboxes.http import Reply, Request, Sandbox
from shared import telemetry
from shared.errors import Refused, Unavailable
from shared.telemetry.port import AlertCondition, AlertRules

RULE = {
    "uid": "abc",
    "condition": "C",
    "data": [
        {"refId": "A", "datasourceUid": "p1", "model": {"expr": "errors"}},
        {
            "refId": "C",
            "datasourceUid": "__expr__",
            "model": {
                "type": "threshold",
                "expression": "A",
                "conditions": [{"evaluator": {"type": "gt", "params": [3]}}],
            },
        },
    ],
}


class GrafanaSandbox(Sandbox):
    """Answers one rule, to the token `t0ken` alone."""

    def answer(self, request: Request) -> Reply:
        """Answer as GET /api/v1/provisioning/alert-rules/<uid> does."""
        if request.headers["Authorization"] != "Bearer t0ken":
            return Reply.of_json({"message": "Invalid API key"}, 401)
        is_rule = request.path == "/api/v1/provisioning/alert-rules/abc"
        return Reply.of_json(RULE) if is_rule else Reply.of_json({"message": "Not found"}, 404)


@pytest.fixture
def grafana() -> Iterator[GrafanaSandbox]:
    with GrafanaSandbox() as sandbox:
        yield sandbox


def rules(monkeypatch: pytest.MonkeyPatch, **settings: str) -> AlertRules | None:
    """Return the rules under these settings alone."""
    for name in ("GRAFANA_HOST", "GRAFANA_URL", "GRAFANA_TOKEN"):
        monkeypatch.setenv(name, settings.get(name, ""))
    return telemetry.connect_alert_rules()


def test_rule_is_read_with_the_token(grafana: GrafanaSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grafana is where GRAFANA_HOST's data source proxy is, or where GRAFANA_URL says."""
    by_proxy = rules(monkeypatch, GRAFANA_HOST=f"{grafana.url}/api/datasources/proxy/uid/loki", GRAFANA_TOKEN="t0ken")
    by_url = rules(monkeypatch, GRAFANA_URL=grafana.url, GRAFANA_TOKEN="t0ken")

    assert by_proxy is not None
    assert by_url is not None
    assert by_proxy.condition("abc") == by_url.condition("abc") == AlertCondition("errors", ">", 3)


def test_without_token_or_address_no_rule_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Loki alone is no Grafana, and no token is sent to it."""
    assert rules(monkeypatch, GRAFANA_HOST="http://loki.example.com", GRAFANA_TOKEN="t0ken") is None
    assert rules(monkeypatch, GRAFANA_URL="http://grafana.example.com") is None


def test_faults_never_show_the_token(grafana: GrafanaSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """They say which rule was asked for, and what came back."""
    wrong = rules(monkeypatch, GRAFANA_URL=grafana.url, GRAFANA_TOKEN="wr0ng")
    assert wrong is not None
    with pytest.raises(Refused, match=r"the alert rule 'abc'.*Invalid API key") as refused:
        wrong.condition("abc")
    assert "wr0ng" not in str(refused.value)

    grafana.fail_next(Reply.of_json(["no rule"]))
    with pytest.raises(Unavailable, match="unknown format"):
        wrong.condition("abc")
