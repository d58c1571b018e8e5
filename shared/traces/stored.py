"""
Read back what a store holds, checked: every function's account may write there, so what is read may be of any shape.

What cannot be read is left out and is in the log: one bad entry must not hide the incident it belongs to.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from shared import json_text, log
from shared.http.validation import places
from shared.traces.entries import RunEntry
from shared.traces.port import Hold, IncidentPage, IncidentRecord, Json, Lease, ListPosition, StoredAnswer
from shared.traces.pull_request_record import PullRequestRecord

_RECORD = TypeAdapter(IncidentRecord)
_ENTRY = TypeAdapter(RunEntry)
_LEASE = TypeAdapter(Lease)
_PULL_REQUEST = TypeAdapter(PullRequestRecord)
_HOLD = TypeAdapter(Hold)
_POSITION = TypeAdapter(ListPosition)

_PAYLOADS = ("alert", "outcome", "pull_request", "hold")
"""Fields of an incident that are JSON texts; each can be unreadable alone."""
_LATER_FIELDS: Json = {"cost_usd": 0.0, "model_calls": [], "claims_dropped": []}
"""Fields of a run that earlier releases did not write."""


def incident_record(fields: Mapping[str, Any]) -> IncidentRecord | None:
    """
    Return the incident of a store's fields, whose payloads are JSON texts; None when it cannot be read.

    An alert or an outcome that cannot be read alone is empty, a pull request or a hold is None.
    """
    incident_id = str(fields.get("incident_id"))
    payloads = {name: _payload(fields.get(name), name, incident_id) for name in _PAYLOADS}
    payloads["alert"] = payloads["alert"] or {}
    payloads["pull_request"] = _valid(_PULL_REQUEST, payloads["pull_request"], "pull_request", incident_id)
    payloads["hold"] = _valid(_HOLD, payloads["hold"], "hold", incident_id)
    record: IncidentRecord | None = _valid(_RECORD, {**fields, **payloads}, "incident", incident_id)
    return record


def incident_page(rows: Sequence[Mapping[str, Any]], limit: int) -> IncidentPage:
    """Return a page of the fields of at most `limit` incidents; one that cannot be read does not end the list."""
    records = [record for row in rows if (record := incident_record(row)) is not None]
    following = None if len(rows) < limit else _valid(_POSITION, dict(rows[-1]), "position", "the list of incidents")
    return IncidentPage(records, following)


def run_entry(text: str, incident_id: str) -> RunEntry | None:
    """Return a run of its JSON text, or None when it cannot be read."""
    body = _payload(text, "entry", incident_id)
    entry: RunEntry | None = _valid(_ENTRY, body and {**_LATER_FIELDS, **body}, "entry", incident_id)
    return entry


def answer(text: str, signature: object, incident_id: str) -> StoredAnswer | None:
    """Return the answer of a run from its JSON text, or None when it cannot be read."""
    body = _payload(text, "answer", incident_id)
    return StoredAnswer(body, str(signature or "")) if body else None


def lease(fields: Mapping[str, Any]) -> Lease | None:
    """Return a lease, whose value is a JSON text; None when it cannot be read, which is as good as free."""
    key = str(fields.get("key"))
    held: Lease | None = _valid(
        _LEASE, {**fields, "value": _payload(fields.get("value"), "value", key) or {}}, "lease", key
    )
    return held


def _payload(text: object, part: str, owner: str) -> Json | None:
    """Return the object of a JSON text; None for no text, an empty object for one that is not such a text."""
    if text is None:
        return None
    try:
        body = json_text.parsed(text, _refuse) if isinstance(text, str) else text
        if isinstance(body, dict):
            return body
        problem = f"It is a {type(body).__name__}, not an object"
    except ValueError as error:
        problem = str(error)
    log.critical("traces.unreadable", part=part, owner=owner, error=problem)
    return {}


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _valid(adapter: TypeAdapter[Any], value: Any, part: str, owner: str) -> Any:
    """Return the value as its type; None for nothing, and for what is not of that type."""
    if not value:
        return None
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        log.critical("traces.unreadable", part=part, owner=owner, error=places(error))
        return None
