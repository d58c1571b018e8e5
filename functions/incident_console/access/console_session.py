"""
Signed sessions: a cookie that says until when it is good, and forms that only its own pages can send.

The cookie and the tokens of forms are signed with keys made from CONSOLE_API_KEY: another key ends every session.
What a page shows before anybody has signed in is not signed, so that nobody can try keys against it at home.
"""

import base64
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from urllib.parse import urlsplit

import flask

from shared import clock
from shared.errors import Rejected

from .local_request import is_on_this_machine

LIFE = timedelta(hours=12)
FORM_FIELD = "form_token"


@dataclass(frozen=True)
class Session:
    """A signed-in browser; `token` is what its forms must carry."""

    cookie: str
    token: str


def session_of(request: flask.Request, key: str) -> Session | None:
    """Return the session of the request's cookie, or None without one that is ours and still good."""
    cookie = request.cookies.get(session_cookie(is_secure(request)), "")
    return Session(cookie, _signed(key, "form", cookie)) if cookie and _is_good(cookie, key) else None


def new_session(key: str) -> Session:
    """Return a session that is good for LIFE."""
    body = f"{int((clock.now() + LIFE).timestamp())}.{secrets.token_urlsafe(18)}"
    cookie = f"{body}.{_signed(key, 'session', body)}"
    return Session(cookie, _signed(key, "form", cookie))


def is_key(typed: str, key: str) -> bool:
    """Return whether this is the key; the time it takes says nothing of either."""
    return hmac.compare_digest(sha256(typed.strip().encode()).digest(), sha256(key.encode()).digest())


def is_secure(request: flask.Request) -> bool:
    """Return whether the browser must keep cookies to HTTPS: everywhere but on the laptop that the console runs on."""
    return not is_on_this_machine(request)


def session_cookie(secure: bool) -> str:
    """Return the cookie's name; browsers take the first one from this very host over HTTPS alone."""
    return "__Host-console" if secure else "console"


def login_cookie(secure: bool) -> str:
    """Return the name of the cookie that ties the login form to the browser which loaded it."""
    return "__Host-console-login" if secure else "console-login"


def check_form(request: flask.Request, expected: str) -> None:
    """Raise Rejected when a form was not sent from our own page: by its token, and by what the browser says."""
    token = request.form.get(FORM_FIELD, "")
    is_ours = bool(expected) and hmac.compare_digest(token.encode(), expected.encode())
    origin = request.headers.get("Origin", "")
    is_same_site = request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
    if not is_ours or not is_same_site or (origin and urlsplit(origin).netloc != request.host):
        raise Rejected("The form was not sent from this page; reload it and try again")


def _is_good(cookie: str, key: str) -> bool:
    body, _, signature = cookie.rpartition(".")
    expires = body.partition(".")[0]
    is_ours = hmac.compare_digest(signature.encode(), _signed(key, "session", body).encode())
    return is_ours and expires.isascii() and expires.isdigit() and int(expires) > clock.now().timestamp()


def _signed(key: str, purpose: str, body: str) -> str:
    own_key = hmac.digest(key.encode(), f"incident console: {purpose}".encode(), "sha256")
    return base64.urlsafe_b64encode(hmac.digest(own_key, body.encode(), "sha256")).decode().rstrip("=")
