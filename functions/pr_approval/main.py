"""The page on which a person approves or declines a pull request, once."""

import flask
import functions_framework

from shared import log, traces
from shared.bounds import clip
from shared.errors import IncidentCopilotError, Rejected
from shared.pull_request.signing import ApprovalSettings
from shared.settings import lookup

from .approval_page import code_form, html_response, page
from .approval_service import ApprovalService, Visit


@functions_framework.http
def pr_approval(request: flask.Request) -> flask.Response:
    """
    Ask for the code on GET; on POST show the change for the code, or take the decision of the page's own form.

    The address holds no secret, so that whoever reads logs or archives can approve nothing.
    """
    if request.method not in ("GET", "POST"):
        return html_response(
            page("Nothing here", "This address can be opened and its form can be sent, nothing else."), 405
        )
    if lookup("APPROVAL_SIGNING_KEY") is None:
        # Deployed and not set up: nothing is wrong, and whoever scans addresses must wake nobody.
        return html_response(page("Nothing here", "No approval is set up at this address."), 404)
    try:
        settings = ApprovalSettings.from_env()
        service = ApprovalService(settings, traces.connect())
        if request.method == "GET":
            return html_response(code_form(clip(request.args.get("incident", ""), 100)))
        if "code" in request.form:
            return html_response(service.open(request.form.get("incident", ""), request.form["code"]).page())
        return html_response(_decided(service, service.reopen(request.form.get("confirm", "")), request))
    except IncidentCopilotError as error:
        say = log.warning if isinstance(error, Rejected) else log.error
        say("pr_approval.failed", error_type=type(error).__name__, error=str(error))
        # The reader may be unauthenticated: settings and addresses go only to the log.
        words = str(error) if isinstance(error, Rejected) else "Something is wrong on our side; try again in a minute."
        return html_response(page("Not possible", words), error.status)


def _decided(service: ApprovalService, visit: Visit, request: flask.Request) -> str:
    """Decide and return the page. Raises Rejected when the form was not sent from our own page."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise Rejected("The form was not sent from this page")
    return service.decide(visit, *(request.form.get(name, "") for name in ("confirm", "decision", "by")))
