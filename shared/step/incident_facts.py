"""What a step knows of its incident before it works: the alert and the answers of the steps before it, read once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from shared import log, signatures
from shared.bounds import Contract
from shared.contracts import Alert, Failure, StepCall, StepRequest, StepResult
from shared.errors import IncidentCopilotError, Refused, Rejected, Unavailable
from shared.http.retries import with_retries
from shared.http.validation import sentence
from shared.step import steps
from shared.step.steps import StepRow
from shared.step.trusted_alert import is_from_starter, trusted_alert
from shared.traces import document
from shared.traces.port import IncidentRecord, Json, StoredAnswer, TraceStore

READ_EARLY = ("facts", "read_before", "reads_only")
"""The fields of requests that say what the step itself read, at the stage at which it only reads."""
READ_BUDGET_S = 30.0
"""For reading the trace at the start of a step, retries included."""


@dataclass(frozen=True)
class IncidentFacts:
    """The alert, and the answers of earlier runs by their names; `failures` says what could not be read or believed."""

    alert: Json
    answers: Mapping[str, Json]
    is_trace_read: bool = True
    is_open: bool = True
    """Whether its brief is still to be made."""
    failures: list[Failure] = field(default_factory=list)

    def answer_of(self, row: StepRow, stage: str) -> Json | None:
        """Return the answer that a step gave, as a later step at `stage` reads it."""
        return self.answers.get(row.run_read_at(stage))

    @property
    def telemetry(self) -> Json | None:
        """What was read, before it was judged."""
        return self.answers.get(steps.FACTS)


def read(store: TraceStore, row: StepRow, call: StepCall) -> IncidentFacts:
    """
    Return what is known when `row` is called.

    While the trace cannot be read, a step that writes no code works with what the workflow carries, when it is signed.
    Raises Refused (no such incident, a caller without its nonce, a mail sent again before the brief was published), and
    what the store raises.
    """
    incident_id = call.incident.incident_id
    try:
        incident = with_retries(lambda _: _stored(store, incident_id), READ_BUDGET_S)
    except IncidentCopilotError as error:
        return _carried(row, call, error)
    if incident is None:
        raise Refused(f"There is no incident {incident_id!r} in the trace: only workflow_starter opens one")
    record, stored = incident
    alert, failures = trusted_alert(row, call, record)
    if call.stage.startswith((steps.MAIL_AGAIN, steps.UPDATE)) and record.state == "open":
        raise Refused(f"The brief of {incident_id!r} is not published, so its mail cannot be sent again")
    wanted = {
        name: stored[name] for name in (*_names_read(row, call.stage), row.run_name(call.stage)) if name in stored
    }
    believed, forged = _believed(incident_id, wanted)
    # Reduced answers may have lost what speaks against a change.
    digests = {} if row.writes == "code" else _digests(row, call)
    carried = {name: body for name, body in digests.items() if name not in believed}
    is_open = record.state == "open"
    return IncidentFacts(alert, {**believed, **carried}, is_open=is_open, failures=[*failures, *forged])


def request_of(row: StepRow, call: StepCall, facts: IncidentFacts) -> StepRequest:
    """
    Return the request of the step, filled from what is known.

    Raises Rejected naming what is missing, Refused when a step that writes code would rest on an answer that is not
    signed by its author.
    """
    fields, failures = row.request.model_fields, list(facts.failures)
    if row.writes == "code" and failures:
        raise Refused(f"{row.name} writes nothing: {failures[0].message}")
    values: dict[str, Any] = {"alert": facts.alert}
    for each in (each for each in steps.STEPS if each.field in fields):
        values[str(each.field)] = _readable(each, facts.answer_of(each, call.stage), failures)
    values |= _telemetry(values, fields, facts, failures)
    if "read_before" in fields:
        values["read_before"] = _readable(row, facts.answers.get(row.run_name(steps.READ)), failures)
    values |= {name: value for name, value in _stage_facts(call).items() if name in fields}
    if "failures" in fields:
        values["failures"] = [*_failures(call, facts), *failures]
    try:
        return row.request.model_validate(values)
    except ValidationError as error:
        missing = f"The trace of {call.incident.incident_id!r} does not hold what {row.name} needs"
        raise Rejected(f"{missing}: {sentence(error)}") from None


def _telemetry(
    values: Mapping[str, Any], fields: Mapping[str, Any], facts: IncidentFacts, failures: list[Failure]
) -> dict[str, Any]:
    """Return what was read, for a request that wants it, and in the place of a judgement that nobody made."""
    is_judged = "incident" not in fields or values["incident"] is not None
    if is_judged and "facts" not in fields:
        return {}
    read = _readable(steps.INCIDENT_DETECTION, facts.telemetry, failures)
    return {**({"facts": read} if "facts" in fields else {}), **({} if is_judged else {"incident": read})}


def _stage_facts(call: StepCall) -> dict[str, Any]:
    """Return what the call itself says, by the fields of requests."""
    return {
        "reads_only": call.stage == steps.READ,
        "is_early": call.stage == steps.EARLY,
        "is_approved": call.stage == steps.APPROVED,
        "is_declined": call.stage == steps.DECLINED,
        "callback_url": call.callback_url,
        "mail_attempt": steps.attempt_of(call.stage, steps.MAIL_AGAIN),
        "update_attempt": steps.attempt_of(call.stage, steps.UPDATE),
    }


def _readable(row: StepRow, body: Json | None, failures: list[Failure]) -> Contract | None:
    """Return an answer as its contract; one that breaks it is a failure, as it must not stop what comes after."""
    if body is None:
        return None
    try:
        return row.answer.model_validate(body)
    except ValidationError as error:
        message = f"Its answer in the trace cannot be read: {sentence(error)}"
        failures.append(Failure(step=row.name, error_type="Rejected", message=message))
        return None


def runs_read(row: StepRow, call: StepCall, facts: IncidentFacts) -> list[str]:
    """Return the names of the runs whose answers make the request."""
    return [name for name in _names_read(row, call.stage) if name in facts.answers]


def _names_read(row: StepRow, stage: str) -> list[str]:
    fields = row.request.model_fields
    telemetry = [steps.FACTS] if {"facts", "incident"} & fields.keys() else []
    own = [row.run_name(steps.READ)] if "read_before" in fields else []
    return [*telemetry, *own, *(each.run_read_at(stage) for each in steps.STEPS if each.field in fields)]


def _stored(store: TraceStore, incident_id: str) -> tuple[IncidentRecord, dict[str, StoredAnswer]] | None:
    record = store.incident(incident_id)
    if record is None:
        return None
    answers = store.answers(incident_id)
    if not record.nonce and (trace := store.document(incident_id)) is not None:
        # Opened by an earlier release, whose steps left their answers in their runs alone.
        answers = {**document.answers_of(trace), **answers}
    return record, answers


def _believed(incident_id: str, stored: Mapping[str, StoredAnswer]) -> tuple[dict[str, Json], list[Failure]]:
    """Return the answers that are signed by their authors, and a failure for each that is not."""
    believed: dict[str, Json] = {}
    failures: list[Failure] = []
    for name, answer in stored.items():
        row = steps.of_run(name)
        if row is None:
            continue
        try:
            signatures.check(row.name, incident_id, name, answer.body, answer.signature)
        except Refused as error:
            log.critical("step.answer_forged", run=name, error=str(error))
            failures.append(
                Failure(step=row.name, error_type="Refused", message=f"Its stored answer is not used: {error}")
            )
        else:
            believed[name] = answer.body
    return believed, failures


def _carried(row: StepRow, call: StepCall, error: IncidentCopilotError) -> IncidentFacts:
    """Return what the workflow carries. Raises the error when this step, or an unsigned alert, may not be relied on."""
    if row.writes == "code":
        raise Unavailable(f"{row.name} writes nothing while the trace cannot be read: {error}") from error
    sent = call.incident.model_dump(mode="json")
    if not is_from_starter(sent, call.incident.incident_id):
        raise error
    log.error("step.trace_unread", error_type=type(error).__name__, error=str(error))
    alert = Alert.model_validate(sent).model_dump(mode="json")
    unread = Failure(step="traces", error_type=type(error).__name__, message=str(error))
    return IncidentFacts(alert, _digests(row, call), is_trace_read=False, failures=[unread])


def _digests(row: StepRow, call: StepCall) -> dict[str, Json]:
    """Return the digests that the call carries for this step, each signed by its step for this run."""
    digests: dict[str, Json] = {}
    read = _names_read(row, call.stage)
    for result in call.results:
        author = steps.BY_NAME.get(result.step)
        run = _run_of(author, result, call.stage) if author else ""
        if author is None or result.digest is None or run not in read:
            continue
        subject = signatures.digest_of(run)
        try:
            signatures.check(author.name, call.incident.incident_id, subject, result.digest, result.signature)
        except Refused as error:
            log.critical("step.answer_forged", run=run, error=str(error))
        else:
            digests[run] = result.digest
    return digests


def _run_of(author: StepRow, result: StepResult, stage: str) -> str:
    """Return the run that a result is of; those of an earlier release do not say their stage."""
    return author.run_name(result.stage) if result.stage else author.run_read_at(stage)


def _failures(call: StepCall, facts: IncidentFacts) -> list[Failure]:
    """Return the failures that the call reports, and one for each answer that cannot be read again."""
    failures = []
    for result in call.results:
        row = steps.BY_NAME.get(result.step)
        if row is not None and result.stage == steps.READ and facts.answer_of(row, call.stage) is not None:
            # What judged has read it too.
            continue
        if result.failure is not None:
            failures.append(result.failure)
        elif row is not None and row.field is not None and facts.answers.get(_run_of(row, result, call.stage)) is None:
            message = f"It answered, and the answer cannot be read. Its headline: {result.headline}"
            failures.append(Failure(step=result.step, error_type="Unread", message=message))
    return failures
