"""The step as the workflow calls it: what it needs is read from the trace, what it answers is stored there."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import flask
import pytest

from shared import signatures, traces
from shared.contracts import (
    Alert,
    Branch,
    CodeAnalysis,
    FileUpdateRequest,
    Outcome,
    PostProcessRequest,
    RootCauseRequest,
    RootCauses,
    Solution,
    StepCall,
    StepResult,
    SuggestionRequest,
    Suggestions,
)
from shared.errors import IncidentCopilotError, Unavailable
from shared.step.step import step
from shared.step.steps import INCIDENT_DETECTION, SUGGESTION
from shared.traces.port import Run, TraceStore
from tests.builders import NOW, a_record, an_alert, an_incident, trace_of
from tests.step_calls import NONCE, call_of, called, post, signed, stored

ALERT, INCIDENT = an_alert(), an_incident()
REQUEST = RootCauseRequest(alert=ALERT, incident=INCIDENT)
KEYS = {name: signatures.new_pair() for name in ("workflow_starter", "incident_detection", "rca", "suggestion")}


@step
def rca(request: RootCauseRequest) -> RootCauses:
    """Name the service and a symptom, so that tests see what was read."""
    return RootCauses(most_likely=f"{request.alert.service_name}: {request.incident.evidence[0].text}")


@step
def file_updater(_request: FileUpdateRequest) -> Branch:
    """Write nothing."""
    return Branch(status="skipped")


@step
def post_process(request: PostProcessRequest) -> Outcome:
    """Return what there was to publish."""
    return Outcome(kind="degraded" if request.failures else "full", failures=request.failures)


class Failing:
    """A trace store whose methods of the given names raise; the others work."""

    def __init__(self, *names: str, error: IncidentCopilotError | None = None) -> None:
        self._store = traces.connect()
        self._names = names
        self._error = error or Unavailable("the store is away")

    def __getattr__(self, name: str) -> Any:
        if name in self._names:
            return self._raise
        return getattr(self._store, name)

    def _raise(self, *_args: object, **_named: object) -> None:
        raise self._error


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that lets methods of the trace store fail from now on."""
    monkeypatch.setattr("shared.http.retries.backoff_s", lambda *_: 0.0)

    def fail(*names: str) -> None:
        store = Failing(*names)
        monkeypatch.setattr(traces, "connect", lambda: store)

    return fail


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set the public keys; return a function that sets whose private key this process has."""
    monkeypatch.setenv("STEP_PUBLIC_KEYS", json.dumps({name: pair[1] for name, pair in KEYS.items()}))
    return lambda name: monkeypatch.setenv("STEP_SIGNING_KEY", KEYS[name][0])


def opened(store: TraceStore, **changes: Any) -> None:
    """Open the incident as workflow_starter does, whose key is not this process's; some of the alert may be changed."""
    alert = signed(ALERT).model_dump(mode="json", exclude={"signature"})
    with pytest.MonkeyPatch.context() as starter:
        starter.setenv("STEP_SIGNING_KEY", KEYS["workflow_starter"][0])
        signature = signatures.sign("workflow_starter", ALERT.incident_id, signatures.ALERT, alert)
    store.open_incident(replace(a_record(ALERT), alert={**alert, "signature": signature, **changes}))


def detected(store: TraceStore, body: Any, signature: str = "") -> None:
    """Store an answer of incident_detection."""
    opened(store)
    store.record_run(ALERT.incident_id, Run(INCIDENT_DETECTION.agent, NOW, NOW, {}, body), signature)


def body_of(call: StepCall, **changes: Any) -> dict[str, Any]:
    """Return a call as JSON, with other fields."""
    return {**call.model_dump(mode="json"), **changes}


def carried(alert: Alert = ALERT) -> dict[str, Any]:
    """Return the alert as workflow_starter signs it; its key must be this process's."""
    unsigned = signed(alert).model_dump(mode="json", exclude={"signature"})
    return {**unsigned, "signature": signatures.sign("workflow_starter", alert.incident_id, signatures.ALERT, unsigned)}


