"""The Gmail sandbox over real HTTP, compared with a recorded answer of the real one."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from infra import bundle
from infra.local.sandboxes.gmail.server import GmailSandbox

RECORDED = bundle.ROOT.parent / "shared/payloads/gmail_send/nango_send-message.json"
GRANT = {
    "grant_type": "refresh_token",
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
    "refresh_token": "sandbox-refresh-token",
}
RAW = base64.urlsafe_b64encode(b"To: ada@example.com\r\nSubject: hi\r\n\r\nbody").decode().rstrip("=")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[GmailSandbox]:
    """A Gmail on loopback."""
    with GmailSandbox(tmp_path) as running:
        yield running


def token(sandbox: GmailSandbox, **changes: str) -> requests.Response:
    """Request an access token."""
    return requests.post(f"{sandbox.url}/token", data={**GRANT, **changes}, timeout=5)


def send(sandbox: GmailSandbox, body: Any, user: str = "me", bearer: str | None = None) -> requests.Response:
    """Post a mail, with a fresh token unless one is given."""
    access = bearer or token(sandbox).json()["access_token"]
    url = f"{sandbox.url}/gmail/v1/users/{user}/messages/send"
    return requests.post(url, json=body, headers={"Authorization": f"Bearer {access}"}, timeout=5)


def test_mail_is_stored_as_eml(sandbox: GmailSandbox) -> None:
    """A mail is decoded, with or without padding, and stored in order."""
    reply = send(sandbox, {"raw": RAW})
    send(sandbox, {"raw": RAW + "=" * (-len(RAW) % 4)}, user="copilot@example.com")

    assert (sandbox.folder / "1.eml").read_bytes().endswith(b"body")
    assert len(sandbox.mails) == 2
    assert reply.json() == {"id": reply.json()["id"], "threadId": reply.json()["id"], "labelIds": ["SENT"]}


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded answers are not on this machine")
def test_answer_has_the_shape_of_the_real_one(sandbox: GmailSandbox) -> None:
    """The recorded request is accepted, and the answer has the same fields."""
    recorded = json.loads(RECORDED.read_text())["api"]["post"]["/gmail/v1/users/me/messages/send"]

    reply = send(sandbox, recorded["request"]["data"])

    assert reply.status_code == recorded["status"]
    assert reply.json().keys() == recorded["response"].keys()
    assert reply.json()["labelIds"] == recorded["response"]["labelIds"]


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"refresh_token": "old"}, 400, "invalid_grant"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_wrong_grant_is_refused_as_google_does(
    sandbox: GmailSandbox, changes: dict[str, str], status: int, error: str
) -> None:
    """Each wrong part has OAuth's own error."""
    reply = token(sandbox, **changes)

    assert (reply.status_code, reply.json()["error"]) == (status, error)


def test_wrong_bearer_or_user_is_refused(sandbox: GmailSandbox) -> None:
    """An unknown token is 401, another user's mailbox 403; neither stores a mail."""
    assert send(sandbox, {"raw": RAW}, bearer="made-up").json()["error"]["status"] == "UNAUTHENTICATED"
    assert send(sandbox, {"raw": RAW}, user="other@example.com").json()["error"]["code"] == 403
    assert sandbox.mails == []


@pytest.mark.parametrize(
    "body", [{}, {"raw": "***"}, [], {"raw": base64.urlsafe_b64encode(b"Subject: x\n\n").decode()}]
)
def test_malformed_mail_is_a_bad_request(sandbox: GmailSandbox, body: Any) -> None:
    """A body without a readable mail and recipient is 400."""
    assert send(sandbox, body).status_code == 400
