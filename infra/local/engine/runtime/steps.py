"""Run the steps of a routine, in order and with their jumps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from infra.local.engine.language import limits, syntax
from infra.local.engine.language.errors import EngineError, UncatchableError, WorkflowError, type_error
from infra.local.engine.language.evaluator import boolean, evaluate
from infra.local.engine.language.values import Value, is_number, type_name
from infra.local.engine.runtime import parallel, retries
from infra.local.engine.runtime.history import step_type
from infra.local.engine.runtime.machine import CallFrame, FrameNames, Machine
from infra.local.engine.runtime.scope import replaced


@dataclass(frozen=True)
class Jump:
    """Continue at a step outside the current block, or at `end`, `break`, `continue`."""

    target: str


@dataclass(frozen=True)
class Returned:
    """Leave the routine with a value."""

    value: Value


Outcome: TypeAlias = Jump | Returned | None


def run_routine(machine: Machine, frame: CallFrame) -> Value:
    """Run a routine to its end and return its value, null by default."""
    try:
        outcome = run_block(machine, frame, frame.routine.body)
    finally:
        frame.scope.close()
    return outcome.value if isinstance(outcome, Returned) else None


def run_block(machine: Machine, frame: CallFrame, block: syntax.Block) -> Outcome:
    """Run steps in order; any outcome except a jump inside the block ends the block."""
    index = 0
    while index < len(block.steps):
        outcome = _run_step(machine, frame, block.steps[index])
        if outcome is None:
            index += 1
        elif isinstance(outcome, Jump) and outcome.target in block.positions:
            index = block.positions[outcome.target]
        else:
            return outcome
    return None


def _run_step(machine: Machine, frame: CallFrame, step: syntax.Step) -> Outcome:
    machine.count_step()
    kind = step_type(step.action, machine.routine_names)
    entry = machine.history.start(frame.routine.name, step.name, kind, frame.parent_entry, frame.branch)
    try:
        outcome = _perform(machine, replace(frame, parent_entry=entry), step.action)
    except EngineError as error:
        if isinstance(error, WorkflowError):
            error.passed(frame.routine.name, step.name, step.line)
        if isinstance(error, UncatchableError):
            machine.fail(error)
        machine.history.end(entry, error)
        raise
    machine.history.end(entry)
    return Jump(step.next) if outcome is None and step.next is not None else outcome


def _perform(machine: Machine, frame: CallFrame, action: syntax.Action | None) -> Outcome:
    match action:
        case syntax.Assign(assignments):
            for assignment in assignments:
                _assign(machine, frame, assignment)
            return None
        case syntax.CallStep():
            _call(machine, frame, action)
            return None
        case syntax.Return(value):
            return Returned(machine.fill(value, frame))
        case syntax.Raise(value):
            raise WorkflowError(machine.fill(value, frame))
        case None:
            return None
        case _:
            return _perform_compound(machine, frame, action)


def _perform_compound(
    machine: Machine, frame: CallFrame, action: syntax.Switch | syntax.For | syntax.Parallel | syntax.Try | syntax.Block
) -> Outcome:
    match action:
        case syntax.Switch(cases):
            return _switch(machine, frame, cases)
        case syntax.For():
            return _loop(machine, frame, action)
        case syntax.Try():
            return retries.run_try(machine, frame, action, run_block)
        case syntax.Parallel():
            _parallel(machine, frame, action)
            return None
        case syntax.Block():
            return run_block(machine, frame, action)


def _assign(machine: Machine, frame: CallFrame, assignment: syntax.Assignment) -> None:
    name = assignment.target.variable
    scope = frame.scope.target_scope(name)
    # Reading and writing a shared variable in one assignment is atomic: `n: ${n + 1}` loses no update.
    with scope.lock:
        value = machine.fill(assignment.value, frame)
        if assignment.target.path:
            names = FrameNames(machine, frame)
            path = [evaluate(key, names) for key in assignment.target.path]
            value = replaced(scope.read(name), path, value)
        scope.write(name, value)


def _call(machine: Machine, frame: CallFrame, call: syntax.CallStep) -> None:
    if call.positional:
        values = [machine.fill(argument, frame) for argument in call.positional]
        result = machine.call_positional(call.function, values, frame)
    else:
        named = {name: machine.fill(argument, frame) for name, argument in call.named}
        result = machine.call(call.function, named, frame)
    if call.result is not None:
        with machine.memory_use.held(result):
            frame.scope.assign(call.result, result)


def _switch(machine: Machine, frame: CallFrame, cases: tuple[syntax.Case, ...]) -> Outcome:
    for case in cases:
        if boolean(machine.fill(case.condition, frame), "a condition"):
            outcome = _perform(machine, frame, case.action)
            return Jump(case.next) if outcome is None and case.next is not None else outcome
    return None


def _loop(machine: Machine, frame: CallFrame, loop: syntax.For) -> Outcome:
    scope = frame.scope.inner()
    inside = frame.within(scope)
    try:
        for index, value in enumerate(loop_values(machine, frame, loop)):
            set_loop_variables(inside, loop, index, value)
            outcome = run_block(machine, inside, loop.body)
            if outcome == Jump(syntax.BREAK):
                return None
            if outcome is not None and outcome != Jump(syntax.CONTINUE):
                return outcome
    finally:
        scope.close()
    return None


def set_loop_variables(frame: CallFrame, loop: syntax.For, index: int, value: Value) -> None:
    """Set the value and the index of an iteration."""
    frame.scope.write(loop.variable, value)
    if loop.index is not None:
        frame.scope.write(loop.index, index)


def loop_values(machine: Machine, frame: CallFrame, loop: syntax.For) -> list[Value]:
    """Return the values a loop iterates over; raises WorkflowError (TypeError)."""
    if loop.items is not None:
        items = machine.fill(loop.items, frame)
        if not isinstance(items, list):
            raise type_error(f"'in' needs a list, not {type_name(items)}")
        return items
    assert loop.bounds is not None
    bounds = machine.fill(loop.bounds, frame)
    if not isinstance(bounds, list) or len(bounds) != 2 or not all(is_number(bound) for bound in bounds):
        raise type_error("'range' needs a list of two numbers")
    return _range(*bounds)


def _range(first: float, last: float) -> list[Value]:
    count = int(last - first) + 1 if last >= first else 0
    # The step limit ends a longer loop, so the list need not be longer.
    return [first + offset for offset in range(min(count, limits.STEPS_PER_EXECUTION + 1))]


def _parallel(machine: Machine, frame: CallFrame, action: syntax.Parallel) -> None:
    """Run branches or iterations, each in its own scope; `continue` or `end` in one ends only that one."""
    tasks: list[parallel.Task]
    if action.loop is None:
        tasks = [(branch.name, branch.body, None) for branch in action.branches]
    else:
        values = loop_values(machine, frame, action.loop)
        tasks = [(str(index), action.loop.body, (index, value)) for index, value in enumerate(values)]

    def run_task(task_frame: CallFrame, body: syntax.Block, iteration: parallel.Iteration | None) -> None:
        if action.loop is not None and iteration is not None:
            set_loop_variables(task_frame, action.loop, *iteration)
        run_block(machine, task_frame, body)

    parallel.run(machine, frame, action, tasks, run_task)
