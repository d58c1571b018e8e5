"""The table of steps: what every other place reads is complete and true."""

import re
from typing import get_args

import yaml

from infra import bundle
from infra.workflow_checks.contracts import read
from shared.contracts import PostProcessRequest
from shared.step.steps import BY_AGENT, BY_NAME, STEPS

WORKFLOW = bundle.ROOT / "workflows" / "incident.workflows.yaml"
MANIFESTS = {name: yaml.safe_load((bundle.FUNCTIONS / name / "function.yaml").read_text()) for name in bundle.names()}


def test_every_function_that_the_workflow_calls_has_a_row() -> None:
    """A step without a row would be lost when the sweeper rebuilds what the workflow could not send."""
    assert {name for name, manifest in MANIFESTS.items() if not _is_called_otherwise(manifest)} == set(BY_NAME)
    assert set(re.findall(r"function: (\w+)", WORKFLOW.read_text())) == set(BY_NAME)


def test_rows_name_the_contracts_of_their_functions() -> None:
    """They are the ones that the workflow is checked against."""
    functions = read(bundle.FUNCTIONS)

    assert {row.name: row.request for row in STEPS} == functions.requests
    assert {row.name: row.answer for row in STEPS} == functions.answers


def test_each_answer_has_its_field_in_the_request_of_the_last_step() -> None:
    """The brief is written from every answer, and from nothing but answers."""
    fields = {row.field: row.answer for row in STEPS if row.field}

    assert {name: _contract(name) for name in fields} == fields
    others = {"alert", "failures", "is_approved", "left_out", "mail_attempt"}
    assert set(PostProcessRequest.model_fields) == fields.keys() | others


def test_no_two_steps_share_a_name() -> None:
    """A name finds one row."""
    assert len(BY_NAME) == len(BY_AGENT) == len(STEPS)


def test_a_step_outlives_its_model() -> None:
    """The time for the model is under half of the function's own, so the offline answer still arrives."""
    uses = {row.name: row.model.timeout_s for row in STEPS if row.model}

    assert {name for name, timeout_s in uses.items() if timeout_s >= MANIFESTS[name]["timeout_s"] / 2} == set()


def _is_called_otherwise(manifest: dict[str, object]) -> bool:
    return manifest["trigger"] != "http" or "schedule" in manifest or bool(manifest.get("public"))


def _contract(name: str) -> type:
    return get_args(PostProcessRequest.model_fields[name].annotation)[0]