def test_inputs_are_read_from_the_trace_and_the_answer_is_stored_there() -> None:
    """The workflow gets a headline."""
    status, result = called(rca, REQUEST)

    assert status == 200
    assert result == {"step": "rca", "headline": "no cause found"}
    (run,) = trace_of(traces.connect(), REQUEST.incident_id)["traces"]["RCAAgent"]
    assert run["agent_response"] is not None
    assert run["agent_response"]["most_likely"] == "checkout-api: ZeroDivisionError: division by zero"
    assert run["agent_input"] == {"incident_id": REQUEST.incident_id, "stage": "", "reads": ["IncidentDetectionAgent"]}


def test_what_the_caller_says_of_the_alert_does_not_count() -> None:
    """The trace knows the alert."""
    stored(REQUEST)

    post(rca, body_of(call_of(REQUEST), incident=signed(an_alert(service_name="payments")).model_dump(mode="json")))

    assert traces.connect().answers(REQUEST.incident_id)["RCAAgent"].body["most_likely"].startswith("checkout-api")


def test_second_call_repeats_the_first_result() -> None:
    """The same incident is worked on once."""
    first, second = called(rca, REQUEST), called(rca, REQUEST)

    assert first == second
    assert len(trace_of(traces.connect(), REQUEST.incident_id)["traces"]["RCAAgent"]) == 1


@pytest.mark.parametrize("nonce", ["", "guessed", "é"])
def test_caller_without_the_nonce_is_refused_and_leaves_no_answer(nonce: str) -> None:
    """An unauthenticated first call cannot preset the answer of the real run."""
    stored(REQUEST)

    status, body = post(rca, call_of(REQUEST, nonce).model_dump(mode="json"))

    assert (status, body["error_type"]) == (424, "Refused")
    assert "does not hold the nonce" in body["message"]
    assert "RCAAgent" not in traces.connect().answers(REQUEST.incident_id)


def test_incident_that_nobody_opened_is_refused() -> None:
    """Only workflow_starter opens incidents."""
    status, body = post(rca, call_of(REQUEST).model_dump(mode="json"))

    assert (status, body["error_type"]) == (424, "Refused")
    assert "only workflow_starter opens one" in body["message"]


def test_missing_answer_of_a_step_before_is_named() -> None:
    """Detection failed, so there is nothing to explain."""
    traces.connect().open_incident(a_record(ALERT, nonce=NONCE))

    status, body = post(rca, call_of(REQUEST).model_dump(mode="json"))

    assert (status, body["error_type"]) == (400, "Rejected")
    assert "does not hold what rca needs: incident" in body["message"]


def test_unreadable_answer_is_a_failure_of_the_brief() -> None:
    """Half a brief is better than none."""
    detected(traces.connect(), {"severity": "purple"})

    post(post_process, call_of(PostProcessRequest(alert=ALERT)).model_dump(mode="json"))

    (failure,) = traces.connect().answers(ALERT.incident_id)["PostProcessAgent"].body["failures"]
    assert (failure["step"], failure["error_type"]) == ("incident_detection", "Rejected")
    assert "severity" in failure["message"]


def test_call_that_breaks_the_contract_names_the_field() -> None:
    """Whoever calls by hand learns what to mend."""
    status, body = post(rca, body_of(call_of(REQUEST), stage="again"))

    assert (status, body["error_type"]) == (400, "Rejected")
    assert "StepCall: stage" in body["message"]


def test_answer_signed_by_another_function_is_not_believed(keys: Callable[[str], None]) -> None:
    """One function's account can write everywhere in the trace, and forge nothing."""
    body = INCIDENT.model_dump(mode="json")
    keys("suggestion")
    forged = signatures.sign("incident_detection", ALERT.incident_id, "IncidentDetectionAgent", body)
    detected(traces.connect(), body, forged)

    keys("rca")
    status, refused = post(rca, call_of(REQUEST).model_dump(mode="json"))
    post(post_process, call_of(PostProcessRequest(alert=ALERT)).model_dump(mode="json"))

    assert (status, refused["error_type"]) == (400, "Rejected")
    (failure,) = traces.connect().answers(ALERT.incident_id)["PostProcessAgent"].body["failures"]
    assert (failure["step"], failure["error_type"]) == ("incident_detection", "Refused")


def test_answer_signed_by_its_step_is_believed(keys: Callable[[str], None]) -> None:
    """And this step signs its own."""
    body = INCIDENT.model_dump(mode="json")
    keys("incident_detection")
    right = signatures.sign("incident_detection", ALERT.incident_id, "IncidentDetectionAgent", body)
    detected(traces.connect(), body, right)
    keys("rca")

    status, _ = post(rca, call_of(REQUEST).model_dump(mode="json"))

    assert status == 200
    answer = traces.connect().answers(ALERT.incident_id)["RCAAgent"]
    signatures.check("rca", ALERT.incident_id, "RCAAgent", answer.body, answer.signature)


