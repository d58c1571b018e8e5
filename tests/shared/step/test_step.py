"""
The step: what a function answers, repeats, rejects and stores in the trace.

The calls here bring their inputs, as executions of an earlier release do: their incident has no nonce.
"""

import flask
import pytest

from shared import traces
from shared.contracts import (
    Branch,
    CodeAnalysis,
    FileEdit,
    FileUpdateRequest,
    Patch,
    RootCauseRequest,
    RootCauses,
    Solution,
    Suggestions,
    Unknown,
)
from shared.errors import IncidentCopilotError, Misconfigured, Refused, Rejected, Throttled, Unavailable
from shared.model.port import ModelReply
from shared.step.recorder import claim_dropped, model_failed, model_replied, tool
from shared.step.redacted import redacted
from shared.step.step import step
from shared.traces.port import Run
from tests.builders import a_record, an_alert, an_incident, trace_of

REQUEST = RootCauseRequest(alert=an_alert(), incident=an_incident())


@pytest.fixture
def app() -> flask.Flask:
    """An application to make requests in, and an open incident."""
    traces.connect().open_incident(a_record(REQUEST.alert))
    return flask.Flask("test")


def _post(app: flask.Flask, view, body: object) -> flask.Response:
    with app.test_request_context("/", method="POST", json=body):
        return view(flask.request)


def _body() -> dict:
    return REQUEST.model_dump(mode="json")


def test_work_gets_the_contract_and_its_answer_is_json(app) -> None:
    """JSON becomes the request contract, the answer contract becomes JSON."""

    @step
    def rca(request: RootCauseRequest) -> RootCauses:
        return RootCauses(most_likely=request.alert.service_name)

    response = _post(app, rca, _body())

    assert response.status_code == 200
    assert response.get_json()["most_likely"] == "checkout-api"


def test_second_call_for_the_same_incident_repeats_the_stored_answer(app) -> None:
    """The same incident is worked on once; the second caller gets the first answer."""
    worked = []

    @step
    def rca(request: RootCauseRequest) -> RootCauses:
        worked.append(1)
        return RootCauses(most_likely=f"answer {len(worked)}")

    first, second = _post(app, rca, _body()), _post(app, rca, _body())

    assert first.get_json() == second.get_json()
    assert worked == [1]


def test_failed_run_is_stored_and_not_repeated_as_an_answer(app) -> None:
    """A failure is in the trace, and the next call does the work again."""
    failures = [Unavailable("Loki is away")]

    @step
    def rca(request: RootCauseRequest) -> RootCauses:
        if failures:
            raise failures.pop()
        return RootCauses()

    first, second = _post(app, rca, _body()), _post(app, rca, _body())
    runs = trace_of(traces.connect(), REQUEST.incident_id)["traces"]["RCAAgent"]

    assert (first.status_code, second.status_code) == (503, 200)
    assert [bool(run["errors"]) for run in runs] == [True, False]


@pytest.mark.parametrize("body", [None, [], "text", {"alert": {}}, {"alert": 3, "incident": None}])
def test_body_that_breaks_the_contract_is_400_and_names_the_field(app, body) -> None:
    """The caller must fix a wrong body, so the message names the field."""

    @step
    def rca(request: RootCauseRequest) -> RootCauses:
        raise AssertionError("never reached")

    response = _post(app, rca, body)

    assert response.status_code == 400
    assert response.get_json()["error_type"] == "Rejected"
    assert "RootCauseRequest" in response.get_json()["message"]


@pytest.mark.parametrize("error", [Rejected("a"), Misconfigured("b"), Unavailable("c"), Throttled("d", 7)])
def test_error_class_decides_the_status(app, error: IncidentCopilotError) -> None:
    """The class of an error decides its status, and the status decides whether Workflows retries."""

    @step
    def rca(request: RootCauseRequest) -> RootCauses:
        raise error

    response = _post(app, rca, _body())

    assert response.status_code == error.status
    assert response.headers.get("Retry-After") == ("7" if isinstance(error, Throttled) else None)


def test_bug_is_recorded_and_named(app, capsys) -> None:
    """An unexpected exception is a 500 that the brief can name; its stack trace is in the log."""

    @step
    def rca(request: RootCauseRequest) -> RootCauses:
        raise ZeroDivisionError("a bug")

    response = _post(app, rca, _body())

    assert (response.status_code, response.get_json()["error_type"]) == (500, "Unforeseen")
    assert "ZeroDivisionError" in response.get_json()["message"]
    assert "in rca" in capsys.readouterr().out
    (run,) = trace_of(traces.connect(), REQUEST.incident_id)["traces"]["RCAAgent"]
    assert run["errors"][0]["category"] == "ZeroDivisionError"


