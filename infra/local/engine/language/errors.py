"""
The errors of a workflow.

    EngineError
    ├── DefinitionRejected   the source is invalid: rejected before it runs
    ├── WorkflowError        a value raised while running; `try/except` of the workflow may catch it
    │   └── UncatchableError the interpreter itself hit a limit or failed: the whole execution fails at once
    └── ExecutionCancelled   the execution was cancelled; no workflow can catch it

Tags are those of Google's page "Workflow errors". ResourceLimitError and SystemError, raised internally, cannot be
caught and fail the execution immediately; a workflow that raises such a tag itself can catch it.
Source: https://cloud.google.com/workflows/docs/reference/syntax/error-types
"""

from __future__ import annotations

from infra.local.engine.language.values import Value, to_text


class EngineError(Exception):
    """The base of the engine's errors."""


class DefinitionRejected(EngineError):
    """The source is not a valid workflow; the message names routine and step, `line` counts from 1, 0 if unknown."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class ExecutionCancelled(EngineError):
    """The execution was cancelled from outside."""


class WorkflowError(EngineError):
    """A raised value: any value for `raise`, a map with `message` and `tags` for the engine's own errors."""

    def __init__(self, value: Value) -> None:
        super().__init__(str(value))
        self.value = value
        self.trace: list[tuple[str, str, int]] = []
        """The stack trace, innermost first: (routine, step, line)."""

    def passed(self, routine: str, step: str, line: int) -> None:
        """Record that the error left this step; called once per step as it propagates."""
        self.trace.append((routine, step, line))

    @property
    def context(self) -> str:
        """A readable summary: what happened, and in which step."""
        message = self.value.get("message") if isinstance(self.value, dict) else None
        headline = message if isinstance(message, str) else f"RuntimeError: {to_text(self.value)}"
        if not self.trace:
            return headline
        routine, step, line = self.trace[0]
        return f'{headline}\nin step "{step}", routine "{routine}", line: {line}'


class UncatchableError(WorkflowError):
    """An error of the interpreter itself: no `except` and no `retry` sees it, in no branch."""


_UNCATCHABLE_TAGS = {"ResourceLimitError", "SystemError"}

# Errors of the service also carry the tag of their parent class, as in ["KeyError", "LookupError"].
_PARENT_TAGS = {
    "ConnectionError": "OSError",
    "ConnectionFailedError": "OSError",
    "IndexError": "LookupError",
    "KeyError": "LookupError",
    "TimeoutError": "OSError",
    "UnhandledBranchError": "RuntimeError",
    "ZeroDivisionError": "ArithmeticError",
}


def tagged(tag: str, message: str, **fields: Value) -> WorkflowError:
    """Return an error of the engine: a map with `message`, `tags` and further fields."""
    parent = [_PARENT_TAGS[tag]] if tag in _PARENT_TAGS else []
    kind = UncatchableError if tag in _UNCATCHABLE_TAGS else WorkflowError
    return kind({"message": f"{tag}: {message}", "tags": [tag, *parent], **fields})


def auth_error(message: str) -> WorkflowError:
    """Return the error for credentials that cannot be created."""
    return tagged("AuthError", message)


def connection_error(message: str) -> WorkflowError:
    """Return the error for a connection lost after it was opened: the request may have been received."""
    return tagged("ConnectionError", message)


def connection_failed(message: str) -> WorkflowError:
    """Return the error for a connection that was never opened: nothing was received."""
    return tagged("ConnectionFailedError", message)


def index_error(message: str) -> WorkflowError:
    """Return the error for a list index out of range."""
    return tagged("IndexError", message)


def key_error(message: str) -> WorkflowError:
    """Return the error for an unknown key, variable or environment variable."""
    return tagged("KeyError", message)


def recursion_error(message: str) -> WorkflowError:
    """Return the error for a call stack grown too deep."""
    return tagged("RecursionError", message)


def resource_limit(message: str) -> WorkflowError:
    """Return the error for an exhausted limit: memory, steps, sizes."""
    return tagged("ResourceLimitError", message)


def timeout_error(message: str) -> WorkflowError:
    """Return the error for a request or a callback that took too long."""
    return tagged("TimeoutError", message)


def type_error(message: str) -> WorkflowError:
    """Return the error for an operation on a value of the wrong type."""
    return tagged("TypeError", message)


def value_error(message: str) -> WorkflowError:
    """Return the error for a value of the right type that cannot be used."""
    return tagged("ValueError", message)


def zero_division(message: str) -> WorkflowError:
    """Return the error for a division by zero."""
    return tagged("ZeroDivisionError", message)
