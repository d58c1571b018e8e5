"""
Rules about variables: each one read is assigned in a visible scope, in any order.

Source: Variables, "Variable scope": reading a loop's or an `except`'s variable outside of it fails at deployment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from infra.local.engine import stdlib
from infra.local.engine.expressions.nodes import operands
from infra.local.engine.expressions.parser import Expression, Name, Property
from infra.local.engine.language import syntax
from infra.local.engine.language.templates import expressions_in
from infra.workflow_checks import tree
from infra.workflow_checks.finding import Finding


def check(routine: syntax.Routine, routines: frozenset[str]) -> list[Finding]:
    """Return the reads of variables that no visible scope assigns; names in `routines` are values too."""
    own = {parameter.name for parameter in routine.parameters}
    scope = _Scope(frozenset(own) | _assigned(routine.body) | routines, None)
    reader = _Reader(routine.name, _locals(routine.body))
    return [*reader.parameters(routine, scope), *reader.block(routine.body, scope)]


@dataclass(frozen=True)
class _Scope:
    """The names one scope assigns, and the scope around it."""

    names: frozenset[str]
    parent: _Scope | None

    def __contains__(self, name: str) -> bool:
        return name in self.names or (self.parent is not None and name in self.parent)


def _scopes(action: syntax.Action | None) -> Iterator[tuple[str, frozenset[str], syntax.Block]]:
    """Yield the scopes an action opens: their kind, the names they define, their steps."""
    match action:
        case syntax.For():
            yield "loop", frozenset({action.variable} | ({action.index} if action.index else set())), action.body
        case syntax.Parallel():
            for branch in action.branches:
                yield "branch", frozenset(), branch.body
            yield from _scopes(action.loop)
        case syntax.Try(handler=syntax.Except(variable, body)):
            yield "except", frozenset({variable}), body
        case syntax.Switch(cases):
            for case in cases:
                yield from _scopes(case.action)


def _same_scope(action: syntax.Action | None) -> Iterator[syntax.Block]:
    opened = [block for _, _, block in _scopes(action)]
    for block in tree.inner_blocks(action):
        if not any(block is other for other in opened):
            yield block


def _assigned(block: syntax.Block) -> frozenset[str]:
    """Return the names assigned by a block itself, not by the scopes it opens."""
    names: set[str] = set()
    for step in block.steps:
        names |= _written(step.action)
        for inner in _same_scope(step.action):
            names |= _assigned(inner)
    return frozenset(names)


def _written(action: syntax.Action | None) -> frozenset[str]:
    match action:
        case syntax.Assign(assignments):
            return frozenset(assignment.target.variable for assignment in assignments)
        case syntax.CallStep(result=str() as result):
            return frozenset({result})
        case syntax.Switch(cases):
            return frozenset().union(*(_written(case.action) for case in cases))
    return frozenset()


def _locals(block: syntax.Block) -> dict[str, str]:
    """Return the scope of each inner name, for the message."""
    reasons: dict[str, str] = {}
    for step, action in tree.places(block):
        for kind, own, body in _scopes(action):
            reasons.update(dict.fromkeys(own | _assigned(body), f"it is local to the {kind} in step {step.name!r}"))
    return reasons


class _Reader:
    """Checks the variables that are read, scope by scope."""

    def __init__(self, routine: str, local: dict[str, str]) -> None:
        self._routine = routine
        self._local = local

    def parameters(self, routine: syntax.Routine, scope: _Scope) -> Iterator[Finding]:
        """Yield the unassigned variables read by parameter defaults."""
        for parameter in routine.parameters:
            for expression in expressions_in(parameter.default) if parameter.default is not None else ():
                yield from self._expression(expression, 0, scope)

    def block(self, block: syntax.Block, scope: _Scope) -> Iterator[Finding]:
        """Yield the unassigned variables read by the steps of a block, including inner scopes."""
        for step in block.steps:
            for action in tree.own_actions(step.action):
                for expression in tree.expressions(action):
                    yield from self._expression(expression, step.line, scope)
            for inner in _same_scope(step.action):
                yield from self.block(inner, scope)
            for _, own, body in _scopes(step.action):
                yield from self.block(body, _Scope(own | _assigned(body), scope))

    def _expression(self, expression: Expression, line: int, scope: _Scope) -> Iterator[Finding]:
        match expression:
            case Name(name):
                if name not in scope:
                    reason = self._local.get(name, "nothing assigns it")
                    yield Finding(line, f"{self._routine!r} reads the variable {name!r}, but {reason}")
            case Property(Name(owner), name) if owner not in scope and _is_library(f"{owner}.{name}"):
                return
            case _:
                for operand in operands(expression):
                    yield from self._expression(operand, line, scope)


def _is_library(name: str) -> bool:
    return name in stdlib.CONSTANTS or name in stdlib.FUNCTIONS
