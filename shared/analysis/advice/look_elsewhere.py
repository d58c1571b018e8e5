"""What to do where the trouble begins in another service: what is done to the alert's own ends nothing."""

from shared.contracts import Incident


def look_elsewhere(service: str, incident: Incident) -> tuple[str, list[str]] | None:
    """Return the action and its steps, or None when no other service is suspected."""
    if not (suspect := incident.suspect_service):
        return None
    since = f" before {incident.onset:%H:%M:%S} UTC" if incident.onset else ""
    return (
        f"Look at {suspect} first: the trouble of {service} begins there.",
        [
            f"See what changed in {suspect}{since}: a deployment, its configuration, its load, what it calls.",
            f"Notify its owner; {service} itself needs no change for this.",
        ],
    )
