"""Posts outcomes to another system by HTTP: our JSON to any URL, blocks to Slack, an event to PagerDuty."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from pydantic import Field, SecretStr, model_validator

from shared.errors import IncidentCopilotError, Misconfigured, Unavailable, Uncertain
from shared.http.retries import Sleep, may_pass, with_retries
from shared.http.sent import was_not_sent
from shared.http.status import error_from_status
from shared.redaction import redact_json
from shared.settings import Settings
from shared.text.harmless import defanged, one_line, visible

SLACK_HOST = "hooks.slack.com"
PAGERDUTY_HOST = "events.pagerduty.com"
PAGES_NOBODY = ("dismissed", "maintenance", "late_pull_request")
SLACK_HEADER_CHARS = 150
SLACK_TEXT_CHARS = 2_900  # Slack refuses a section text over 3,000 characters.
PAGERDUTY_SEVERITY = {"critical": "critical", "high": "error", "medium": "warning", "low": "info", "info": "info"}

Payload = dict[str, Any]


class WebhookSettings(Settings):
    """Where to post; the URL is a secret, since Slack's carries its token."""

    post_process_url: SecretStr = Field(
        description="Receiver of every outcome: any https URL, Slack or PagerDuty Events v2; unset, nothing is posted."
    )
    post_process_secret: SecretStr | None = Field(None, description="Key of the HMAC-SHA256 signature of the body.")
    post_process_timeout_s: float = Field(10, gt=0, le=60, description="Whole budget with retries, in seconds.")
    pagerduty_routing_key: SecretStr | None = Field(None, description="Integration key of a PagerDuty service.")

    @property
    def host(self) -> str:
        """The receiver's host: the only part of the URL fit for a log."""
        return urlsplit(self.post_process_url.get_secret_value()).hostname or ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        url = urlsplit(self.post_process_url.get_secret_value())
        if not (url.scheme == "https" or (url.scheme == "http" and _is_loopback(self.host))) or not self.host:
            raise Misconfigured("POST_PROCESS_URL must be an https URL; http is for loopback only")
        if self.host == PAGERDUTY_HOST and self.pagerduty_routing_key is None:
            raise Misconfigured("PAGERDUTY_ROUTING_KEY is needed when POST_PROCESS_URL is PagerDuty's")
        return self


class _GatewayFailed(Uncertain):
    """A gateway gave up (502, 504); by `key` the receiver recognises a repeat, so the call is retried."""


class Webhook:
    """Posts to POST_PROCESS_URL; `sleep` is the pause between tries."""

    def __init__(self, settings: WebhookSettings, sleep: Sleep = time.sleep) -> None:
        self._settings = settings
        self._sleep = sleep

    def call(self, payload: Payload, key: str) -> None:
        """
        Post `payload`, without secrets, in the receiver's own shape, at most three times within the budget.

        Redirects are not followed.

        Raises Unavailable (no connection, 503), Throttled (429), Refused (3xx, 4xx), Uncertain (no reply, other 5xx).
        """
        if self._settings.host == PAGERDUTY_HOST and payload["kind"] in PAGES_NOBODY:
            # They page nobody, and what PagerDuty has open is not ours to close while the alert fires.
            return
        payload = inert_payload(without_secrets(payload))
        body = json.dumps(self._shape(payload, key), default=str).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "incident-copilot", "Idempotency-Key": key}
        if secret := self._settings.post_process_secret:
            headers["X-Incident-Copilot-Signature"] = sign(body, secret.get_secret_value())
        with_retries(
            lambda left_s: self._post(body, headers, left_s),
            self._settings.post_process_timeout_s,
            again=lambda error: may_pass(error) or isinstance(error, _GatewayFailed),
            sleep=self._sleep,
        )

    def _shape(self, payload: Payload, key: str) -> Payload:
        if self._settings.host == SLACK_HOST:
            return slack_message(payload)
        if self._settings.host == PAGERDUTY_HOST:
            routing_key = self._settings.pagerduty_routing_key
            return pagerduty_event(payload, key, routing_key.get_secret_value() if routing_key else "")
        return payload

    def _post(self, body: bytes, headers: dict[str, str], timeout_s: float) -> None:
        url = self._settings.post_process_url.get_secret_value()
        host = self._settings.host
        try:
            with requests.post(
                url, data=body, headers=headers, timeout=timeout_s, allow_redirects=False, stream=True
            ) as reply:
                status, retry_after = reply.status_code, reply.headers.get("Retry-After")
        except requests.RequestException as error:
            # `from None`: requests names the whole URL in its messages, and the URL may hold a token.
            if was_not_sent(error):
                raise Unavailable(f"The hook at {host!r} cannot be reached ({type(error).__name__})") from None
            raise Uncertain(f"The hook at {host!r} did not reply ({type(error).__name__})") from None
        if status >= 300:
            raise _error(status, host, retry_after)


