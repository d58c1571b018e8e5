"""Who may send alerts: Grafana's signature with and without its time, and keys during a rotation."""

import hmac
import json
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.functions.test_alert_intake import KEY, NOW, FakePubsub, endpoint, message_of, topic

__all__ = ["endpoint", "topic"]

SECRET = "what-grafana-signs-with"
TEST_BUTTON = json.dumps(
    {
        "receiver": "incident-copilot",
        "status": "firing",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "TestAlert", "instance": "Grafana"},
                "annotations": {"summary": "Notification test"},
                "startsAt": "2026-01-31T07:59:58Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "",
                "fingerprint": "57c6d9296de2ad39",
            }
        ],
    }
).encode()
UNIX = str(int(NOW.timestamp()))


def signature(content: bytes, secret: str = SECRET) -> str:
    """Return what Grafana's HMACRoundTripper sets as the signature of what it signs."""
    return hmac.digest(secret.encode(), content, "sha256").hex()


@pytest.fixture
def signed_endpoint(endpoint: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """The endpoint with a secret for signatures."""
    monkeypatch.setenv("WEBHOOK_HMAC_SECRET", SECRET)
    return endpoint


def send(client: FlaskClient, headers: dict[str, str] | None = None) -> TestResponse:
    """Press the Test button, with the key and these headers."""
    return client.post(
        "/webhook/trigger_agent", data=TEST_BUTTON, headers={"X-Webhook-API-Key": KEY, **(headers or {})}
    )


def signed(content: bytes = TEST_BUTTON, at: str = "", secret: str = SECRET) -> dict[str, str]:
    """Return Grafana's headers for a body, with its time where one is named."""
    if not at:
        return {"X-Grafana-Alerting-Signature": signature(content, secret)}
    stamped = signature(at.encode() + b":" + content, secret)
    return {"X-Grafana-Alerting-Signature": stamped, "X-Grafana-Alerting-Timestamp": at}


@pytest.mark.parametrize("at", ["", UNIX])
def test_test_button_of_a_signed_contact_point_is_accepted(
    signed_endpoint: FlaskClient, topic: FakePubsub, at: str
) -> None:
    """What Grafana's Test button sends gets 202 and is one test alert, with and without the timestamp header."""
    assert send(signed_endpoint, signed(at=at)).status_code == 202
    (alert,) = topic.published
    assert alert.is_test


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Grafana-Alerting-Signature": ""},
        {"X-Grafana-Alerting-Signature": "0" * 64},
        {"X-Grafana-Alerting-Signature": "é"},
        signed(secret="another"),
        signed(content=b"{}"),
        signed(content=b"{}", at=UNIX),
        # The time is signed too, so neither can it be changed nor left out.
        {**signed(at=UNIX), "X-Grafana-Alerting-Timestamp": str(int(UNIX) + 1)},
        {"X-Grafana-Alerting-Signature": signed(at=UNIX)["X-Grafana-Alerting-Signature"]},
        {**signed(), "X-Grafana-Alerting-Timestamp": UNIX},
    ],
    ids=str,
)
def test_missing_or_wrong_signature_is_forbidden(
    signed_endpoint: FlaskClient, topic: FakePubsub, headers: dict[str, str]
) -> None:
    """The key alone is not enough once WEBHOOK_HMAC_SECRET is set; nothing is published."""
    reply = send(signed_endpoint, headers)

    assert reply.status_code == 403
    assert "X-Grafana-Alerting-Signature" in message_of(reply)
    assert topic.published == []


@pytest.mark.parametrize(("seconds", "status"), [(-301, 403), (-300, 202), (0, 202), (300, 202), (301, 403)])
def test_signed_request_holds_for_the_replay_window(signed_endpoint: FlaskClient, seconds: int, status: int) -> None:
    """A request that was overheard cannot be sent again later; a clock may be five minutes wrong."""
    at = str(int((NOW + timedelta(seconds=seconds)).timestamp()))

    assert send(signed_endpoint, signed(at=at)).status_code == status


def test_replay_window_is_a_setting(signed_endpoint: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """WEBHOOK_REPLAY_SECONDS bounds it."""
    monkeypatch.setenv("WEBHOOK_REPLAY_SECONDS", "10")

    assert send(signed_endpoint, signed(at=str(int(UNIX) - 11))).status_code == 403


@pytest.mark.parametrize("at", ["soon", "-1", "1.5", "٣", "9" * 400, "nan"])
def test_signed_time_that_is_no_number_is_forbidden(signed_endpoint: FlaskClient, at: str) -> None:
    """Whatever stands where Unix seconds belong is a 403 and no failure of ours."""
    stamped = at.encode("latin-1", "replace")
    headers = {
        "X-Grafana-Alerting-Signature": signature(stamped + b":" + TEST_BUTTON),
        "X-Grafana-Alerting-Timestamp": stamped.decode(),
    }

    assert send(signed_endpoint, headers).status_code == 403


def test_signature_alone_does_not_replace_the_key(signed_endpoint: FlaskClient) -> None:
    """Both are needed: the key is checked before the body is read."""
    assert signed_endpoint.post("/", data=TEST_BUTTON, headers=signed()).status_code == 403


def test_signature_is_not_needed_without_a_secret(endpoint: FlaskClient) -> None:
    """Alertmanager and curl, which sign nothing, need only the key where WEBHOOK_HMAC_SECRET is unset."""
    assert send(endpoint).status_code == 202


@pytest.mark.parametrize("header", ["X-Webhook-API-Key", "Authorization"])
@pytest.mark.parametrize(("key", "status"), [("new", 202), ("old", 202), ("new\nold", 403), ("older", 403), ("", 403)])
def test_new_and_old_key_hold_during_a_rotation(
    endpoint: FlaskClient, monkeypatch: pytest.MonkeyPatch, header: str, key: str, status: int
) -> None:
    """Each line of WEBHOOK_API_KEY is a key, however the lines end."""
    monkeypatch.setenv("WEBHOOK_API_KEY", " new \r\n\nold\n")
    value = key if header == "X-Webhook-API-Key" else f"Bearer {key}"

    # A header holds no line end: it is sent as a space, as proxies fold it.
    reply = endpoint.post("/", data=TEST_BUTTON, headers={header: value.replace("\n", " ")})

    assert reply.status_code == status


@pytest.mark.parametrize(("secret", "status"), [("new", 202), ("old", 202), ("older", 403)])
def test_new_and_old_secret_hold_during_a_rotation(
    endpoint: FlaskClient, monkeypatch: pytest.MonkeyPatch, secret: str, status: int
) -> None:
    """Each line of WEBHOOK_HMAC_SECRET is a secret that Grafana may sign with."""
    monkeypatch.setenv("WEBHOOK_HMAC_SECRET", "new\nold")

    assert send(endpoint, signed(at=UNIX, secret=secret)).status_code == status
