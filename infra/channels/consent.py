"""Google's consent for an installed app: a page in the browser, a code back to loopback, a refresh token for it.

With PKCE and a state, so that neither a code that another program sees nor one of another person can be used.
Source: https://developers.google.com/identity/protocols/oauth2/native-app
"""

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from shared import json_text
from shared.errors import Refused, Unavailable

SCOPE = "https://www.googleapis.com/auth/gmail.send"
AUTH_URL = "https://accounts.google.com/o/oauth2/v2/auth"
TOKEN_TIMEOUT_S = 20
# How often the wait for the browser looks whether it is over.
_STEP_S = 0.2
_DONE = b"Incident CoPilot has Google's answer. You can close this page and go back to the terminal.\n"


@dataclass(frozen=True)
class Client:
    """The OAuth client, of type desktop app, and where Google is."""

    client_id: str
    client_secret: str
    token_url: str
    auth_url: str = AUTH_URL


@dataclass(frozen=True)
class Grant:
    """What Google granted; `days` is how long it lasts, None without an end."""

    refresh_token: str
    days: int | None = None


class Consent:
    """
    One request for consent; used as a context manager, it listens on 127.0.0.1 for the answer.

    `url` is the page to open.
    """

    def __init__(self, client: Client, user_email: str = "") -> None:
        self._client = client
        self._user_email = user_email
        self._state = secrets.token_urlsafe(32)
        self._verifier = secrets.token_urlsafe(64)
        self._server = _Listener(self._state)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.server_close()

    @property
    def redirect_url(self) -> str:
        """Where the browser brings the code."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The page on which the owner of the mailbox agrees."""
        digest = hashlib.sha256(self._verifier.encode()).digest()
        params = {
            "client_id": self._client.client_id,
            "redirect_uri": self.redirect_url,
            "response_type": "code",
            "scope": SCOPE,
            # Without both Google gives a refresh token for the first consent alone.
            "access_type": "offline",
            "prompt": "consent",
            "state": self._state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **({"login_hint": self._user_email} if self._user_email else {}),
        }
        return f"{self._client.auth_url}?{urlencode(params)}"

    def grant(self, timeout_s: float) -> Grant:
        """
        Wait for the browser and exchange its code.

        Raises Refused (declined, wrong client, no token or scope), Unavailable (no answer in `timeout_s` seconds).
        """
        return self._exchanged(self._code(timeout_s))

    def _code(self, timeout_s: float) -> str:
        deadline = time.monotonic() + timeout_s
        self._server.timeout = _STEP_S
        while time.monotonic() < deadline:
            self._server.handle_request()
            if self._server.problem:
                raise Refused(f"Google gave no consent ({self._server.problem}): run it again and agree")
            if self._server.code:
                return self._server.code
        raise Unavailable(f"nobody agreed in the browser within {timeout_s:g} s; nothing was changed")

    def _exchanged(self, code: str) -> Grant:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self._client.client_id,
            "client_secret": self._client.client_secret,
            "redirect_uri": self.redirect_url,
            "code_verifier": self._verifier,
        }
        where = f"Google's token service at {self._client.token_url!r}"
        try:
            reply = requests.post(self._client.token_url, data=form, timeout=TOKEN_TIMEOUT_S, allow_redirects=False)
            answer = json_text.parsed(reply.content)
        except requests.RequestException as error:
            raise Unavailable(f"{where} cannot be reached ({type(error).__name__})") from None
        except ValueError:
            raise Unavailable(f"{where} answered without JSON") from None
        return _grant(answer if isinstance(answer, dict) else {}, reply.status_code)


def _grant(answer: dict[str, object], status: int) -> Grant:
    if status != 200:
        reason = answer.get("error", status)
        raise Refused(
            f"Google gave no token ({reason}): check GMAIL_CLIENT_ID and GMAIL_CLIENT_SECRET, of a client of type "
            "desktop app"
        )
    if SCOPE not in str(answer.get("scope", "")).split():
        raise Refused(f"the scope {SCOPE} was not granted: run it again, and tick its box on Google's page")
    token, seconds = answer.get("refresh_token"), answer.get("refresh_token_expires_in")
    if not isinstance(token, str) or not token:
        raise Refused("Google gave no refresh token: remove the app at https://myaccount.google.com/connections, again")
    return Grant(token, int(seconds) // 86_400 if isinstance(seconds, int | float) else None)


class _Listener(HTTPServer):
    """Takes the one request that brings the state; all others change nothing."""

    def __init__(self, state: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state
        self.code = ""
        self.problem = ""


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    # A browser that connects and sends nothing must not hold the wait.
    timeout = 2

    def do_GET(self) -> None:  # the name that the base class looks up
        """Take the code, or why there is none."""
        params = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        is_ours = hmac.compare_digest(params.get("state", "").encode(), self.server.state.encode())
        if is_ours:
            self.server.code, self.server.problem = params.get("code", ""), params.get("error", "")
        body = _DONE if is_ours else b"This is not the answer to the request that is open.\n"
        self.send_response(200 if is_ours else 400)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Log nothing: the request holds the code."""
