"""`try`, `retry` and `except`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from infra.local.engine.language import syntax
from infra.local.engine.language.errors import UncatchableError, WorkflowError, type_error, value_error
from infra.local.engine.language.values import FunctionName, Value, is_integer, is_number, type_name
from infra.local.engine.runtime.machine import CallFrame, Machine
from infra.local.engine.stdlib.retry import DEFAULT_BACKOFF

Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class RetryPolicy:
    """When, how often and after which delays (seconds) a body is retried."""

    predicate: FunctionName | None
    max_retries: int
    initial_delay_s: float
    max_delay_s: float
    multiplier: float

    def delay_s(self, retry: int) -> float:
        """Return the wait in seconds before a retry, counted from 0."""
        # The exponent is capped: a large power would overflow.
        return min(self.max_delay_s, self.initial_delay_s * self.multiplier ** min(retry, 100))


def run_try(
    machine: Machine,
    frame: CallFrame,
    action: syntax.Try,
    run_block: Callable[[Machine, CallFrame, syntax.Block], Outcome],
) -> Outcome:
    """Run the body until it succeeds or may not be retried; pass its last error to the handler, if any."""
    retry = 0
    while True:
        try:
            return run_block(machine, frame, action.body)
        except UncatchableError:
            raise
        except WorkflowError as error:
            delay_s = _next_delay_s(machine, frame, action, error, retry)
            if delay_s is None:
                if action.handler is None:
                    raise
                caught = error
                break
        machine.host.sleep(delay_s)
        retry += 1
    return _handle(machine, frame, action.handler, caught, run_block)


def _handle(
    machine: Machine,
    frame: CallFrame,
    handler: syntax.Except,
    error: WorkflowError,
    run_block: Callable[[Machine, CallFrame, syntax.Block], Outcome],
) -> Outcome:
    scope = frame.scope.inner()
    try:
        scope.write(handler.variable, error.value)
        return run_block(machine, frame.within(scope), handler.body)
    finally:
        scope.close()


def _next_delay_s(
    machine: Machine, frame: CallFrame, action: syntax.Try, error: WorkflowError, retry: int
) -> float | None:
    """Return the wait in seconds before the next retry, or None for no retry."""
    if action.retry is None:
        return None
    policy = _policy(machine.fill(action.retry, frame))
    if retry >= policy.max_retries:
        return None
    if policy.predicate is not None and not _should_retry(machine, frame, policy.predicate, error):
        return None
    return policy.delay_s(retry)


def _should_retry(machine: Machine, frame: CallFrame, predicate: FunctionName, error: WorkflowError) -> bool:
    answer = machine.call_positional(predicate.name, [error.value], frame)
    if not isinstance(answer, bool):
        raise type_error(f"the predicate {predicate.name!r} returned {type_name(answer)}, not a boolean")
    return answer


def _policy(raw: Value) -> RetryPolicy:
    if not isinstance(raw, dict):
        raise type_error(f"a retry policy is a map, not {type_name(raw)}")
    predicate = raw.get("predicate")
    if predicate is not None and not isinstance(predicate, FunctionName):
        raise type_error(f"the predicate of a retry policy is a function, not {type_name(predicate)}")
    max_retries = raw.get("max_retries", 0)
    if not isinstance(max_retries, int) or not is_integer(max_retries) or max_retries < 0:
        raise value_error(f"max_retries must be an integer of at least 0, found {max_retries!r}")
    return RetryPolicy(predicate, max_retries, *_backoff(raw.get("backoff", DEFAULT_BACKOFF)))


def _backoff(raw: Value) -> tuple[float, float, float]:
    if not isinstance(raw, dict) or not isinstance(DEFAULT_BACKOFF, dict):
        raise type_error(f"backoff is a map, not {type_name(raw)}")
    backoff = {**DEFAULT_BACKOFF, **raw}
    for name, value in backoff.items():
        if not is_number(value) or value < 0:
            raise value_error(f"{name} must be a number of at least 0, found {value!r}")
    return float(backoff["initial_delay"]), float(backoff["max_delay"]), float(backoff["multiplier"])
