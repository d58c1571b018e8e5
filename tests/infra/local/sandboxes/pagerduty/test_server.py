"""The PagerDuty sandbox over real HTTP."""

from typing import Any

import pytest
import requests

from infra.local.sandboxes.pagerduty.server import ROUTING_KEY, TOKEN, PagerDutySandbox

EVENT: dict[str, Any] = {
    "routing_key": ROUTING_KEY,
    "event_action": "trigger",
    "dedup_key": "inc-1",
    "payload": {"summary": "s", "source": "billing-worker", "severity": "error"},
}


def test_event_is_accepted_with_its_dedup_key() -> None:
    """A repeat makes no second alert, and a resolve of an unknown key none at all."""
    with PagerDutySandbox() as pagerduty:
        replies = [requests.post(f"{pagerduty.url}/v2/enqueue", json=EVENT, timeout=5) for _ in range(2)]
        end = {**EVENT, "event_action": "resolve", "dedup_key": "other"}
        requests.post(f"{pagerduty.url}/v2/enqueue", json=end, timeout=5)

        assert [(one.status_code, one.json()["dedup_key"]) for one in replies] == [(202, "inc-1")] * 2
        assert pagerduty.alerts == {"inc-1": "triggered"}


@pytest.mark.parametrize(
    ("event", "wrong"),
    [
        ({**EVENT, "routing_key": "x"}, "'routing_key' is invalid"),
        ({**EVENT, "event_action": "open"}, "'event_action' must be one of trigger, acknowledge, resolve"),
        ({**EVENT, "event_action": "resolve", "dedup_key": ""}, "'dedup_key' is missing or blank"),
        ({**EVENT, "payload": {**EVENT["payload"], "severity": "high"}}, "'payload.severity' must be one of"),
        ({**EVENT, "payload": {**EVENT["payload"], "summary": "s" * 1_025}}, "'payload.summary' is missing"),
    ],
)
def test_invalid_event_is_refused_with_what_is_wrong(event: dict[str, Any], wrong: str) -> None:
    """400, in PagerDuty's shape."""
    with PagerDutySandbox() as pagerduty:
        reply = requests.post(f"{pagerduty.url}/v2/enqueue", json=event, timeout=5)

    assert (reply.status_code, reply.json()["status"]) == (400, "invalid event")
    assert any(error.startswith(wrong) for error in reply.json()["errors"])


def test_change_event_makes_no_alert() -> None:
    """It is shown beside one."""
    with PagerDutySandbox() as pagerduty:
        body = {"routing_key": ROUTING_KEY, "payload": {"summary": "deployed"}}
        reply = requests.post(f"{pagerduty.url}/v2/change/enqueue", json=body, timeout=5)

        assert (reply.status_code, len(pagerduty.changes), pagerduty.alerts) == (202, 1, {})


def test_who_is_on_call_needs_the_key() -> None:
    """Users are whole only when the question includes them."""
    with PagerDutySandbox(on_call=[("P1", 1, {"id": "PADA", "email": "ada@example.com"})]) as pagerduty:
        headers = {"Authorization": f"Token token={TOKEN}"}
        refused = requests.get(f"{pagerduty.url}/oncalls", timeout=5)
        short = requests.get(f"{pagerduty.url}/oncalls", headers=headers, timeout=5)
        whole = requests.get(f"{pagerduty.url}/oncalls?include[]=users&schedule_ids[]=P1", headers=headers, timeout=5)

    assert (refused.status_code, refused.json()["error"]["code"]) == (401, 2006)
    assert "email" not in short.json()["oncalls"][0]["user"]
    assert whole.json()["oncalls"][0]["user"]["email"] == "ada@example.com"
