"""What every store shares: the nested trace document, ids that any store accepts, texts within the size limit."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from shared import clock
from shared.redaction import redact, redact_json
from shared.traces.entries import ErrorEntry, RunEntry, ToolCallEntry, TraceDocument
from shared.traces.port import IncidentRecord, Json, Run, RunError, StoredAnswer, ToolCall
from shared.traces.pull_request_record import PullRequestRecord

TEXT_LIMIT = 4_000_000
"""Characters of one stored text."""

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}")


def nested(record: IncidentRecord, runs: Iterable[tuple[str, RunEntry]]) -> TraceDocument:
    """Return the nested document from an incident and its (agent, run entry) pairs, oldest first."""
    traces: dict[str, list[RunEntry]] = {}
    updated_at = record.updated_at
    for agent, entry in runs:
        traces.setdefault(agent, []).append(entry)
        updated_at = max(updated_at, datetime.fromisoformat(entry["runEnd"]))
    return {
        "invocation_id": record.incident_id,
        "session_id": record.incident_id,
        "service_name": record.service_name,
        "user": {
            "id": record.alert.get("user_id", ""),
            "input": {name: value for name, value in record.alert.items() if name not in ("nonce", "signature")},
        },
        "traces": traces,
        "execution": record.execution,
        "merged_alerts": record.merged_alerts,
        "state": record.state,
        "outcome": record.outcome,
        "pull_request": None if record.pull_request is None else pull_request_json(record.pull_request),
        "created_at": stamp(record.created_at),
        "updated_at": stamp(updated_at),
    }


def answers_of(trace: TraceDocument) -> dict[str, StoredAnswer]:
    """Return the latest answer of each run name, as incidents of an earlier release hold them: unsigned."""
    latest = {
        agent: next((run["agent_response"] for run in reversed(runs) if run["agent_response"] is not None), None)
        for agent, runs in trace["traces"].items()
    }
    return {agent: StoredAnswer(body) for agent, body in latest.items() if body is not None}


def pull_request_json(record: PullRequestRecord) -> Json:
    """Return the record as JSON, its texts without secrets, and without the fields that hold nothing."""
    texts = {"title": redact(record.title), "body": redact(record.body), "reason": redact(record.reason)}
    return record.replace(**texts).model_dump(mode="json", exclude_defaults=True)


def outcome_text(outcome: Json) -> str:
    """Return an outcome as JSON text, without secrets."""
    return dumps(redact_json(outcome))


def run_entry(run: Run) -> RunEntry:
    """Return one run as its entry of `traces.<agent>`."""
    return {
        "runStart": stamp(run.run_start),
        "runEnd": stamp(run.run_end),
        "agent_input": run.agent_input,
        "agent_response": run.agent_response,
        "tool_calls": [_tool_call_entry(call) for call in run.tool_calls],
        "errors": [_error_entry(error) for error in run.errors],
        "model": run.model,
        "tokens_in": run.tokens_in,
        "tokens_out": run.tokens_out,
        "cost_usd": run.cost_usd,
        "model_calls": [asdict(call) for call in run.model_calls],
        "claims_dropped": [redact(claim) for claim in run.claims_dropped],
    }


def run_id(run: Run) -> str:
    """Return an id that sorts by time and is the same when the same run is recorded again."""
    moment = clock.to_utc(run.run_start).strftime("%Y%m%dT%H%M%S%fZ")
    return f"{moment}-{_digest(dumps(run_entry(run)))}"


def text_reference(incident_id: str, name: str, text: str) -> str:
    """Return a reference that is the same for the same text, and safe as a document id."""
    return f"{document_id(incident_id)[:100]}-{re.sub(r'[^A-Za-z0-9]+', '-', name)[:60]}-{_digest(text)}"


def document_id(name: str) -> str:
    """Return `name` when every store accepts it as an id, else a readable part of it with its hash."""
    if _SAFE_ID.fullmatch(name):
        return name
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-')[:60] or 'x'}-{_digest(name)}"


def storable_text(text: str) -> str:
    """
    Return `text` without secrets, as storable UTF-8, at most TEXT_LIMIT characters and a line that says how much is
    missing.
    """
    clean = redact(text).encode("utf-8", "replace").decode("utf-8")
    if len(clean) <= TEXT_LIMIT:
        return clean
    return f"{clean[:TEXT_LIMIT]}\n[cut: the first {TEXT_LIMIT} of {len(clean)} characters are kept]"


def expiry(ttl_days: int) -> datetime:
    """Return when something stored now may be deleted."""
    return clock.now() + timedelta(days=ttl_days)


def stamp(moment: datetime) -> str:
    """Return a UTC time as text of fixed width, so that texts sort as times do."""
    return clock.to_utc(moment).isoformat(timespec="microseconds")


def dumps(value: Any) -> str:
    """Return JSON text; what JSON cannot hold is written as its `str`, lone surrogates stay escaped."""
    return json.dumps(value, default=str, separators=(",", ":"))


def _tool_call_entry(call: ToolCall) -> ToolCallEntry:
    return {
        "tool_name": call.tool_name,
        "args": _without_secrets(call.args),
        "start": stamp(call.start),
        "end": stamp(call.end),
        "result": redact(call.result),
        "result_ref": call.result_ref,
        "error": None if call.error is None else redact(call.error),
    }


def _without_secrets(args: Mapping[str, Any]) -> Json:
    """Return the arguments redacted, those named like a secret whole."""
    clean = redact_json(dict(args))
    assert isinstance(clean, dict)
    return clean


def _error_entry(error: RunError) -> ErrorEntry:
    return {"category": error.category, "message": redact(error.message), "at": stamp(error.at)}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
