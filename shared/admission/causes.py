"""Which incidents of different services have one cause: the service that fails, the suspect commit, the requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

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
class Cause:
    """What several services may fail by."""

    kind: Literal["service", "commit", "request"]
    name: str

    @property
    def folds(self) -> bool:
        """Whether further services join the first one's update; ids of requests are written by who sends them."""
        return self.kind != "request"

    @property
    def key(self) -> str:
        """The name of its lease."""
        return f"cause:{self.kind}:{self.name}"

    @property
    def words(self) -> str:
        """What it is that both have in common."""
        match self.kind:
            case "service":
                return f"the trouble of both begins at {self.name}"
            case "commit":
                return f"{self.name.partition('@')[2][:10]} is the suspect commit of both"
        return "both wrote errors in the same requests"


@dataclass(frozen=True)
class SameCause:
    """The incident that has the cause since before; `is_folded`: enough briefs say so, this one joins its update."""

    leader: str
    service_name: str
    cause: Cause
    is_folded: bool


def causes_of(alert: Alert, incident: Incident | None, code: CodeAnalysis | None) -> tuple[Cause, ...]:
    """Return the causes that the evidence names, the surest first; none where nobody can tell. Pure."""
    if incident is None or incident.verdict != "incident":
        return ()
    failing = alert.service_name if incident.own_part is not None else incident.suspect_service
    suspects = [commit for commit in code.suspect_commits if commit.score >= CERTAIN] if code else []
    commits = [Cause("commit", f"{code.repo}@{commit.sha}") for commit in suspects[:1] if code and code.repo]
    requests = [Cause("request", digest) for digest in incident.failed_requests]
    return (*([Cause("service", failing)] if failing else []), *commits, *requests)


def same_cause(
    store: TraceStore, incident_id: str, service_name: str, causes: Sequence[Cause], window: timedelta
) -> SameCause | None:
    """
    Return which incident of another service has one of these causes already; None when this is the first.

    Raises what the store raises.
    """
    most = CauseSettings.from_env().cause_max_briefs
    for cause in causes:
        lease = store.claim(cause.key, incident_id, clock.now() + window, {"service": service_name})
        has_place = not cause.folds or take(store, cause.key, most, incident_id, window) is not None
        other = str(lease.value.get("service") or "")
        if lease.holder != incident_id and other != service_name:
            return SameCause(lease.holder, other, cause, is_folded=not has_place)
    return None
