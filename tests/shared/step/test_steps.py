"""The table of steps: what every other place reads is complete and true."""

import re
from typing import get_args

import yaml

from infra import bundle
from infra.workflow_checks.contracts import read
from shared.cloud.deadline import DeadlineSettings
from shared.contracts import PostProcessRequest
from shared.step.incident_facts import READ_BUDGET_S
from shared.step.run_trace import STORE_BUDGET_S
from shared.step.step_result import DECISIONS
from shared.step.steps import (
    BY_AGENT,
    BY_NAME,
    CODE_READ_WITHIN_S,
    EARLY_WITHIN_S,
    FILE_UPDATER,
    READ_WITHIN_S,
    SOLUTION_GENERATOR,
    STEPS,
    WAIT_MARGIN_S,
)

WORKFLOW = bundle.ROOT / "workflows" / "incident.workflows.yaml"
MANIFESTS = {name: yaml.safe_load((bundle.FUNCTIONS / name / "function.yaml").read_text()) for name in bundle.names()}


def test_every_function_that_the_workflow_calls_has_a_row() -> None:
    """A step without a row would be lost when the sweeper rebuilds what the workflow could not send."""
    assert {name for name, manifest in MANIFESTS.items() if not _is_called_otherwise(manifest)} == set(BY_NAME)
    assert set(re.findall(r"function: (\w+)", WORKFLOW.read_text())) == set(BY_NAME)


def test_workflow_may_branch_on_the_decisions_of_each_step_alone() -> None:
    """The check of the YAML finds a decision that another step makes, which would always be false."""
    results = read(bundle.FUNCTIONS).answers
    decided = {name: {field for field in DECISIONS if field in result.model_fields} for name, result in results.items()}

    assert {name: fields for name, fields in decided.items() if fields} == {
        "incident_detection": {"sends_early", "needs_response", "looks_like_regression"},
        "solution_generator": {"has_patch"},
        "file_updater": {"is_ready", "awaits_approval"},
        "pr_creator": {"awaits_approval", "approve_within_s"},
    }


def test_only_steps_that_write_outside_believe_the_trace_alone() -> None:
    """A new step that writes must say so in its row."""
    assert {row.name: row.writes for row in STEPS if row.writes} == {
        "file_updater": "code",
        "pr_creator": "code",
        "post_process": "outcome",
    }


def test_answer_of_a_staged_step_is_read_at_the_same_stage() -> None:
    """After an approval the first run's branch, which only awaited it, is not the branch."""
    assert FILE_UPDATER.run_read_at("approved") == "FileUpdaterAgent-approved"
    assert FILE_UPDATER.run_read_at("mail-3") == FILE_UPDATER.run_read_at("") == "FileUpdaterAgent"
    assert SOLUTION_GENERATOR.run_read_at("approved") == "SolutionGeneratorAgent"


def test_each_answer_has_its_field_in_the_request_of_the_last_step() -> None:
    """The brief is written from every answer, and from nothing but answers."""
    fields = {row.field: row.answer for row in STEPS if row.field}

    assert {name: _contract(name) for name in fields} == fields
    others = {
        "alert",
        "facts",
        "failures",
        "is_approved",
        "is_declined",
        "is_early",
        "left_out",
        "mail_attempt",
        "update_attempt",
    }
    assert set(PostProcessRequest.model_fields) == fields.keys() | others


def test_no_two_steps_share_a_name() -> None:
    """A name finds one row."""
    assert len(BY_NAME) == len(BY_AGENT) == len(STEPS)


def test_function_ends_when_the_budget_of_its_step_does() -> None:
    """The platform ends it by its own timeout, so the two must not differ."""
    assert {row.name: MANIFESTS[row.name]["timeout_s"] for row in STEPS} == {row.name: row.budget_s for row in STEPS}


def test_brief_waits_for_the_budget_of_a_step_and_five_seconds() -> None:
    """Each call of the workflow is bounded by the row of the step it calls."""
    calls = re.findall(r"function: (\w+)\n +within: (\d+)\n", WORKFLOW.read_text())

    assert {name for name, _ in calls} == set(BY_NAME)
    budgets = {(row.name, row.budget_s + WAIT_MARGIN_S) for row in STEPS}
    before = {
        ("incident_detection", READ_WITHIN_S),
        ("post_process", EARLY_WITHIN_S),
        ("code_analyzer", CODE_READ_WITHIN_S),
    }
    assert {(name, int(within)) for name, within in calls} == budgets | before
    assert len(calls) == WORKFLOW.read_text().count("function: ") - 1, "one place passes the name on"


def test_run_in_which_every_step_takes_its_whole_budget_ends_before_the_deadline() -> None:
    """Else the sweeper would publish an incident that its workflow is about to publish."""
    in_series = [row for row in STEPS if row.name not in ("rca", "suggestion")]
    assert max(BY_NAME["rca"].budget_s, BY_NAME["suggestion"].budget_s) <= BY_NAME["code_analyzer"].budget_s
    assert EARLY_WITHIN_S + BY_NAME["incident_detection"].budget_s >= CODE_READ_WITHIN_S, (
        "the code is read beside these two"
    )

    total_s = READ_WITHIN_S + EARLY_WITHIN_S + sum(row.budget_s + WAIT_MARGIN_S for row in in_series)

    assert total_s < DeadlineSettings().incident_deadline_seconds


def test_a_step_outlives_its_model() -> None:
    """After a model that used all its time the offline answer still arrives and is stored."""
    needed_s = {row.name: row.model.timeout_s + READ_BUDGET_S + STORE_BUDGET_S for row in STEPS if row.model}

    assert {name for name, seconds in needed_s.items() if seconds > BY_NAME[name].budget_s} == set()


def _is_called_otherwise(manifest: dict[str, object]) -> bool:
    return manifest["trigger"] != "http" or "schedule" in manifest or bool(manifest.get("public"))


def _contract(name: str) -> type:
    return get_args(PostProcessRequest.model_fields[name].annotation)[0]
