"""PagerDuty's events against its sandbox, over real HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.sandboxes.http import Reply
from infra.local.sandboxes.pagerduty.server import ROUTING_KEY, PagerDutySandbox
from shared.errors import Refused, Throttled, Unavailable, Uncertain
from shared.outbox.pagerduty import PAGES_NOBODY, PagerDuty, PagerDutyChanges, PagerDutySettings, pagerduty_event
from shared.outbox.posting import fit_to_send
from tests.shared.outbox.payloads import HOSTILE, PAYLOAD, huge

CHANGE = {
    "incident_id": "inc-000001",
    "service_name": "billing-worker",
    "change": {"what": "Version 4c1d replaced 3b0a", "at": "2026-03-14T02:40:00+00:00", "version_after": "4c1d"},
    "change_url": "https://grafana.example.com/annotations/7",
}


@pytest.fixture
def sandbox() -> Iterator[PagerDutySandbox]:
    """PagerDuty on loopback."""
    with PagerDutySandbox() as running:
        yield running


def settings(sandbox: PagerDutySandbox, **changes: Any) -> PagerDutySettings:
    """Return the settings that lead to the sandbox."""
    fields = {"pagerduty_routing_key": ROUTING_KEY, "pagerduty_events_url": sandbox.url}
    return PagerDutySettings.model_validate({**fields, **changes})


def pagerduty(sandbox: PagerDutySandbox, **changes: Any) -> PagerDuty:
    """PagerDuty without waits between tries."""
    return PagerDuty(settings(sandbox, **changes), sleep=lambda _: None)


def changes_of(sandbox: PagerDutySandbox, **changes: Any) -> PagerDutyChanges:
    """Change events without waits between tries."""
    return PagerDutyChanges(settings(sandbox, **changes), sleep=lambda _: None)


def test_incident_triggers_one_alert_by_its_id(sandbox: PagerDutySandbox) -> None:
    """PagerDuty removes duplicates by the incident; severity uses its terms, and its pages are linked."""
    pages = {"brief_url": "https://console.example.com/incidents/inc-000001"}

    receipt = pagerduty(sandbox).call(PAYLOAD | pages, "inc-000001")

    (event,) = sandbox.events
    assert (event["event_action"], event["dedup_key"], receipt) == ("trigger", "inc-000001", "inc-000001")
    assert event["payload"]["severity"] == "error"
    assert event["client_url"] == pages["brief_url"]
    assert event["links"] == [
        {"href": PAYLOAD["pr_url"], "text": "Draft pull request"},
        {"href": pages["brief_url"], "text": "Open the brief"},
    ]
    assert "incident" not in event["payload"]["custom_details"]


def test_update_belongs_to_the_alert_of_its_incident(sandbox: PagerDutySandbox) -> None:
    """PagerDuty joins them by the incident, not by the update's own key."""
    hook = pagerduty(sandbox)
    hook.call(PAYLOAD, "inc-000001")

    hook.call(PAYLOAD | {"kind": "update", "update_id": "inc-000002"}, "inc-000002")

    assert sandbox.alerts == {"inc-000001": "triggered"}


def test_only_the_end_of_the_alert_resolves(sandbox: PagerDutySandbox) -> None:
    """What is open at PagerDuty is closed by who opened it, not by our opinion of a firing alert."""
    hook = pagerduty(sandbox)
    for kind in ("full", "degraded", *PAGES_NOBODY):
        hook.call(PAYLOAD | {"kind": kind}, "inc-000001")
    assert sandbox.alerts == {"inc-000001": "triggered"}

    hook.call(PAYLOAD | {"kind": "resolved", "update_id": "inc-000003"}, "inc-000003")

    assert sandbox.alerts == {"inc-000001": "resolved"}


@pytest.mark.parametrize("kind", PAGES_NOBODY)
def test_what_needs_no_response_pages_nobody(sandbox: PagerDutySandbox, kind: str) -> None:
    """No event is sent, and the key is the receipt."""
    assert pagerduty(sandbox).call(PAYLOAD | {"kind": kind}, "k") == "k"
    assert sandbox.requests == []


