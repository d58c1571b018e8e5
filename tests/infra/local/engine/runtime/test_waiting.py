"""Waiting that a cancellation ends."""

import threading
import time
from collections.abc import Callable

import pytest

from infra.local.engine import ExecutionCancelled, WorkflowError
from infra.local.engine.runtime.waiting import Cancellation


def cancelled_while(wait: Callable[[Cancellation], object]) -> float:
    """Cancel while something waits and return how long it went on after that, in seconds."""
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


def test_a_cancelled_sleep_ends_at_once() -> None:
    """Well within a second."""
    assert cancelled_while(lambda cancellation: cancellation.sleep(60)) < 0.5


def test_cancelled_work_is_left_at_once() -> None:
    """The thread that does it goes on alone."""
    forever = threading.Event()

    assert cancelled_while(lambda cancellation: cancellation.wait_for(lambda: forever.wait(60), 60)) < 0.5

    forever.set()


def test_work_that_takes_too_long_is_a_timeout() -> None:
    """TimeoutError after the given time."""
    forever = threading.Event()

    with pytest.raises(WorkflowError, match="TimeoutError"):
        Cancellation().wait_for(lambda: forever.wait(60), 0.02)

    forever.set()


def test_work_gives_back_its_result_or_its_error() -> None:
    """As if it had been called here."""
    assert Cancellation().wait_for(lambda: 7, 5) == 7
    with pytest.raises(WorkflowError, match="boom"):
        Cancellation().wait_for(_fail, 5)


def _fail() -> None:
    raise WorkflowError("boom")
