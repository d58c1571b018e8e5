"""How incidents stand in Firestore's documents: times as times, payloads as JSON text."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from shared import clock
from shared.traces import document
from shared.traces.port import Hold, IncidentRecord, IncidentState, Json, ListPosition

CHUNK_BYTES = 900_000
_MAX_CHUNKS = 4 * document.TEXT_LIMIT // CHUNK_BYTES + 1


def outcome_marker(incident: Any) -> Any:
    """Return the document that exists once the outcome is written."""
    # `told` stays: deployed databases already hold documents of this name.
    return incident.collection("outcome").document("told")


def listing(incidents: Any, behind: ListPosition | None) -> Any:
    """Return the query of all incidents, newest first, from behind one; their names decide between equal times."""
    newest_first = incidents.order_by("created_at", direction="DESCENDING").order_by("__name__", direction="DESCENDING")
    if behind is None:
        return newest_first
    name = incidents.document(document.document_id(behind.incident_id))
    return newest_first.start_after({"created_at": behind.created_at, "__name__": name})


def of_state(incidents: Any, state: IncidentState | None, is_oldest_first: bool) -> Any:
    """Return the query of the incidents in a state, or of all, by age."""
    # An incident has `age.<its state>` only, so that no composite index of state and time is needed.
    order = "created_at" if state is None else f"age.{state}"
    return incidents.order_by(order, direction="ASCENDING" if is_oldest_first else "DESCENDING")


def fields(record: IncidentRecord) -> dict[str, Any]:
    """Return the document of an incident."""
    return {
        "incident_id": record.incident_id,
        "service_name": record.service_name,
        "state": record.state,
        "age": {record.state: record.hold.until if record.state == "held" and record.hold else record.created_at},
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "alert": document.dumps(record.alert),
        "execution": record.execution,
        "merged_alerts": record.merged_alerts,
        "outcome": None if record.outcome is None else document.outcome_text(record.outcome),
        "expire_at": record.expire_at,
        "pull_request": record.pull_request and document.dumps(document.pull_request_json(record.pull_request)),
        "hold": record.hold and document.dumps(record.hold.model_dump(mode="json")),
        "follows": record.follows,
    }


def ended(state: IncidentState, created_at: datetime, outcome: Json) -> dict[str, Any]:
    """Return the change that gives an incident its outcome."""
    age = {state: created_at}
    return {"state": state, "age": age, "updated_at": clock.now(), "outcome": document.outcome_text(outcome)}


def chunks(reference: str, body: bytes, expire_at: datetime) -> list[tuple[str, dict[str, Any]]]:
    """Return the documents that hold a long text, each with its name."""
    parts = [body[start : start + CHUNK_BYTES] for start in range(0, len(body), CHUNK_BYTES)] or [b""]
    fields = {"chunks": len(parts), "expire_at": expire_at}
    return [(f"{reference}.{n}" if n else reference, {**fields, "body": part}) for n, part in enumerate(parts)]


def further_chunks(name: str, count: object) -> list[str]:
    """Return the names of the documents that hold the rest of a text, of so many in all."""
    return [f"{name}.{n}" for n in range(1, count)] if isinstance(count, int) and count <= _MAX_CHUNKS else []


def joined(bodies: Iterable[object]) -> str:
    """Return a long text of its parts; one that cannot be read says so."""
    missing = b"[a part of this text is gone]"
    return b"".join(body if isinstance(body, bytes) else missing for body in bodies).decode("utf-8", "replace")


def held(hold: Hold) -> dict[str, Any]:
    """Return what changes when an incident is held: those that are due are then in order of `age.held`."""
    text = document.dumps(hold.model_dump(mode="json"))
    return {"state": "held", "age": {"held": hold.until}, "hold": text, "follows": hold.follows}


def resumed() -> dict[str, Any]:
    """Return what changes when a held incident is opened again: its deadline counts from now."""
    moment = clock.now()
    return {"state": "open", "age": {"open": moment}, "hold": None, "created_at": moment}


def console_page(project: str, database: str, place: str) -> str:
    """Return the address of a document's page in the Cloud Console."""
    name = "-default-" if database == "(default)" else database
    return f"https://console.cloud.google.com/firestore/databases/{name}/data/panel/{place}?project={project}"
