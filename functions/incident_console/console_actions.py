"""What people do in the console: a form becomes one message to workflow_starter, and nothing is written here."""

from collections.abc import Callable

import flask
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, RequestRedirect, Rule

from shared import log
from shared.admission.operator_requests import OperatorRequest
from shared.errors import Rejected

from . import console_pages
from .access.form_token import check_own_form
from .requested_work import about, investigation_again, new_investigation
from .visit import NothingHere, Visit

MAX_FORM_BYTES = 10_000
_RULES = Map(
    [
        Rule("/runs", endpoint="investigate"),
        Rule("/incidents/<incident_id>/again", endpoint="again"),
        Rule("/incidents/<incident_id>/<any(acknowledge, mute, unmute, judge):kind>", endpoint="about"),
    ]
)


class Actions(Visit):
    """Takes the forms that people send."""

    def answer(self) -> flask.Response:
        """
        Publish what the form asks for, and lead to the page that shows what becomes of it.

        Raises NothingHere, Rejected (a form that is not ours, or that cannot be carried out), and what Pub/Sub raises.
        """
        try:
            endpoint, values = _RULES.bind("console").match(self.request.path, "POST")
        except (NotFound, MethodNotAllowed, RequestRedirect):
            raise NothingHere("Nothing can be sent to this page") from None
        if (self.request.content_length or 0) > MAX_FORM_BYTES:
            raise Rejected("The form is too long")
        check_own_form(self.request, self.visitor)
        take: Callable[..., OperatorRequest] = getattr(self, endpoint)
        asked_for = take(**values)
        # Only here: its libraries are slow to load, and most visits only read.
        from shared.cloud import pubsub

        pubsub.connect().publish_request(asked_for)
        log.info("incident_console.requested", kind=asked_for.kind, incident_id=asked_for.incident_id)
        page = f"/incidents/{asked_for.incident_id}" if asked_for.incident_id else "/runs/new"
        return console_pages.see_other(f"{page}?asked={asked_for.request_id}")

    def investigate(self) -> OperatorRequest:
        """Return the request of the form for a new investigation."""
        return new_investigation(self.request.form, self.visitor)

    def again(self, incident_id: str) -> OperatorRequest:
        """Return the request to investigate an incident again."""
        return investigation_again(self.request.form, self.visitor, self.trace(incident_id))

    def about(self, incident_id: str, kind: str) -> OperatorRequest:
        """Return any other request about an incident."""
        return about(kind, self.request.form, self.visitor, self.trace(incident_id))
