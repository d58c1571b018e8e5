"""
Which incident has a service, and which held alert carries the next message about it. All of it are leases:

    service:{service}     the incident that takes the alerts of the service: while it is open, and after its brief
    update:{incident}     the held alert that carries the next update of a published incident
    list:{reason}:{name}  the incident that carries the list of what a brake or a maintenance window holds

A lease that another incident holds is only read, so that alerts of one service do not contend.
"""

from datetime import datetime, timedelta

from shared import clock
from shared.admission.settings import CoalescingSettings
from shared.contracts import Outcome, OutcomeKind
from shared.traces.port import HoldReason, Lease, TraceStore

RESOLVABLE = timedelta(days=1)
"""For so long after its brief the end of an alert is sent in the same thread."""

_TAKES_ALERTS: tuple[OutcomeKind, ...] = ("full", "degraded", "dismissed", "merged")
_PUBLISHED_AT = "published_at"


def service_key(service_name: str) -> str:
    """Return the key of the lease that says which incident has the service."""
    return f"service:{service_name}"


def update_key(incident_id: str) -> str:
    """Return the key of the lease that says which held alert carries the next update of an incident."""
    return f"update:{incident_id}"


def list_key(reason: HoldReason, name: str) -> str:
    """Return the key of the lease that says which incident carries the list of what a brake or a window holds."""
    return f"list:{reason}:{name}"


def note_published(store: TraceStore, service_name: str, incident_id: str, outcome: Outcome) -> None:
    """
    Let a published incident take further alerts of its service; one that reached nobody gives the service back.

    Raises what the store raises.
    """
    key, moment = service_key(service_name), clock.now()
    is_unheard = "failed" in outcome.channel_statuses.values() and not outcome.delivered_by
    if outcome.kind not in _TAKES_ALERTS or is_unheard or not CoalescingSettings.from_env().merge_window_seconds:
        store.release(key, incident_id)
        return
    store.claim(key, incident_id, moment + RESOLVABLE, {_PUBLISHED_AT: moment.isoformat()})


def published_at(lease: Lease) -> datetime | None:
    """Return when the incident that holds the service was published, or None while it was not."""
    try:
        return clock.to_utc(datetime.fromisoformat(str(lease.value.get(_PUBLISHED_AT))))
    except ValueError:
        return None
