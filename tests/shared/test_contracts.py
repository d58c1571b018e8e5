"""The messages between steps: every text and list in them is bounded, and evidence that is cited is kept."""

import inspect
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from shared import contracts
from shared.bounds import AtMost, Contract
from shared.contracts import Evidence, Incident, LogPattern, Outcome, RootCause
from tests import builders

CONTRACTS = [cls for _, cls in inspect.getmembers(contracts, inspect.isclass) if issubclass(cls, Contract)]
BOUNDS = {"maxLength", "enum", "const", "pattern", "format"}


def _unbounded(node: Any, path: str) -> Iterator[str]:
    """Yield where a schema allows a text or a list of any length."""
    if isinstance(node, list):
        for item in node:
            yield from _unbounded(item, path)
    if not isinstance(node, dict):
        return
    if node.get("type") == "string" and not BOUNDS & node.keys():
        yield path
    if node.get("type") == "array" and "maxItems" not in node:
        yield path
    for name, value in node.items():
        if name != "$defs":
            yield from _unbounded(value, f"{path}.{name}")


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_every_text_and_list_is_bounded(contract: type[Contract]) -> None:
    """What a step is sent has a largest size, whoever sends it."""
    assert list(_unbounded(contract.model_json_schema(), contract.__name__)) == []


@pytest.mark.parametrize(
    ("contract", "name"),
    [
        pytest.param(contract, name, id=f"{contract.__name__}.{name}")
        for contract in CONTRACTS
        for name, field in contract.model_fields.items()
        if any(isinstance(mark, AtMost) for mark in field.metadata)
    ],
)
def test_no_text_is_too_long_to_be_taken(contract: type[Contract], name: str) -> None:
    """A long log line must not fail a step; what does not fit is shortened, and shortening again changes nothing."""
    field = contract.model_fields[name]
    (limit,) = [mark.limit for mark in field.metadata if isinstance(mark, AtMost)]
    taken: TypeAdapter[str] = TypeAdapter(Annotated[field.annotation, *field.metadata])  # type: ignore[arg-type]  # made here

    text = taken.validate_python("word " * limit)

    assert len(text) <= limit
    assert taken.validate_python(text) == text


@pytest.mark.parametrize("change", [{"confidence": 7}, {"confidence": "sure"}, {"hypothesis": None}])
def test_a_root_cause_cannot_be_changed_into_what_it_refuses(change: dict[str, Any]) -> None:
    """No step can raise a confidence over 1."""
    cause = RootCause(hypothesis="the pool is exhausted", confidence=0.5)

    with pytest.raises(ValidationError):
        cause.replace(**change)
    with pytest.raises(ValidationError):
        cause.model_copy(update=change)


def test_evidence_that_is_cited_outlives_evidence_that_is_not() -> None:
    """A pattern's evidence stays when there are more pieces than fit, and what was lost is counted."""
    pieces = [Evidence(id=f"L{number}", source="logs", text="line") for number in range(1, 51)]
    incident = builders.an_incident(evidence=pieces, reasoning="L49 shows it.", patterns=[_pattern("L50")])

    ids = [piece.id for piece in incident.evidence]
    assert ids[-2:] == ["L49", "L50"]
    assert len(ids) == 40
    assert incident.left_out == {"evidence": 10}


def test_a_changed_incident_keeps_its_computed_fields_true() -> None:
    """They are computed from the changed values."""
    incident: Incident = builders.an_incident(incident_type_hint="code_issue")

    assert (incident.needs_response, incident.looks_like_regression) == (True, True)
    unknown, calm = incident.replace(verdict="cannot_tell"), incident.replace(verdict="healthy")
    assert (unknown.needs_response, unknown.looks_like_regression) == (True, False)
    assert (calm.needs_response, calm.looks_like_regression) == (False, False)


@pytest.mark.parametrize(
    ("before", "in_app", "is_read"), [(0, False, True), (5, False, False), (5, True, True), (None, False, True)]
)
def test_code_is_read_for_what_may_come_through_it(before: int | None, in_app: bool, is_read: bool) -> None:
    """A trace of libraries that came before is usual; whose the frames of a new one are, the repository says."""
    seen = {"first_seen": builders.NOW, "last_seen": builders.NOW}
    frames = [contracts.Frame(path="/app/node_modules/shop/a.js", in_app=in_app)]
    traces = [
        contracts.StackTrace(
            language="javascript", exception_type="E", frames=frames, count=9, count_before_onset=before, **seen
        )
        for _ in ([] if before is None else [1])
    ]

    incident = builders.an_incident(incident_type_hint="unknown", stack_traces=traces)

    assert incident.looks_like_regression == is_read


@pytest.mark.parametrize(
    ("detected", "recommendation", "verdict"),
    [(True, "proceed", "incident"), (True, "dismiss", "healthy"), (False, "proceed", "healthy")],
)
def test_answer_of_an_earlier_release_has_the_verdict_that_it_meant(
    detected: bool, recommendation: str, verdict: str
) -> None:
    """Executions in flight end as they would have ended; it knew two verdicts."""
    stored = builders.an_incident(incident_detected=detected, recommendation=recommendation).model_dump(mode="json")
    earlier = {name: value for name, value in stored.items() if name not in ("verdict", "health", "missing")}

    assert Incident.model_validate(earlier).verdict == verdict


def _pattern(evidence_id: str) -> LogPattern:
    return LogPattern(
        template="line", level="error", count=1, exemplar="line", evidence_id=evidence_id,
        first_seen=builders.NOW, last_seen=builders.NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "statuses"),
    [
        ({"mail_status": "sent", "hook_status": "failed"}, {"mail": "done", "hook": "failed"}),
        ({"mail_status": "already_sent"}, {"mail": "already", "hook": "off"}),
        (
            {"hook_status": "called", "deliveries": {"hook": "done", "slack": "failed", "archive": "done"}},
            {"mail": "off", "hook": "done", "slack": "failed"},
        ),
        (
            {"deliveries": {"teams": "already", "pagerduty_change": "done"}},
            {"mail": "off", "hook": "off", "teams": "already"},
        ),
    ],
)
def test_outcome_says_how_each_channel_to_people_did(fields: dict[str, Any], statuses: dict[str, str]) -> None:
    """Earlier releases noted mail and hook alone; a file and a change event reach nobody."""
    outcome = Outcome.model_validate({"kind": "full", **fields})

    assert outcome.channel_statuses == statuses
    assert outcome.delivered_by == {name for name, status in statuses.items() if status in ("done", "already")}
