"""Grafana's Test button: whoever presses it sees a short message on each channel, and nothing is investigated."""

import inspect
import json

import pytest

from functions.alert_intake.parse_alerts import Rules, read
from functions.post_process.main import post_process as publishing_step
from shared import traces
from shared.contracts import Alert, Outcome, PostProcessRequest
from shared.outbox.pagerduty import pagerduty_event
from shared.outbox.slack_message import slack_message
from tests.builders import NOW, a_record
from tests.functions.test_post_process_last_message import People, reachable

post_process = inspect.unwrap(publishing_step)
RULES = Rules(NOW, "nonce", ("service_name", "instance"), 900, "grafana_webhook")
TEST_ALERT = {
    "status": "firing",
    "labels": {"alertname": "TestAlert", "instance": "Grafana"},
    "annotations": {"summary": "Notification test"},
    "startsAt": "2026-05-04T02:47:01Z",
    "generatorURL": "",
    "fingerprint": "57c6d9296de2ad39",
}


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> People:
    """People who can be reached by mail and hook."""
    return reachable(monkeypatch)


def received(*alerts: object) -> Alert:
    """Return the first alert of a body, as alert_intake publishes it."""
    return read({"receiver": "test", "alerts": list(alerts)}, RULES).alerts[0]


def published(alert: Alert) -> Outcome:
    """Return how post_process ends the alert, of which no step has an answer."""
    traces.connect().open_incident(a_record(alert))
    return post_process(PostProcessRequest(alert=alert))


def test_press_of_the_button_is_answered_on_each_channel_once(people: People) -> None:
    """Short, marked as a test, and saying what it shows and what it does not."""
    alert = received(TEST_ALERT)

    outcome, again = published(alert), published(alert)

    (mail,), (call,) = people.mails, people.calls
    assert outcome.kind == "test"
    assert outcome.delivered_by == {"mail", "hook"}
    assert again.mail_status == "already_sent"
    assert mail.subject == "[test] Grafana's test alert arrived"
    assert "Nothing is wrong" in mail.text
    assert "were not read" in mail.html
    assert len(mail.text) < 500
    assert (call["kind"], call["severity"], call["failures"]) == ("test", "info", [])
    stored = traces.connect().incident(alert.incident_id)
    assert stored is not None
    assert stored.outcome is not None
    assert stored.outcome["kind"] == "test"


def test_receivers_of_hooks_show_it_as_a_test(people: People) -> None:
    """Slack and PagerDuty take the same fields as of any outcome; it wakes nobody as an error would."""
    published(received(TEST_ALERT))
    (call,) = people.calls

    assert "test alert arrived" in json.dumps(slack_message(call))
    event = pagerduty_event(call, "key", "routing")
    assert (event["event_action"], event["payload"]["severity"]) == ("trigger", "info")


@pytest.mark.parametrize(
    "changes",
    [
        {"generatorURL": "https://grafana.example.com/alerting/grafana/abc/view"},
        {"labels": {"alertname": "TestAlert", "instance": "db-1"}},
        {"labels": {"alertname": "HighErrorRate", "instance": "Grafana"}},
    ],
)
def test_alert_of_a_rule_is_never_taken_for_a_test(changes: dict[str, object]) -> None:
    """A rule may have any name; its alerts link it."""
    assert not received({**TEST_ALERT, **changes}).is_test


def test_test_alert_among_others_is_investigated_with_them() -> None:
    """A body that also holds an alert of a rule is no press of the button."""
    rule = {**TEST_ALERT, "generatorURL": "https://grafana.example.com/x", "fingerprint": "f"}

    assert not received(TEST_ALERT, rule).is_test
