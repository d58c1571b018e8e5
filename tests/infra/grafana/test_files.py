"""The files for senders of alerts: they parse, name the endpoint and its key, and what they send is accepted."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from functions.alert_intake import request_auth
from functions.alert_intake.alert_subject import SERVICE_LABELS
from functions.alert_intake.parse_alerts import Rules, read
from infra.grafana import files as grafana_files

URL = "https://alerts.example.com/webhook/trigger_agent"
RULES = Rules(datetime(2026, 11, 23, tzinfo=UTC), "nonce", tuple(SERVICE_LABELS), 900, "grafana_webhook")


def files(**values: str) -> dict[str, Any]:
    """Return every file parsed, filled with the given values."""
    return {name: yaml.safe_load(text) for name, text in grafana_files.filled(values).items()}


def test_contact_point_posts_to_the_webhook_with_its_key() -> None:
    """Grafana gets the URL and the header that alert_intake checks."""
    (point,) = files(INCIDENT_COPILOT_URL=URL)["contact_point.yaml"]["contactPoints"]
    (receiver,) = point["receivers"]

    assert receiver["settings"]["url"] == URL
    assert receiver["settings"]["authorization_scheme"] == "Bearer"
    assert receiver["settings"]["authorization_credentials"] == "$INCIDENT_COPILOT_KEY"
    assert receiver["disableResolveMessage"] is False


@pytest.mark.parametrize("is_signed", [True, False])
def test_secrets_are_in_fields_that_grafana_keeps_encrypted(is_signed: bool) -> None:
    """No other field of the contact point holds the key or the secret of the signature."""
    text = grafana_files.filled({}, is_signed=is_signed)["contact_point.yaml"]
    settings = yaml.safe_load(text)["contactPoints"][0]["receivers"][0]["settings"]

    secure = [settings["authorization_credentials"], *([settings["hmacConfig"]["secret"]] if is_signed else [])]
    assert [line.split(": ")[-1] for line in text.splitlines() if re.search(r"_(KEY|SECRET)$", line)] == secure


def test_signature_is_set_up_as_alert_intake_checks_it() -> None:
    """With SIGNED=1 Grafana signs body and time, in the headers that are checked; else nothing is signed."""
    settings = [
        yaml.safe_load(grafana_files.filled({}, is_signed=each)["contact_point.yaml"])["contactPoints"][0]["receivers"][
            0
        ]["settings"]
        for each in (True, False)
    ]

    assert settings[0]["hmacConfig"] == {
        "secret": "$INCIDENT_COPILOT_HMAC_SECRET",
        "header": request_auth.SIGNATURE,
        "timestampHeader": request_auth.TIMESTAMP,
    }
    assert "hmacConfig" not in settings[1]


def test_key_that_is_not_given_stays_a_variable() -> None:
    """No key is in a file unless it was asked for."""
    assert all(
        "$INCIDENT_COPILOT_KEY" not in text for text in grafana_files.filled({"INCIDENT_COPILOT_KEY": "k"}).values()
    )
    assert "$INCIDENT_COPILOT_KEY" in grafana_files.filled({"INCIDENT_COPILOT_KEY": ""})["contact_point.yaml"]


def test_policy_sends_what_the_rule_labels() -> None:
    """The example rule's alerts match the route, and the route leads to the contact point."""
    parsed = files()
    (policy,), (group,) = parsed["notification_policy.yaml"]["policies"], parsed["alert_rule.yaml"]["groups"]
    (route,) = policy["routes"]

    ((label, operator, value),) = route["object_matchers"]
    assert (operator, group["rules"][0]["labels"][label]) == ("=", value)
    assert route["receiver"] == parsed["contact_point.yaml"]["contactPoints"][0]["name"]
    assert route["group_by"] == ["service_name"]


def test_rule_asks_by_service() -> None:
    """Each alert of the rule carries the label alert_intake reads."""
    ((rule,),) = [group["rules"] for group in files(INCIDENT_COPILOT_LOKI_UID="loki")["alert_rule.yaml"]["groups"]]

    assert "by (service_name)" in rule["data"][0]["model"]["expr"]
    assert rule["data"][0]["datasourceUid"] == "loki"
    # In a provisioning file a dollar is doubled, or Grafana takes it for a variable of its own.
    assert "$$labels.service_name" in rule["annotations"]["summary"]


def test_alertmanager_keeps_its_key_in_a_file() -> None:
    """It shows the key as a bearer token and sends resolutions."""
    parsed = files(INCIDENT_COPILOT_URL=URL)["alertmanager.yaml"]
    (webhook,) = parsed["receivers"][1]["webhook_configs"]

    assert (webhook["url"], webhook["send_resolved"]) == (URL, True)
    assert webhook["http_config"]["authorization"] == {
        "type": "Bearer",
        "credentials_file": "/etc/alertmanager/incident-copilot-key",
    }
    assert webhook["max_alerts"] <= 50


@pytest.mark.parametrize("status", ["firing", "resolved"])
def test_short_payload_is_accepted_by_the_webhook(status: str) -> None:
    """alert_intake reads what the template writes as one alert with its status and labels."""
    (template,) = files()["template.yaml"]["templates"]
    labels = {"service_name": "checkout-api", "alertname": "Errors"}

    reading = read(json.loads(json.dumps({"service_name": "checkout-api", "status": status, "labels": labels})), RULES)

    assert all(f'"{field}"' in template["template"] for field in ("service_name", "status", "labels"))
    (alert,) = reading.alerts
    assert (alert.service_name, alert.status, alert.labels["alertname"]) == ("checkout-api", status, "Errors")


def test_everything_is_printed_filled_in(capsys: pytest.CaptureFixture[str]) -> None:
    """`make grafana` prints each file under its name, with the URL in place."""
    assert grafana_files.main(["--url", URL]) == 0

    printed = capsys.readouterr().out
    assert printed.count("# ---- ") == len(files())
    assert URL in printed
    assert "$INCIDENT_COPILOT_URL" not in printed


def test_without_a_deployment_the_url_is_a_placeholder(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file holds an address that was made up."""
    monkeypatch.setattr(grafana_files, "terraform", lambda: ["/nonexistent/terraform"])

    assert "REPLACE-ME" in grafana_files.deployed_url()
