"""The interface of the trace store: incidents, agent runs, leases, large texts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import Field

from shared.bounds import Contract, Line, Name, Passage, Ref
from shared.contracts import AwareUtc
from shared.traces.entries import Count, TraceDocument
from shared.traces.entries import IncidentState as IncidentState
from shared.traces.entries import Json as Json
from shared.traces.pull_request_record import PullRequestRecord

HoldReason = Literal["update", "brake", "maintenance"]


@dataclass(frozen=True)
class ToolCall:
    """One external call by an agent's code or model; `result_ref` names the stored whole result."""

    tool_name: str
    args: Mapping[str, Any]
    start: datetime
    end: datetime
    result: str = ""
    """An excerpt, at most 2,000 characters."""
    result_ref: str | None = None
    error: str | None = None


class RunError(Contract):
    """An error of a run; `category` is the error's class name."""

    category: Name
    message: Passage
    at: AwareUtc


@dataclass(frozen=True)
class ModelCall:
    """One turn of a model that was billed, or may have been; without an answer the tokens are an estimate."""

    model: str
    tokens_in: int
    tokens_out: int
    cost_usd: float
    duration_ms: int
    finish: str
    """Gemini's finish reason, or the class of the error raised instead."""
    transcript_ref: str | None = None
    """Names the stored conversation as the model saw it: secrets redacted, names masked."""


@dataclass(frozen=True)
class Run:
    """One run of one agent: an entry of `traces.<agent_name>`."""

    agent: str
    run_start: datetime
    run_end: datetime
    agent_input: Json
    agent_response: Json | None
    tool_calls: tuple[ToolCall, ...] = ()
    errors: tuple[RunError, ...] = ()
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0
    model_calls: tuple[ModelCall, ...] = ()
    claims_dropped: tuple[str, ...] = ()
    """One sentence for each part of a model's answer that the evidence does not support."""


@dataclass(frozen=True)
class StoredAnswer:
    """The answer of one run of a step: of several runs of one name the first."""

    body: Json
    signature: str = ""


class Hold(Contract):
    """
    Why an incident waits, and until when; incident_sweeper decides then what becomes of it.

    Nothing that is held waits for a later alert, and each belongs to the message of the incident it follows.
    """

    reason: HoldReason
    until: AwareUtc
    since: AwareUtc = Field(description="When it was held first.")
    leads: bool = Field(False, description="This incident carries the one message about all that follow it.")
    follows: Ref | None = Field(None, description="The incident whose message it continues, or waits for.")
    name: Line = Field("", description="Which brake or maintenance window holds it.")


@dataclass(frozen=True)
class IncidentRecord:
    """An incident without its runs."""

    incident_id: str
    service_name: str
    state: IncidentState
    created_at: AwareUtc
    updated_at: AwareUtc
    alert: Json
    execution: str | None = None
    """Name of the workflow execution, once started."""
    merged_alerts: Count = 0
    outcome: Json | None = None
    expire_at: AwareUtc | None = None
    pull_request: PullRequestRecord | None = None
    hold: Hold | None = None
    """Why it is held, or was until it was closed."""
    follows: Ref | None = None
    """The incident with which it is published: what it was merged into, or the one that carries their message."""

    @property
    def nonce(self) -> str:
        """What callers of its steps must present; empty when an earlier release opened it."""
        return str(self.alert.get("nonce") or "")


@dataclass(frozen=True)
class ListPosition:
    """Where a list of incidents goes on: behind this one, which need not exist any more."""

    created_at: AwareUtc
    incident_id: str


@dataclass(frozen=True)
class IncidentPage:
    """Some incidents of a list; `following` is None at its end."""

    records: list[IncidentRecord]
    following: ListPosition | None


@dataclass(frozen=True)
class Lease:
    """Who holds a key, and until when."""

    key: str
    holder: str
    until: AwareUtc
    value: Json = field(default_factory=dict)


