"""Waiting that a cancellation ends at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from infra.local.engine.language.errors import ExecutionCancelled, timeout_error

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

        Raises what `work` raises; WorkflowError (TimeoutError) when it takes longer; ExecutionCancelled. The thread is
        left to its own timeout then: a blocked socket cannot be interrupted.
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
        self._error: BaseException | None = None

    def run(self) -> None:
        """Do the work; any error is kept for the thread that waits, which raises it."""
        try:
            self._results.append(self._work())
        except BaseException as error:  # noqa: BLE001  # raised again by outcome()
            self._error = error
        self._cancellation.ring()

    def is_done(self) -> bool:
        """Tell whether there is a result or an error."""
        return bool(self._results) or self._error is not None

    def outcome(self) -> T:
        """Return the result or raise the error."""
        if self._error is not None:
            raise self._error
        return self._results[0]
