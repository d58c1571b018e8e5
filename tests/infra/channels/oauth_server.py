"""Google's consent and token service on loopback, for an installed app with PKCE."""

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import urlencode

from infra.channels.consent import SCOPE, Client
from infra.local.sandboxes.http import Reply, Request, Sandbox


class OauthServer(Sandbox):
    """
    Agrees to every consent, unless `problem` names Google's error; `extra` is added to the token's answer.

    A code is good once, for the client and the address that it was asked for, with the verifier of its challenge.
    """

    def __init__(self) -> None:
        super().__init__()
        self.problem = ""
        self.extra: dict[str, Any] = {}
        self._codes: dict[str, Request] = {}

    @property
    def client(self) -> Client:
        """The only client."""
        return Client("client", "client-secret", f"{self.url}/token", f"{self.url}/auth")

    def answer(self, request: Request) -> Reply:
        """Answer the consent page with a redirect, and the token request with tokens."""
        if request.path == "/auth":
            return self._consent(request)
        if request.path == "/token" and request.method == "POST":
            return self._token(request)
        return Reply.of_text("no such page", 404)

    def _consent(self, request: Request) -> Reply:
        wanted = {"scope": SCOPE, "access_type": "offline", "prompt": "consent", "response_type": "code"}
        if any(request.param(name) != value for name, value in wanted.items()):
            return Reply.of_text("Error 400: invalid_request", 400)
        code = secrets.token_hex(8)
        self._codes[code] = request
        answer = {"error": self.problem} if self.problem else {"code": code, "scope": SCOPE}
        query = urlencode({"state": request.param("state"), **answer})
        return Reply(302, headers={"Location": f"{request.param('redirect_uri')}/?{query}"})

    def _token(self, request: Request) -> Reply:
        consent = self._codes.pop(request.param("code"), None)
        if (request.param("client_id"), request.param("client_secret")) != ("client", "client-secret"):
            return Reply.of_json({"error": "invalid_client"}, 401)
        if consent is None or not _fits(consent, request):
            return Reply.of_json({"error": "invalid_grant"}, 400)
        tokens = {"access_token": "access", "expires_in": 3599, "refresh_token": "refresh-1", "scope": SCOPE}
        return Reply.of_json({**tokens, "token_type": "Bearer", **self.extra})


def _fits(consent: Request, request: Request) -> bool:
    digest = hashlib.sha256(request.param("code_verifier").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    is_pkce = consent.param("code_challenge_method") == "S256" and consent.param("code_challenge") == challenge
    return is_pkce and consent.param("redirect_uri") == request.param("redirect_uri")
