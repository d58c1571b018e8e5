"""Gmail by a service account that may send as the users of a Workspace: domain-wide delegation, no grant to renew.

Source: https://developers.google.com/identity/protocols/oauth2/service-account#delegatingauthority
"""

from typing import Self

from google.auth.credentials import Credentials
from google.auth.exceptions import RefreshError
from google.oauth2 import service_account
from pydantic import Field, SecretStr, model_validator

from shared import json_text
from shared.errors import Misconfigured, Refused
from shared.outbox.mail.gmail import SCOPE, MailboxSettings, reason_of


class DelegationSettings(MailboxSettings):
    """The service account's key; the mailbox is the user that it sends as."""

    gmail_service_account: SecretStr = Field(
        description="JSON key of a service account with domain-wide delegation for gmail.send, which then sends as "
        "GMAIL_USER_EMAIL; used instead of the grant."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.credentials()
        return self

    def credentials(self) -> Credentials:
        """Return what signs for the mailbox. Raises Misconfigured when the key is none."""
        try:
            key = json_text.parsed(self.gmail_service_account.get_secret_value())
            made: Credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]  # google-auth has no types
                {**key, "token_uri": self.gmail_token_url}, scopes=[SCOPE], subject=self.gmail_user_email
            )
        except (ValueError, TypeError, KeyError):
            # Without its cause, which may hold the key.
            raise Misconfigured("GMAIL_SERVICE_ACCOUNT is not the JSON key of a service account") from None
        return made

    def refusal(self, error: RefreshError) -> Refused:
        """Return what a refused token means."""
        return Refused(
            f"Google gave the service account no token for GMAIL_USER_EMAIL ({reason_of(error)}): in the Admin "
            "console, Security, API controls, Domain-wide delegation, allow the client id of GMAIL_SERVICE_ACCOUNT the "
            f"scope {SCOPE}; the mailbox must be of that Workspace"
        )

    @property
    def account(self) -> str:
        """What is signed in to."""
        return "the service account of GMAIL_SERVICE_ACCOUNT as GMAIL_USER_EMAIL"
