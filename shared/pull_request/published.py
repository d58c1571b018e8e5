"""Whether an incident's brief is out: after that no step writes code of which the brief says nothing."""

from shared.channels import CHANNELS, Channel
from shared.errors import Refused
from shared.traces.port import TraceStore


def check_unpublished(store: TraceStore, incident_id: str, *, is_approved: bool) -> None:
    """
    Return while the brief is still to be made, or a person approved the change; called right before each write.

    A step that was slow may come to its write long after the workflow gave it up. Raises Refused, also while a channel
    is being sent to, and what the store raises.
    """
    if is_approved:
        return
    record = store.incident(incident_id)
    if (record is not None and record.state != "open") or any(_is_sent(store, each, incident_id) for each in CHANNELS):
        raise Refused(message(incident_id))


def _is_sent(store: TraceStore, channel: Channel, incident_id: str) -> bool:
    return store.lease(f"{channel.name}:{incident_id}") is not None


def message(incident_id: str) -> str:
    """Return why nothing is written any more."""
    return f"The brief of {incident_id!r} is made already, so nothing is written that it does not name"
