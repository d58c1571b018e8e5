"""Run branches and iterations concurrently, one thread each, up to the concurrency limit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from infra.local.engine.language import limits, syntax
from infra.local.engine.language.errors import EngineError, ExecutionCancelled, WorkflowError, tagged, value_error
from infra.local.engine.language.values import Value, is_integer
from infra.local.engine.runtime.machine import CallFrame, Machine

Iteration: TypeAlias = tuple[int, Value]
Task: TypeAlias = tuple[str, syntax.Block, Iteration | None]
RunTask: TypeAlias = Callable[[CallFrame, syntax.Block, Iteration | None], None]


def run(machine: Machine, frame: CallFrame, action: syntax.Parallel, tasks: list[Task], run_task: RunTask) -> None:
    """
    Run every task to its end, even if others fail (`continueAll`).

    Raises WorkflowError: ParallelNestingError beyond two levels, UnhandledBranchError with the error of each
    failed task; ExecutionCancelled, also when an error in a branch ended the whole execution.
    """
    if frame.parallel_depth >= limits.PARALLEL_DEPTH:
        raise tagged("ParallelNestingError", f"parallel steps nest at most {limits.PARALLEL_DEPTH} deep")
    pool = _Pool(machine, replace(frame, parallel_depth=frame.parallel_depth + 1), action.shared, tasks, run_task)
    pool.run(min(_limit(machine, frame, action), limits.CONCURRENT_BRANCHES, len(tasks)))
    machine.cancellation.check()
    if pool.errors:
        raise _unhandled(pool.errors)


def _limit(machine: Machine, frame: CallFrame, action: syntax.Parallel) -> int:
    if action.concurrency_limit is None:
        return limits.CONCURRENT_BRANCHES
    value = machine.fill(action.concurrency_limit, frame)
    if not isinstance(value, int) or not is_integer(value) or value < 1:
        raise value_error(f"concurrency_limit must be a positive integer, found {value!r}")
    return value


def _unhandled(errors: list[tuple[int, str, WorkflowError]]) -> WorkflowError:
    reported = sorted(errors, key=lambda item: item[0])[: limits.REPORTED_BRANCH_ERRORS]
    branches: list[Value] = [
        {"id": name, "error": {"context": error.context, "payload": error.value}} for _, name, error in reported
    ]
    return tagged(
        "UnhandledBranchError",
        "One or more branches or iterations encountered an unhandled runtime error",
        branches=branches,
        truncated=len(errors) > len(reported),
    )


class _Pool:
    """Threads that run the tasks one after another until all are done."""

    def __init__(
        self, machine: Machine, frame: CallFrame, shared: frozenset[str], tasks: list[Task], run_task: RunTask
    ) -> None:
        self.errors: list[tuple[int, str, WorkflowError]] = []
        self._machine = machine
        self._frame = frame
        self._shared = shared
        self._run_task = run_task
        self._lock = threading.Lock()
        self._waiting = iter(list(enumerate(tasks)))
        self._is_finished: list[bool] = []

    def run(self, size: int) -> None:
        """Run every task with `size` threads; raises WorkflowError (SystemError) when a thread failed."""
        threads = [threading.Thread(target=self._work, daemon=True, name="workflow-branch") for _ in range(size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # The thread prints the traceback of an engine bug; the workflow gets an ordinary error.
        if len(self._is_finished) < size:
            raise tagged("SystemError", "the engine failed; see its output")

    def _work(self) -> None:
        try:
            while (item := self._next()) is not None:
                self._run(*item)
        except ExecutionCancelled:
            pass  # run()'s caller checks for a cancellation itself
        self._is_finished.append(True)

    def _next(self) -> tuple[int, Task] | None:
        with self._lock:
            return next(self._waiting, None)

    def _run(self, number: int, task: Task) -> None:
        name, body, iteration = task
        kind = "STEP_PARALLEL_BRANCH_ENTRY" if iteration is None else "STEP_FOR_ITERATION"
        history, frame = self._machine.history, self._frame
        entry = history.start(frame.routine.name, name, kind, frame.parent_entry, frame.branch)
        path = name if frame.branch is None else f"{frame.branch}/{name}"
        scope = frame.scope.inner(self._shared)
        try:
            self._run_task(replace(frame, scope=scope, parent_entry=entry, branch=path), body, iteration)
        except EngineError as error:
            history.end(entry, error)
            if not isinstance(error, WorkflowError):
                raise
            # One that nothing can catch has ended the execution already; run()'s caller checks that.
            self.errors.append((number, name, error))
        else:
            history.end(entry)
        finally:
            scope.close()
