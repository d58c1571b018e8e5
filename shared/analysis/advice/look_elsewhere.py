"""What to do where the trouble begins in another service: what is done to the alert's own ends nothing."""

from shared.analysis.advice.values import name
from shared.contracts import Incident, OtherService


def look_elsewhere(service: str, incident: Incident) -> tuple[str, list[str]] | None:
    """Return the action and its steps, or None when no other service is suspected; `service` is how to call its own."""
    if not incident.suspect_service:
        return None
    suspect = name(incident.suspect_service, "the other service")
    if incident.verdict == "cannot_tell" or _suspect(incident).basis in ("time", "perhaps_changed"):
        return (
            f"Look whether {suspect} is where the trouble of {service} begins: that is likely, not certain.",
            [f"See what changed in {suspect}: a deployment, its configuration, its load, what it calls."],
        )
    since = f" before {incident.onset:%H:%M:%S} UTC" if incident.onset else ""
    return (
        f"Look at {suspect} first: the trouble of {service} begins there.",
        [
            f"See what changed in {suspect}{since}: a deployment, its configuration, its load, what it calls.",
            f"Notify its owner; {service} itself needs no change for this.",
        ],
    )


def _suspect(incident: Incident) -> OtherService:
    return next(one for one in incident.other_services if one.service_name == incident.suspect_service)
