"""Sign in with the key, and sign out: the console's forms."""

import re
import secrets

import flask

from shared import log

from . import console_pages
from .access.console_access import ConsoleSettings, Visitor
from .access.console_session import (
    LIFE,
    check_form,
    is_key,
    is_secure,
    login_cookie,
    new_session,
    session_cookie,
)
from .access.login_limit import LoginLimit, address_of

MAX_FORM_BYTES = 10_000
_PAGE = re.compile(r"/incidents/[A-Za-z0-9-]{1,200}")
_limit = LoginLimit()


def unauthenticated(request: flask.Request) -> flask.Response:
    """
    Return what somebody sees who is not signed in: the login form.

    A link in a mail opens the page without the cookie, which browsers send from our own pages alone; so the page that
    it opens first opens itself once more.
    """
    if request.method == "GET" and request.headers.get("Sec-Fetch-Site") == "cross-site":
        return console_pages.html("again.html")
    return login_page(request, status=200 if request.path == "/login" else 401)


def login_page(request: flask.Request, words: str = "", status: int = 200) -> flask.Response:
    """Return the login form, tied to the browser that loads it; afterwards it leads to the page that was asked for."""
    token, wanted = secrets.token_urlsafe(24), request.form.get("next") or request.path
    response = console_pages.html("login.html", status, form_token=token, words=words, next=_own_path(wanted))
    secure = is_secure(request)
    response.set_cookie(login_cookie(secure), token, max_age=600, secure=secure, httponly=True, samesite="Strict")
    return response


def sign_in(request: flask.Request, settings: ConsoleSettings) -> flask.Response:
    """
    Start a session for the right key; a wrong one sees the form again.

    Raises Rejected (not our form), Throttled (too many wrong keys from one address).
    """
    if settings.console_api_key is None or (request.content_length or 0) > MAX_FORM_BYTES:
        return login_page(request, "There is nothing to sign in to.", 400)
    secure, key = is_secure(request), settings.console_api_key.get_secret_value()
    check_form(request, request.cookies.get(login_cookie(secure), ""))
    address = address_of(request)
    _limit.check(address)
    if not is_key(request.form.get("key", ""), key):
        _limit.note_wrong(address)
        log.warning("incident_console.wrong_key", address=address)
        return login_page(request, "This is not the key.", 403)
    log.info("incident_console.signed_in", address=address)
    response = console_pages.see_other(_own_path(request.form.get("next", "")))
    session, life_s = new_session(key).cookie, int(LIFE.total_seconds())
    response.set_cookie(
        session_cookie(secure), session, max_age=life_s, secure=secure, httponly=True, samesite="Strict"
    )
    response.delete_cookie(login_cookie(secure), secure=secure, httponly=True, samesite="Strict")
    return response


def sign_out(request: flask.Request, visitor: Visitor) -> flask.Response:
    """End the session in this browser. Raises Rejected when the form was not sent from our own page."""
    check_form(request, visitor.session.token if visitor.session else "")
    response = console_pages.see_other("/login")
    secure = is_secure(request)
    response.delete_cookie(session_cookie(secure), secure=secure, httponly=True, samesite="Strict")
    return response


def _own_path(path: str) -> str:
    """Return the path if it is a page of the console, else the list's: a form must lead nowhere else."""
    return path if _PAGE.fullmatch(path) else "/incidents"
