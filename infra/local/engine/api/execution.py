"""One execution: a thread that runs a workflow, with its state during and after the run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from infra.local.engine.api.deployments import Deployment
from infra.local.engine.language.errors import ExecutionCancelled, WorkflowError, tagged
from infra.local.engine.language.values import Value, from_json, to_json
from infra.local.engine.runtime.callbacks import CallbackRegistry
from infra.local.engine.runtime.history import History
from infra.local.engine.runtime.local_host import LocalHost
from infra.local.engine.runtime.scope import MemoryUse
from infra.local.engine.runtime.waiting import Cancellation
from infra.local.engine.workflows import run_with
from shared import clock


class State(StrEnum):
    """The execution states this engine supports."""

    ACTIVE = "ACTIVE"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True)
class ExecutionRequest:
    """A request to start an execution; `argument` is JSON text."""

    argument: str = "null"
    labels: Mapping[str, str] = field(default_factory=dict)
    call_log_level: str = "CALL_LOG_LEVEL_UNSPECIFIED"


@dataclass(frozen=True)
class Ending:
    """How an execution ended; `result` is JSON text."""

    state: State
    end_time: datetime
    result: str = ""
    error: WorkflowError | None = None


@dataclass(frozen=True)
class Parts:
    """What the service provides to an execution."""

    cancellation: Cancellation
    callbacks: CallbackRegistry
    host: LocalHost
    history: History


class Execution:
    """A running or ended execution; its attributes can be read from any thread."""

    def __init__(
        self, name: str, sequence: int, deployment: Deployment, request: ExecutionRequest, parts: Parts
    ) -> None:
        self.name = name
        self.sequence = sequence
        self.deployment = deployment
        self.request = request
        self.callbacks = parts.callbacks
        self.history = parts.history
        self.host = parts.host
        self.start_time = clock.now()
        self.memory_use = MemoryUse()
        self._cancellation = parts.cancellation
        self._ending: Ending | None = None
        self._has_ended = threading.Event()
        self._on_end: Callable[[], None] = lambda: None

    @property
    def ending(self) -> Ending | None:
        """How it ended, or None while it runs."""
        return self._ending

    @property
    def state(self) -> State:
        """The current state."""
        ending = self._ending
        return State.ACTIVE if ending is None else ending.state

    def start(self, on_end: Callable[[], None] = lambda: None) -> None:
        """Start running in a separate thread; `on_end` is called in that thread at the end."""
        self._on_end = on_end
        threading.Thread(target=self._run, daemon=True, name=f"execution-{self.sequence}").start()

    def cancel(self) -> None:
        """Request cancellation; every wait ends at once."""
        self._cancellation.cancel()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end; return whether it came in time."""
        return self._has_ended.wait(timeout_s)

    def _run(self) -> None:
        ending: Ending | None = None
        try:
            ending = self._run_to_end()
        finally:
            # The thread prints the traceback of an engine bug; the execution must not look active after it.
            bug = tagged("SystemError", "the engine failed; see its output")
            self._ending = ending or Ending(State.FAILED, clock.now(), error=bug)
            self._has_ended.set()
            self._on_end()

    def _run_to_end(self) -> Ending:
        parts = (self.host, self._cancellation, self.history, self.memory_use)
        try:
            result = _result(run_with(self.deployment.workflow, from_json(self.request.argument), *parts))
        except WorkflowError as error:
            return Ending(State.FAILED, clock.now(), error=error)
        except ExecutionCancelled:
            return Ending(State.CANCELLED, clock.now())
        return Ending(State.SUCCEEDED, clock.now(), result=result)


def _result(value: Value) -> str:
    try:
        return to_json(value)
    except ValueError as error:
        raise tagged("TypeError", f"the result cannot be encoded: {error}") from error
