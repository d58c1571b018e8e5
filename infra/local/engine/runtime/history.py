"""The step-by-step history of an execution, with a listener for live updates."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from infra.local.engine.language import syntax
from infra.local.engine.language.errors import EngineError, WorkflowError
from infra.local.engine.language.values import Value
from shared import clock


class StepState(StrEnum):
    """The state of a step; the values are those of the StepEntry resource."""

    IN_PROGRESS = "STATE_IN_PROGRESS"
    SUCCEEDED = "STATE_SUCCEEDED"
    FAILED = "STATE_FAILED"
    CANCELLED = "STATE_CANCELLED"


@dataclass(frozen=True)
class StepEntry:
    """One run of one step; times are UTC, `exception` is the raised value if it failed."""

    id: int
    routine: str
    step: str
    step_type: str
    state: StepState
    create_time: datetime
    update_time: datetime
    parent: int | None
    branch: str | None
    exception: Value = None


Listener: TypeAlias = Callable[[StepEntry], None]


class History:
    """The entries of one execution; `listener` is called at each step's start and end, in the step's thread."""

    def __init__(self, listener: Listener | None = None) -> None:
        self._lock = threading.Lock()
        self._listener = listener
        self._entries: dict[int, StepEntry] = {}
        self._open: set[int] = set()

    def start(self, routine: str, step: str, step_type: str, parent: int | None, branch: str | None) -> int:
        """Record the start of a step and return its entry number."""
        moment = clock.now()
        with self._lock:
            number = len(self._entries) + 1
            entry = StepEntry(number, routine, step, step_type, StepState.IN_PROGRESS, moment, moment, parent, branch)
            self._entries[number] = entry
            self._open.add(number)
        self._notify(entry)
        return number

    def end(self, number: int, error: EngineError | None = None) -> None:
        """Record the end of a step, with its error if it failed."""
        with self._lock:
            state, exception = _outcome(error)
            entry = replace(self._entries[number], update_time=clock.now(), state=state, exception=exception)
            self._entries[number] = entry
            self._open.discard(number)
        self._notify(entry)

    def entries(self) -> list[StepEntry]:
        """Return every entry, oldest first."""
        with self._lock:
            return list(self._entries.values())

    def entry(self, number: int) -> StepEntry | None:
        """Return one entry, or None when the number is unknown."""
        with self._lock:
            return self._entries.get(number)

    def current(self) -> list[StepEntry]:
        """Return the steps in progress, outermost first."""
        with self._lock:
            return [self._entries[number] for number in sorted(self._open)]

    def last(self) -> list[StepEntry]:
        """Return a list with the entry started last; empty before the first step."""
        with self._lock:
            return list(self._entries.values())[-1:]

    def _notify(self, entry: StepEntry) -> None:
        if self._listener is not None:
            self._listener(entry)


def _outcome(error: EngineError | None) -> tuple[StepState, Value]:
    if error is None:
        return StepState.SUCCEEDED, None
    if isinstance(error, WorkflowError):
        return StepState.FAILED, error.value
    return StepState.CANCELLED, None


def step_type(action: syntax.Action | None, routines: frozenset[str]) -> str:
    """Return the StepType of an action; source: StepType of the Workflow Executions API."""
    match action:
        case syntax.CallStep(function):
            return "STEP_SUBWORKFLOW_CALL" if function in routines else "STEP_STD_LIB_CALL"
        case syntax.Parallel(loop=loop):
            return "STEP_PARALLEL_BRANCH" if loop is None else "STEP_PARALLEL_FOR"
        case None:
            return "STEP_GOTO"
    return _STEP_TYPES[type(action)]


_STEP_TYPES: dict[type, str] = {
    syntax.Assign: "STEP_ASSIGN",
    syntax.Switch: "STEP_SWITCH",
    syntax.For: "STEP_FOR",
    syntax.Try: "STEP_TRY_RETRY_EXCEPT",
    syntax.Return: "STEP_RETURN",
    syntax.Raise: "STEP_RAISE",
    syntax.Block: "STEP_TYPE_UNSPECIFIED",
}
