"""The token that every form of the console carries, so that no other site can send one in a visitor's name."""

import re
import secrets

import flask

from .console_access import Visitor
from .console_session import check_form, is_secure

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")


def token_of(request: flask.Request, visitor: Visitor) -> str:
    """Return the token of the forms on a page: of the session, else of the browser's cookie, else a new one."""
    return _expected(request, visitor) or secrets.token_urlsafe(24)


def remember(response: flask.Response, request: flask.Request, visitor: Visitor, token: str) -> None:
    """Tie a page's forms to the browser that loads it, where no session does: IAP and the laptop have none."""
    if visitor.session is None and request.cookies.get(_cookie(request)) != token:
        secure = is_secure(request)
        response.set_cookie(_cookie(request), token, secure=secure, httponly=True, samesite="Strict")


def check_own_form(request: flask.Request, visitor: Visitor) -> None:
    """Raise Rejected when a form was not sent from a page that this visitor's browser loaded from here."""
    check_form(request, _expected(request, visitor))


def _expected(request: flask.Request, visitor: Visitor) -> str:
    if visitor.session is not None:
        return visitor.session.token
    token = request.cookies.get(_cookie(request), "")
    return token if _TOKEN.fullmatch(token) else ""


def _cookie(request: flask.Request) -> str:
    return "__Host-console-form" if is_secure(request) else "console-form"
