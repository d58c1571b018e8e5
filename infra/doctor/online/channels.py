"""Mail and hooks: whether they can be reached and take the credentials; no message is sent."""

import socket
import ssl
from urllib.parse import urlsplit

import requests

from infra.doctor.check import Check, ok, unknown, wrong
from infra.doctor.environment import TIMEOUT_S
from shared import outbox
from shared.errors import IncidentCopilotError, Throttled, Unavailable
from shared.outbox.port import SignsIn
from shared.settings import lookup

ADDRESSES = {
    "POST_PROCESS_URL": "",
    "SLACK_WEBHOOK_URL": "",
    "SLACK_BOT_TOKEN": "SLACK_API_URL",
    "PAGERDUTY_ROUTING_KEY": "PAGERDUTY_EVENTS_URL",
    "TEAMS_WEBHOOK_URL": "",
}
"""The variable that sets up each hook, and the one that holds its address where that is another."""
_ROOTS = {"SLACK_API_URL": "https://slack.com/api", "PAGERDUTY_EVENTS_URL": "https://events.pagerduty.com"}


def check_mail() -> list[Check]:
    """Return whether the mail account takes its credentials."""
    mailer = outbox.connect_mail()
    if mailer is None:
        fix = "set MAIL_PROVIDER and what it needs, unless hooks are enough"
        return [unknown("no mail account is set, so mail goes to the sandbox or to nobody", fix)]
    if not isinstance(mailer, SignsIn):
        return [unknown("this mail provider cannot be checked without sending: `make send-test`")]
    try:
        return [ok(mailer.sign_in())]
    except Throttled as error:
        return [unknown(str(error), "try again later")]
    except Unavailable as error:
        return [wrong(str(error), "check the address in GMAIL_TOKEN_URL or SMTP_HOST and SMTP_PORT, and the way to it")]
    except IncidentCopilotError as error:
        return [wrong(str(error), "set what the message names: `make gmail-grant`, or SMTP_USER and SMTP_PASSWORD")]


def check_schedule() -> list[Check]:
    """Return whether PagerDuty says who is on call; nothing where the list decides."""
    try:
        addresses = outbox.scheduled()
    except IncidentCopilotError as error:
        return [wrong(str(error), "check PAGERDUTY_API_TOKEN and PAGERDUTY_SCHEDULE_IDS")]
    return [ok(f"PagerDuty's schedule names {len(addresses)} people on call")] if addresses else []


def check_hooks() -> list[Check]:
    """Return whether the host of each hook that is set up accepts a connection."""
    rows = {name: other or name for name, other in ADDRESSES.items() if lookup(name) is not None}
    return [_reached(name, lookup(holder) or _ROOTS[holder]) for name, holder in rows.items()]


def _reached(name: str, url: str) -> Check:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)):
        return unknown(f"{name}: {host} is behind a proxy, and was not asked", "`make send-test` sends a message")
    try:
        with socket.create_connection((host, port), TIMEOUT_S) as connection:
            if parts.scheme == "https":
                with ssl.create_default_context().wrap_socket(connection, server_hostname=host):
                    pass
    except ssl.SSLError as error:
        return wrong(f"{name}: {host} has no certificate that is trusted here ({error.reason})", f"check {name}")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return wrong(f"{name}: {host} port {port} cannot be reached ({reason})", f"check the address in {name}")
    return ok(f"{name}: {host} can be reached; `make send-test` sends a message")
