"""A trace as JSON: the seed's nested document, and the types of its parts."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

# Not typing's: pydantic checks only this one before Python 3.12.
from typing_extensions import TypedDict

from shared import clock

Json = dict[str, Any]
IncidentState = Literal["open", "held", "undelivered", "closed"]
"""Undelivered: the brief is made, and no channel to people has taken it yet."""


def _stamp(text: str) -> str:
    clock.to_utc(datetime.fromisoformat(text))
    return text


Stamp = Annotated[str, AfterValidator(_stamp)]
"""A time as text: RFC 3339, with its zone."""
Count = Annotated[int, Field(ge=0, le=10**12)]
Dollars = Annotated[float, Field(ge=0, le=10**9, allow_inf_nan=False)]


class ErrorEntry(TypedDict):
    """An error of a run, as JSON."""

    category: str
    message: str
    at: Stamp


class ToolCallEntry(TypedDict):
    """One external call of a run, as JSON."""

    tool_name: str
    args: Json
    start: Stamp
    end: Stamp
    result: str
    result_ref: str | None
    error: str | None


class RunEntry(TypedDict):
    """One run of an agent, as JSON; times are RFC 3339 in UTC."""

    runStart: Stamp
    runEnd: Stamp
    agent_input: Json
    agent_response: Json | None
    tool_calls: list[ToolCallEntry]
    errors: list[ErrorEntry]
    model: str
    tokens_in: Count
    tokens_out: Count
    cost_usd: Dollars
    model_calls: list[Json]
    claims_dropped: list[str]


class TraceUser(TypedDict):
    """Who or what raised the alert, and the alert."""

    id: str
    input: Json


class TraceDocument(TypedDict):
    """The whole trace of one incident, as JSON; `traces` holds each agent's runs, oldest first."""

    invocation_id: str
    session_id: str
    service_name: str
    user: TraceUser
    traces: dict[str, list[RunEntry]]
    execution: str | None
    merged_alerts: int
    state: IncidentState
    outcome: Json | None
    pull_request: Json | None
    created_at: str
    updated_at: str
