"""
Codes and signed forms: an incident and an expiry time, signed for one purpose.

The address of the page holds no secret, as addresses stand in logs and archives: what opens the page is a code, which
stands in the mail alone.
"""

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
CODE_CHARS = 12
"""60 bits: nobody guesses one in the hours that it is good for."""
CODE_MARK = "[in the mail alone]"
"""What a brief says in place of the code."""


class ApprovalSettings(Settings):
    """How a person approves; both are required when PR_MODE is approval."""

    approval_signing_key: SecretStr = Field(
        min_length=32, description="Key of the approval codes, at least 32 characters."
    )
    approval_url: str = Field(pattern=r"^https?://[^\s?#]+$", description="Address of the function pr_approval.")
    approval_hours: int = Field(12, ge=1, le=168, description="How long a link can be used, in hours.")

    @classmethod
    def is_set_up(cls) -> bool:
        """Return whether a person can approve: whether key and address are there at all."""
        return bool(lookup("APPROVAL_SIGNING_KEY") and lookup("APPROVAL_URL"))

    def link(self, incident_id: str) -> str:
        """Return the address of the page on which the incident's pull request is approved."""
        return f"{self.approval_url.rstrip('/')}/?{urlencode({'incident': incident_id})}"

    def code(self, incident_id: str, until: datetime) -> str:
        """Return what opens the page, like ABCD-EFGH-IJKL, while `until` has not passed."""
        expires = int(clock.to_utc(until).timestamp())
        text = base64.b32encode(self._digest("open the page", incident_id, expires)).decode()[:CODE_CHARS]
        return "-".join(text[at : at + 4] for at in range(0, CODE_CHARS, 4))

    def check_code(self, incident_id: str, until: datetime, code: str) -> None:
        """Raise Rejected when it is not the code of this incident, or no longer good."""
        typed = "".join(char for char in code.upper() if char.isascii() and char.isalnum())
        if not hmac.compare_digest(typed.encode(), self.code(incident_id, until).replace("-", "").encode()):
            raise Rejected("This is not the code of that mail")
        if until < clock.now():
            raise Rejected("This code has expired; the incident's brief says until when it could be used")

    def sign(self, purpose: Purpose, incident_id: str, until: datetime, about: str = "") -> str:
        """Return a token: `<incident id>.<expiry, Unix time in seconds>.<signature>`; it is good for `about` alone."""
        expires = int(clock.to_utc(until).timestamp())
        return f"{incident_id}.{expires}.{self._signature(purpose, incident_id, expires, about)}"

    def verify(self, purpose: Purpose, token: str, about: str = "") -> str:
        """Return the incident a token was signed for. Raises Rejected (not signed by us for `about`, or expired)."""
        incident_id, _, rest = token.partition(".")
        expires, _, signature = rest.partition(".")
        is_number = expires.isascii() and expires.isdigit() and len(expires) <= 12
        expected = self._signature(purpose, incident_id, int(expires) if is_number else 0, about)
        if not is_number or not hmac.compare_digest(signature.encode(), expected.encode()):
            raise Rejected("This form is not one of ours")
        if datetime.fromtimestamp(int(expires), UTC) < clock.now():
            raise Rejected("This form has expired; open the page again")
        return incident_id

    def _signature(self, purpose: Purpose, incident_id: str, expires: int, about: str) -> str:
        return base64.urlsafe_b64encode(self._digest(purpose, incident_id, expires, about)).decode().rstrip("=")

    def _digest(self, purpose: Purpose, incident_id: str, expires: int, about: str = "") -> bytes:
        key = self.approval_signing_key.get_secret_value().encode()
        body = f"{purpose}\n{incident_id}\n{expires}" + (f"\n{about}" if about else "")
        return hmac.digest(key, body.encode(), "sha256")
