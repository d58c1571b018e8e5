"""The calls by which the sweeper has an incident published; post_process reads the incident's trace itself."""

from typing import Any, Literal

from pydantic import ValidationError

from shared.channels import CHANNELS
from shared.contracts import Failure, SignedAlert, StepCall, StepResult
from shared.errors import Rejected
from shared.http.validation import sentence
from shared.step import steps
from shared.traces.port import IncidentRecord, RunEntry, TraceDocument

MAX_FAILURES = 20


def call_of(record: IncidentRecord, trace: TraceDocument, failure: Failure) -> StepCall:
    """
    Return the call that publishes an incident; `failure` says why the sweeper makes it and not the workflow.

    An agent that never answered is a failure with its latest error. Raises Rejected when the alert cannot be read.
    """
    return _call(record, "", [*_failures(trace["traces"])[-MAX_FAILURES:], failure])


def late_mail_of(record: IncidentRecord, attempt: int) -> StepCall:
    """Return the call that mails a published incident's brief again. Raises Rejected when its alert is unreadable."""
    channels = {channel.name for channel in CHANNELS}
    published = [Failure.model_validate(failure) for failure in (record.outcome or {}).get("failures", [])]
    return _call(record, f"mail-{attempt}", [each for each in published if each.step not in channels][-MAX_FAILURES:])


def _call(record: IncidentRecord, stage: str, failures: list[Failure]) -> StepCall:
    results = [StepResult(step=failure.step, failure=failure) for failure in failures]
    try:
        # Unsigned: post_process believes it only when it can read the trace, as the sweeper could.
        return StepCall(incident=SignedAlert.model_validate(record.alert), stage=stage, results=results)
    except ValidationError as error:
        raise Rejected(f"Incident {record.incident_id!r}: its alert cannot be read: {sentence(error)}") from error


def _failures(runs: dict[str, list[RunEntry]]) -> list[Failure]:
    """Return the latest error of each agent that never answered."""
    failures = []
    for agent, entries in runs.items():
        errors = _latest(entries, "errors")
        if errors and _latest(entries, "agent_response") is None:
            row, last = steps.of_run(agent), errors[-1]
            step = row.name if row else agent
            failures.append(Failure(step=step, error_type=last["category"], message=last["message"]))
    return failures


def _latest(entries: list[RunEntry], name: Literal["agent_response", "errors"]) -> Any:
    return next((entry[name] for entry in reversed(entries) if entry[name]), None)
