"""
Finds closed incidents that need a delivery without reading them all: each sweep reads what changed since the last one.

What still needs a delivery is kept by its id in one document, and read again until it needs none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from shared.traces.port import IncidentRecord, TraceStore

MAX_CHANGED = 200
"""How many changed incidents one sweep reads, the earliest change first; the next sweep goes on from there."""
MAX_PENDING = 200
"""How many ids are kept, the latest changes first."""
KEY, HOLDER = "sweep:changed", "incident_sweeper"
"""Every sweep holds the document under one name: of two at once, what the earlier one noted is only read again."""
_MARGIN = timedelta(minutes=2)
"""A change is visible later than the time it carries: clocks differ, and a write takes a while."""
_TTL = timedelta(days=90)


class _Noted(BaseModel):
    """Up to when changes were read, and the ids that needed a delivery then."""

    since: AwareDatetime
    pending: list[str] = Field(default_factory=list, max_length=MAX_PENDING)


@dataclass(frozen=True)
class Reach:
    """How far back the first sweep reads, and how long after its last change an incident is watched."""

    first: timedelta
    watched: timedelta


def in_need(
    store: TraceStore, moment: datetime, reach: Reach, needs: Callable[[IncidentRecord], bool]
) -> list[IncidentRecord]:
    """Return closed incidents for which `needs` is true, the latest change first. Raises what the store raises."""
    before = _noted(store) or _Noted(since=moment - reach.first)
    changed = {record.incident_id: record for record in store.changed_incidents(before.since, MAX_CHANGED)}
    # Read anew each time: what they need may be done by another function.
    others = [store.incident(incident_id) for incident_id in before.pending if incident_id not in changed]
    watched = [record for record in others if record and moment - record.updated_at <= reach.watched]
    closed = [record for record in (*changed.values(), *watched) if record.state == "closed" and needs(record)]
    closed.sort(key=lambda record: record.updated_at, reverse=True)
    after = _Noted(
        since=_since(before, list(changed.values()), moment),
        pending=[record.incident_id for record in closed[:MAX_PENDING]],
    )
    if changed or set(after.pending) != set(before.pending):
        store.claim(KEY, HOLDER, moment + _TTL, after.model_dump(mode="json"))
    return closed


def _since(before: _Noted, changed: list[IncidentRecord], moment: datetime) -> datetime:
    if len(changed) >= MAX_CHANGED:
        return max(record.updated_at for record in changed)
    return max(before.since, moment - _MARGIN)


def _noted(store: TraceStore) -> _Noted | None:
    lease = store.lease(KEY)
    try:
        return _Noted.model_validate(lease.value) if lease else None
    except ValidationError:
        return None