def test_tool_calls_are_traced_with_their_whole_result_by_reference(app) -> None:
    """A long result is truncated in the run, and stored whole under a reference."""
    whole = "x" * 10_000

    @step
    def rca(request: RootCauseRequest) -> RootCauses:
        with tool("query_loki", limit=5) as call:
            call.result = whole
        return RootCauses()

    _post(app, rca, _body())
    store = traces.connect()
    (run,) = trace_of(store, REQUEST.incident_id)["traces"]["RCAAgent"]
    (call,) = run["tool_calls"]

    assert (call["tool_name"], call["args"]) == ("query_loki", {"limit": 5})
    assert len(call["result"]) < len(whole)
    assert store.text(call["result_ref"] or "") == whole


def test_model_use_is_traced(app) -> None:
    """The trace holds the question, its cost, the dropped claims and why the model was not used."""

    @step
    def rca(request: RootCauseRequest) -> RootCauses:
        model_replied(ModelReply("an answer", "gemini-test", 10, 5, cost_usd=0.5, duration_ms=7), "a question")
        claim_dropped("dropped a quote")
        model_failed(Unavailable("away"))
        return RootCauses()

    _post(app, rca, _body())
    store = traces.connect()
    (run,) = trace_of(store, REQUEST.incident_id)["traces"]["RCAAgent"]
    (call,) = run["model_calls"]
    text = store.text(call.pop("transcript_ref"))

    assert call == {"model": "gemini-test", "tokens_in": 10, "tokens_out": 5, "cost_usd": 0.5, "duration_ms": 7,
                    "finish": "STOP"}  # fmt: skip
    assert (run["tokens_in"], run["tokens_out"], run["cost_usd"], run["model"]) == (10, 5, 0.5, "gemini-test")
    assert run["claims_dropped"] == ["dropped a quote"]
    assert [error["category"] for error in run["errors"]] == ["Unavailable"]
    assert text is not None
    assert "a question" in text
    assert "an answer" in text


