"""The YAML and the contracts agree: every function is a folder, every body key a field of its request."""

from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest
import yaml

from infra import bundle
from shared import contracts

WORKFLOW = bundle.ROOT / "workflows" / "incident.workflows.yaml"
REQUESTS = {
    "incident_detection": contracts.DetectionRequest,
    "rca": contracts.RootCauseRequest,
    "suggestion": contracts.SuggestionRequest,
    "code_analyzer": contracts.CodeAnalysisRequest,
    "solution_generator": contracts.SolutionRequest,
    "file_updater": contracts.FileUpdateRequest,
    "pr_creator": contracts.PullRequestRequest,
    "post_process": contracts.PostProcessRequest,
}


def _calls(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("call") in ("ask", "attempt") and "$" not in str(node["args"]["function"]):
            yield node["args"]
        for value in node.values():
            yield from _calls(value)
    elif isinstance(node, list):
        for value in node:
            yield from _calls(value)


CALLS = list(_calls(yaml.safe_load(WORKFLOW.read_text())))


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call["function"])
def test_called_function_is_a_folder(call: dict[str, Any]) -> None:
    """The workflow asks only functions that exist."""
    assert call["function"] in bundle.names()


@pytest.mark.parametrize(
    "call", [call for call in CALLS if isinstance(call["body"], dict)], ids=lambda call: call["function"]
)
def test_body_keys_are_fields_of_the_request(call: dict[str, Any]) -> None:
    """No key of a body is unknown to the request, no required field is missing."""
    fields = REQUESTS[call["function"]].model_fields
    required = {name for name, field in fields.items() if field.is_required()}

    assert required <= set(call["body"]) <= set(fields)


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_function_takes_the_request_the_workflow_sends(name: str) -> None:
    """The annotation of the entry point is the request checked here."""
    source = (bundle.FUNCTIONS / name / "main.py").read_text()

    assert f"def {name}(request: {REQUESTS[name].__name__})" in source


def test_every_agent_is_called_by_the_workflow() -> None:
    """No function of the incident's life is forgotten."""
    assert {call["function"] for call in CALLS} == set(REQUESTS)


@pytest.mark.parametrize(
    "fact", ["needs_response", "looks_like_regression", "has_patch", "is_ready", "awaits_approval"]
)
def test_facts_the_workflow_branches_on_are_in_the_answers(fact: str) -> None:
    """Each fact is a computed field, so it travels in the answer's JSON."""
    answers = (contracts.Incident, contracts.Solution, contracts.Branch)

    assert fact in WORKFLOW.read_text()
    assert any(fact in answer.model_computed_fields for answer in answers)
    assert get_type_hints(contracts.StepRequest)["alert"] is contracts.Alert
