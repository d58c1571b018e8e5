"""What goes back to the workflow: small, whatever was answered."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from shared import traces
from shared.contracts import Incident, StepCall, StepResult
from shared.errors import Unavailable
from shared.step import step_result
from shared.step.headlines import headline
from shared.step.steps import INCIDENT_DETECTION, STEPS, StepRow
from tests.at_bounds import filled
from tests.builders import an_alert, an_incident
from tests.step_calls import signed

WIRE_BYTES, DIGEST_WIRE_BYTES = 4_096, 8_192
CALL = StepCall(incident=signed(an_alert()))


def wire_bytes(row: StepRow, result: StepResult) -> int:
    """Return the size of a result as a step sends it."""
    return len(json.dumps(step_result.as_json(row, result), ensure_ascii=False).encode())


@pytest.mark.parametrize("row", STEPS, ids=lambda row: row.name)
@pytest.mark.parametrize("is_stored", [True, False])
def test_result_of_an_answer_at_its_bounds_is_small(row: StepRow, is_stored: bool) -> None:
    """Every text of every answer has its full length in four-byte characters."""
    answer: Any = filled(row.answer)

    result = step_result.result_of(row, CALL, answer, traces.connect(), is_stored)

    assert wire_bytes(row, result) <= (WIRE_BYTES if is_stored else DIGEST_WIRE_BYTES)
    assert (result.digest is None) == is_stored
    if result.digest is not None:
        row.answer.model_validate(result.digest)


def test_result_holds_what_the_workflow_branches_on() -> None:
    """And one line for people."""
    result = step_result.result_of(INCIDENT_DETECTION, CALL, an_incident(), traces.connect(), True)

    assert (result.needs_response, result.looks_like_regression) == (True, True)
    assert result.headline.startswith("high incident, code issue")


@pytest.mark.parametrize("row", STEPS, ids=lambda row: row.name)
def test_decision_against_something_is_sent_too(row: StepRow) -> None:
    """The workflow reads a field that is not there as an error."""
    answer: Any = _least(row.answer)

    sent = step_result.as_json(row, step_result.result_of(row, CALL, answer, traces.connect(), True))

    assert set(step_result.decisions(row.answer)) <= sent.keys()


def test_address_of_the_trace_may_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that cannot be opened does not stop a result."""

    class Dead:
        def link(self, _incident_id: str) -> str:
            raise Unavailable("away")

    result = step_result.result_of(INCIDENT_DETECTION, CALL, an_incident(), Dead(), True)  # type: ignore[arg-type]

    assert result.trace == ""


@pytest.mark.parametrize("row", STEPS, ids=lambda row: row.name)
def test_every_answer_has_a_headline_of_one_line(row: StepRow) -> None:
    """Also one that says nothing."""
    texts = [headline(filled(row.answer)), headline(_least(row.answer))]

    assert all(text and "\n" not in text for text in texts)


def test_headline_of_what_is_no_answer_is_an_error() -> None:
    """A new step's answer is not forgotten."""
    with pytest.raises(TypeError, match="StepResult has no headline"):
        headline(StepResult(step="rca"))


def test_headline_of_a_dismissal_says_so() -> None:
    """The execution view shows why nothing followed."""
    assert headline(an_incident(recommendation="dismiss")).startswith("no response needed")


def _least(model: type[BaseModel]) -> BaseModel:
    if model is Incident:
        return an_incident(evidence=[])
    required = {name: info for name, info in model.model_fields.items() if info.is_required()}
    values = {"status": "skipped", "code_available": False, "incident_category": "unknown", "kind": "full"}
    return model.model_validate({name: values[name] for name in required})
