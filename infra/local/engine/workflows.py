"""Read a workflow and run it: the engine without its server."""

from __future__ import annotations

from collections.abc import Mapping

from infra.local.engine import stdlib
from infra.local.engine.language import checks, reader, source, syntax
from infra.local.engine.language.errors import DefinitionRejected
from infra.local.engine.language.values import Value
from infra.local.engine.runtime.callbacks import CallbackBoard
from infra.local.engine.runtime.history import History, Listener
from infra.local.engine.runtime.local_host import LocalHost
from infra.local.engine.runtime.machine import Machine
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
    """Read a source without asking whether its calls, jumps and variables are right; raises DefinitionRejected."""
    return reader.read_routines(source.read(text))


def violations(routines: dict[str, syntax.Routine]) -> list[checks.Violation]:
    """Return every law of the language that routines of the right form still break."""
    return checks.violations(routines, stdlib.SIGNATURES, is_connector)


def run(
    workflow: syntax.Workflow,
    argument: Value = None,
    *,
    environment: Mapping[str, str] | None = None,
    time_scale: float = 1.0,
    listener: Listener | None = None,
) -> Value:
    """
    Run a workflow to its end in this thread and return its result.

    Raises WorkflowError for what the workflow did not catch. Callbacks need the server.
    """
    cancellation = Cancellation()
    board = CallbackBoard("http://127.0.0.1", cancellation.ring)
    host = LocalHost(environment or {}, cancellation, board, time_scale=time_scale)
    return run_with(workflow, argument, host, cancellation, History(listener))


def run_with(
    workflow: syntax.Workflow, argument: Value, host: Host, cancellation: Cancellation, history: History
) -> Value:
    """Run a workflow with parts of the caller's making; raises WorkflowError and ExecutionCancelled."""
    machine = Machine(workflow, host, cancellation, history, run_routine)
    given = {parameter.name: argument for parameter in workflow.main.parameters}
    return run_routine(machine, machine.routine_frame(workflow.main, given, None))
