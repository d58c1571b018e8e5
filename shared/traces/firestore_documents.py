"""How incidents stand in Firestore's documents: times as times, payloads as JSON text."""

from typing import Any

from shared.traces import document
from shared.traces.port import IncidentRecord


def outcome_marker(incident: Any) -> Any:
    """Return the document that exists once the outcome is written."""
    # `told` stays: deployed databases already hold documents of this name.
    return incident.collection("outcome").document("told")


def fields(record: IncidentRecord) -> dict[str, Any]:
    """Return the document of an incident."""
    return {
        "incident_id": record.incident_id,
        "service_name": record.service_name,
        "state": record.state,
        "age": {record.state: record.created_at},
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "alert": document.dumps(record.alert),
        "execution": record.execution,
        "merged_alerts": record.merged_alerts,
        "outcome": None if record.outcome is None else document.dumps(record.outcome),
        "expire_at": record.expire_at,
        "pull_request": record.pull_request and document.dumps(document.pull_request_json(record.pull_request)),
    }
