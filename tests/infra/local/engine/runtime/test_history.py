"""What a watcher hears of an execution."""

from collections.abc import Callable
from typing import Any

from infra.local.engine.runtime.history import StepEntry, StepState

Run = Callable[..., Any]


def test_a_listener_hears_every_step_begin_and_end(run_workflow: Run) -> None:
    """In order, with type, state and parent."""
    heard: list[StepEntry] = []
    source = """
        main:
          steps:
            - ask: {call: sub, result: x}
            - done: {return: "${x}"}
        sub:
          steps:
            - give: {return: 1}
        """
    run_workflow(source, listener=heard.append)

    assert [(entry.routine, entry.step, entry.step_type, entry.state, entry.parent) for entry in heard] == [
        ("main", "ask", "STEP_SUBWORKFLOW_CALL", StepState.IN_PROGRESS, None),
        ("sub", "give", "STEP_RETURN", StepState.IN_PROGRESS, 1),
        ("sub", "give", "STEP_RETURN", StepState.SUCCEEDED, 1),
        ("main", "ask", "STEP_SUBWORKFLOW_CALL", StepState.SUCCEEDED, None),
        ("main", "done", "STEP_RETURN", StepState.IN_PROGRESS, None),
        ("main", "done", "STEP_RETURN", StepState.SUCCEEDED, None),
    ]
    assert all(entry.update_time >= entry.create_time for entry in heard)


def test_a_failed_step_carries_what_was_raised(run_workflow: Run) -> None:
    """The step that raised and the block around it that did not catch."""
    heard: list[StepEntry] = []
    source = "- t: {try: {steps: [{boom: {raise: {code: 1}}}]}, except: {as: e, steps: [{r: {return: 1}}]}}"

    run_workflow(source, listener=heard.append)

    ends = {entry.step: entry for entry in heard if entry.state is not StepState.IN_PROGRESS}
    assert ends["boom"].exception == {"code": 1}
    assert ends["boom"].state is StepState.FAILED
    assert ends["t"].state is StepState.SUCCEEDED


def test_steps_of_a_branch_name_it(run_workflow: Run) -> None:
    """The branch has an entry of its own, above its steps."""
    heard: list[StepEntry] = []
    branch = "{steps: [{s: {assign: [{x: 1}]}}]}"

    run_workflow(f"- p: {{parallel: {{branches: [{{one: {branch}}}, {{two: {branch}}}]}}}}", listener=heard.append)

    entries = {entry.id: entry for entry in heard}
    inner = [entry for entry in entries.values() if entry.step == "s"]
    assert sorted(str(entry.branch) for entry in inner) == ["one", "two"]
    assert {entries[entry.parent or 0].step_type for entry in inner} == {"STEP_PARALLEL_BRANCH_ENTRY"}
