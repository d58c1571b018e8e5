"""Read a workflow and run it: the engine without its server."""

from __future__ import annotations

from collections.abc import Mapping

from infra.local.engine import stdlib
from infra.local.engine.language import checks, reader, source, syntax
from infra.local.engine.language.errors import DefinitionRejected, ExecutionCancelled
from infra.local.engine.language.values import Value
from infra.local.engine.runtime.callbacks import CallbackRegistry
from infra.local.engine.runtime.history import History, Listener
from infra.local.engine.runtime.local_host import LocalHost
from infra.local.engine.runtime.machine import Machine
from infra.local.engine.runtime.scope import MemoryUse
from infra.local.engine.runtime.steps import run_routine
from infra.local.engine.runtime.waiting import Cancellation
from infra.local.engine.stdlib.connectors import is_connector
from infra.local.engine.stdlib.function import Host


def load(text: str) -> syntax.Workflow:
    """
    Read and check the source of a workflow, YAML or JSON.

    Raises DefinitionRejected naming the routine, the step and its line.
    """
    routines = parse(text)
    for violation in violations(routines):
        raise DefinitionRejected(str(violation), violation.line)
    return syntax.Workflow(routines, text)


def parse(text: str) -> dict[str, syntax.Routine]:
    """Read a source without checking its calls, jumps and variables; raises DefinitionRejected."""
    return reader.read_routines(source.read(text))


def violations(routines: dict[str, syntax.Routine]) -> list[checks.Violation]:
    """Return every rule of the language that well-formed routines break."""
    return checks.violations(routines, stdlib.SIGNATURES, is_connector)


def run(
    workflow: syntax.Workflow,
    argument: Value = None,
    *,
    environment: Mapping[str, str] | None = None,
    time_scale: float = 1.0,
    listener: Listener | None = None,
    memory_use: MemoryUse | None = None,
) -> Value:
    """
    Run a workflow to its end in this thread and return its result; `memory_use` then holds the peak of its memory.

    Raises WorkflowError for an error the workflow did not catch. Callbacks need the server.
    """
    cancellation = Cancellation()
    callbacks = CallbackRegistry("http://127.0.0.1", cancellation.wake_waiters)
    host = LocalHost(environment or {}, cancellation, callbacks, time_scale=time_scale)
    return run_with(workflow, argument, host, cancellation, History(listener), memory_use)


def run_with(
    workflow: syntax.Workflow,
    argument: Value,
    host: Host,
    cancellation: Cancellation,
    history: History,
    memory_use: MemoryUse | None = None,
) -> Value:
    """Run a workflow with the caller's host, cancellation and history; raises WorkflowError and ExecutionCancelled."""
    machine = Machine(workflow, host, cancellation, history, run_routine, memory_use)
    arguments = {parameter.name: argument for parameter in workflow.main.parameters}
    try:
        return run_routine(machine, machine.routine_frame(workflow.main, arguments, None))
    except ExecutionCancelled:
        # A limit that one branch hit cancels the others.
        if machine.fatal is not None:
            raise machine.fatal from None
        raise
