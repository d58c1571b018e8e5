"""Let an alert become what it becomes, with the settings of the environment."""

import uuid
from datetime import timedelta

from pydantic import Field

from shared import log
from shared.admission.settings import BrakeSettings, CoalescingSettings
from shared.cloud import workflows
from shared.cloud.deadline import DeadlineSettings
from shared.contracts import Alert
from shared.errors import Rejected
from shared.settings import Settings
from shared.traces.port import TraceStore

from .route_alert import IncidentRouter, Limits, not_startable


class StarterSettings(Settings):
    """How long a start may take, in seconds."""

    start_lease_seconds: int = Field(
        120, ge=1, le=600, description="A starter silent this long counts as dead; well over WORKFLOW_TIMEOUT_S."
    )


def take(alert: Alert, store: TraceStore, *, is_by_hand: bool = False) -> str:
    """
    Route the alert; return in one word what it became. `is_by_hand` says that a person asks for an investigation.

    Raises as `IncidentRouter.decide`; what can never start has that in its trace.
    """
    lease, deadline = timedelta(seconds=StarterSettings.from_env().start_lease_seconds), DeadlineSettings.from_env()
    limits = Limits(lease, deadline.deadline, CoalescingSettings.from_env(), BrakeSettings.from_env())
    with log.bound(incident_id=alert.incident_id, service_name=alert.service_name):
        try:
            router = IncidentRouter(store, workflows.connect(), limits, uuid.uuid4().hex, is_by_hand)
            result = router.decide(alert)
        except Rejected as error:
            store.record_run(alert.incident_id, not_startable(error))
            raise
        log.info("workflow_starter.decided", became=result, status=alert.status)
        return result
