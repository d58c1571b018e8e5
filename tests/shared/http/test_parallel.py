"""Calls beside each other: order, context, bounds, and what one that fails means for the others."""

import threading
from contextvars import ContextVar

import pytest

from shared.errors import Refused
from shared.http.parallel import AT_ONCE, Parallel, in_parallel

STEP: ContextVar[str] = ContextVar("step", default="")


def test_results_come_in_the_order_of_the_items_from_calls_beside_each_other() -> None:
    """Each call waits until all of them run."""
    together = threading.Barrier(AT_ONCE, timeout=10)

    def squared(number: int) -> int:
        together.wait()
        return number * number

    assert in_parallel(squared, range(AT_ONCE)) == [0, 1, 4, 9]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_and_one_need_no_thread(count: int) -> None:
    """The caller makes the call itself."""
    assert in_parallel(lambda _: threading.current_thread(), range(count)) == [threading.current_thread()] * count


def test_at_most_a_few_run_at_a_time() -> None:
    """However many there are."""
    running, most, lock = 0, 0, threading.Lock()
    full = threading.Barrier(AT_ONCE, timeout=10)

    def call(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        full.wait()
        with lock:
            running -= 1

    in_parallel(call, range(3 * AT_ONCE))

    assert most == AT_ONCE


def test_call_has_the_context_of_its_caller() -> None:
    """What it logs and records belongs to the step."""
    STEP.set("solve")

    assert in_parallel(lambda _: STEP.get(), range(3)) == ["solve"] * 3
    with Parallel() as calls:
        started = calls.start(STEP.get)
    assert started.result() == "solve"


def test_first_item_that_fails_says_why_and_the_rest_is_not_called() -> None:
    """Its error is raised as it is, and what waits for its turn is left out."""
    called: list[int] = []
    release = threading.Event()

    def call(number: int) -> None:
        called.append(number)
        if number == 0:
            raise Refused("no such file")
        release.wait(10)
        release.set()

    threading.Timer(0.2, release.set).start()
    with pytest.raises(Refused, match="no such file"):
        in_parallel(call, range(100))

    assert len(called) < 100


def test_block_ends_when_every_call_is_over() -> None:
    """Also those whose result nobody asks for."""
    ended: list[int] = []

    with Parallel() as calls:
        for number in range(6):
            calls.start(ended.append, number)

    assert sorted(ended) == list(range(6))
