"""One execution: a thread that runs a workflow, and what can be known of it meanwhile and afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from infra.local.engine.api.deployments import Deployment
from infra.local.engine.language.errors import ExecutionCancelled, WorkflowError, tagged
from infra.local.engine.language.values import Value, from_json, to_json
from infra.local.engine.runtime.callbacks import CallbackBoard
from infra.local.engine.runtime.history import History
from infra.local.engine.runtime.local_host import LocalHost
from infra.local.engine.runtime.waiting import Cancellation
from infra.local.engine.workflows import run_with
from shared import clock


class State(StrEnum):
    """The states of an execution this engine knows."""

    ACTIVE = "ACTIVE"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True)
class ExecutionRequest:
    """What an execution was asked for; `argument` is JSON text."""

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
    """What the service gives an execution to run with."""

    cancellation: Cancellation
    callbacks: CallbackBoard
    host: LocalHost
    history: History


class Execution:
    """A running or ended execution; everything readable from any thread."""

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
        """Where it is."""
        ending = self._ending
        return State.ACTIVE if ending is None else ending.state

    def start(self, on_end: Callable[[], None] = lambda: None) -> None:
        """Begin to run, in a thread of its own; `on_end` is called there at the end."""
        self._on_end = on_end
        threading.Thread(target=self._run, daemon=True, name=f"execution-{self.sequence}").start()

    def cancel(self) -> None:
        """Ask it to stop; whatever it waits for is left."""
        self._cancellation.cancel()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end, tell whether it came."""
        return self._has_ended.wait(timeout_s)

    def _run(self) -> None:
        ending: Ending | None = None
        try:
            ending = self._run_to_end()
        finally:
            # A bug of the engine is shown by the thread's own traceback; the execution must not look alive after it.
            bug = tagged("SystemError", "the engine failed; see its own output")
            self._ending = ending or Ending(State.FAILED, clock.now(), error=bug)
            self._has_ended.set()
            self._on_end()

    def _run_to_end(self) -> Ending:
        parts = (self.host, self._cancellation, self.history)
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
