"""The syntax tree of a workflow: built by `reader.py`, executed by `runtime/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from infra.local.engine.expressions.parser import Expression
from infra.local.engine.language.templates import Template

END = "end"
BREAK = "break"
CONTINUE = "continue"
RESERVED_TARGETS = frozenset({END, BREAK, CONTINUE})


@dataclass(frozen=True)
class AssignTarget:
    """Where an assignment writes: a variable, and the path inside its value."""

    variable: str
    path: tuple[Expression, ...] = ()


@dataclass(frozen=True)
class Assignment:
    """`target: value`."""

    target: AssignTarget
    value: Template


@dataclass(frozen=True)
class Assign:
    """Assignments made in order, each seeing those before it."""

    assignments: tuple[Assignment, ...]


@dataclass(frozen=True)
class CallStep:
    """A call of a subworkflow or of the standard library, with named or positional arguments."""

    function: str
    named: tuple[tuple[str, Template], ...] = ()
    positional: tuple[Template, ...] = ()
    result: str | None = None


@dataclass(frozen=True)
class Case:
    """One condition of a switch and what to do when it is the first true one."""

    condition: Template
    action: Action | None = None
    next: str | None = None


@dataclass(frozen=True)
class Switch:
    """Conditions tried in order."""

    cases: tuple[Case, ...]


@dataclass(frozen=True)
class For:
    """A loop over a list (`items`) or over a range of numbers, both ends included (`bounds`)."""

    variable: str
    body: Block
    index: str | None = None
    items: Template | None = None
    bounds: Template | None = None


@dataclass(frozen=True)
class ParallelBranch:
    """One named branch of a parallel step."""

    name: str
    body: Block


@dataclass(frozen=True)
class Parallel:
    """Branches or loop iterations that run concurrently; the only policy is `continueAll`."""

    shared: frozenset[str] = frozenset()
    concurrency_limit: Template | None = None
    branches: tuple[ParallelBranch, ...] = ()
    loop: For | None = None


@dataclass(frozen=True)
class Except:
    """What to do with an error, bound to `variable`."""

    variable: str
    body: Block


@dataclass(frozen=True)
class Try:
    """A body, its retry policy, and the handler of its last error."""

    body: Block
    retry: Template | None = None
    handler: Except | None = None


@dataclass(frozen=True)
class Raise:
    """Raise a value as an error."""

    value: Template


@dataclass(frozen=True)
class Return:
    """Leave the routine with a value."""

    value: Template


@dataclass(frozen=True)
class Block:
    """Steps in order; `positions` maps names to indexes, empty where a single action replaces the steps."""

    steps: tuple[Step, ...]
    positions: Mapping[str, int]


Action: TypeAlias = Assign | CallStep | Switch | For | Parallel | Try | Raise | Return | Block


@dataclass(frozen=True)
class Step:
    """A named step; without an action it only jumps."""

    name: str
    line: int
    action: Action | None
    next: str | None = None


@dataclass(frozen=True)
class Parameter:
    """A parameter of a routine; required if it has no default."""

    name: str
    default: Template | None = None


@dataclass(frozen=True)
class Routine:
    """The main workflow or a subworkflow."""

    name: str
    parameters: tuple[Parameter, ...]
    body: Block


@dataclass(frozen=True)
class Workflow:
    """A complete, checked source."""

    routines: Mapping[str, Routine]
    source: str

    @property
    def main(self) -> Routine:
        """The routine an execution starts with."""
        return self.routines["main"]
