"""Grafana's webhook endpoint: check the sender, publish one alert per service, answer 202 once Pub/Sub has them all."""

import secrets

import flask
import functions_framework
from pydantic import Field

from shared import clock, log
from shared.cloud import pubsub
from shared.errors import IncidentCopilotError, Misconfigured, Rejected
from shared.settings import Settings

from .alert_subject import SERVICE_LABELS
from .http_body import answer, content_of, parsed
from .parse_alerts import Rules, read
from .request_auth import SenderSettings


class IntakeSettings(Settings):
    """The defaults for what an alert does not say; the window is in seconds."""

    webhook_user_id: str = Field("grafana_webhook", max_length=200, description="Noted in each alert as its trigger.")
    lookup_window_seconds: int = Field(900, ge=1, le=604_800, description="Telemetry to read by default, in seconds.")
    service_labels: list[str] = Field(
        SERVICE_LABELS, min_length=1, description="JSON list of labels that may name the service, the best first."
    )


@functions_framework.http
def alert_intake(request: flask.Request) -> flask.Response:
    """Publish what Grafana, Alertmanager or curl posts; a sender that gets no 202 can safely send it again."""
    if request.method == "GET" and request.path == "/healthz":
        return answer(200, {"status": "alive"})
    if request.path not in ("/", "/webhook/trigger_agent"):
        return answer(404, {"message": f"Nothing is at {request.path!r}; post to /webhook/trigger_agent"})
    if request.method != "POST":
        return answer(405, {"message": "Send alerts with POST"}, Allow="POST")
    try:
        return _take(request, SenderSettings.from_env(), IntakeSettings.from_env())
    except IncidentCopilotError as error:
        say = log.warning if isinstance(error, Rejected) else log.error
        say("alert_intake.failed", error_type=type(error).__name__, error=str(error))
        # Alertmanager retries only after 5xx, so every Pub/Sub failure answers 503.
        status = error.status if isinstance(error, Rejected | Misconfigured) else 503
        return answer(status, {"error_type": type(error).__name__, "message": str(error)})


def _take(request: flask.Request, senders: SenderSettings, settings: IntakeSettings) -> flask.Response:
    senders.check_key(request.headers)
    content, now = content_of(request), clock.now()
    senders.check_signature(request.headers, content, now)
    labels, window_s = tuple(settings.service_labels), settings.lookup_window_seconds
    rules = Rules(now, secrets.token_hex(8), labels, window_s, settings.webhook_user_id)
    reading = read(parsed(content), rules)
    pubsub.connect().publish_all(reading.alerts)
    receipt = reading.receipt()
    log.info("alert_intake.published", alerts=len(reading.alerts), **receipt)
    return answer(202, receipt)