def test_answer_that_cannot_be_stored_goes_with_the_result(failing: Callable[..., None]) -> None:
    """An outage of the store does not lose the diagnosis."""
    stored(REQUEST)
    failing("record_run")

    status, result = post(rca, call_of(REQUEST).model_dump(mode="json"))

    assert status == 200
    assert result["digest"]["most_likely"] == "checkout-api: ZeroDivisionError: division by zero"


def test_code_written_without_a_record_is_called_again(failing: Callable[..., None]) -> None:
    """What comes after rests on the trace, so the workflow retries until it holds the answer."""
    facts = {"code_analysis": CodeAnalysis(code_available=True), "solution": Solution(incident_category="unknown")}
    request = FileUpdateRequest(alert=ALERT, incident=INCIDENT, **facts)
    stored(request)
    failing("record_run")

    status, body = post(file_updater, call_of(request).model_dump(mode="json"))

    assert (status, body["error_type"]) == (503, "Unavailable")
    assert "could not store it" in body["message"]


@pytest.mark.parametrize("method", ["incident", "answers"])
def test_trace_that_cannot_be_read_is_replaced_by_what_the_workflow_carries(
    keys: Callable[[str], None], failing: Callable[..., None], method: str
) -> None:
    """The alert that workflow_starter signed, and the digests that the steps before signed."""
    body = INCIDENT.model_dump(mode="json")
    keys("incident_detection")
    signature = signatures.sign(
        "incident_detection", ALERT.incident_id, signatures.digest_of("IncidentDetectionAgent"), body
    )
    result = StepResult(step="incident_detection", digest=body, signature=signature)
    keys("workflow_starter")
    call = body_of(StepCall(incident=signed(ALERT), results=[result]), incident=carried())
    keys("rca")
    traces.connect().open_incident(a_record(ALERT, nonce=NONCE))
    failing(method, "record_run")

    status, answered = post(rca, call)

    assert status == 200
    assert answered["digest"]["most_likely"] == "checkout-api: ZeroDivisionError: division by zero"


def test_digest_that_its_step_did_not_sign_is_not_believed(
    keys: Callable[[str], None], failing: Callable[..., None]
) -> None:
    """Nor does an outage open a way in."""
    keys("workflow_starter")
    result = StepResult(step="incident_detection", digest=INCIDENT.model_dump(mode="json"), signature="forged")
    call = body_of(StepCall(incident=signed(ALERT), results=[result]), incident=carried())
    failing("incident")

    status, body = post(rca, call)

    assert (status, body["error_type"]) == (400, "Rejected")


@pytest.mark.parametrize("called_step", [rca, post_process])
def test_unsigned_alert_counts_for_nothing_while_the_trace_cannot_be_read(
    keys: Callable[[str], None], failing: Callable[..., None], called_step: Any
) -> None:
    """The nonce cannot be checked then, so an unauthenticated caller could send anything."""
    keys("rca")
    stored(REQUEST)
    failing("incident")

    status, body = post(called_step, call_of(REQUEST).model_dump(mode="json"))

    assert (status, body["error_type"]) == (503, "Unavailable")


def test_step_that_writes_code_does_nothing_while_the_trace_cannot_be_read(
    keys: Callable[[str], None], failing: Callable[..., None]
) -> None:
    """Not even for a signed alert."""
    keys("workflow_starter")
    traces.connect().open_incident(a_record(ALERT, nonce=NONCE))
    failing("answers")

    status, body = post(file_updater, body_of(StepCall(incident=signed(ALERT)), incident=carried()))

    assert (status, body["error_type"]) == (503, "Unavailable")
    assert "file_updater writes nothing while the trace cannot be read" in body["message"]


