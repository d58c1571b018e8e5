"""
What goes wrong in a workflow.

    EngineError
    ├── DefinitionRejected   the source breaks the language: refused before it runs
    ├── WorkflowError        a value raised while running; `try/except` of the workflow may catch it
    └── ExecutionCancelled   somebody cancelled the execution; no workflow can catch it

Tags are those of Google's page "Workflow errors".
"""

from __future__ import annotations

from infra.local.engine.language.values import Value, to_text


class EngineError(Exception):
    """Anything the engine says about a workflow."""


class DefinitionRejected(EngineError):
    """The source is no valid workflow; the message names routine and step, `line` counts from 1 and is 0 if unknown."""

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
        """Where it passed, innermost first: (routine, step, line)."""

    def passed(self, routine: str, step: str, line: int) -> None:
        """Remember that the error left this step; called once per step on its way out."""
        self.trace.append((routine, step, line))

    @property
    def context(self) -> str:
        """The words a person reads first: what happened, and in which step."""
        message = self.value.get("message") if isinstance(self.value, dict) else None
        headline = message if isinstance(message, str) else f"RuntimeError: {to_text(self.value)}"
        if not self.trace:
            return headline
        routine, step, line = self.trace[0]
        return f'{headline}\nin step "{step}", routine "{routine}", line: {line}'


# Errors of the service also carry the tag of their family, as in ["KeyError", "LookupError"].
_FAMILIES = {
    "ConnectionError": "OSError",
    "ConnectionFailedError": "OSError",
    "IndexError": "LookupError",
    "KeyError": "LookupError",
    "TimeoutError": "OSError",
    "UnhandledBranchError": "RuntimeError",
    "ZeroDivisionError": "ArithmeticError",
}


def tagged(tag: str, message: str, **fields: Value) -> WorkflowError:
    """Return the engine's own kind of error: a map with `message`, `tags` and further fields."""
    family = [_FAMILIES[tag]] if tag in _FAMILIES else []
    return WorkflowError({"message": f"{tag}: {message}", "tags": [tag, *family], **fields})


def auth_error(message: str) -> WorkflowError:
    """Return the error of credentials that cannot be made."""
    return tagged("AuthError", message)


def connection_error(message: str) -> WorkflowError:
    """Return the error of a connection lost after it was made: the request may have been received."""
    return tagged("ConnectionError", message)


def connection_failed(message: str) -> WorkflowError:
    """Return the error of a connection never made: nothing was received."""
    return tagged("ConnectionFailedError", message)


def index_error(message: str) -> WorkflowError:
    """Return the error of a list index out of range."""
    return tagged("IndexError", message)


def key_error(message: str) -> WorkflowError:
    """Return the error of an unknown key, variable or environment variable."""
    return tagged("KeyError", message)


def recursion_error(message: str) -> WorkflowError:
    """Return the error of a call stack grown too deep."""
    return tagged("RecursionError", message)


def resource_limit(message: str) -> WorkflowError:
    """Return the error of an exhausted limit: memory, steps, sizes."""
    return tagged("ResourceLimitError", message)


def timeout_error(message: str) -> WorkflowError:
    """Return the error of a request or a callback that took too long."""
    return tagged("TimeoutError", message)


def type_error(message: str) -> WorkflowError:
    """Return the error of an operation on a value of the wrong type."""
    return tagged("TypeError", message)


def value_error(message: str) -> WorkflowError:
    """Return the error of a value of the right type that cannot be used."""
    return tagged("ValueError", message)


def zero_division(message: str) -> WorkflowError:
    """Return the error of a division by zero."""
    return tagged("ZeroDivisionError", message)
