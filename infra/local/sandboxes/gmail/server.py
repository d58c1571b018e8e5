"""Gmail on loopback: refreshes OAuth tokens and stores each mail as an .eml file.

Sources: https://developers.google.com/identity/protocols/oauth2/web-server#offline and
https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send
"""

import argparse
import base64
import binascii
import re
import secrets
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from infra.local.sandboxes.http import Reply, Request, Sandbox

_SEND = re.compile(r"/gmail/v1/users/([^/]+)/messages/send")


@dataclass(frozen=True)
class OauthGrant:
    """The only client, grant and mailbox of this Gmail; its secrets are for loopback only."""

    client_id: str = "sandbox-client"
    client_secret: str = field(default="sandbox-secret", repr=False)
    refresh_token: str = field(default="sandbox-refresh-token", repr=False)
    user_email: str = "copilot@example.com"

    def settings(self, url: str) -> dict[str, str]:
        """Return the variables with which a mail is sent by the Gmail at `url`."""
        return {
            "GMAIL_API_URL": url,
            "GMAIL_TOKEN_URL": f"{url}/token",
            "GMAIL_CLIENT_ID": self.client_id,
            "GMAIL_CLIENT_SECRET": self.client_secret,
            "GMAIL_REFRESH_TOKEN": self.refresh_token,
            "GMAIL_USER_EMAIL": self.user_email,
        }


class GmailSandbox(Sandbox):
    """Set `is_revoked` to answer token requests with invalid_grant, as Google does for a revoked grant."""

    def __init__(self, folder: Path, grant: OauthGrant | None = None, port: int = 0) -> None:
        super().__init__(port)
        self.folder = folder
        self.grant = grant or OauthGrant()
        self.is_revoked = False
        self._tokens: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def mails(self) -> list[EmailMessage]:
        """The mails received so far, in order."""
        return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in self._files()]

    def answer(self, request: Request) -> Reply:
        """Answer a token request or a mail; anything else gets 404."""
        if request.method == "POST" and request.path == "/token":
            return self._token(request)
        if request.method == "POST" and (match := _SEND.fullmatch(request.path)):
            return self._send(request, user=match.group(1))
        return google_error(404, "NOT_FOUND", "Requested entity was not found.", "notFound")

    def _token(self, request: Request) -> Reply:
        grant = self.grant
        if request.param("grant_type") != "refresh_token":
            return _oauth_error("unsupported_grant_type", f"Invalid grant_type: {request.param('grant_type')}")
        if (request.param("client_id"), request.param("client_secret")) != (grant.client_id, grant.client_secret):
            return _oauth_error("invalid_client", "The OAuth client was not found.", 401)
        if self.is_revoked or request.param("refresh_token") != grant.refresh_token:
            return _oauth_error("invalid_grant", "Token has been expired or revoked.")
        token = f"sandbox-{secrets.token_hex(16)}"
        self._tokens.add(token)
        scope = "https://www.googleapis.com/auth/gmail.send"
        return Reply.of_json({"access_token": token, "expires_in": 3599, "scope": scope, "token_type": "Bearer"})

    def _send(self, request: Request, user: str) -> Reply:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self._tokens:
            message = "Request had invalid authentication credentials. Expected OAuth 2 access token."
            return google_error(401, "UNAUTHENTICATED", message, "authError")
        if user not in ("me", self.grant.user_email):
            return google_error(403, "PERMISSION_DENIED", f"Delegation denied for {user}", "forbidden")
        try:
            raw = _decoded(request)
        except (ValueError, binascii.Error, KeyError, TypeError):
            return google_error(400, "INVALID_ARGUMENT", "'raw' RFC822 payload message string required", "badRequest")
        if not message_from_bytes(raw, policy=policy.default)["To"]:
            return google_error(400, "INVALID_ARGUMENT", "Recipient address required", "invalidArgument")
        message_id = self._store(raw)
        return Reply.of_json({"id": message_id, "threadId": message_id, "labelIds": ["SENT"]})

    def _store(self, raw: bytes) -> str:
        with self._lock:
            (self.folder / f"{len(self._files()) + 1}.eml").write_bytes(raw)
        return secrets.token_hex(8)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.eml"), key=lambda path: int(path.stem))


def google_error(status: int, state: str, message: str, reason: str) -> Reply:
    """Return an error as Google's APIs write them; 403 `rateLimitExceeded` and 429 both mean wait."""
    errors = [{"message": message, "domain": "global", "reason": reason}]
    return Reply.of_json({"error": {"code": status, "message": message, "errors": errors, "status": state}}, status)


def _oauth_error(code: str, description: str, status: int = 400) -> Reply:
    return Reply.of_json({"error": code, "error_description": description}, status)


def _decoded(request: Request) -> bytes:
    raw = request.json()["raw"]
    # Gmail accepts base64url with and without its padding.
    return base64.b64decode(raw + "=" * (-len(raw) % 4), altchars=b"-_", validate=True)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.sandboxes.gmail.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True, help="folder for the mails, as <n>.eml")
    arguments = parser.parse_args()
    GmailSandbox(arguments.folder, port=arguments.port).serve_until_interrupted()


if __name__ == "__main__":
    main()
