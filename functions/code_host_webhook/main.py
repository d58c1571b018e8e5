"""GitHub's webhook endpoint: record the state of an incident's pull request with the incident."""

import flask
import functions_framework
from pydantic import Field, SecretStr

from shared import log, traces
from shared.errors import IncidentCopilotError, Rejected
from shared.settings import Settings, lookup

from .github_event import CheckSuiteEvent, Delivery, read
from .record_pr_state import write_back, write_checks


class CodeHostWebhookSettings(Settings):
    """Who may send deliveries."""

    github_webhook_secret: SecretStr = Field(
        min_length=16, description="The secret of the webhook, at least 16 characters."
    )


@functions_framework.http
def code_host_webhook(request: flask.Request) -> flask.Response:
    """Handle one GitHub delivery; a delivery that got no 200 can safely be sent again."""
    if request.method != "POST":
        return _answer(405, {"message": "Send deliveries with POST"})
    if lookup("GITHUB_WEBHOOK_SECRET") is None:
        # Deployed and not set up: nothing is wrong, and whoever scans addresses must wake nobody.
        return _answer(404, {"message": "No webhook is set up here: GITHUB_WEBHOOK_SECRET is not set"})
    try:
        delivery = read(request, CodeHostWebhookSettings.from_env().github_webhook_secret.get_secret_value())
        return _answer(200, {"message": _take(delivery)})
    except IncidentCopilotError as error:
        say = log.warning if isinstance(error, Rejected) else log.error
        say("code_host_webhook.failed", error_type=type(error).__name__, error=str(error))
        return _answer(error.status, {"error_type": type(error).__name__, "message": str(error)})


def _take(delivery: Delivery) -> str:
    if delivery.body is None:
        return f"Nothing to do for {delivery.event!r}"
    if isinstance(delivery.body, CheckSuiteEvent):
        return write_checks(delivery.body, traces.connect())
    return write_back(delivery.body, traces.connect())


def _answer(status: int, body: dict[str, str]) -> flask.Response:
    return flask.Response(flask.json.dumps(body), status, mimetype="application/json")
