"""Scopes: visibility, writes and memory use."""

import pytest

from infra.local.engine import WorkflowError
from infra.local.engine.runtime.scope import MemoryUse, Scope, replaced


def test_assignment_writes_to_the_scope_that_holds_the_variable() -> None:
    """An inner scope changes the outer variable and keeps its own."""
    outer = Scope(MemoryUse())
    outer.write("x", 1)
    inner = outer.inner()

    inner.assign("x", 2)
    inner.assign("y", 3)

    assert outer.read("x") == 2
    assert not outer.has("y")


def test_branch_writes_only_shared_variables() -> None:
    """Other names of the parent are shadowed, not changed."""
    outer = Scope(MemoryUse())
    outer.write("open", 1)
    outer.write("closed", 1)
    branch = outer.inner(frozenset({"open"}))

    branch.assign("open", 2)
    branch.assign("closed", 2)

    assert (outer.read("open"), outer.read("closed")) == (2, 1)


def test_memory_is_counted_and_released() -> None:
    """A replaced variable or a closed scope uses no memory."""
    memory_use = MemoryUse(limit_bytes=100)
    scope = Scope(memory_use)

    scope.write("x", "a" * 60)
    scope.write("x", "b" * 80)
    with pytest.raises(WorkflowError, match="ResourceLimitError"):
        scope.write("y", "c" * 20)
    scope.close()

    Scope(memory_use).write("z", "d" * 90)


def test_replacing_an_element_keeps_the_original() -> None:
    """Values are never changed in place."""
    original = {"a": [1, {"b": 2}]}

    assert replaced(original, ["a", 1, "b"], 3) == {"a": [1, {"b": 3}]}
    assert original == {"a": [1, {"b": 2}]}
