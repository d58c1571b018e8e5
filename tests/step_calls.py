"""Calls of steps as the workflow makes them: what a request holds is in the incident's trace, the call names it."""

from typing import Any

import flask

from shared import traces
from shared.contracts import Alert, Failure, SignedAlert, StepCall, StepRequest, StepResult
from shared.step import steps
from shared.step.steps import StepRow
from shared.traces.port import Json, Run, StoredAnswer, TraceStore
from tests.builders import NOW, a_record

NONCE = "nonce-of-the-tests"


def stored(request: StepRequest, store: TraceStore | None = None) -> None:
    """Open the request's incident, and store what it holds as the answers of the steps before."""
    store = store or traces.connect()
    store.open_incident(a_record(request.alert, nonce=NONCE))
    for row in steps.STEPS:
        answer = getattr(request, row.field, None) if row.field else None
        if answer is not None:
            run = row.run_read_at(request.stage)
            store.record_run(request.incident_id, Run(run, NOW, NOW, {}, answer.model_dump(mode="json")))


def call_of(request: StepRequest, nonce: str = NONCE) -> StepCall:
    """Return the workflow's call of a step that needs this request."""
    failures: list[Failure] = getattr(request, "failures", [])
    return StepCall(
        incident=signed(request.alert, nonce),
        stage=request.stage,
        results=[StepResult(step=failure.step, failure=failure) for failure in failures],
        callback_url=getattr(request, "callback_url", None),
    )


def signed(alert: Alert, nonce: str = NONCE) -> SignedAlert:
    """Return the alert as the workflow carries it, without a signature."""
    return SignedAlert(**{**dict(alert), "nonce": nonce})


def post(step: Any, body: object) -> tuple[int, Json]:
    """Send a body to a step; return status and answer."""
    with flask.Flask(__name__).test_request_context(json=body, method="POST"):
        response = step(flask.request)
    answer: Json = response.get_json()
    return response.status_code, answer


def called(step: Any, request: StepRequest) -> tuple[int, Json]:
    """Store what the request holds, and call the step as the workflow does; return status and result."""
    stored(request)
    return post(step, call_of(request).model_dump(mode="json"))


def answer_of(row: StepRow, request: StepRequest) -> StoredAnswer:
    """Return what the step of this request left in the trace; it must have answered."""
    return traces.connect().answers(request.incident_id)[row.run_name(request.stage)]
