"""
Variables and their scopes.

A routine has one scope; a `for` loop, an `except` block, a branch and an iteration each open an inner one. Writing a
name that an outer scope holds writes there; from inside a branch this works only for `shared` names.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from infra.local.engine.language import limits
from infra.local.engine.language.errors import key_error, resource_limit, type_error
from infra.local.engine.language.evaluator import position
from infra.local.engine.language.values import Value, max_string_bytes, size_bytes, type_name


class MemoryUse:
    """
    The bytes of one execution's variables, of the arguments of calls in progress, and of results not yet assigned.

    Google counts "the maximum cumulative size for variables, arguments, and events". A value passed to a subworkflow is
    copied, so it counts there again; how a value is stored is not documented, its size here is that of its JSON.
    Source: https://cloud.google.com/workflows/quotas
    """

    def __init__(self, limit_bytes: int = limits.MEMORY_BYTES) -> None:
        self._lock = threading.Lock()
        self._limit_bytes = limit_bytes
        self._used_bytes = 0
        self.peak_bytes = 0
        """The most that was in use at one moment."""

    def change(self, difference_bytes: int) -> None:
        """Add or release bytes; raises UncatchableError (ResourceLimitError) above the limit."""
        with self._lock:
            if difference_bytes > 0 and self._used_bytes + difference_bytes > self._limit_bytes:
                raise resource_limit(f"the variables need more than {self._limit_bytes} bytes of memory")
            self._used_bytes += difference_bytes
            self.peak_bytes = max(self.peak_bytes, self._used_bytes)

    @contextmanager
    def held(self, values: Value) -> Iterator[None]:
        """Count values that belong to no variable while the block runs; raises UncatchableError."""
        size = checked_size(values)
        self.change(size)
        try:
            yield
        finally:
            self.change(-size)


def checked_size(value: Value) -> int:
    """Return the bytes of a value; raises UncatchableError (ResourceLimitError) when it is too large or too deep."""
    try:
        size = size_bytes(value)
    except ValueError as error:
        raise resource_limit(str(error)) from error
    if size > limits.STRING_BYTES and max_string_bytes(value) > limits.STRING_BYTES:
        raise resource_limit(f"a string is longer than {limits.STRING_BYTES} bytes")
    return size


class Scope:
    """Names and values; `lock` makes an assignment that reads and writes a shared variable atomic."""

    def __init__(
        self, memory_use: MemoryUse, parent: Scope | None = None, shared: frozenset[str] | None = None
    ) -> None:
        self.lock = threading.RLock()
        self._memory_use = memory_use
        self._parent = parent
        self._shared = shared
        self._values: dict[str, Value] = {}
        self._sizes: dict[str, int] = {}

    def inner(self, shared: frozenset[str] | None = None) -> Scope:
        """Return a scope inside this one; with `shared` it is a branch's scope."""
        return Scope(self._memory_use, self, shared)

    def has(self, name: str) -> bool:
        """Return whether the variable is visible here."""
        return self._holder(name) is not None

    def read(self, name: str) -> Value:
        """Return a variable; raises WorkflowError (KeyError)."""
        holder = self._holder(name)
        if holder is None:
            raise key_error(f"variable not found: {name}")
        return holder._values[name]

    def target_scope(self, name: str) -> Scope:
        """Return the scope that an assignment to the name writes to."""
        scope: Scope | None = self
        while scope is not None and name not in scope._values:
            can_write_outside = scope._shared is None or name in scope._shared
            scope = scope._parent if can_write_outside else None
        return scope or self

    def write(self, name: str, value: Value) -> None:
        """Set a variable of this scope itself; raises UncatchableError (ResourceLimitError)."""
        size = checked_size(value)
        with self.lock:
            self._memory_use.change(size - self._sizes.get(name, 0))
            self._values[name] = value
            self._sizes[name] = size

    def assign(self, name: str, value: Value) -> None:
        """Set a variable in the scope that holds it."""
        self.target_scope(name).write(name, value)

    def close(self) -> None:
        """Release the memory of this scope."""
        with self.lock:
            self._memory_use.change(-sum(self._sizes.values()))
            self._sizes.clear()
            self._values.clear()

    def _holder(self, name: str) -> Scope | None:
        scope: Scope | None = self
        while scope is not None and name not in scope._values:
            scope = scope._parent
        return scope


def replaced(holder: Value, path: list[Value], value: Value) -> Value:
    """
    Return a copy of `holder` with the element at a path replaced; missing maps on the path are created.

    Raises WorkflowError: IndexError outside a list, TypeError for a value that is neither map nor list.
    """
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(holder, list):
        index = position(holder, key)
        return [*holder[:index], replaced(holder[index], rest, value), *holder[index + 1 :]]
    if not isinstance(key, str):
        raise type_error(f"the key of a map is a string, not {type_name(key)}")
    if holder is None:
        holder = {}
    if not isinstance(holder, dict):
        raise type_error(f"cannot assign {key!r} inside {type_name(holder)}")
    return {**holder, key: replaced(holder.get(key), rest, value)}
