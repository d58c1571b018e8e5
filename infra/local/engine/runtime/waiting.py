"""Waiting that a cancellation ends at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from infra.local.engine.language.errors import EngineError, ExecutionCancelled, tagged, timeout_error

T = TypeVar("T")


class Cancellation:
    """Whether an execution was cancelled, and the bell everything that waits in it listens to."""

    def __init__(self) -> None:
        self._bell = threading.Condition()
        self._is_cancelled = False

    @property
    def is_cancelled(self) -> bool:
        """Tell whether somebody cancelled."""
        return self._is_cancelled

    def cancel(self) -> None:
        """Cancel; everything that waits wakes up."""
        with self._bell:
            self._is_cancelled = True
            self._bell.notify_all()

    def check(self) -> None:
        """Raise ExecutionCancelled when somebody cancelled."""
        if self._is_cancelled:
            raise ExecutionCancelled("the execution was cancelled")

    def ring(self) -> None:
        """Wake everything that waits, to look whether it is its turn."""
        with self._bell:
            self._bell.notify_all()

    def wait(self, is_done: Callable[[], bool], timeout_s: float | None) -> bool:
        """Wait until something is done, tell whether it is; raises ExecutionCancelled."""
        with self._bell:
            self._bell.wait_for(lambda: self._is_cancelled or is_done(), timeout_s)
        self.check()
        return is_done()

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds; raises ExecutionCancelled."""
        self.wait(lambda: False, seconds)

    def wait_for(self, work: Callable[[], T], timeout_s: float) -> T:
        """
        Return what `work` returns, run in a thread of its own.

        Raises what `work` raises of the engine's errors; WorkflowError (TimeoutError) when it takes longer;
        ExecutionCancelled. The thread is then left to its own timeout: a blocked socket cannot be interrupted.
        """
        task = _Task(work, self)
        threading.Thread(target=task.run, daemon=True, name="workflow-wait").start()
        if not self.wait(task.is_done, timeout_s):
            raise timeout_error(f"no answer within {timeout_s:g} seconds")
        return task.outcome()


class _Task(Generic[T]):
    """Work done aside and what came of it."""

    def __init__(self, work: Callable[[], T], cancellation: Cancellation) -> None:
        self._work = work
        self._cancellation = cancellation
        self._results: list[T] = []
        # A bug in the work is shown by its thread; to the workflow it is this.
        self._error: EngineError = tagged("SystemError", "the engine failed; see its own output")
        self._is_done = False

    def run(self) -> None:
        """Do the work and wake the thread that waits; what the work raises is raised there."""
        try:
            self._results.append(self._work())
        except EngineError as error:
            self._error = error
        finally:
            self._is_done = True
            self._cancellation.ring()

    def is_done(self) -> bool:
        """Tell whether there is a result or an error."""
        return self._is_done

    def outcome(self) -> T:
        """Return the result or raise the error."""
        if not self._results:
            raise self._error
        return self._results[0]
