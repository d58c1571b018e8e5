"""The state of one execution: routines, limits, and calls to subworkflows and the library."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

from infra.local.engine import stdlib
from infra.local.engine.language import limits, syntax
from infra.local.engine.language.errors import (
    UncatchableError,
    key_error,
    recursion_error,
    resource_limit,
    type_error,
)
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
    """Where a step runs: routine, scope, call depth, parallel depth, parent entry and branch."""

    routine: syntax.Routine
    scope: Scope
    call_depth: int = 0
    parallel_depth: int = 0
    parent_entry: int | None = None
    branch: str | None = None

    def within(self, scope: Scope) -> CallFrame:
        """Return the same frame with another scope."""
        return replace(self, scope=scope)


class Machine:
    """The state shared by all steps of one execution."""

    def __init__(
        self,
        workflow: syntax.Workflow,
        host: Host,
        cancellation: Cancellation,
        history: History,
        run_routine: Callable[[Machine, CallFrame], Value],
        memory_use: MemoryUse | None = None,
    ) -> None:
        self.workflow = workflow
        self.host = host
        self.cancellation = cancellation
        self.history = history
        self.routine_names = frozenset(workflow.routines)
        # Steps and machine call each other; passing the function in avoids a circular import.
        self._run_routine = run_routine
        self.memory_use = memory_use or MemoryUse()
        self.fatal: UncatchableError | None = None
        """The error that ended the whole execution, once there is one."""
        self._steps = itertools.count(1)

    def count_step(self) -> None:
        """Count one step; raises WorkflowError (ResourceLimitError) above the limit, ExecutionCancelled."""
        self.cancellation.check()
        # next() on a count is atomic in CPython: no lock is needed.
        if next(self._steps) > limits.STEPS_PER_EXECUTION:
            raise resource_limit(f"the execution took more than {limits.STEPS_PER_EXECUTION} steps")

    def fail(self, error: UncatchableError) -> None:
        """End every branch and every wait: nothing in the workflow can handle this error."""
        self.fatal = self.fatal or error
        self.cancellation.cancel()

    def new_scope(self) -> Scope:
        """Return a new scope for a routine, without access to its caller's variables."""
        return Scope(self.memory_use)

    def routine_frame(
        self, routine: syntax.Routine, arguments: dict[str, Value], caller: CallFrame | None
    ) -> CallFrame:
        """
        Return the frame of a routine with its parameters set.

        Raises WorkflowError: RecursionError for more than 20 nested calls, KeyError for a missing argument.
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
            frame.scope.write(parameter.name, self._argument(parameter, arguments, frame))
        return frame

    def _argument(self, parameter: syntax.Parameter, arguments: dict[str, Value], frame: CallFrame) -> Value:
        if parameter.name in arguments:
            return arguments[parameter.name]
        if parameter.default is None:
            raise key_error(f"argument not found: {parameter.name}")
        return fill(parameter.default, FrameNames(self, frame))

    def fill(self, template: Template, frame: CallFrame) -> Value:
        """Return the value of a template in a frame."""
        return fill(template, FrameNames(self, frame))

    def call(self, function: str, arguments: dict[str, Value], caller: CallFrame) -> Value:
        """Call a subworkflow or a library function with named arguments."""
        if function in self.workflow.routines:
            return self._run_routine(self, self.routine_frame(self.workflow.routines[function], arguments, caller))
        with self.memory_use.held(list(arguments.values())):
            if connectors.is_connector(function):
                return connectors.call(self.host, function, arguments)
            return stdlib.FUNCTIONS[function].call(self.host, arguments)

    def call_positional(self, function: str, arguments: list[Value], caller: CallFrame) -> Value:
        """Call a subworkflow or a library function with positional arguments."""
        if function in self.workflow.routines:
            names = [parameter.name for parameter in self.workflow.routines[function].parameters]
        else:
            names = list(stdlib.FUNCTIONS[function].signature.parameters)
        if len(arguments) > len(names):
            raise type_error(f"{function} takes {len(names)} arguments, found {len(arguments)}")
        return self.call(function, dict(zip(names, arguments, strict=False)), caller)


class FrameNames:
    """The names visible to an expression in a frame."""

    def __init__(self, machine: Machine, frame: CallFrame) -> None:
        self._machine = machine
        self._frame = frame

    def has_variable(self, name: str) -> bool:
        """Return whether the variable is visible here."""
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
        """Call a function or a subworkflow with positional arguments."""
        return self._machine.call_positional(function, arguments, self._frame)
