"""
`@step`: the workflow's call in, work, its result out; with the trace, one log line and the error mapping.

    by reference   {"incident": …, "stage": …, "results": […]}   the inputs are read from the incident's trace, the
                   answer is stored there, and a StepResult of at most 4 KB goes back to the workflow
    inline         the step's whole request   by hand, with curl: the answer comes back whole and is stored nowhere;
                   only for steps that write nothing outside

The inline form of an incident that is in the trace comes from an execution of the release before: it is answered like
the other, and whole.
"""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

import flask
from pydantic import BaseModel, ValidationError

from shared import json_text, log, signatures, traces
from shared.bounds import Contract, clip
from shared.containment import contained
from shared.contracts import StepCall, StepRequest, StepResult
from shared.errors import IncidentCopilotError, Refused, Rejected, Throttled, Unavailable, Unforeseen
from shared.http.validation import sentence
from shared.pull_request import published
from shared.redaction import redact
from shared.step import incident_facts, steps, waking
from shared.step.recorder import recording
from shared.step.redacted import redacted
from shared.step.run_trace import RunStore, RunTrace
from shared.step.step_result import as_json, result_of
from shared.step.steps import StepRow
from shared.step.trusted_alert import is_nonce
from shared.traces.port import Json, StoredAnswer, TraceStore

Body = TypeVar("Body", bound=BaseModel)
Req = TypeVar("Req", bound=StepRequest)
Ans = TypeVar("Ans", bound=Contract)
View = Callable[[flask.Request], flask.Response]
Work = Callable[[Any], Contract]

MESSAGE_CHARS = 1_000
"""Of an error: the workflow keeps it until the brief is published."""


def step(work: Callable[[Req], Ans]) -> View:
    """
    Make an HTTP function of `work(request: Req) -> Ans`, which is the step of its name in the table of steps.

    A repeated call for the same incident and stage returns the stored answer and does no work.
    Raises TypeError when the table has no such step, or names other contracts than the annotations.
    Tests get the undecorated function with `inspect.unwrap`.
    """
    row = _row_of(work)

    @functools.wraps(work)
    def view(http_request: flask.Request) -> flask.Response:
        if http_request.path == waking.PATH:
            contracts = (StepCall, StepResult, row.request, row.answer)
            waking.wake(*(contract.model_rebuild for contract in contracts), traces.connect)
            return flask.Response(status=204)
        if http_request.method == "GET":
            return _json({"step": row.name, "request": row.request.__name__, "answer": row.answer.__name__})

        def answer() -> flask.Response:
            body = _body_of(http_request, row.request if row.writes is None else StepCall)
            if _names_incident(body):
                return _json(_by_reference(row, validated(StepCall, body), work, traces.connect()))
            return _json(_inline(row, body, work, traces.connect()))

        # The workflow and the brief name the error, whatever it is, instead of a bare 500.
        with waking.calls.one():
            return contained(answer, functools.partial(_failed, row))

    return view


def _failed(row: StepRow, error: Exception) -> flask.Response:
    if isinstance(error, IncidentCopilotError):
        return error_response(error)
    log.critical("step.bug", step=row.name, error_type=type(error).__name__, error=str(error))
    return error_response(Unforeseen(f"{row.name} met a bug ({type(error).__name__}); its log has the trace"))


def _row_of(work: Callable[[Req], Ans]) -> StepRow:
    """Return the step's row. Raises TypeError."""
    row = steps.BY_NAME.get(work.__name__)
    if row is None:
        raise TypeError(f"{work.__name__}: there is no such step, give it a row in shared/step/steps.py")
    hints = get_type_hints(work)
    answer_type = hints.pop("return")
    (request_type,) = hints.values()
    if (request_type, answer_type) != (row.request, row.answer):
        raise TypeError(
            f"{row.name}: takes {request_type.__name__} and returns {answer_type.__name__}, but its row in "
            f"shared/step/steps.py says {row.request.__name__} and {row.answer.__name__}"
        )
    return row


def parse(http_request: flask.Request, contract: type[Body]) -> Body:
    """Return the body as its contract. Raises Rejected naming each wrong field."""
    return validated(contract, _body_of(http_request, contract))


