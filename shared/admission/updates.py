"""Lets an alert belong to the next update of a published incident: one of them carries it, the others are closed."""

from datetime import timedelta

from shared import clock
from shared.admission.service_window import update_key
from shared.contracts import Outcome
from shared.errors import Unavailable
from shared.traces.port import Hold, TraceStore

CARRIER = timedelta(days=1)
"""For how long an incident may carry the message about others before another one does."""
ATTEMPTS = 8


def join_update(store: TraceStore, incident_id: str, leader: str, closed: Outcome, hold: timedelta) -> str:
    """
    Let an incident, which is open, belong to the next update of `leader`; return `held` or the kind of `closed`.

    It is closed only while the carrier is certain to read it: the carrier gives its lease back before it reads. Raises
    Unavailable when carriers change too fast, and what the store raises.
    """
    key = update_key(leader)
    for _ in range(ATTEMPTS):
        carrier = store.claim(key, incident_id, clock.now() + CARRIER).holder
        if carrier == incident_id:
            moment = clock.now()
            held = Hold(reason="update", since=moment, until=moment + hold, leads=True, follows=leader)
            store.hold_incident(incident_id, held)
            return "held"
        if is_closed(store, carrier):
            store.release(key, carrier)
            continue
        store.follow(incident_id, carrier)
        if carries(store, key, carrier):
            if store.close_incident(incident_id, closed.model_dump(mode="json")):
                store.count_merged_alert(carrier)
            return closed.kind
    raise Unavailable(f"The update of {leader!r} changed its carrier {ATTEMPTS} times")


def carries(store: TraceStore, key: str, incident_id: str) -> bool:
    """Return whether an incident still carries the message of a key."""
    lease = store.lease(key)
    return lease is not None and lease.holder == incident_id


def is_closed(store: TraceStore, incident_id: str) -> bool:
    """Return whether an incident carries nothing any more."""
    record = store.incident(incident_id)
    return record is None or record.state == "closed"
