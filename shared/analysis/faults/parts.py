"""Which kind of fault the changed part of a service in its requests points to."""

from collections.abc import Sequence

from shared.analysis.faults import matching
from shared.analysis.faults.resources import measures_resource
from shared.analysis.requests.changes import ServiceChange
from shared.analysis.series.metric_anomalies import MIN_CHANGE
from shared.contracts import IncidentType


def fault_of(
    change: ServiceChange, moved: Sequence[str], text: str, *, is_late_on_the_way: bool = False
) -> IncidentType:
    """
    Return the type of fault of a service that others wait for.

    `moved` are its vital signs that left their range, `text` what it wrote when it failed. What it says itself counts
    most, then a resource that runs out. Where neither is and it goes on otherwise than before, its code does. Where it
    only became slower, in all of its steps or on the way alone, the platform under it did; so where nothing shows how
    it was before, and most of its time passes on the way.
    """
    if signals := matching.find(text, 1):
        return signals[0].rule.incident_type
    if any(measures_resource(name) or "restart" in name or name == "up" for name in moved):
        return "infrastructure_issue"
    slow = change.slowness
    if text or change.departure_nats > (slow.nats if slow else 0.0):
        return "code_issue"
    if slow is None:
        return "infrastructure_issue" if is_late_on_the_way else "unknown"
    is_slow_within = slow.within_growth is not None and slow.within_growth >= 1 + MIN_CHANGE
    return "infrastructure_issue" if slow.way_growth >= 1 + MIN_CHANGE or not is_slow_within else "unknown"
