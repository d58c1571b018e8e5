"""Posts outcomes to any other system as JSON of a versioned schema, signed, with a key that stays over repeats.

The schema is workflows/schemas/Announcement.json.
"""

import hashlib
import hmac
import time
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from shared import clock
from shared.contracts import ANNOUNCEMENT_VERSION, Announcement
from shared.http.retries import Sleep, may_pass, with_retries
from shared.outbox.posting import TIMEOUT, GatewayFailed, Payload, check_address, error_of, fit_to_send, post
from shared.settings import Settings


class WebhookSettings(Settings):
    """Where to post; the URL is a secret, since it may carry a token."""

    post_process_url: SecretStr = Field(
        description="Receiver of every outcome as JSON: any https URL; unset, nothing is posted. Slack's, PagerDuty's "
        "and the old Teams connectors' get their own shape."
    )
    post_process_secret: SecretStr | None = Field(
        None, description="Key of the HMAC-SHA256 signatures: of the body, and of its time and body."
    )
    post_process_timeout_s: float = Field(10, gt=0, le=60, description=TIMEOUT)

    @property
    def host(self) -> str:
        """The receiver's host: the only part of the URL fit for a log."""
        return urlsplit(self.post_process_url.get_secret_value()).hostname or ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_address(self.post_process_url.get_secret_value(), "POST_PROCESS_URL")
        return self


class Webhook:
    """Posts to POST_PROCESS_URL; `sleep` is the pause between tries."""

    def __init__(self, settings: WebhookSettings, sleep: Sleep = time.sleep) -> None:
        self._settings = settings
        self._sleep = sleep

    def call(self, payload: Payload, key: str, thread: str = "") -> str:  # noqa: ARG002  # it has no threads
        """
        Post `payload`, without secrets, at most three times within the budget; return the key.

        Raises Unavailable (no connection, 503), Throttled (429), Refused (3xx, 4xx), Uncertain (no reply, other 5xx).
        """
        content = Announcement.model_validate({"schema_version": ANNOUNCEMENT_VERSION, **fit_to_send(payload)})
        body = content.model_dump_json(exclude_unset=True).encode()
        headers = {"Idempotency-Key": key, **self._signatures(body)}
        with_retries(
            lambda left_s: self._post(body, headers, left_s),
            self._settings.post_process_timeout_s,
            again=lambda error: may_pass(error) or isinstance(error, GatewayFailed),
            sleep=self._sleep,
        )
        return key

    def _signatures(self, body: bytes) -> dict[str, str]:
        if self._settings.post_process_secret is None:
            return {}
        secret, moment = self._settings.post_process_secret.get_secret_value(), str(int(clock.now().timestamp()))
        return {
            "X-Incident-Copilot-Signature": sign(body, secret),
            "X-Incident-Copilot-Timestamp": moment,
            "X-Incident-Copilot-Signature-Timestamped": sign(f"{moment}.".encode() + body, secret),
        }

    def _post(self, body: bytes, headers: dict[str, str], timeout_s: float) -> None:
        subject = f"The hook at {self._settings.host!r}"
        # Its status alone is its receipt, so nothing of its body is read.
        answer = post(self._settings.post_process_url.get_secret_value(), body, headers, timeout_s, subject)
        if answer.status >= 300:
            raise error_of(answer, subject)


def sign(content: bytes, secret: str) -> str:
    """Return a signature as the headers carry it, checked by the receiver over the raw body."""
    return "sha256=" + hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
