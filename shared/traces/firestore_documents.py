"""How incidents and leases stand in Firestore's documents: times as times, payloads as JSON text."""

import dataclasses
import json
from typing import Any

from shared.traces import document
from shared.traces.port import IncidentRecord, Lease


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


def record_of(fields: dict[str, Any]) -> IncidentRecord:
    """Return the incident of a document."""
    texts: dict[str, str | None] = {name: fields.get(name) for name in ("alert", "outcome")}
    # What a newer release adds is left out, so that both can run at the same time.
    names = {field.name for field in dataclasses.fields(IncidentRecord)} - {"pull_request", *texts}
    facts: dict[str, Any] = {name: value for name, value in fields.items() if name in names}
    facts |= {name: None if text is None else json.loads(text) for name, text in texts.items()}
    pull_request = document.pull_request_record(fields.get("pull_request"), fields["incident_id"])
    return IncidentRecord(**facts, pull_request=pull_request)


def lease_of(fields: dict[str, Any]) -> Lease:
    """Return the lease of a document."""
    return Lease(fields["key"], fields["holder"], fields["until"], json.loads(fields["value"]))
