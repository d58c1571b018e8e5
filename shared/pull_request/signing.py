"""Signed links: an incident and an expiry time, signed for one purpose."""

import base64
import hmac
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlencode

from pydantic import Field, SecretStr

from shared import clock
from shared.errors import Rejected
from shared.settings import Settings, lookup

Purpose = Literal["open the page", "confirm on the page"]


class ApprovalSettings(Settings):
    """How a person approves; both are required when PR_MODE is approval."""

    approval_signing_key: SecretStr = Field(
        min_length=32, description="Key of the approval links, at least 32 characters."
    )
    approval_url: str = Field(pattern=r"^https?://[^\s?#]+$", description="Address of the function pr_approval.")
    approval_hours: int = Field(12, ge=1, le=168, description="How long a link can be used, in hours.")

    @classmethod
    def is_set_up(cls) -> bool:
        """Return whether a person can approve: whether key and address are there at all."""
        return bool(lookup("APPROVAL_SIGNING_KEY") and lookup("APPROVAL_URL"))

    def link(self, incident_id: str, until: datetime) -> str:
        """Return the address of the page on which the incident's pull request is approved."""
        token = self.sign("open the page", incident_id, until)
        return f"{self.approval_url.rstrip('/')}/?{urlencode({'token': token})}"

    def sign(self, purpose: Purpose, incident_id: str, until: datetime) -> str:
        """Return a token: `<incident id>.<expiry, Unix time in seconds>.<signature>`."""
        expires = int(clock.to_utc(until).timestamp())
        return f"{incident_id}.{expires}.{self._signature(purpose, incident_id, expires)}"

    def verify(self, purpose: Purpose, token: str) -> str:
        """Return the incident a token was signed for. Raises Rejected (not signed by us, or expired)."""
        incident_id, _, rest = token.partition(".")
        expires, _, signature = rest.partition(".")
        is_number = expires.isascii() and expires.isdigit() and len(expires) <= 12
        expected = self._signature(purpose, incident_id, int(expires) if is_number else 0)
        if not is_number or not hmac.compare_digest(signature.encode(), expected.encode()):
            raise Rejected("This link is not one of ours")
        if datetime.fromtimestamp(int(expires), UTC) < clock.now():
            raise Rejected("This link has expired; the incident's brief says until when it could be used")
        return incident_id

    def _signature(self, purpose: Purpose, incident_id: str, expires: int) -> str:
        key = self.approval_signing_key.get_secret_value().encode()
        digest = hmac.digest(key, f"{purpose}\n{incident_id}\n{expires}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