def _body_of(http_request: flask.Request, contract: type[BaseModel]) -> Json:
    try:
        body = json_text.parsed(http_request.get_data()) if http_request.is_json else None
    except ValueError as error:
        raise Rejected(f"The body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Rejected(f"The body is not a JSON object; send a {contract.__name__} with Content-Type application/json")
    return body


def _names_incident(body: Json) -> bool:
    incident = body.get("incident")
    return isinstance(incident, dict) and "incident_id" in incident


def validated(contract: type[Body], body: Mapping[str, Any]) -> Body:
    """Return the body as its contract. Raises Rejected naming each wrong field."""
    try:
        return contract.model_validate(body)
    except ValidationError as error:
        raise Rejected(f"The body is not a valid {contract.__name__}: {sentence(error)}") from None


def error_response(error: IncidentCopilotError) -> flask.Response:
    """Return the error as JSON, its message redacted and bounded; its status decides whether Workflows retries."""
    message = clip(redact(str(error)), MESSAGE_CHARS)
    response = _json({"error_type": type(error).__name__, "message": message}, error.status)
    if isinstance(error, Throttled) and error.retry_after_s is not None:
        response.headers["Retry-After"] = str(round(error.retry_after_s))
    return response


def _json(body: object, status: int = 200) -> flask.Response:
    return flask.Response(json.dumps(body, ensure_ascii=False), status, mimetype="application/json")


def _by_reference(row: StepRow, call: StepCall, work: Work, store: TraceStore) -> Json:
    """Answer the workflow. Raises Refused, Rejected, and what the work and the store raise."""
    answer, is_stored = _answer_once(row, call, work, store)
    return as_json(row, result_of(row, call, answer, store, is_stored))


def _answer_once(
    row: StepRow, call: StepCall, work: Work, store: TraceStore, inline: StepRequest | None = None
) -> tuple[Contract, bool]:
    """Return the answer, given now or earlier, and whether the trace holds it; `inline` replaces what it would read."""
    incident_id, run = call.incident.incident_id, row.run_name(call.stage)
    with log.bound(incident_id=incident_id, service_name=call.incident.service_name, agent=run):
        facts = incident_facts.read(store, row, call)
        if (earlier := _readable(row, run, facts.answers.get(run))) is not None:
            log.info("step.repeated")
            return earlier, True
        if row.writes == "code" and not facts.is_open and call.stage != steps.APPROVED:
            raise Refused(published.message(incident_id))
        request = inline or incident_facts.request_of(row, call, facts)
        agent_input = {
            "incident_id": incident_id,
            "stage": call.stage,
            "reads": incident_facts.runs_read(row, call, facts),
        }
        with recording() as done, RunTrace(run, agent_input, done, RunStore(store, row, incident_id)) as trace:
            answer = redacted(work(request))
            trace.response = answer.model_dump(mode="json")
        return _in_force(row, incident_id, run, answer, trace.stored)


def _in_force(
    row: StepRow, incident_id: str, run: str, answer: Contract, stored: StoredAnswer | None
) -> tuple[Contract, bool]:
    """
    Return the answer that counts: that of another call which was first, else this one.

    Raises Unavailable when a step that writes code did so and the trace holds no answer that says it.
    """
    if stored is not None and stored.body == answer.model_dump(mode="json"):
        return answer, True
    first = _believed(row, incident_id, run, stored) if stored is not None else None
    if first is not None:
        log.info("step.repeated")
        return first, True
    if row.writes == "code":
        raise Unavailable(f"{row.name} did its work, but the trace could not store it; call again, it finds its work")
    return answer, False


def _believed(row: StepRow, incident_id: str, run: str, stored: StoredAnswer) -> Contract | None:
    """Return a stored answer that this step signed and that can be read, else None."""
    try:
        signatures.check(row.name, incident_id, run, stored.body, stored.signature)
    except Refused as error:
        log.critical("step.answer_forged", run=run, error=str(error))
        return None
    return _readable(row, run, stored.body)


def _readable(row: StepRow, run: str, body: Json | None) -> Contract | None:
    """Return a step's own answer as its contract; one that breaks it is none, so that the step answers anew."""
    if body is None:
        return None
    try:
        return row.answer.model_validate(body)
    except ValidationError as error:
        log.critical("step.answer_unreadable", run=run, error=sentence(error))
        return None


def _inline(row: StepRow, body: Json, work: Work, store: TraceStore) -> Json:
    """Answer a call that brings its inputs, whole. Raises Rejected, Refused, and what the work and the store raise."""
    if row.writes is not None:
        call = _call_of(row, body)
        answer, _ = _answer_once(row, call, work, store)
        return answer.model_dump(mode="json")
    request = validated(row.request, body)
    if _is_in_trace(store, body):
        # Only an incident of the earlier release, which has no nonce, rests on what is sent: on answers of other steps.
        # Nothing was read early there, so nobody has such a reading to send.
        own = {name: value for name, value in body.items() if name not in incident_facts.READ_EARLY}
        inline = None if body["alert"].get("nonce") else validated(row.request, own)
        answer, _ = _answer_once(row, _call_of(row, body), work, store, inline)
        return answer.model_dump(mode="json")
    with (
        log.bound(incident_id=request.incident_id, service_name=request.alert.service_name, agent=row.agent),
        recording() as done,
        RunTrace(row.agent, {}, done, None),
    ):
        return redacted(work(request)).model_dump(mode="json")


def _is_in_trace(store: TraceStore, body: Json) -> bool:
    """Return whether an execution of the earlier release sent this: its incident is in the trace, with its nonce."""
    try:
        record = store.incident(str(body["alert"].get("incident_id")))
    except IncidentCopilotError as error:
        log.warning("step.trace_unread", error_type=type(error).__name__, error=str(error))
        return False
    nonce = str(body["alert"].get("nonce") or "")
    return record is not None and is_nonce(record.nonce, nonce)


def _call_of(row: StepRow, body: Json) -> StepCall:
    """Return the call that an execution of the earlier release means: of its inputs only the incident counts."""
    alert = body.get("alert")
    if not isinstance(alert, dict):
        raise Rejected(
            f'{row.name} takes no inputs: send {{"incident": …}} as the workflow does, the rest is read from the trace'
        )
    stage = steps.APPROVED if body.get("is_approved") is True else ""
    if attempt := body.get("mail_attempt"):
        stage = f"{steps.MAIL_AGAIN}{attempt}"
    sent = body.get("failures")
    failures = [failure for failure in sent if isinstance(failure, dict)] if isinstance(sent, list) else []
    results = [{"step": failure.get("step"), "failure": failure} for failure in failures]
    facts = {"stage": stage, "results": results, "callback_url": body.get("callback_url")}
    return validated(StepCall, {"incident": alert, **facts})
