"""Waits that a cancellation ends at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from infra.local.engine.language.errors import EngineError, ExecutionCancelled, tagged, timeout_error

T = TypeVar("T")


class Cancellation:
    """The cancelled state of an execution, and the condition on which its waits block."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._is_cancelled = False

    def cancel(self) -> None:
        """Cancel the execution and wake every wait."""
        with self._condition:
            self._is_cancelled = True
            self._condition.notify_all()

    def check(self) -> None:
        """Raise ExecutionCancelled when the execution was cancelled."""
        if self._is_cancelled:
            raise ExecutionCancelled("the execution was cancelled")

    def wake_waiters(self) -> None:
        """Wake every wait, to check its condition again."""
        with self._condition:
            self._condition.notify_all()

    def wait(self, is_done: Callable[[], bool], timeout_s: float | None) -> bool:
        """Wait until `is_done` returns true; return its last value. Raises ExecutionCancelled."""
        with self._condition:
            self._condition.wait_for(lambda: self._is_cancelled or is_done(), timeout_s)
        self.check()
        return is_done()

    def sleep(self, seconds: float) -> None:
        """Wait this many seconds; raises ExecutionCancelled."""
        self.wait(lambda: False, seconds)

    def wait_for(self, work: Callable[[], T], timeout_s: float) -> T:
        """
        Run `work` in a separate thread and return its result.

        Raises the engine errors of `work`; WorkflowError (TimeoutError) when it takes longer; ExecutionCancelled.
        The thread then runs until its own timeout: a blocked socket cannot be interrupted.
        """
        task = _Task(work, self)
        threading.Thread(target=task.run, daemon=True, name="workflow-wait").start()
        if not self.wait(task.is_done, timeout_s):
            raise timeout_error(f"no answer within {timeout_s:g} seconds")
        return task.outcome()


class _Task(Generic[T]):
    """Work in another thread, with its result or error."""

    def __init__(self, work: Callable[[], T], cancellation: Cancellation) -> None:
        self._work = work
        self._cancellation = cancellation
        self._results: list[T] = []
        # The thread prints the traceback of a bug in the work; the workflow gets this error.
        self._error: EngineError = tagged("SystemError", "the engine failed; see its output")
        self._is_done = False

    def run(self) -> None:
        """Do the work and wake the waiting thread, which raises the work's error."""
        try:
            self._results.append(self._work())
        except EngineError as error:
            self._error = error
        finally:
            self._is_done = True
            self._cancellation.wake_waiters()

    def is_done(self) -> bool:
        """Return whether there is a result or an error."""
        return self._is_done

    def outcome(self) -> T:
        """Return the result or raise the error."""
        if not self._results:
            raise self._error
        return self._results[0]
