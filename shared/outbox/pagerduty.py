"""PagerDuty's Events API v2: an alert per incident, its end, and the deploy that the analysis names.

Source: https://developer.pagerduty.com/docs/send-alert-event, https://developer.pagerduty.com/docs/send-change-event
"""

import json
import time
from typing import Self

from pydantic import Field, SecretStr, model_validator

from shared.bounds import clip
from shared.errors import Uncertain
from shared.http.retries import Sleep, may_pass, with_retries
from shared.outbox.posting import (
    MAX_ANSWER_BYTES,
    TIMEOUT,
    Payload,
    check_address,
    error_of,
    fit_to_send,
    post,
)
from shared.outbox.slack_message import links
from shared.settings import Settings
from shared.text.harmless import one_line

HOST = "events.pagerduty.com"
PAGES_NOBODY = ("dismissed", "maintenance", "late_pull_request", "checks", "approval_result")
SEVERITY = {"critical": "critical", "high": "error", "medium": "warning", "low": "info", "info": "info"}
SUMMARY_CHARS = 1_024
DEDUP_KEY_CHARS = 255
MAX_EVENT_BYTES = 512_000
"""Events of 512 KB and more are refused: https://support.pagerduty.com/main/docs/event-management"""


class PagerDutySettings(Settings):
    """The service that gets the events."""

    pagerduty_routing_key: SecretStr = Field(
        description="Integration key (Events API v2) of a PagerDuty service; unset, PagerDuty gets no event."
    )
    pagerduty_events_url: str = Field(
        "https://events.pagerduty.com",
        description="Root of PagerDuty's Events API; EU: https://events.eu.pagerduty.com.",
    )
    post_process_timeout_s: float = Field(10, gt=0, le=60, description=TIMEOUT)

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_address(self.pagerduty_events_url, "PAGERDUTY_EVENTS_URL")
        return self


class PagerDuty:
    """Sends alert events; `sleep` is the pause between tries."""

    def __init__(self, settings: PagerDutySettings, sleep: Sleep = time.sleep) -> None:
        self._settings = settings
        self._sleep = sleep

    def call(self, payload: Payload, key: str, thread: str = "") -> str:  # noqa: ARG002  # its thread is the alert
        """
        Send the event of an outcome; return its dedup key. What pages nobody is not sent.

        Whatever may pass is tried again, a lost reply too: by the dedup key a repeat belongs to the same alert.
        Raises Unavailable (no connection, 503), Throttled (429), Refused (400), Uncertain (no reply, other 5xx).
        """
        if payload["kind"] in PAGES_NOBODY:
            # What PagerDuty has open is not ours to close while the alert fires.
            return key
        event = pagerduty_event(fit_to_send(payload), key, self._settings.pagerduty_routing_key.get_secret_value())
        body = _body(event)
        url = f"{self._settings.pagerduty_events_url.rstrip('/')}/v2/enqueue"
        with_retries(
            lambda left_s: _post(url, body, left_s),
            self._settings.post_process_timeout_s,
            again=lambda error: may_pass(error) or isinstance(error, Uncertain),
            sleep=self._sleep,
        )
        return str(event["dedup_key"])


class PagerDutyChanges:
    """Sends change events, which have no dedup key: one that may have arrived is not sent again."""

    def __init__(self, settings: PagerDutySettings, sleep: Sleep = time.sleep) -> None:
        self._settings = settings
        self._sleep = sleep

    def call(self, payload: Payload, key: str, thread: str = "") -> str:  # noqa: ARG002  # it has no threads
        """Send the payload's change; return the key. Raises what PagerDuty.call raises."""
        event = change_event(fit_to_send(payload), self._settings.pagerduty_routing_key.get_secret_value())
        body = _body(event)
        url = f"{self._settings.pagerduty_events_url.rstrip('/')}/v2/change/enqueue"
        with_retries(lambda left_s: _post(url, body, left_s), self._settings.post_process_timeout_s, sleep=self._sleep)
        return key


def pagerduty_event(payload: Payload, key: str, routing_key: str) -> Payload:
    """Return the event for an outcome that is fit to send; only the end of the alert resolves."""
    # An update belongs to the incident whose brief opened the alert.
    dedup_key = payload["incident_id"] if payload.get("update_id") else key
    event: Payload = {"routing_key": routing_key, "dedup_key": dedup_key[:DEDUP_KEY_CHARS]}
    if payload["kind"] == "resolved":
        return event | {"event_action": "resolve"}
    summary = one_line(f"{payload['service_name']}: {payload.get('title') or payload['headline']}")
    about = {
        "summary": clip(summary, SUMMARY_CHARS),
        "source": payload["service_name"],
        "severity": SEVERITY.get(payload["severity"], "error"),
        "class": payload.get("incident_type") or "unknown",
        "custom_details": {name: value for name, value in payload.items() if name != "incident"},
    }
    pages = [{"href": url, "text": words} for words, url in links(payload)]
    client = {"client": "Incident CoPilot"} | ({"client_url": url} if (url := payload.get("brief_url")) else {})
    return event | client | {"event_action": "trigger", "payload": about | _timestamp(payload["since"]), "links": pages}


def change_event(payload: Payload, routing_key: str) -> Payload:
    """Return the event of a change that is fit to send."""
    change = payload["change"]
    summary = one_line(f"{payload['service_name']}: {change['what']}")
    return {
        "routing_key": routing_key,
        "payload": {
            "summary": clip(summary, SUMMARY_CHARS),
            "source": payload["service_name"],
            "custom_details": {**change, "incident_id": payload["incident_id"]},
            **_timestamp(change["at"]),
        },
        "links": [{"href": url, "text": "The change"}] if (url := payload.get("change_url")) else [],
    }


def _timestamp(moment: str) -> Payload:
    return {"timestamp": moment} if moment else {}


def _body(event: Payload) -> bytes:
    body = json.dumps(event, default=str).encode()
    if len(body) < MAX_EVENT_BYTES:
        return body
    payload = {**event["payload"], "custom_details": {"left_out": "The details are too large for PagerDuty."}}
    return json.dumps({**event, "payload": payload}, default=str).encode()


def _post(url: str, body: bytes, timeout_s: float) -> None:
    answer = post(url, body, {}, timeout_s, "PagerDuty", MAX_ANSWER_BYTES)
    if answer.status < 300:
        return
    content = answer.json()
    errors = content.get("errors")
    reasons = [str(one) for one in errors] if isinstance(errors, list) else []
    raise error_of(answer, "PagerDuty", "; ".join([str(content.get("message") or ""), *reasons]).strip("; "))
