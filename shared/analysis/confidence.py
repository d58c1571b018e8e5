"""How sure any claim about an incident may be: capped by the evidence that could be read, whoever makes the claim."""

from collections.abc import Collection

from shared.contracts import Incident, RootCauses

NO_LOGS_CAP, NO_ONSET_CAP, DEGRADED_CAP, CAP = 0.4, 0.55, 0.65, 0.95
"""Without logs, without an onset, with part of the telemetry, with all of it."""
CONTRADICTED_CAP = 0.4
"""Where log text alone shows a failure, which a user of the service may have written, and a metric does not show it."""
HIGH, MEDIUM = 0.75, 0.45
"""From which a confidence is called so."""
DOUBTFUL_CAP = 0.25
"""Of what rests on a stack trace that stands where a user's text would."""
OFFLINE_CAP = 0.9
"""Templates do not read the code, so none is more certain than this."""
UNQUOTED_CAP = 0.5
"""A claim that cites evidence but does not quote it."""
UNRANKED_CAP = 0.35
"""What rests on evidence from which no rule follows anything: as much as a server error that nothing explains."""


def cap(incident: Incident, best: float = CAP, cited: Collection[str] = ()) -> float:
    """Return the highest confidence of a claim about the incident that cites this evidence, at most `best`."""
    if incident.lines_read == 0:
        return min(NO_LOGS_CAP, best)
    if not incident.doubtful_ids.isdisjoint(cited):
        return min(DOUBTFUL_CAP, best)
    if incident.onset is None:
        return min(NO_ONSET_CAP, best)
    caps = [best, CAP]
    if incident.degraded:
        caps.append(DEGRADED_CAP)
    # A metric that moves with load confirms what is said of it, and no line.
    is_measured = bool(incident.confirmations) and any(id_.startswith("M") for id_ in cited)
    if not incident.failure_signals and not is_measured and incident.contradiction:
        caps.append(CONTRADICTED_CAP)
    return min(caps)


def word(share: float, is_confirmed: bool = True) -> str:
    """
    Return what a confidence is called: high only where more than log text shows the failure.

    The number is how often such answers are right; nobody has counted how often a log is forged.
    """
    if share >= HIGH and is_confirmed:
        return "high"
    return "medium" if share >= MEDIUM else "low"


def of_evidence(offline: RootCauses, cited: Collection[str]) -> float:
    """
    Return how sure a claim may be by the evidence it rests on: as sure as what the rules conclude from it.

    The rules are measured on recorded incidents; what a model thinks of itself is not.
    """
    concluded = [cause.confidence for cause in offline.root_causes if not set(cited).isdisjoint(cause.evidence_ids)]
    return max(concluded, default=UNRANKED_CAP)
