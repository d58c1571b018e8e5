"""Which incidents of different services have one cause: the service that fails, or the suspect commit."""

from dataclasses import dataclass
from datetime import timedelta

from pydantic import Field

from shared import clock
from shared.admission.brakes import take
from shared.contracts import Alert, CodeAnalysis, Incident
from shared.settings import Settings
from shared.traces.port import TraceStore

CERTAIN = 0.5
"""The score from which a commit counts as the cause: the brief calls it suspect from here on."""


class CauseSettings(Settings):
    """How many services that fail by one cause get a brief each."""

    cause_max_briefs: int = Field(
        5, ge=1, le=100, description="Briefs of one cause within MERGE_WINDOW_SECONDS; further services join the first."
    )


@dataclass(frozen=True)
class SameCause:
    """The incident that has the cause since before; `is_folded`: enough briefs say so, this one joins its update."""

    leader: str
    cause: str
    is_folded: bool


def causes_of(alert: Alert, incident: Incident | None, code: CodeAnalysis | None) -> tuple[str, ...]:
    """Return the causes that the evidence names, the surest first; none where nobody can tell. Pure."""
    if incident is None or incident.verdict != "incident":
        return ()
    failing = alert.service_name if incident.own_part is not None else incident.suspect_service
    suspects = [commit for commit in code.suspect_commits if commit.score >= CERTAIN] if code else []
    commits = [f"commit:{code.repo}@{commit.sha}" for commit in suspects[:1] if code and code.repo]
    return (*([f"service:{failing}"] if failing else []), *commits)


def same_cause(
    store: TraceStore, incident_id: str, service_name: str, causes: tuple[str, ...], window: timedelta
) -> SameCause | None:
    """
    Return which incident of another service has one of these causes already; None when this is the first.

    Raises what the store raises.
    """
    for cause in causes:
        until = clock.now() + window
        lease = store.claim(f"cause:{cause}", incident_id, until, {"service": service_name})
        has_place = take(store, f"cause:{cause}", CauseSettings.from_env().cause_max_briefs, incident_id, window)
        if lease.holder == incident_id or lease.value.get("service") == service_name:
            continue
        return SameCause(lease.holder, cause, is_folded=has_place is None)
    return None