def test_brief_names_what_was_answered_and_cannot_be_read(
    keys: Callable[[str], None], failing: Callable[..., None]
) -> None:
    """The headlines are all that is left, and they are published."""
    keys("workflow_starter")
    results = [StepResult(step="incident_detection", headline="critical incident"), StepResult(step="rca")]
    call = body_of(StepCall(incident=signed(ALERT), results=results), incident=carried())
    failing("incident", "record_run")

    status, result = post(post_process, call)

    assert status == 200
    failures = {failure["step"]: failure["message"] for failure in result["digest"]["failures"]}
    assert set(failures) == {"incident_detection", "rca", "traces"}
    assert failures["incident_detection"].endswith("Its headline: critical incident")


def test_approved_run_reads_the_branch_of_its_own_stage() -> None:
    """The first branch only awaited the approval; when the second was not written there is none."""
    store = traces.connect()
    store.open_incident(a_record(ALERT, nonce=NONCE))
    awaiting = Branch(status="awaiting_approval").model_dump(mode="json")
    store.record_run(ALERT.incident_id, Run("FileUpdaterAgent", NOW, NOW, {}, awaiting))
    seen: list[PostProcessRequest] = []

    @step
    def post_process(request: PostProcessRequest) -> Outcome:
        seen.append(request)
        return Outcome(kind="full")

    for stage in ("", "approved", "mail-3"):
        if stage == "mail-3":
            store.close_incident(ALERT.incident_id, {"kind": "full"})
        post(post_process, body_of(StepCall(incident=signed(ALERT), stage=stage)))

    assert [request.branch and request.branch.status for request in seen] == [
        "awaiting_approval",
        None,
        "awaiting_approval",
    ]
    assert [(request.is_approved, request.mail_attempt) for request in seen] == [(False, 0), (True, 0), (False, 3)]


def test_answer_of_another_call_that_was_first_counts() -> None:
    """Two calls at once: the second returns what the first one stored."""

    @step
    def suggestion(_request: SuggestionRequest) -> Suggestions:
        first = Suggestions(recommended_action="was first").model_dump(mode="json")
        traces.connect().record_run(ALERT.incident_id, Run(SUGGESTION.agent, NOW, NOW, {}, first))
        return Suggestions(recommended_action="was second")

    status, result = called(suggestion, REQUEST)

    assert status == 200
    assert "was first" in result["headline"]


@pytest.mark.parametrize(
    ("body", "named"),
    [({"status": 7}, ["file_updater"]), ({"left_out": {"x": -1}}, ["file_updater"]), ([1], []), ("text", [])],
    ids=str,
)
def test_own_answer_that_cannot_be_read_is_given_anew(body: Any, named: list[str]) -> None:
    """An answer of another release, or a broken one, must not stop the incident."""
    stored(REQUEST)
    traces.connect().record_run(ALERT.incident_id, Run("PostProcessAgent", NOW, NOW, {}, body))
    traces.connect().record_run(ALERT.incident_id, Run("FileUpdaterAgent", NOW, NOW, {}, body))

    status, result = post(post_process, call_of(PostProcessRequest(alert=ALERT)).model_dump(mode="json"))
    code_status, refused = post(file_updater, call_of(REQUEST).model_dump(mode="json"))

    assert status == 200
    assert [failure["step"] for failure in result["digest"]["failures"]] == named
    assert (code_status, refused["error_type"]) == (400, "Rejected")


def test_body_that_is_nested_too_deeply_is_rejected() -> None:
    """JSON of a few kilobytes can be deeper than any parser goes."""
    text = '{"incident": ' + '{"a": ' * 50_000 + "1" + "}" * 50_001
    with flask.Flask(__name__).test_request_context(data=text, content_type="application/json", method="POST"):
        response = rca(flask.request)

    assert (response.status_code, response.get_json()["error_type"]) == (400, "Rejected")


def test_digest_that_is_nested_deeply_is_not_believed(keys: Callable[[str], None]) -> None:
    """What is too deep to sign was signed by nobody."""
    keys("rca")
    opened(traces.connect())
    deep: dict[str, Any] = {}
    for _ in range(400):
        deep = {"a": deep}

    results = [{"step": "incident_detection", "digest": deep, "signature": "forged"}]
    status, body = post(rca, body_of(StepCall(incident=signed(ALERT)), results=results))

    assert (status, body["error_type"]) == (400, "Rejected")