@pytest.mark.parametrize("reply", [Reply(429), Reply(500), Reply(502), Reply(503)])
def test_whatever_may_pass_is_tried_again_without_a_second_alert(sandbox: PagerDutySandbox, reply: Reply) -> None:
    """PagerDuty asks for it, and recognises the repeat by its key."""
    sandbox.fail_next(reply, reply)

    pagerduty(sandbox).call(PAYLOAD, "inc-000001")

    assert len(sandbox.requests) == 3
    assert sandbox.alerts == {"inc-000001": "triggered"}


def test_lost_reply_is_asked_for_again_without_a_second_alert(sandbox: PagerDutySandbox) -> None:
    """The event arrived, its answer did not."""
    hook = pagerduty(sandbox)
    hook.call(PAYLOAD, "inc-000001")

    hook.call(PAYLOAD, "inc-000001")

    assert (len(sandbox.events), sandbox.alerts) == (2, {"inc-000001": "triggered"})


@pytest.mark.parametrize(
    ("reply", "error", "tries"),
    [(Reply(429), Throttled, 3), (Reply(500), Uncertain, 3), (Reply(503), Unavailable, 3), (Reply(404), Refused, 1)],
)
def test_each_status_means_one_error(
    sandbox: PagerDutySandbox, reply: Reply, error: type[Exception], tries: int
) -> None:
    """After at most three tries."""
    sandbox.fail_next(*[reply] * 3)

    with pytest.raises(error):
        pagerduty(sandbox).call(PAYLOAD, "k")

    assert len(sandbox.requests) == tries


def test_refusal_says_what_is_wrong_and_not_the_key(sandbox: PagerDutySandbox) -> None:
    """An operator learns it from the brief."""
    with pytest.raises(Refused, match="Event object is invalid; 'routing_key' is invalid") as caught:
        pagerduty(sandbox, pagerduty_routing_key="wr0ng").call(PAYLOAD, "k")

    assert "wr0ng" not in str(caught.value)


def test_payload_over_every_limit_is_accepted(sandbox: PagerDutySandbox) -> None:
    """Its summary is cut, and details too large for an event are left out and say so."""
    many = {f"field_{number}": "x" * 10_000 for number in range(60)}

    pagerduty(sandbox).call(huge(), "k1")
    pagerduty(sandbox).call(PAYLOAD | many, "k2")

    assert sandbox.events[0]["payload"]["summary"].endswith("…")
    assert "too large" in sandbox.events[1]["payload"]["custom_details"]["left_out"]


def test_texts_of_others_are_no_links() -> None:
    """An address that a log line holds is shown, and not one to click."""
    event = pagerduty_event(fit_to_send(PAYLOAD | {"headline": HOSTILE}), "k", "r")

    assert "https[:]//evil[.]example" in event["payload"]["summary"]
    assert [link["href"] for link in event["links"]] == [PAYLOAD["pr_url"]]


def test_message_without_a_start_has_no_timestamp() -> None:
    """An empty one is no time."""
    assert "timestamp" not in pagerduty_event(PAYLOAD | {"since": ""}, "k", "r")["payload"]


def test_deploy_is_a_change_event(sandbox: PagerDutySandbox) -> None:
    """It stands beside the alert and pages nobody."""
    changes_of(sandbox).call(CHANGE, "inc-000001")

    (event,) = sandbox.changes
    assert event["payload"]["summary"] == "billing-worker: Version 4c1d replaced 3b0a"
    assert event["payload"]["timestamp"] == "2026-03-14T02:40:00+00:00"
    assert event["links"] == [{"href": CHANGE["change_url"], "text": "The change"}]
    assert sandbox.alerts == {}


def test_change_that_may_have_arrived_is_not_sent_again(sandbox: PagerDutySandbox) -> None:
    """A change event has no dedup key."""
    sandbox.fail_next(Reply(500))

    with pytest.raises(Uncertain):
        changes_of(sandbox).call(CHANGE, "k")

    assert len(sandbox.requests) == 1
