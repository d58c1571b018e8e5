"""The step entries that a listener receives."""

from collections.abc import Callable
from typing import Any

from infra.local.engine.runtime.history import StepEntry, StepState

Run = Callable[..., Any]


def test_listener_receives_every_step_start_and_end(run_workflow: Run) -> None:
    """In order, with type, state and parent."""
    entries: list[StepEntry] = []
    source = """
        main:
          steps:
            - ask: {call: sub, result: x}
            - done: {return: "${x}"}
        sub:
          steps:
            - give: {return: 1}
        """
    run_workflow(source, listener=entries.append)

    assert [(entry.routine, entry.step, entry.step_type, entry.state, entry.parent) for entry in entries] == [
        ("main", "ask", "STEP_SUBWORKFLOW_CALL", StepState.IN_PROGRESS, None),
        ("sub", "give", "STEP_RETURN", StepState.IN_PROGRESS, 1),
        ("sub", "give", "STEP_RETURN", StepState.SUCCEEDED, 1),
        ("main", "ask", "STEP_SUBWORKFLOW_CALL", StepState.SUCCEEDED, None),
        ("main", "done", "STEP_RETURN", StepState.IN_PROGRESS, None),
        ("main", "done", "STEP_RETURN", StepState.SUCCEEDED, None),
    ]
    assert all(entry.update_time >= entry.create_time for entry in entries)


def test_failed_step_carries_the_raised_value(run_workflow: Run) -> None:
    """The raising step is FAILED; the `try` step that caught the error is not."""
    entries: list[StepEntry] = []
    source = "- t: {try: {steps: [{boom: {raise: {code: 1}}}]}, except: {as: e, steps: [{r: {return: 1}}]}}"

    run_workflow(source, listener=entries.append)

    ends = {entry.step: entry for entry in entries if entry.state is not StepState.IN_PROGRESS}
    assert ends["boom"].exception == {"code": 1}
    assert ends["boom"].state is StepState.FAILED
    assert ends["t"].state is StepState.SUCCEEDED


def test_steps_of_a_branch_carry_its_name(run_workflow: Run) -> None:
    """The branch has its own entry, the parent of its steps."""
    entries: list[StepEntry] = []
    branch = "{steps: [{s: {assign: [{x: 1}]}}]}"

    run_workflow(f"- p: {{parallel: {{branches: [{{one: {branch}}}, {{two: {branch}}}]}}}}", listener=entries.append)

    by_id = {entry.id: entry for entry in entries}
    inner = [entry for entry in by_id.values() if entry.step == "s"]
    assert sorted(str(entry.branch) for entry in inner) == ["one", "two"]
    assert {by_id[entry.parent or 0].step_type for entry in inner} == {"STEP_PARALLEL_BRANCH_ENTRY"}
