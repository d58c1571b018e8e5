"""How sure any claim about an incident may be: capped by the evidence that could be read, whoever makes the claim."""

from shared.contracts import Incident

NO_LOGS_CAP, NO_ONSET_CAP, DEGRADED_CAP, CAP = 0.4, 0.55, 0.65, 0.95
"""Without logs, without an onset, with part of the telemetry, with all of it."""
OFFLINE_CAP = 0.75
"""Templates do not read the code, so none is more certain than this."""
UNQUOTED_CAP = 0.5
"""A claim that cites evidence but does not quote it."""


def cap(incident: Incident, best: float = CAP) -> float:
    """Return the highest confidence of a claim about the incident, at most `best`."""
    if incident.lines_read == 0:
        return min(NO_LOGS_CAP, best)
    if incident.onset is None:
        return min(NO_ONSET_CAP, best)
    return min(DEGRADED_CAP if incident.degraded else CAP, best)
