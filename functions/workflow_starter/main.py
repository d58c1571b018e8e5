"""Pub/Sub subscriber: one message becomes one incident, and each new incident one workflow execution."""

import functions_framework
from cloudevents.http.event import CloudEvent

from shared import log, traces
from shared.admission.operator_requests import ATTRIBUTE
from shared.errors import Rejected
from shared.traces.port import TraceStore

from .carry_out_request import carry_out
from .pubsub_message import IncomingMessage, incoming_message
from .take_alert import take


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
        # Only here: its libraries are slow to load, and most messages are alerts.
        from shared.cloud import pubsub

        pubsub.connect().dead_letter(message.dead(), str(error))


def _handle(message: IncomingMessage, store: TraceStore) -> None:
    if ATTRIBUTE in message.attributes:
        request = message.operator_request()
        carry_out(request, store, lambda alert: take(alert, store, is_by_hand=True))
        return
    try:
        alert = message.alert()
    except Rejected as error:
        store.open_incident(message.unreadable(error))
        raise
    take(alert, store)
