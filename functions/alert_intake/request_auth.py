"""
Who may send: the key, and the signature that Grafana adds where WEBHOOK_HMAC_SECRET is set.

    X-Grafana-Alerting-Signature   HMAC-SHA256 of the body in hexadecimal digits
    X-Grafana-Alerting-Timestamp   Unix seconds, where the contact point names this header; then "<seconds>:<body>" is
                                   signed, and an old request sent again is refused

Source: https://github.com/grafana/alerting, http/hmac.go
"""

import hmac
from collections.abc import Iterable
from datetime import datetime

from pydantic import Field, SecretStr
from werkzeug.datastructures import Headers

from shared.errors import Rejected
from shared.settings import Settings

SIGNATURE = "X-Grafana-Alerting-Signature"
TIMESTAMP = "X-Grafana-Alerting-Timestamp"


class NotAllowed(Rejected):
    """The request is not from a sender that may send."""

    status = 403


class SenderSettings(Settings):
    """What senders must know; each line of a secret is one that holds, so that new and old do during a rotation."""

    webhook_api_key: SecretStr = Field(
        min_length=1, description="Key that a sender of alerts must know; each line is one that holds."
    )
    webhook_hmac_secret: SecretStr | None = Field(
        None,
        description="Secret with which Grafana signs; set, what is not signed is refused. Each line is one that holds.",
    )
    webhook_replay_seconds: int = Field(
        300, ge=1, le=86_400, description="How far the time that Grafana signs may be from now, in seconds."
    )

    def check_key(self, headers: Headers) -> None:
        """
        Raise NotAllowed unless one of the keys is sent, as X-Webhook-API-Key or as a bearer token.

        Compared in constant time. Alertmanager and Grafana can send a bearer token where they cannot set a header.
        """
        named = headers.get("X-Webhook-API-Key", "")
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else ""
        keys = _lines(self.webhook_api_key)
        if not (_is_one_of(named, keys) | _is_one_of(bearer, keys)):
            raise NotAllowed("The header X-Webhook-API-Key is missing or wrong")

    def check_signature(self, headers: Headers, content: bytes, now: datetime) -> None:
        """Raise NotAllowed when a secret is set and the body is not signed with it, or was signed too long ago."""
        if self.webhook_hmac_secret is None:
            return
        signature, timestamp = headers.get(SIGNATURE, "").strip().lower(), headers.get(TIMESTAMP, "").strip()
        if not signature:
            raise NotAllowed(
                f"The header {SIGNATURE} is missing; Grafana adds it with the contact point's HMAC settings"
            )
        signed = f"{timestamp}:".encode("latin-1", "replace") + content if timestamp else content
        secrets = _lines(self.webhook_hmac_secret)
        if not _is_one_of(signature, [hmac.digest(secret.encode(), signed, "sha256").hex() for secret in secrets]):
            raise NotAllowed(f"{SIGNATURE} is not made with WEBHOOK_HMAC_SECRET; its time header must be {TIMESTAMP}")
        # Only what is signed is believed, the time too.
        if timestamp and not _is_recent(timestamp, now, self.webhook_replay_seconds):
            limit = f"{self.webhook_replay_seconds} s"
            raise NotAllowed(f"{TIMESTAMP} is over {limit} from now: the request was sent again, or a clock is wrong")


def _lines(secret: SecretStr) -> list[str]:
    return [line for text in secret.get_secret_value().splitlines() if (line := text.strip())]


def _is_one_of(text: str, wanted: Iterable[str]) -> bool:
    """Compare in constant time; a header is Latin-1, as WSGI passes it."""
    sent = text.encode("latin-1", "replace")
    return any(hmac.compare_digest(sent, one.encode()) for one in wanted)


def _is_recent(timestamp: str, now: datetime, window_s: int) -> bool:
    is_number = timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12
    return is_number and abs(now.timestamp() - int(timestamp)) <= window_s
