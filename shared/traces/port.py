"""What the house needs to remember: incidents, agent runs, leases, large texts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

Json = dict[str, Any]
IncidentState = Literal["open", "closed"]


@dataclass(frozen=True)
class ToolCall:
    """One call an agent's code or model made to the outside; `result_ref` names the stored whole result."""

    tool_name: str
    args: Mapping[str, Any]
    start: datetime
    end: datetime
    result: str = ""
    """An excerpt, at most 2,000 characters."""
    result_ref: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class RunError:
    """An error of a run; `category` is the error's class name."""

    category: str
    message: str
    at: datetime


@dataclass(frozen=True)
class ModelCall:
    """One turn of a model that was billed, or may have been; tokens are an estimate when no answer came."""

    model: str
    tokens_in: int
    tokens_out: int
    cost_usd: float
    duration_ms: int
    finish: str
    """Gemini's finish reason, or the class of the error that took its place."""
    transcript_ref: str | None = None
    """Names the stored text of what was said, as the model saw it: secrets cut, names masked."""


@dataclass(frozen=True)
class Run:
    """One run of one agent: the seed's entry of `traces.<agent_name>`."""

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
    """A sentence for each thing of a model's answer that did not stand up to the evidence."""


@dataclass(frozen=True)
class IncidentRecord:
    """What is known of an incident without its runs."""

    incident_id: str
    service_name: str
    state: IncidentState
    created_at: datetime
    updated_at: datetime
    alert: Json
    execution: str | None = None
    """Name of the workflow execution, once started."""
    merged_alerts: int = 0
    outcome: Json | None = None
    expire_at: datetime | None = None
    pull_request: Json | None = None
    """What became of its pull request, as far as known: `state`, `number`, `url` and more."""


@dataclass(frozen=True)
class Lease:
    """Who holds a key, and until when."""

    key: str
    holder: str
    until: datetime
    value: Json = field(default_factory=dict)


class TraceStore(Protocol):
    """
    Remembers. Every method raises Unavailable when the store cannot be reached, Refused when it says no.

    Writers never race on one document: creation has one winner, runs are separate documents.
    """

    def open_incident(self, record: IncidentRecord) -> bool:
        """Create the incident; false when it exists already."""
        ...

    def incident(self, incident_id: str) -> IncidentRecord | None:
        """Return the incident, none when there is none."""
        ...

    def incidents(
        self, *, state: IncidentState | None = None, limit: int = 50, is_oldest_first: bool = False
    ) -> list[IncidentRecord]:
        """Return incidents, newest first unless told otherwise."""
        ...

    def set_execution(self, incident_id: str, execution: str) -> None:
        """Remember the workflow execution that answers the incident."""
        ...

    def set_pull_request(self, incident_id: str, facts: Json) -> None:
        """Remember what became of the incident's pull request, in place of what was known before."""
        ...

    def count_merged_alert(self, incident_id: str) -> None:
        """Add one to the alerts merged into the incident, atomically."""
        ...

    def close_incident(self, incident_id: str, outcome: Json) -> bool:
        """Write the terminal outcome; false when one was told already, which then stands."""
        ...

    def amend_outcome(self, incident_id: str, outcome: Json) -> None:
        """Replace the outcome of a closed incident, once more of it has come true."""
        ...

    def record_run(self, incident_id: str, run: Run) -> None:
        """Keep one finished run."""
        ...

    def answer(self, incident_id: str, agent: str) -> Json | None:
        """Return the answer of the agent's latest run that has one, none when it never finished."""
        ...

    def document(self, incident_id: str) -> Json | None:
        """
        Return the whole trace in the seed's shape.

        {invocation_id, session_id, user: {input}, traces: {agent: [{runStart, runEnd, agent_input, agent_response,
        tool_calls, errors, model, tokens_in, tokens_out, cost_usd}]}, state, outcome, created_at, updated_at}
        """
        ...

    def keep_text(self, incident_id: str, name: str, text: str) -> str:
        """Keep a large text; return its reference. Texts over the store's limit are cut and say so."""
        ...

    def text(self, reference: str) -> str | None:
        """Return a kept text."""
        ...

    def claim(self, key: str, holder: str, until: datetime, value: Json | None = None) -> Lease:
        """
        Take the key if nobody holds it or its lease has run out; return the lease that stands after the call.

        The caller holds it when the returned `holder` is its own. Claiming one's own key again extends it.
        """
        ...

    def release(self, key: str, holder: str) -> None:
        """Give the key up; nothing happens when another holds it."""
        ...
