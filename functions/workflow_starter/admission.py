"""Decides what an alert becomes, from who has its service: the one place where that is decided. Pure."""

from datetime import datetime, timedelta
from typing import Literal

from shared.admission.service_window import published_at
from shared.traces.port import IncidentRecord, Lease

Standing = Literal["free", "open", "published"]
"""Of a service: nobody has it, an incident is under way or waits, or one was published a short while ago."""

Admission = Literal["start", "merge", "update", "wait", "repeat"]


def standing(
    leader: IncidentRecord | None, lease: Lease, moment: datetime, deadline: timedelta, window: timedelta
) -> Standing:
    """
    Return how the incident that holds a service stands.

    One past its deadline takes no alert: if it is never published, neither would they be.
    """
    if leader is None:
        return "free"
    if leader.state == "held":
        return "open"
    if leader.state != "closed":
        return "open" if moment - leader.created_at < deadline else "free"
    published = published_at(lease)
    return "published" if published is not None and moment - published < window else "free"


def admission(own: IncidentRecord, leads: bool, stands: Standing, moment: datetime) -> Admission:
    """
    Return what an alert that fires becomes; `own` is its incident as stored, `leads` whether it has the service.

    The first alert of a service is never held here. One whose hold has ended is started, unless another incident of the
    service is under way by now.
    """
    if own.state not in ("open", "held") or own.execution is not None:
        return "repeat"
    if own.state == "held" and own.hold is not None and own.hold.until > moment:
        return "wait"
    if leads:
        return "start"
    if stands == "open":
        return "merge"
    return "update" if stands == "published" else "start"


def takes_end(leader: IncidentRecord | None, lease: Lease) -> bool:
    """Return whether the end of an alert belongs to the incident that has the service."""
    if leader is None:
        return False
    return leader.state != "closed" or published_at(lease) is not None
