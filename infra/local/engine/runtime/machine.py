"""One execution: its routines, its limits, and how its steps call each other and the library."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

from infra.local.engine import stdlib
from infra.local.engine.language import limits, syntax
from infra.local.engine.language.errors import key_error, recursion_error, resource_limit, type_error
from infra.local.engine.language.evaluator import fill
from infra.local.engine.language.templates import Template
from infra.local.engine.language.values import FunctionName, Value
from infra.local.engine.runtime.history import History
from infra.local.engine.runtime.scope import MemoryUse, Scope
from infra.local.engine.runtime.waiting import Cancellation
from infra.local.engine.stdlib import connectors
from infra.local.engine.stdlib.function import Host


@dataclass(frozen=True)
class CallFrame:
    """Where a step runs: its routine and scope, how deep in calls and in parallel steps, below which entry."""

    routine: syntax.Routine
    scope: Scope
    call_depth: int = 0
    parallel_depth: int = 0
    parent_entry: int | None = None
    branch: str | None = None

    def within(self, scope: Scope) -> CallFrame:
        """Return the same place with another scope."""
        return replace(self, scope=scope)


class Machine:
    """What all steps of one execution share."""

    def __init__(
        self,
        workflow: syntax.Workflow,
        host: Host,
        cancellation: Cancellation,
        history: History,
        run_routine: Callable[[Machine, CallFrame], Value],
    ) -> None:
        self.workflow = workflow
        self.host = host
        self.cancellation = cancellation
        self.history = history
        self.routine_names = frozenset(workflow.routines)
        # Steps call the machine and the machine calls steps: the circle is closed by whoever makes both.
        self._run_routine = run_routine
        self._memory = MemoryUse()
        self._steps = itertools.count(1)

    def count_step(self) -> None:
        """Count one more step; raises WorkflowError (ResourceLimitError) past the limit, ExecutionCancelled."""
        self.cancellation.check()
        # next() of a count is one step of the interpreter: no lock is needed.
        if next(self._steps) > limits.STEPS_PER_EXECUTION:
            raise resource_limit(f"the execution took more than {limits.STEPS_PER_EXECUTION} steps")

    def new_scope(self) -> Scope:
        """Return the scope of a routine, which sees nothing of its caller."""
        return Scope(self._memory)

    def routine_frame(self, routine: syntax.Routine, given: dict[str, Value], caller: CallFrame | None) -> CallFrame:
        """
        Return the frame of a routine with its parameters set.

        Raises WorkflowError: RecursionError past 20 calls, KeyError for a missing argument.
        """
        depth = 0 if caller is None else caller.call_depth + 1
        if depth > limits.CALL_DEPTH:
            raise recursion_error(f"more than {limits.CALL_DEPTH} calls deep")
        frame = CallFrame(routine, self.new_scope(), depth)
        if caller is not None:
            frame = replace(
                frame,
                parallel_depth=caller.parallel_depth,
                parent_entry=caller.parent_entry,
                branch=caller.branch,
            )
        for parameter in routine.parameters:
            frame.scope.write(parameter.name, self._argument(parameter, given, frame))
        return frame

    def _argument(self, parameter: syntax.Parameter, given: dict[str, Value], frame: CallFrame) -> Value:
        if parameter.name in given:
            return given[parameter.name]
        if parameter.default is None:
            raise key_error(f"argument not found: {parameter.name}")
        return fill(parameter.default, FrameNames(self, frame))

    def fill(self, template: Template, frame: CallFrame) -> Value:
        """Return the value of a template in a frame."""
        return fill(template, FrameNames(self, frame))

    def call(self, function: str, arguments: dict[str, Value], caller: CallFrame) -> Value:
        """Call a subworkflow or the library by name of parameter."""
        if function in self.workflow.routines:
            return self._run_routine(self, self.routine_frame(self.workflow.routines[function], arguments, caller))
        if connectors.is_connector(function):
            return connectors.call(self.host, function, arguments)
        return stdlib.FUNCTIONS[function].call(self.host, arguments)

    def call_in_order(self, function: str, arguments: list[Value], caller: CallFrame) -> Value:
        """Call a subworkflow or the library by position."""
        if function in self.workflow.routines:
            names = [parameter.name for parameter in self.workflow.routines[function].parameters]
        else:
            names = list(stdlib.FUNCTIONS[function].signature.parameters)
        if len(arguments) > len(names):
            raise type_error(f"{function} takes {len(names)} arguments, found {len(arguments)}")
        return self.call(function, dict(zip(names, arguments, strict=False)), caller)


class FrameNames:
    """The names an expression sees in a frame."""

    def __init__(self, machine: Machine, frame: CallFrame) -> None:
        self._machine = machine
        self._frame = frame

    def has_variable(self, name: str) -> bool:
        """Tell whether the variable is visible here."""
        return self._frame.scope.has(name)

    def variable(self, name: str) -> Value:
        """Return a variable, or a subworkflow as a value."""
        if not self._frame.scope.has(name) and name in self._machine.routine_names:
            return FunctionName(name)
        return self._frame.scope.read(name)

    def library(self, name: str) -> Value:
        """Return a policy or a function of the library as a value."""
        if name in stdlib.CONSTANTS:
            return stdlib.CONSTANTS[name]
        if name in stdlib.FUNCTIONS:
            return FunctionName(name)
        raise key_error(f"variable not found: {name.partition('.')[0]}")

    def call(self, function: str, arguments: list[Value]) -> Value:
        """Call a function or a subworkflow by position."""
        return self._machine.call_in_order(function, arguments, self._frame)
