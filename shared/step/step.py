"""`@step`: JSON in, contract, work, contract, JSON out; with the trace, one log line and the error mapping."""

import functools
from collections.abc import Callable
from typing import TypeVar, get_type_hints

import flask
from pydantic import BaseModel, ValidationError

from shared import log, traces
from shared.contracts import StepRequest
from shared.errors import IncidentCopilotError, Rejected, Throttled
from shared.http.validation import sentence
from shared.step import steps
from shared.step.recorder import recording
from shared.step.run_trace import RunStore, RunTrace
from shared.step.steps import StepRow

Body = TypeVar("Body", bound=BaseModel)
Req = TypeVar("Req", bound=StepRequest)
Ans = TypeVar("Ans", bound=BaseModel)
View = Callable[[flask.Request], flask.Response]


def step(work: Callable[[Req], Ans]) -> View:
    """
    Make an HTTP function of `work(request: Req) -> Ans`, which is the step of its name in the table of steps.

    A repeated call with the same incident and stage returns the stored answer and does no work.
    Raises TypeError when the table has no such step, or names other contracts than the annotations.
    Tests get the undecorated function with `inspect.unwrap`.
    """
    row, request_type = _row_of(work)

    @functools.wraps(work)
    def view(http_request: flask.Request) -> flask.Response:
        if http_request.method == "GET":
            return _json({"step": row.name, "request": row.request.__name__, "answer": row.answer.__name__})
        try:
            request = parse(http_request, request_type)
            run = f"{row.agent}-{request.stage}" if request.stage else row.agent
            with log.bound(incident_id=request.incident_id, service_name=request.alert.service_name, agent=run):
                return _json(_answer_once(run, request, work))
        except IncidentCopilotError as error:
            return error_response(error)

    return view


def _row_of(work: Callable[[Req], Ans]) -> tuple[StepRow, type[Req]]:
    """Return the step's row, and its request contract."""
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
    return row, request_type


def parse(http_request: flask.Request, contract: type[Body]) -> Body:
    """Return the body as its contract. Raises Rejected naming each wrong field."""
    body = http_request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Rejected(f"The body is not a JSON object; send a {contract.__name__} with Content-Type application/json")
    try:
        return contract.model_validate(body)
    except ValidationError as error:
        raise Rejected(f"The body is not a valid {contract.__name__}: {sentence(error)}") from None


def error_response(error: IncidentCopilotError) -> flask.Response:
    """Return the error as JSON; its status decides whether Workflows retries."""
    response = _json({"error_type": type(error).__name__, "message": str(error)}, error.status)
    if isinstance(error, Throttled) and error.retry_after_s is not None:
        response.headers["Retry-After"] = str(round(error.retry_after_s))
    return response


def _json(body: object, status: int = 200) -> flask.Response:
    return flask.Response(flask.json.dumps(body), status, mimetype="application/json")


def _answer_once(agent: str, request: Req, work: Callable[[Req], Ans]) -> object:
    store = RunStore(traces.connect(), request.incident_id)
    if stored := store.answer(agent):
        log.info("step.repeated")
        return stored
    with recording() as done, RunTrace(agent, request, done, store) as trace:
        answer = work(request).model_dump(mode="json")
        trace.response = answer
    return answer
