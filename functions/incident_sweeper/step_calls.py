"""The calls by which the sweeper has an incident published; post_process reads the incident's trace itself."""

from typing import Any, Literal

from pydantic import ValidationError

from shared import log
from shared.channels import CHANNELS
from shared.contracts import Failure, Outcome, SignedAlert, StepCall, StepResult
from shared.http.validation import places
from shared.step import steps
from shared.step.trusted_alert import alert_without_links
from shared.traces.entries import RunEntry, TraceDocument
from shared.traces.port import IncidentRecord

MAX_FAILURES = 20


def call_of(record: IncidentRecord, trace: TraceDocument, failure: Failure) -> StepCall:
    """
    Return the call that publishes an incident; `failure` says why the sweeper makes it and not the workflow.

    An agent that never answered is a failure with its latest error.
    """
    return _call(record, "", [*_failures(trace["traces"])[-MAX_FAILURES:], failure])


def late_delivery_of(record: IncidentRecord, outcome: Outcome, attempt: int) -> StepCall:
    """Return the call that delivers a brief again by the channels that did not deliver it."""
    channels = {"delivery", "on_call", *(channel.name for channel in CHANNELS)}
    published = [each for each in outcome.failures if each.step not in channels][-MAX_FAILURES:]
    return _call(record, f"{steps.MAIL_AGAIN}{attempt}", published)


def update_of(record: IncidentRecord, attempt: int) -> StepCall:
    """Return the call that sends what became known after the brief."""
    return _call(record, f"{steps.UPDATE}{attempt}", [])


def held_call_of(record: IncidentRecord) -> StepCall:
    """Return the call that publishes the message that a held incident carries."""
    return _call(record, steps.HELD, [])


def _call(record: IncidentRecord, stage: str, failures: list[Failure]) -> StepCall:
    results = [StepResult(step=failure.step, failure=failure) for failure in failures]
    try:
        alert = SignedAlert.model_validate(record.alert)
    except ValidationError as error:
        log.critical("sweeper.alert_unreadable", incident_id=record.incident_id, error=places(error))
        alert = SignedAlert(**dict(alert_without_links(record)), nonce=record.nonce)
    return StepCall(incident=alert, stage=stage, results=results)


def _failures(runs: dict[str, list[RunEntry]]) -> list[Failure]:
    """Return the latest error of each agent that never answered."""
    failures = []
    for agent, entries in runs.items():
        row = steps.of_run(agent)
        is_judged = row is not None and agent == row.run_name(steps.READ) and row.agent in runs
        if is_judged or agent == steps.POST_PROCESS.run_name(steps.EARLY):
            # What judges reads it too where it must, and this brief says more than the early one.
            continue
        errors = _latest(entries, "errors")
        if errors and _latest(entries, "agent_response") is None:
            last = errors[-1]
            step = row.name if row else agent
            failures.append(Failure(step=step, error_type=last["category"], message=last["message"]))
    return failures


def _latest(entries: list[RunEntry], name: Literal["agent_response", "errors"]) -> Any:
    return next((entry[name] for entry in reversed(entries) if entry[name]), None)
