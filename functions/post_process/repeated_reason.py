"""That nobody can tell, and why, is said once per service and reason: thirty alerts of one mistake are one brief."""

import hashlib
import re
from datetime import timedelta

from pydantic import Field, ValidationError

from shared import clock
from shared.contracts import Outcome, PostProcessRequest
from shared.settings import Settings
from shared.traces.port import TraceStore


class RepeatSettings(Settings):
    """How long a reason counts as said, in seconds."""

    cannot_tell_repeat_seconds: int = Field(
        21_600,
        ge=0,
        le=604_800,
        description="Seconds for which one brief says of a service why nobody can tell; 0: each time.",
    )


def same_as(request: PostProcessRequest, store: TraceStore) -> str | None:
    """
    Return the incident whose brief said already, for the same service and reason, that nobody can tell; else None.

    Raises what the store raises.
    """
    incident = request.incident
    seconds = RepeatSettings.from_env().cannot_tell_repeat_seconds
    if incident is None or incident.verdict != "cannot_tell" or not seconds:
        return None
    # Numbers and times differ each time; the reason does not.
    reason = re.sub(r"\d+", "", " ".join(sorted(incident.missing)))
    digest = hashlib.sha256(f"{request.alert.service_name}\n{incident.severity}\n{reason}".encode()).hexdigest()[:32]
    until = clock.now() + timedelta(seconds=seconds)
    lease = store.claim(f"cannot_tell:{digest}", request.incident_id, until)
    return None if lease.holder == request.incident_id or not _was_read(lease.holder, store) else lease.holder


def _was_read(incident_id: str, store: TraceStore) -> bool:
    """Return whether the brief of an incident reached somebody: else saying it once more is no repetition."""
    record = store.incident(incident_id)
    try:
        return bool(record and record.outcome and Outcome.model_validate(record.outcome).delivered_by)
    except ValidationError:
        return False
