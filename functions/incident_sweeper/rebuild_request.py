"""Rebuild the post_process request of an incident from its trace."""

from typing import Any, Literal

from pydantic import ValidationError

from shared.channels import CHANNELS
from shared.contracts import Failure, PostProcessRequest
from shared.errors import Rejected
from shared.http.validation import sentence
from shared.step import steps
from shared.traces.port import Json, RunEntry, TraceDocument


def request_of(trace: TraceDocument, failure: Failure) -> PostProcessRequest:
    """
    Return the request; `failure` says why the sweeper sends it and not the workflow.

    An agent that never answered is a failure with its latest error. Unreadable answers are left out.
    Raises Rejected when even the alert cannot be read.
    """
    alert, runs = trace["user"]["input"], trace["traces"]
    failures = [*_failures(runs), failure.model_dump()][-50:]
    try:
        return PostProcessRequest.model_validate({"alert": alert, **_answers(runs), "failures": failures})
    except ValidationError as error:
        return _bare(trace, [*failures[-49:], _unreadable(error).model_dump()])


def late_mail_of(trace: TraceDocument, attempt: int) -> PostProcessRequest:
    """Return the request to mail a published incident's brief again. Raises Rejected when its trace is unreadable."""
    channels = {channel.name for channel in CHANNELS}
    published = (trace["outcome"] or {}).get("failures", [])
    failures = [failure for failure in published if failure["step"] not in channels]
    facts = {"alert": trace["user"]["input"], **_answers(trace["traces"]), "failures": failures}
    try:
        return PostProcessRequest.model_validate({**facts, "mail_attempt": attempt})
    except ValidationError as error:
        raise Rejected(f"Incident {trace['invocation_id']!r}: {_unreadable(error).message}") from error


def _bare(trace: TraceDocument, failures: list[Json]) -> PostProcessRequest:
    try:
        return PostProcessRequest.model_validate({"alert": trace["user"]["input"], "failures": failures})
    except ValidationError as error:
        raise Rejected(f"Incident {trace['invocation_id']!r}: {_unreadable(error).message}") from error


def _answers(runs: dict[str, list[RunEntry]]) -> dict[str, Any]:
    return {row.field: _latest(runs.get(row.agent, []), "agent_response") for row in steps.STEPS if row.field}


def _failures(runs: dict[str, list[RunEntry]]) -> list[Json]:
    """Return the latest error of each agent that never answered."""
    failures = []
    for agent, entries in runs.items():
        errors = _latest(entries, "errors")
        if errors and _latest(entries, "agent_response") is None:
            row, last = steps.BY_AGENT.get(agent), errors[-1]
            failures.append(
                {"step": row.name if row else agent, "error_type": last["category"], "message": last["message"]}
            )
    return failures


def _latest(entries: list[RunEntry], name: Literal["agent_response", "errors"]) -> Any:
    return next((entry[name] for entry in reversed(entries) if entry[name]), None)


def _unreadable(error: ValidationError) -> Failure:
    message = f"What the trace holds cannot be read: {sentence(error)}"
    return Failure(step="traces", error_type="Rejected", message=message)
