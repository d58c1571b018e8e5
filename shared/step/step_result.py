"""What a step answers the workflow: its decisions and a headline, at most 4 KB; the answer itself is in the trace."""

from pydantic import BaseModel

from shared import signatures
from shared.bounds import Contract
from shared.contracts import StepCall, StepResult
from shared.digest import digest
from shared.errors import IncidentCopilotError
from shared.step.headlines import headline
from shared.step.steps import StepRow
from shared.traces.port import Json, TraceStore

RESULT_BYTES = 4_096
DIGEST_BYTES = 3_500
"""Of an answer that could not be stored: with all of them at once an execution stays under 128 of its 512 KB."""

DECISIONS = (
    "sends_early",
    "needs_response",
    "looks_like_regression",
    "has_patch",
    "is_ready",
    "awaits_approval",
    "approve_within_s",
)
"""The fields of answers on which the workflow branches."""


def decisions(answer: type[BaseModel]) -> list[str]:
    """Return the names of what the workflow may branch on after a step that gives such answers."""
    fields = answer.model_fields.keys() | answer.model_computed_fields.keys()
    return [name for name in DECISIONS if name in fields]


def result_of(row: StepRow, call: StepCall, answer: Contract, store: TraceStore, is_stored: bool) -> StepResult:
    """Return the result; an answer that could not be stored goes with it, reduced to the most important of it."""
    incident_id, run = call.incident.incident_id, row.run_name(call.stage)
    result = StepResult(
        step=row.name,
        stage=call.stage,
        headline=headline(answer),
        trace=_link(store, incident_id),
        **{name: getattr(answer, name) for name in decisions(type(answer))},
    )
    result = digest(result, RESULT_BYTES)
    if is_stored:
        return result
    body = digest(answer, DIGEST_BYTES).model_dump(mode="json")
    return result.replace(
        digest=body, signature=signatures.sign(row.name, incident_id, signatures.digest_of(run), body)
    )


def as_json(row: StepRow, result: StepResult) -> Json:
    """Return the result as it is sent: fields that hold nothing are left out, but every decision is there."""
    always = {name: getattr(result, name) for name in decisions(row.answer)}
    return {**result.model_dump(mode="json", exclude_defaults=True), **always}


def _link(store: TraceStore, incident_id: str) -> str:
    try:
        return store.link(incident_id)
    except IncidentCopilotError:
        return ""
