"""Gmail by a service account, against a Gmail that checks its signed request."""

import json
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.local.sandboxes.gmail.server import GmailSandbox
from infra.local.sandboxes.http import Reply, Request
from shared import outbox
from shared.errors import Misconfigured, Refused, Unavailable
from shared.outbox.mail.delegation import DelegationSettings
from shared.outbox.mail.gmail import SCOPE, Gmail
from tests.shared.outbox.mail.mails import mail

KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
ACCOUNT = {
    "type": "service_account",
    "client_email": "copilot@project.iam.gserviceaccount.com",
    "private_key": PEM,
    "private_key_id": "1",
    "token_uri": "https://elsewhere.example.com/token",
}
AUDIENCE = "https://oauth2.googleapis.com/token"
"""Google's library signs for this one, wherever the token service is."""


class DelegatedGmail(GmailSandbox):
    """Gives tokens to one service account, for the users that it is allowed."""

    users = ("copilot@example.com",)

    def answer(self, request: Request) -> Reply:
        if request.path != "/token":
            return super().answer(request)
        claims = jwt.decode(request.param("assertion"), KEY.public_key(), ["RS256"], audience=AUDIENCE)
        if claims["sub"] not in self.users or claims["scope"] != SCOPE:
            return Reply.of_json({"error": "unauthorized_client", "error_description": "not authorized"}, 401)
        assert claims["iss"] == ACCOUNT["client_email"]
        self._tokens.add("delegated")
        return Reply.of_json({"access_token": "delegated", "expires_in": 3599, "token_type": "Bearer"})


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[DelegatedGmail]:
    """A Gmail on loopback."""
    with DelegatedGmail(tmp_path) as running:
        yield running


def gmail(url: str, **changes: str) -> Gmail:
    """A mailbox that does not wait between tries."""
    fields = {
        "gmail_service_account": json.dumps(ACCOUNT),
        "gmail_user_email": "copilot@example.com",
        "gmail_api_url": url,
        "gmail_token_url": f"{url}/token",
    }
    return Gmail(DelegationSettings.model_validate({**fields, **changes}), sleep=lambda _: None)


def test_mail_is_sent_as_the_user(sandbox: DelegatedGmail) -> None:
    """The key signs for the user and the one scope, and goes to the configured token service only."""
    account = gmail(sandbox.url)

    account.send(mail())

    assert sandbox.mails[0]["From"] == "Incident CoPilot <copilot@example.com>"
    assert "GMAIL_SERVICE_ACCOUNT" in account.sign_in()
    assert len(sandbox.mails) == 1


def test_user_that_is_not_delegated_is_refused_with_the_way_to_allow_it(sandbox: DelegatedGmail) -> None:
    """The administrator must act."""
    with pytest.raises(Refused, match=r"unauthorized_client.*Domain-wide delegation.*gmail\.send") as caught:
        gmail(sandbox.url, gmail_user_email="other@example.com").send(mail())

    assert "PRIVATE KEY" not in str(caught.value)
    assert sandbox.mails == []


def test_closed_token_service_is_unavailable() -> None:
    """Nothing was sent."""
    with pytest.raises(Unavailable, match="token service"):
        gmail("http://127.0.0.1:1").send(mail())


@pytest.mark.parametrize("text", ["{}", "no json", "[]", json.dumps({**ACCOUNT, "private_key": "none"})])
def test_key_that_is_none_is_named_and_not_shown(text: str) -> None:
    """At the start, not in the first incident."""
    with pytest.raises(Misconfigured, match="GMAIL_SERVICE_ACCOUNT is not the JSON key") as caught:
        gmail("http://127.0.0.1:1", gmail_service_account=text)

    assert "PRIVATE KEY" not in str(caught.value)


def test_service_account_is_used_instead_of_the_grant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its key and the mailbox are all it needs."""
    monkeypatch.setenv("GMAIL_SERVICE_ACCOUNT", json.dumps(ACCOUNT))
    monkeypatch.setenv("GMAIL_USER_EMAIL", "copilot@example.com")

    assert isinstance(outbox.connect_mail(), Gmail)
