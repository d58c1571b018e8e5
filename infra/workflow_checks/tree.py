"""Traverse the tree of a workflow."""

from collections.abc import Iterator
from typing import TypeAlias

from infra.local.engine.expressions.parser import Expression
from infra.local.engine.language import syntax
from infra.local.engine.language.templates import Template, expressions_in

Place: TypeAlias = tuple[syntax.Step, syntax.Action]
"""An action and its step, which holds the line number."""


def inner_blocks(action: syntax.Action | None) -> Iterator[syntax.Block]:
    """Yield the blocks directly inside an action."""
    match action:
        case syntax.Block():
            yield action
        case syntax.Switch(cases):
            for case in cases:
                yield from inner_blocks(case.action)
        case syntax.For():
            yield action.body
        case syntax.Parallel():
            yield from (branch.body for branch in action.branches)
            yield from inner_blocks(action.loop)
        case syntax.Try():
            yield action.body
            if action.handler is not None:
                yield action.handler.body


def blocks(block: syntax.Block) -> Iterator[syntax.Block]:
    """Yield a block and every block inside it."""
    yield block
    for step in block.steps:
        for inner in inner_blocks(step.action):
            yield from blocks(inner)


def places(block: syntax.Block) -> Iterator[Place]:
    """Yield every action of a block and of the blocks inside it; the loop of a parallel step counts separately."""
    for inner in blocks(block):
        for step in inner.steps:
            for action in own_actions(step.action):
                yield step, action


def own_actions(action: syntax.Action | None) -> Iterator[syntax.Action]:
    """Yield an action and the actions of its cases or its loop, without the steps of inner blocks."""
    if action is None:
        return
    yield action
    if isinstance(action, syntax.Switch):
        for case in action.cases:
            yield from own_actions(case.action)
    if isinstance(action, syntax.Parallel):
        yield from own_actions(action.loop)


def templates(action: syntax.Action) -> Iterator[Template]:
    """Yield the values an action itself computes, not those of its inner blocks."""
    match action:
        case syntax.Assign(assignments):
            yield from (assignment.value for assignment in assignments)
        case syntax.CallStep():
            yield from (value for _, value in action.named)
            yield from action.positional
        case syntax.Switch(cases):
            yield from (case.condition for case in cases)
        case syntax.For():
            yield from (value for value in (action.items, action.bounds) if value is not None)
        case syntax.Parallel(concurrency_limit=value) | syntax.Try(retry=value):
            yield from () if value is None else (value,)
        case syntax.Raise(value) | syntax.Return(value):
            yield value


def expressions(action: syntax.Action) -> Iterator[Expression]:
    """Yield the outermost expressions of an action, including keys of assigned paths."""
    if isinstance(action, syntax.Assign):
        for assignment in action.assignments:
            yield from assignment.target.path
    for template in templates(action):
        yield from expressions_in(template)
