"""The console: every incident with its timeline, evidence, prompts, patch and costs, for people, who also act here."""

import flask
import functions_framework

from shared import log, traces
from shared.errors import IncidentCopilotError, Misconfigured, Refused, Rejected, Throttled

from . import console_pages
from .access.console_access import Closed, ConsoleSettings, visitor
from .console_actions import Actions
from .console_login import sign_in, sign_out, unauthenticated
from .console_routes import Reader
from .visit import NothingHere

FOR_THE_READER = (Closed, Rejected, Throttled, Misconfigured)


@functions_framework.http
def incident_console(request: flask.Request) -> flask.Response:
    """Return the page of the path, to whom IAP, a session or the laptop itself lets in."""
    try:
        return _answer(request)
    except IncidentCopilotError as error:
        say = log.warning if isinstance(error, Rejected | Refused | Throttled) else log.error
        say("incident_console.failed", error_type=type(error).__name__, error=str(error), path=request.path)
        # The reader may be unauthenticated: what failed behind the page goes only to the log.
        words = (
            str(error) if isinstance(error, FOR_THE_READER) else "The page cannot be shown now; try again in a minute."
        )
        status = 403 if isinstance(error, Refused) else error.status
        response = console_pages.html("message.html", status, words=words)
        if isinstance(error, Throttled) and error.retry_after_s:
            response.headers["Retry-After"] = str(round(error.retry_after_s))
        return response


def _answer(request: flask.Request) -> flask.Response:
    name = request.path.removeprefix("/static/")
    if name != request.path:
        return console_pages.static_file(name) or _no_such_page()
    settings = ConsoleSettings.from_env()
    if request.method == "POST" and request.path == "/login":
        return sign_in(request, settings)
    reader = visitor(request, settings)
    if reader is None:
        return unauthenticated(request)
    if request.method == "POST" and request.path == "/logout":
        return sign_out(request, reader)
    if request.method == "POST":
        return Actions(traces.connect(), reader, request).answer()
    if request.method not in ("GET", "HEAD"):
        raise NothingHere("This page can be read, nothing else")
    if request.path == "/login":
        return console_pages.see_other("/incidents")
    return Reader(traces.connect(), reader, request).answer()


def _no_such_page() -> flask.Response:
    raise NothingHere("There is no such page")
