"""Pages and files as responses: every text is escaped and visible, and a browser runs and loads our own files alone."""

import functools
import hashlib
from datetime import datetime
from pathlib import Path

import flask
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from shared.text.harmless import visible

from .access.console_access import Visitor
from .pages.people import page_of, words_of

_HERE = Path(__file__).parent
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_BRIEF_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'"
"""A brief has its styles in it, so it stands in a frame of its own, in which nothing runs, loads or leads anywhere."""
HEADERS = {
    # Titles, log lines, prompts and diffs are other people's.
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # With no-referrer, browsers would send our own forms with the origin `null`.
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}
FILES_LIFE_S = 31_536_000


def html(template: str, status: int = 200, *, visitor: Visitor | None = None, **values: object) -> flask.Response:
    """Return a page of a template."""
    return flask.Response(
        _environment().get_template(template).render(visitor=visitor, **values), status, HEADERS, mimetype="text/html"
    )


def download(text: str, mimetype: str, name: str) -> flask.Response:
    """Return a text as a file to save."""
    safe_name = "".join(char for char in name if char.isascii() and (char.isalnum() or char in "-_."))
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{safe_name}"'}
    return flask.Response(text, 200, headers, mimetype=mimetype)


def brief(markup: str) -> flask.Response:
    """Return a brief as it was mailed, for a frame in one of our own pages."""
    headers = {**HEADERS, "Content-Security-Policy": _BRIEF_POLICY, "X-Frame-Options": "SAMEORIGIN"}
    return flask.Response(markup, 200, headers, mimetype="text/html")


def see_other(path: str) -> flask.Response:
    """Return a redirect within the console."""
    return flask.Response("", 303, {**HEADERS, "Location": path})


def nothing_new(status: int = 204) -> flask.Response:
    """Return an answer without a body: the page stays as it is."""
    return flask.Response("", status, HEADERS)


def static_file(name: str) -> flask.Response | None:
    """Return one of our own files, or None when there is no such file."""
    if name not in _file_names():
        return None
    path = _HERE / "static" / name
    headers = {**HEADERS, "Cache-Control": f"public, max-age={FILES_LIFE_S}, immutable"}
    return flask.Response(path.read_bytes(), 200, headers, mimetype=_TYPES[path.suffix])


@functools.cache
def _file_names() -> frozenset[str]:
    return frozenset(path.name for path in (_HERE / "static").iterdir() if path.suffix in _TYPES)


@functools.cache
def _address(name: str) -> str:
    """Return a file's address; it changes with the content, so that browsers may keep the file."""
    digest = hashlib.sha256((_HERE / "static" / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


@functools.cache
def _environment() -> Environment:
    rules = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    rules.filters.update(utc=_utc, clock=_clock, percent=lambda share: f"{share:.0%}", usd=lambda cost: f"${cost:.4f}")
    rules.filters.update(seconds=_seconds, deed=words_of, page=page_of)
    rules.globals["file"] = _address
    return rules


def _finalize(value: object) -> object:
    """Return every text with its hidden marks written out; what a template itself wrote is markup and stays."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}"


def _seconds(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
