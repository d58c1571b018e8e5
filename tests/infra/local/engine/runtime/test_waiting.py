"""Waits that a cancellation ends."""

import threading
import time
from collections.abc import Callable

import pytest

from infra.local.engine import ExecutionCancelled, WorkflowError
from infra.local.engine.runtime.waiting import Cancellation


def cancelled_while(wait: Callable[[Cancellation], object]) -> float:
    """Cancel during a wait and return how many seconds the wait still took."""
    cancellation = Cancellation()
    times: list[float] = []

    def cancel() -> None:
        times.append(time.monotonic())
        cancellation.cancel()

    timer = threading.Timer(0.05, cancel)
    timer.start()
    with pytest.raises(ExecutionCancelled):
        wait(cancellation)
    timer.join()
    return time.monotonic() - times[0]


def test_cancelled_sleep_ends_at_once() -> None:
    """It ends long before the sleep would."""
    assert cancelled_while(lambda cancellation: cancellation.sleep(60)) < 30


def test_cancelled_work_is_abandoned_at_once() -> None:
    """Its thread keeps running alone."""
    forever = threading.Event()

    assert cancelled_while(lambda cancellation: cancellation.wait_for(lambda: forever.wait(60), 60)) < 30

    forever.set()


def test_work_that_takes_too_long_is_a_timeout() -> None:
    """It raises TimeoutError after the timeout."""
    forever = threading.Event()

    with pytest.raises(WorkflowError, match="TimeoutError"):
        Cancellation().wait_for(lambda: forever.wait(60), 0.02)

    forever.set()


def test_work_returns_its_result_or_raises_its_error() -> None:
    """As in a direct call."""
    assert Cancellation().wait_for(lambda: 7, 5) == 7
    with pytest.raises(WorkflowError, match="boom"):
        Cancellation().wait_for(_fail, 5)


def _fail() -> None:
    raise WorkflowError("boom")
