"""What Grafana's Test button, and a test by hand, bring: one short message by every channel that reaches people."""

from typing import Any

from shared.contracts import Alert
from shared.outbox.last_message import brief_message_id
from shared.outbox.port import Mail

from ..brief.short_page import short_page
from ..deliveries import Connections, Delivery, Notice, by_hooks, called, receivers, sent

HEADLINE = "Grafana's test alert arrived"
WHAT_IT_SHOWS = (
    "It came through the webhook, the queue and the workflow, and this channel works. Nothing is wrong: a real alert "
    "would be investigated now. Logs, metrics and code were not read."
)

BY_HAND = "send-test"
"""The label of an alert that an operator made to test the channels alone."""
HEADLINE_BY_HAND = "A test message arrived"
WHAT_IT_SHOWS_BY_HAND = (
    "It was sent by `make send-test`, and this channel works. Nothing is wrong. It did not come through the webhook, "
    "the queue and the workflow: Grafana's Test button tries those too."
)


def _words(alert: Alert) -> tuple[str, str]:
    """Return headline and text."""
    return (HEADLINE_BY_HAND, WHAT_IT_SHOWS_BY_HAND) if alert.user_id == BY_HAND else (HEADLINE, WHAT_IT_SHOWS)


def _mail(alert: Alert, to: tuple[str, ...]) -> Mail:
    headline, what_it_shows = _words(alert)
    text = f"{headline} at {alert.received_at:%Y-%m-%d %H:%M:%S} UTC.\n\n{what_it_shows}\n\nId: {alert.incident_id}\n"
    html = short_page(*text.strip().split("\n\n"))
    return Mail(to, f"[test] {headline}", html, text, brief_message_id(alert.incident_id))


def _payload(alert: Alert) -> dict[str, Any]:
    """Return it as other systems receive it: the fields of every outcome."""
    headline, what_it_shows = _words(alert)
    return {
        "incident_id": alert.incident_id,
        "invocation_id": alert.incident_id,
        "kind": "test",
        "service_name": "Incident CoPilot",
        "alert_name": alert.alert_name,
        "severity": "info",
        "incident_type": "unknown",
        "headline": headline,
        "impact": "",
        "since": alert.received_at.isoformat(),
        "most_likely_cause": "",
        "confidence": None,
        "recommended_action": what_it_shows,
        "pr_url": None,
        "failures": [],
        "incident": None,
    }


def _send_mail(notice: Notice, connections: Connections) -> str:
    mailer = connections.mail()
    return "" if mailer is None else sent(mailer, _mail(notice.request.alert, receivers(notice, connections)))


def _call_hook(channel: str, notice: Notice, connections: Connections) -> str:
    return called(channel, notice, connections, lambda: _payload(notice.request.alert))


CHECK_DELIVERIES: dict[str, Delivery] = {**by_hooks(_call_hook), "mail": _send_mail}
"""How a channel delivers the answer to a test alert."""