@pytest.mark.parametrize("change", [{"service_name": "payments"}, {"nonce": "chosen"}, {"signature": "x"}], ids=str)
def test_changed_alert_of_the_trace_is_replaced_by_the_one_of_the_workflow(
    keys: Callable[[str], None], change: dict[str, str]
) -> None:
    """Both are signed by workflow_starter; the shorter one is enough to go on."""
    keys("workflow_starter")
    call = body_of(StepCall(incident=signed(ALERT)), incident=carried())
    opened(traces.connect(), **change)
    body = INCIDENT.model_dump(mode="json")
    keys("incident_detection")
    right = signatures.sign("incident_detection", ALERT.incident_id, "IncidentDetectionAgent", body)
    traces.connect().record_run(ALERT.incident_id, Run(INCIDENT_DETECTION.agent, NOW, NOW, {}, body), right)
    keys("rca")

    status, _ = post(rca, call)

    assert status == 200
    answer = traces.connect().answers(ALERT.incident_id)["RCAAgent"].body
    assert answer["most_likely"] == "checkout-api: ZeroDivisionError: division by zero"


def test_changed_alert_is_worked_on_by_no_step_when_the_call_is_not_signed(keys: Callable[[str], None]) -> None:
    """Neither says what the incident is about."""
    keys("rca")
    opened(traces.connect(), service_name="payments")

    status, body = post(rca, call_of(REQUEST).model_dump(mode="json"))

    assert (status, body["error_type"]) == (424, "Refused")
    assert "so rca does nothing with it" in body["message"]


def test_forged_answer_that_a_step_does_not_read_does_not_stop_it(keys: Callable[[str], None]) -> None:
    """Whoever can write to the trace could otherwise stop a step that writes code by any made-up run."""
    opened(traces.connect())
    forged = Suggestions(recommended_action="forged").model_dump(mode="json")
    traces.connect().record_run(ALERT.incident_id, Run(SUGGESTION.agent, NOW, NOW, {}, forged), "x")
    keys("rca")

    status, body = post(file_updater, call_of(REQUEST).model_dump(mode="json"))

    assert (status, body["error_type"]) == (400, "Rejected"), "only what it needs is missing"
    assert "does not hold what file_updater needs" in body["message"]


def test_digest_of_another_run_or_of_the_step_itself_is_not_read(keys: Callable[[str], None]) -> None:
    """A signature says for which run a digest is, and a step repeats what the trace holds alone."""
    opened(traces.connect())
    mine = RootCauses(most_likely="a digest of mine").model_dump(mode="json")
    keys("rca")
    own = signatures.sign("rca", ALERT.incident_id, signatures.digest_of("RCAAgent"), mine)
    body = INCIDENT.model_dump(mode="json")
    keys("incident_detection")
    other = signatures.sign("incident_detection", ALERT.incident_id, signatures.digest_of("RCAAgent"), body)
    results = [
        StepResult(step="rca", digest=mine, signature=own),
        StepResult(step="incident_detection", digest=body, signature=other),
    ]
    keys("rca")

    status, answered = post(rca, StepCall(incident=signed(ALERT), results=results).model_dump(mode="json"))

    assert (status, answered["error_type"]) == (400, "Rejected")


def test_code_is_never_written_by_a_reduced_answer() -> None:
    """It may have lost the trace that a user of the service has sent, or the metric that speaks against it."""
    facts = {"code_analysis": CodeAnalysis(code_available=True), "solution": Solution(incident_category="unknown")}
    request = FileUpdateRequest(alert=ALERT, incident=None, **facts)
    stored(request)
    reduced = StepResult(step="incident_detection", digest=INCIDENT.model_dump(mode="json"))
    seen = []

    @step
    def file_updater(request: FileUpdateRequest) -> Branch:
        """Note what it would rest on."""
        seen.append(request.incident)
        return Branch(status="skipped")

    status, _ = post(file_updater, call_of(request).replace(results=[reduced]).model_dump(mode="json"))

    assert (status, seen) == (200, [None])


@pytest.mark.parametrize("is_inline", [True, False])
def test_nonce_of_half_a_character_is_no_crash(is_inline: bool) -> None:
    """JSON can hold one; UTF-8 cannot."""
    stored(REQUEST)
    odd = {**ALERT.model_dump(mode="json"), "nonce": "\ud800"}
    body = {**REQUEST.model_dump(mode="json"), "alert": odd} if is_inline else body_of(call_of(REQUEST), incident=odd)

    status, _ = post(rca, body)

    assert status == (200 if is_inline else 400)
    assert "RCAAgent" not in traces.connect().answers(ALERT.incident_id)