def inert_payload(payload: Payload) -> Payload:
    """
    Return a payload whose texts are visible, and in which only our own link is a link.

    The incident stays as it was read, for machines; only its hidden marks are written as their codes.
    """
    own = ("incident", "pr_url", "since")
    return {name: _rewritten(value, visible if name in own else _inert) for name, value in payload.items()}


def _inert(text: str) -> str:
    return defanged(visible(text))


def _rewritten(value: Any, write: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return write(value)
    if isinstance(value, Mapping):
        return {write(str(name)): _rewritten(each, write) for name, each in value.items()}
    return [_rewritten(each, write) for each in value] if isinstance(value, list | tuple) else value


def without_secrets(payload: Payload) -> Payload:
    """Return the payload with its texts redacted, and fields by their names."""
    return {name: redact_json(value) for name, value in payload.items()}


def sign(body: bytes, secret: str) -> str:
    """Return the value of X-Incident-Copilot-Signature, checked by the receiver over the raw body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def slack_message(payload: Payload) -> Payload:
    """
    Return Slack's message for an outcome; what others wrote is plain text, one paragraph each, in which nothing acts.

    Source: https://docs.slack.dev/reference/block-kit/blocks, https://docs.slack.dev/reference/methods/chat.postMessage
    """
    title = one_line(
        f"[{payload['severity']}] {payload['service_name']}: {payload.get('title') or payload['headline']}"
    )
    texts = {
        "What happened": "" if payload["headline"] in title else payload["headline"],
        "Most likely cause": payload.get("most_likely_cause"),
        "What is new" if payload.get("update_id") else "Do now": payload.get("recommended_action"),
        "Failed": ", ".join(_failed_steps(payload)),
    }
    texts_of_others = [_plain_section(f"{name}: {one_line(str(text))}") for name, text in texts.items() if text]
    links = [_own_section(f"<{_slack(url)}|Draft pull request>")] if (url := payload.get("pr_url")) else []
    return {
        "text": _slack(title),
        "mrkdwn": False,
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": title[:SLACK_HEADER_CHARS], "emoji": False}},
            _own_section(f"*Outcome:* {_slack(payload['kind'])} · *Since:* {_slack(payload['since'])}"),
            *texts_of_others,
            *links,
            {"type": "context", "elements": [{"type": "mrkdwn", "text": f"Incident `{payload['incident_id']}`"}]},
        ],
    }


def _plain_section(text: str) -> Payload:
    return {"type": "section", "text": {"type": "plain_text", "text": text[:SLACK_TEXT_CHARS], "emoji": False}}


def _own_section(text: str) -> Payload:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def pagerduty_event(payload: Payload, key: str, routing_key: str) -> Payload:
    """
    Return PagerDuty's event for an outcome; only the end of the alert resolves.

    Source: https://developer.pagerduty.com/docs/send-alert-event
    """
    # An update belongs to the incident whose brief opened the event.
    dedup_key = payload["incident_id"] if payload.get("update_id") else key
    event: Payload = {"routing_key": routing_key, "dedup_key": dedup_key[:255], "client": "Incident CoPilot"}
    if payload["kind"] == "resolved":
        return event | {"event_action": "resolve"}
    link = payload.get("pr_url")
    return event | {
        "event_action": "trigger",
        "payload": {
            "summary": one_line(f"{payload['service_name']}: {payload.get('title') or payload['headline']}")[:1024],
            "source": payload["service_name"],
            "severity": PAGERDUTY_SEVERITY.get(payload["severity"], "error"),
            "timestamp": payload["since"],
            "class": payload.get("incident_type") or "unknown",
            "custom_details": {name: value for name, value in payload.items() if name != "incident"},
        },
        "links": [{"href": link, "text": "Draft pull request"}] if link else [],
    }


def _failed_steps(payload: Payload) -> list[str]:
    failures = payload.get("failures", [])
    return [str(failure["step"]) for failure in failures if failure["error_type"] != "degraded"]


def _slack(text: object) -> str:
    """Escape Slack's three special characters, so that no text can inject `<!channel>`."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")[:SLACK_TEXT_CHARS]


def _error(status: int, host: str, retry_after: str | None) -> IncidentCopilotError:
    message = f"The hook at {host!r} answered {status}" + ("; redirects are not followed" if status < 400 else "")
    # 503 says that the receiver did nothing; any other failure may come after it acted.
    on_failure = {503: Unavailable, 502: _GatewayFailed, 504: _GatewayFailed}.get(status, Uncertain)
    return error_from_status(status, message, retry_after=retry_after, on_failure=on_failure)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
