"""`@step`: JSON in, contract, work, contract, JSON out; with the trace, one log line and the error mapping."""

import functools
from collections.abc import Callable
from typing import TypeVar, get_type_hints

import flask
from pydantic import BaseModel, ValidationError

from shared import log, traces
from shared.contracts import StepRequest
from shared.errors import IncidentCopilotError, Rejected, Throttled
from shared.step.recorder import recording
from shared.step.run_trace import RunStore, RunTrace

Body = TypeVar("Body", bound=BaseModel)
Req = TypeVar("Req", bound=StepRequest)
Ans = TypeVar("Ans", bound=BaseModel)
View = Callable[[flask.Request], flask.Response]


def step(agent: str) -> Callable[[Callable[[Req], Ans]], View]:
    """
    Make an HTTP function of `work(request: Req) -> Ans`; both contracts are read from its annotations.

    A repeated call with the same incident and stage returns the stored answer and does no work.
    `agent` names the run in the trace. Tests get the undecorated function with `inspect.unwrap`.
    """

    def decorate(work: Callable[[Req], Ans]) -> View:
        hints = get_type_hints(work)
        answer_type: type[Ans] = hints.pop("return")
        (request_type,) = hints.values()

        @functools.wraps(work)
        def view(http_request: flask.Request) -> flask.Response:
            if http_request.method == "GET":
                return _json({"step": work.__name__, "request": request_type.__name__, "answer": answer_type.__name__})
            try:
                request = parse(http_request, request_type)
                run = f"{agent}-{request.stage}" if request.stage else agent
                with log.bound(incident_id=request.incident_id, service_name=request.alert.service_name, agent=run):
                    return _json(_answer_once(run, request, work))
            except IncidentCopilotError as error:
                return error_response(error)

        return view

    return decorate


def parse(http_request: flask.Request, contract: type[Body]) -> Body:
    """Return the body as its contract. Raises Rejected naming each wrong field."""
    body = http_request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Rejected(f"The body is not a JSON object; send a {contract.__name__} with Content-Type application/json")
    try:
        return contract.model_validate(body)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:5])
        raise Rejected(f"The body is not a valid {contract.__name__}: {problems}") from None


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
