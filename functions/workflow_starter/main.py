"""Pub/Sub's door: one message becomes one incident, and each new incident one workflow execution."""

import uuid
from datetime import timedelta

import functions_framework
from cloudevents.http.event import CloudEvent
from pydantic import Field

from shared import clock, log, orchestrator, traces
from shared.contracts import Alert
from shared.errors import Rejected
from shared.settings import Settings
from shared.traces.port import Run, RunError, TraceStore

from .bus_message import letter
from .decision import Desk


class StarterSettings(Settings):
    """For how many seconds an open incident takes in further alerts of its service."""

    merge_window_seconds: int = Field(1800, ge=0, le=86_400)


@functions_framework.cloud_event
def workflow_starter(event: CloudEvent) -> None:
    """
    Answer one message; returning acknowledges it, raising has Pub/Sub deliver it again.

    What no repetition can mend is kept in the trace and acknowledged.
    """
    store, message = traces.connect(), letter(event.data)
    try:
        alert = message.alert()
    except Rejected as error:
        log.error("workflow_starter.unreadable", message_id=message.message_id, error=str(error))
        store.open_incident(message.unreadable(error))
        return
    with log.bound(incident_id=alert.incident_id, service_name=alert.service_name):
        _answer(alert, store)


def _answer(alert: Alert, store: TraceStore) -> None:
    window = timedelta(seconds=StarterSettings.from_env().merge_window_seconds)
    try:
        became = Desk(store, orchestrator.connect(), window, uuid.uuid4().hex).decide(alert)
        log.info("workflow_starter.decided", became=became, status=alert.status)
    except Rejected as error:
        # The incident stays open: the sweeper tells it when its deadline passes.
        moment = clock.now()
        failed = (RunError("Rejected", str(error)[:2000], moment),)
        store.record_run(alert.incident_id, Run("workflow_starter", moment, moment, {}, None, errors=failed))
        log.error("workflow_starter.not_started", error=str(error))
