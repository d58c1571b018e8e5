"""Calls beside each other: a few threads for what waits for answers of others."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

AT_ONCE = 4
"""
GitHub lets a client have 100 requests at once, and asks for few.

Source: https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""
Item = TypeVar("Item")
Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


class Parallel:
    """
    Makes the calls that are started inside its block, AT_ONCE at a time, and waits at its end until all are over.

    Each has a copy of the caller's context, so that what it logs and records belongs to the caller's step. When the
    block raises, a call that still waits for its turn is not made.
    """

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(AT_ONCE)
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=kind is not None)

    def start(
        self, call: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Future[Result]:
        """Start a call; the future's `result` is what it returns, or raises what it raises."""
        context = copy_context()
        return self._pool.submit(lambda: context.run(call, *args, **kwargs))


def in_parallel(call: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """
    Return what `call` returns for each item, in their order, AT_ONCE of them at a time.

    Raises what the call for the first item that fails raises; items that still wait for their turn are then left out.
    """
    several = list(items)
    if len(several) < 2:
        return [call(item) for item in several]
    with Parallel() as calls:
        started = [calls.start(call, item) for item in several]
        return [future.result() for future in started]
