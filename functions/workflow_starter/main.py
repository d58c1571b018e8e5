"""Pub/Sub subscriber: one message becomes one incident, and each new incident one workflow execution."""

import uuid
from datetime import timedelta

import functions_framework
from cloudevents.http.event import CloudEvent
from pydantic import Field

from shared import log, traces
from shared.admission.settings import BrakeSettings, CoalescingSettings
from shared.cloud import pubsub, workflows
from shared.cloud.deadline import DeadlineSettings
from shared.errors import Rejected
from shared.settings import Settings
from shared.traces.port import TraceStore

from .pubsub_message import IncomingMessage, incoming_message
from .route_alert import IncidentRouter, Limits, not_startable


class StarterSettings(Settings):
    """How long a start may take, in seconds."""

    start_lease_seconds: int = Field(
        120, ge=1, le=600, description="A starter silent this long counts as dead; well over WORKFLOW_TIMEOUT_S."
    )


@functions_framework.cloud_event
def workflow_starter(event: CloudEvent) -> None:
    """
    Handle one message; returning acknowledges it, raising makes Pub/Sub deliver it again.

    A message that no retry can fix is stored in the trace and dead-lettered, both with the reason, and acknowledged.
    """
    store, message = traces.connect(), incoming_message(event.data)
    try:
        _handle(message, store)
    except Rejected as error:
        log.error("workflow_starter.dead_lettered", message_id=message.message_id, error=str(error))
        pubsub.connect().dead_letter(message.dead(), str(error))


def _handle(message: IncomingMessage, store: TraceStore) -> None:
    try:
        alert = message.alert()
    except Rejected as error:
        store.open_incident(message.unreadable(error))
        raise
    lease, deadline = timedelta(seconds=StarterSettings.from_env().start_lease_seconds), DeadlineSettings.from_env()
    limits = Limits(lease, deadline.deadline, CoalescingSettings.from_env(), BrakeSettings.from_env())
    with log.bound(incident_id=alert.incident_id, service_name=alert.service_name):
        try:
            result = IncidentRouter(store, workflows.connect(), limits, uuid.uuid4().hex).decide(alert)
        except Rejected as error:
            store.record_run(alert.incident_id, not_startable(error))
            raise
        log.info("workflow_starter.decided", became=result, status=alert.status)
