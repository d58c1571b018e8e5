"""What a function of the standard library is, and what it may ask of the execution it runs in."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from infra.local.engine.language.errors import type_error
from infra.local.engine.language.signatures import Signature
from infra.local.engine.language.values import Value

T = TypeVar("T")


class Host(Protocol):
    """The execution, as the functions that touch the world see it. Everything that waits ends on cancellation."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The built-in and the user's environment variables."""

    def now_s(self) -> float:
        """Return the seconds since the Unix epoch."""

    def sleep(self, seconds: float) -> None:
        """Wait; raises ExecutionCancelled."""

    def wait_for(self, work: Callable[[], T], timeout_s: float) -> T:
        """Return what `work` returns, run aside; raises WorkflowError (TimeoutError) or ExecutionCancelled."""

    def log(self, severity: str, payload: Value) -> None:
        """Write one entry to the log of the execution."""

    def create_callback(self, method: str) -> str:
        """Return the URL that takes one callback by this HTTP method."""

    def await_callback(self, url: str, timeout_s: float) -> Value:
        """Return the callback received at the URL; raises WorkflowError (TimeoutError, ValueError)."""

    def execute(self, workflow: str, argument: Value) -> Value:
        """Run another deployed workflow to its end and return its result; raises WorkflowError."""


@dataclass(frozen=True)
class Function:
    """A named function; a `hosted` one gets the Host before its arguments."""

    name: str
    implementation: Callable[..., Value]
    signature: Signature
    is_hosted: bool

    def call(self, host: Host, arguments: Mapping[str, Value]) -> Value:
        """Call the function with arguments by the names of its parameters; missing ones must have a default."""
        missing = [name for name in self.signature.parameters[: self.signature.required] if name not in arguments]
        if missing:
            raise type_error(f"{self.name} needs {', '.join(missing)}")
        named = {_python_name(name): value for name, value in arguments.items()}
        return self.implementation(host, **named) if self.is_hosted else self.implementation(**named)


def pure(name: str, implementation: Callable[..., Value]) -> Function:
    """Declare a function that only computes."""
    return Function(name, implementation, _signature(implementation, skip=0, is_blocking=False), is_hosted=False)


def hosted(name: str, implementation: Callable[..., Value], *, is_blocking: bool = True) -> Function:
    """Declare a function that needs its execution; a blocking one cannot stand in an expression."""
    return Function(name, implementation, _signature(implementation, skip=1, is_blocking=is_blocking), is_hosted=True)


def _signature(implementation: Callable[..., Value], *, skip: int, is_blocking: bool) -> Signature:
    parameters = list(inspect.signature(implementation).parameters.values())[skip:]
    required = sum(parameter.default is inspect.Parameter.empty for parameter in parameters)
    return Signature(tuple(parameter.name.rstrip("_") for parameter in parameters), required, is_blocking)


def _python_name(parameter: str) -> str:
    # `map` is Python's own and `arguments` a module here, so their parameters end in an underscore.
    return f"{parameter}_" if parameter in {"map", "arguments"} else parameter