def test_dead_trace_store_does_not_stop_the_work(app, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever calls by hand gets an answer."""

    class Dead:
        def __getattr__(self, name: str):
            def refuse(*_args, **_kwargs):
                raise Unavailable("the store is away")

            return refuse

    monkeypatch.setattr(traces, "connect", Dead)

    @step
    def rca(request: RootCauseRequest) -> RootCauses:
        return RootCauses(most_likely="still answered")

    assert _post(app, rca, _body()).get_json()["most_likely"] == "still answered"


def test_call_by_hand_is_answered_whole_and_stored_nowhere(app) -> None:
    """It belongs to no incident of the trace, so it can preset no answer there."""
    by_hand = RootCauseRequest(alert=an_alert(incident_id="inc-by-hand-1"), incident=an_incident())

    @step
    def rca(request: RootCauseRequest) -> RootCauses:
        return RootCauses(most_likely=request.incident.evidence[0].text)

    response = _post(app, rca, by_hand.model_dump(mode="json"))

    assert response.get_json()["most_likely"] == "ZeroDivisionError: division by zero"
    assert traces.connect().answers("inc-by-hand-1") == {}


def test_inputs_for_an_incident_of_this_release_are_stored_nowhere(app) -> None:
    """Its id alone, which is no secret, does not let anybody else answer for its steps."""
    alert = an_alert(incident_id="inc-with-nonce-1")
    traces.connect().open_incident(a_record(alert, nonce="secret"))

    @step
    def rca(request: RootCauseRequest) -> RootCauses:
        return RootCauses(most_likely="preset")

    response = _post(app, rca, RootCauseRequest(alert=alert, incident=an_incident()).model_dump(mode="json"))

    assert response.status_code == 200
    assert traces.connect().answers(alert.incident_id) == {}


def test_step_that_writes_takes_no_inputs(app) -> None:
    """What it would write is read from the trace, whatever a body says."""

    @step
    def file_updater(request: FileUpdateRequest) -> Branch:
        raise AssertionError("never reached")

    alert = an_alert(incident_id="inc-with-nonce-2")
    traces.connect().open_incident(a_record(alert, nonce="secret"))
    solution = {"incident_category": "code_issue"}
    inline = {"code_analysis": {"code_available": True, "repo": "evil/shop"}, "solution": solution}

    bare = _post(app, file_updater, inline)
    forged = _post(app, file_updater, {"alert": alert.model_dump(mode="json"), **inline})

    assert (bare.status_code, bare.get_json()["error_type"]) == (400, "Rejected")
    assert "takes no inputs" in bare.get_json()["message"]
    assert (forged.status_code, forged.get_json()["error_type"]) == (424, "Refused")
    assert "nonce" in forged.get_json()["message"]


def test_execution_of_the_earlier_release_ends_well(app) -> None:
    """Its steps bring inputs and its incident has no nonce; the writing step reads the trace, which it filled."""
    seen: list[FileUpdateRequest] = []

    @step
    def file_updater(request: FileUpdateRequest) -> Branch:
        seen.append(request)
        return Branch(status="skipped", message="nothing to do")

    store, moment = traces.connect(), REQUEST.alert.end
    for agent, answer in (
        ("CodeAnalyzerAgent", CodeAnalysis(code_available=True, repo="octo/shop")),
        ("SolutionGeneratorAgent", Solution(incident_category="code_issue")),
    ):
        store.record_run(REQUEST.incident_id, Run(agent, moment, moment, {}, answer.model_dump(mode="json")))
    sent = {"alert": REQUEST.alert.model_dump(mode="json"), "code_analysis": {"repo": "evil/shop"}, "is_approved": True}

    response = _post(app, file_updater, sent)

    assert response.get_json()["message"] == "nothing to do"
    assert seen[0].code_analysis.repo == "octo/shop"
    assert seen[0].is_approved
    assert "FileUpdaterAgent-approved" in store.answers(REQUEST.incident_id)


def test_error_is_bounded_on_the_wire(app) -> None:
    """The workflow keeps it until the brief is published."""

    @step
    def rca(request: RootCauseRequest) -> RootCauses:
        raise Unavailable("x" * 100_000)

    assert len(_post(app, rca, _body()).data) < 1_200


def test_get_names_the_contracts(app) -> None:
    """A probe gets the names of the request and answer contracts, without any setting."""

    @step
    def rca(request: RootCauseRequest) -> RootCauses:
        raise AssertionError("never reached")

    with app.test_request_context("/", method="GET"):
        assert rca(flask.request).get_json() == {
            "step": "rca",
            "request": "RootCauseRequest",
            "answer": "RootCauses",
        }


def test_a_function_without_a_row_is_no_step() -> None:
    """A forgotten row stops the function at its start and says where to add it."""
    with pytest.raises(TypeError, match=r"forecast: there is no such step, give it a row in shared/step/steps\.py"):

        @step
        def forecast(request: RootCauseRequest) -> RootCauses:
            raise AssertionError("never reached")


def test_contracts_other_than_those_of_the_row_are_refused() -> None:
    """The table would tell the sweeper and the workflow's check something else than the function does."""
    with pytest.raises(TypeError, match="rca: takes RootCauseRequest and returns Suggestions, but its row"):

        @step
        def rca(request: RootCauseRequest) -> Suggestions:
            raise AssertionError("never reached")


LEAK = "refused password=hunter2x for svc"


def test_answer_holds_no_secret_whatever_made_it(app) -> None:
    """The last redaction is the step's own: what is stored, signed and handed on has passed it."""

    @step
    def rca(_: RootCauseRequest) -> RootCauses:
        return RootCauses(most_likely=LEAK, unknowns=[Unknown(what=LEAK)])

    answer = _post(app, rca, _body()).get_json()

    assert "hunter2x" not in str(answer) + str(trace_of(traces.connect(), REQUEST.incident_id))
    assert answer["unknowns"][0]["what"] == "refused password=[cut: password] for svc"


def test_edits_of_a_patch_stay_exact(app) -> None:
    """Redaction would change their bytes; a patch with a credential is withheld before."""
    edit = FileEdit(path="a.py", original="# by ada@example.com", new="# by bo@example.com", reason=LEAK)
    patch = Patch(strategy="fix", files_to_modify=[edit], rollback_plan=LEAK)

    clean = redacted(Solution(incident_category="code_issue", patch=patch))

    assert clean.patch is not None
    assert clean.patch.files_to_modify == [edit]
    assert "hunter2x" not in clean.patch.rollback_plan


def test_error_answers_without_a_secret(app) -> None:
    """The workflow's execution shows it to whoever may read it."""

    @step
    def rca(_: RootCauseRequest) -> RootCauses:
        raise Refused(LEAK)

    assert _post(app, rca, _body()).get_json()["message"] == "refused password=[cut: password] for svc"
