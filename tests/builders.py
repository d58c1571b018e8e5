"""Contracts filled with plausible values, for tests that care about one field."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.contracts import Alert, Evidence, Incident
from shared.traces.entries import TraceDocument
from shared.traces.port import IncidentRecord, TraceStore

NOW = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)


def an_alert(**changes: Any) -> Alert:
    """Return a firing alert of checkout-api whose window is the last 15 minutes."""
    fields = {
        "incident_id": "inc-20260504-0123456789",
        "service_name": "checkout-api",
        "start": NOW - timedelta(minutes=15),
        "end": NOW,
        "received_at": NOW,
    }
    return Alert(**{**fields, **changes})


def an_incident(**changes: Any) -> Incident:
    """Return a high-severity incident with one piece of evidence, L1."""
    fields = {
        "incident_detected": True,
        "recommendation": "proceed",
        "severity": "high",
        "incident_type_hint": "code_issue",
        "start": NOW - timedelta(minutes=15),
        "end": NOW,
        "evidence": [Evidence(id="L1", source="logs", text="ZeroDivisionError: division by zero", at=NOW)],
    }
    return Incident(**{**fields, **changes})


def a_record(alert: Alert, nonce: str = "") -> IncidentRecord:
    """Return the open incident of an alert; without a nonce it is one that an earlier release opened."""
    opened = alert.model_dump(mode="json") | ({"nonce": nonce} if nonce else {})
    return IncidentRecord(alert.incident_id, alert.service_name, "open", NOW, NOW, opened)


def trace_of(store: TraceStore, incident_id: str) -> TraceDocument:
    """The incident's whole trace, which must exist."""
    trace = store.document(incident_id)
    assert trace is not None
    return trace
