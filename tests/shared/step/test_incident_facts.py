"""What a step read before it was asked for its answer reaches it, and only from itself."""

from typing import Any

import pytest

from shared.contracts import CodeAnalysis, CodeAnalysisRequest, StepCall
from shared.step.step import step
from shared.step.steps import CODE_ANALYZER, FACTS, READ
from shared.traces.port import Run, TraceStore
from tests.builders import NOW, a_record, an_alert, an_incident
from tests.step_calls import NONCE, post, signed

ALERT, FACT = an_alert(), an_incident()


@step
def code_analyzer(request: CodeAnalysisRequest) -> CodeAnalysis:
    """Say what was read before, and at which stage this is."""
    before = request.read_before.analysis_summary if request.read_before else "nothing"
    facts = "facts" if request.facts else "no facts"
    return CodeAnalysis(code_available=True, analysis_summary=f"{request.stage or 'whole'}: {before}, {facts}")


@pytest.fixture
def read(store: TraceStore) -> TraceStore:
    """A trace of which the telemetry was read, and nothing judged."""
    store.open_incident(a_record(ALERT, nonce=NONCE))
    store.record_run(ALERT.incident_id, Run(FACTS, NOW, NOW, {}, FACT.model_dump(mode="json")))
    return store


def summary_at(store: TraceStore, stage: str) -> str:
    """Call the step at a stage as the workflow does; return what its answer says."""
    status, _ = post(code_analyzer, StepCall(incident=signed(ALERT), stage=stage).model_dump(mode="json"))
    assert status == 200
    body: Any = store.answers(ALERT.incident_id)[CODE_ANALYZER.run_name(stage)].body
    return str(body["analysis_summary"])


def test_what_was_read_early_reaches_the_answer(read: TraceStore) -> None:
    """Reading rests on the facts; the answer has both."""
    assert summary_at(read, READ) == "read: nothing, facts"
    assert summary_at(read, "") == "whole: read: nothing, facts, facts"


def test_answer_does_without_what_was_not_read_early(read: TraceStore) -> None:
    """It reads for itself."""
    assert summary_at(read, "") == "whole: nothing, facts"


def test_early_reading_that_breaks_the_contract_is_none(read: TraceStore) -> None:
    """The trace may be of another release."""
    read.record_run(ALERT.incident_id, Run(CODE_ANALYZER.run_name(READ), NOW, NOW, {}, {"code_available": 7}))

    assert summary_at(read, "") == "whole: nothing, facts"


def test_reading_that_a_caller_brings_counts_for_nothing(store: TraceStore) -> None:
    """Also for an incident of an earlier release, whose steps bring the answers of others: none was read early."""
    store.open_incident(a_record(ALERT))
    forged = CodeAnalysis(code_available=True, analysis_summary="forged")
    request = CodeAnalysisRequest(alert=ALERT, incident=FACT, facts=FACT, read_before=forged)

    status, answer = post(code_analyzer, request.model_dump(mode="json"))

    assert (status, answer["analysis_summary"]) == (200, "whole: nothing, no facts")