class TraceStore(Protocol):
    """
    Stores traces. Every method raises Unavailable when the store cannot be reached, Refused when it says no.

    Writers never race on one document: of several only one creates it, and runs are separate documents.
    """

    def open_incident(self, record: IncidentRecord) -> bool:
        """Create the incident; return False when it exists already."""
        ...

    def incident(self, incident_id: str) -> IncidentRecord | None:
        """Return the incident, or None when it does not exist."""
        ...

    def incidents(
        self, *, state: IncidentState | None = None, limit: int = 50, is_oldest_first: bool = False
    ) -> list[IncidentRecord]:
        """Return incidents, newest first unless `is_oldest_first`."""
        ...

    def incident_page(self, behind: ListPosition | None = None, limit: int = 50) -> IncidentPage:
        """Return incidents of every state, newest first, from one read of at most `limit` of them."""
        ...

    def held_incidents(self, due: datetime, limit: int = 50) -> list[IncidentRecord]:
        """Return the held incidents whose hold ends by `due`, the earliest first."""
        ...

    def changed_incidents(self, since: datetime, limit: int) -> list[IncidentRecord]:
        """Return incidents of every state that changed after `since`, the earliest change first."""
        ...

    def followers(self, incident_id: str, limit: int = 500) -> list[IncidentRecord]:
        """Return incidents that follow this one, in no order."""
        ...

    def follow(self, incident_id: str, leader: str) -> None:
        """Store which incident this one is published with."""
        ...

    def hold_incident(self, incident_id: str, hold: Hold) -> bool:
        """Hold an incident, or hold it until another time; return False when it is closed or absent."""
        ...

    def resume_incident(self, incident_id: str) -> bool:
        """Open a held incident again; return False when it is not held."""
        ...

    def set_execution(self, incident_id: str, execution: str) -> None:
        """Store the workflow execution that handles the incident."""
        ...

    def set_pull_request(self, incident_id: str, pull_request: PullRequestRecord) -> None:
        """Store the state of the incident's pull request in place of the earlier one."""
        ...

    def count_merged_alert(self, incident_id: str) -> None:
        """Add one to the alerts merged into the incident, atomically."""
        ...

    def close_incident(self, incident_id: str, outcome: Json) -> bool:
        """Write the final outcome; return False when there is one already, which then stays."""
        ...

    def leave_undelivered(self, incident_id: str, outcome: Json) -> bool:
        """Write the outcome of a brief that reached nobody yet; return False when the incident is closed or absent."""
        ...

    def amend_outcome(self, incident_id: str, outcome: Json) -> None:
        """Replace the outcome of a closed incident, for example after a late mail."""
        ...

    def record_run(self, incident_id: str, run: Run, signature: str = "") -> StoredAnswer | None:
        """Store one finished run; return the answer in force under its name: the first one, None when it has none."""
        ...

    def answers(self, incident_id: str) -> dict[str, StoredAnswer]:
        """Return the answers of an incident's steps, each by the name of its run."""
        ...

    def link(self, incident_id: str) -> str:
        """Return the address at which a person can read the trace, or an empty text."""
        ...

    def document(self, incident_id: str) -> TraceDocument | None:
        """Return the whole trace as one nested document, or None when there is no such incident."""
        ...

    def keep_text(self, incident_id: str, name: str, text: str) -> str:
        """Store a large text; return its reference. A text over the store's limit is truncated and says so."""
        ...

    def text(self, reference: str) -> str | None:
        """Return a stored text, or None."""
        ...

    def claim(self, key: str, holder: str, until: datetime, value: Json | None = None) -> Lease:
        """
        Take the key if it is free or its lease has expired; return the lease in force after the call.

        The caller holds the key when the returned `holder` is its own. Claiming it again extends the lease.
        """
        ...

    def lease(self, key: str) -> Lease | None:
        """Return the lease in force, or None when the key is free; nothing is taken."""
        ...

    def release(self, key: str, holder: str) -> None:
        """Release the key; nothing happens when another holder has it."""
        ...
