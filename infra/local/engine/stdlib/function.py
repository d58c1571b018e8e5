"""Functions of the standard library, and the host services they may use."""

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
    """The services of an execution that functions may use. A cancellation ends every wait."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The built-in and the user's environment variables."""

    def now_s(self) -> float:
        """Return the seconds since the Unix epoch."""

    def sleep(self, seconds: float) -> None:
        """Wait; raises ExecutionCancelled."""

    def wait_for(self, work: Callable[[], T], timeout_s: float) -> T:
        """Return the result of `work`, run in a thread; raises WorkflowError (TimeoutError) or ExecutionCancelled."""

    def log(self, severity: str, payload: Value) -> None:
        """Write one entry to the log of the execution."""

    def create_callback(self, method: str) -> str:
        """Return the URL of a new callback endpoint for this HTTP method."""

    def await_callback(self, url: str, timeout_s: float) -> Value:
        """Return the callback received at the URL; raises WorkflowError (TimeoutError, ValueError)."""

    def execute(self, workflow: str, argument: Value) -> Value:
        """Run another deployed workflow to its end and return its result; raises WorkflowError."""


@dataclass(frozen=True)
class Function:
    """A named function; a `hosted` one gets the Host as its first argument."""

    name: str
    implementation: Callable[..., Value]
    signature: Signature
    is_hosted: bool

    def call(self, host: Host, arguments: Mapping[str, Value]) -> Value:
        """Call the function with named arguments; a missing one must have a default."""
        missing = [name for name in self.signature.parameters[: self.signature.required] if name not in arguments]
        if missing:
            raise type_error(f"{self.name} needs {', '.join(missing)}")
        named = {_python_name(name): value for name, value in arguments.items()}
        return self.implementation(host, **named) if self.is_hosted else self.implementation(**named)


def pure(name: str, implementation: Callable[..., Value]) -> Function:
    """Declare a function that needs no Host."""
    return Function(name, implementation, _signature(implementation, skip=0, is_blocking=False), is_hosted=False)


def hosted(name: str, implementation: Callable[..., Value], *, is_blocking: bool = True) -> Function:
    """Declare a function that needs the Host; a blocking one cannot be used in an expression."""
    return Function(name, implementation, _signature(implementation, skip=1, is_blocking=is_blocking), is_hosted=True)


def _signature(implementation: Callable[..., Value], *, skip: int, is_blocking: bool) -> Signature:
    parameters = list(inspect.signature(implementation).parameters.values())[skip:]
    required = sum(parameter.default is inspect.Parameter.empty for parameter in parameters)
    return Signature(tuple(parameter.name.rstrip("_") for parameter in parameters), required, is_blocking)


def _python_name(parameter: str) -> str:
    # `map` is a Python builtin and `arguments` a module here, so these parameters end in an underscore.
    return f"{parameter}_" if parameter in {"map", "arguments"} else parameter
