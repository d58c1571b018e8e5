"""The incident that an alert opens."""

from shared import clock
from shared.contracts import Alert
from shared.traces.port import IncidentRecord

from . import signed_alert


def record_of(alert: Alert, outcome: dict[str, object] | None = None, nonce: str = "") -> IncidentRecord:
    """Return the alert's incident: open, or closed with an outcome that is final already."""
    moment = clock.now()
    return IncidentRecord(
        incident_id=alert.incident_id,
        service_name=alert.service_name,
        state="open" if outcome is None else "closed",
        created_at=moment,
        updated_at=moment,
        # Nonce and signature stand with the alert, where functions of an earlier release pass them on.
        alert=(signed_alert.stored(alert, nonce) if nonce else alert).model_dump(mode="json"),
        outcome=outcome,
    )
