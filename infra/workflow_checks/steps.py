"""
Rules about steps: unique names, nesting depth of parallel steps, reachability.

Source: Variables, "Variable scope": all step names in a subworkflow must be unique, even in different scopes.
"""

from collections.abc import Iterator, Mapping

from infra.local.engine.language import limits, syntax
from infra.local.engine.language.templates import Constant
from infra.workflow_checks import tree
from infra.workflow_checks.finding import Finding


def check(routine: syntax.Routine) -> list[Finding]:
    """Return the findings about the steps of one routine."""
    return [*_duplicates(routine), *_unreachable(routine.body, _targets(routine), routine.name)]


def _duplicates(routine: syntax.Routine) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for block in tree.blocks(routine.body):
        # Without positions the block is a single action that repeats the surrounding step's name.
        for step in block.steps if block.positions else ():
            if step.name in first:
                message = f"step {step.name!r} of {routine.name!r} has the name of the step at line {first[step.name]}"
                yield Finding(step.line, message)
            first.setdefault(step.name, step.line)


def check_nesting(routines: Mapping[str, syntax.Routine]) -> list[Finding]:
    """Return the parallel steps nested deeper than Workflows allows, counted from `main` and through calls."""
    return list(_too_deep(routines, "main", 0, ()))


def _too_deep(
    routines: Mapping[str, syntax.Routine], name: str, depth: int, callers: tuple[str, ...]
) -> Iterator[Finding]:
    if name in callers:
        return
    for step, action, inside in _depths(routines[name].body, depth):
        if isinstance(action, syntax.Parallel) and inside >= limits.PARALLEL_DEPTH:
            yield Finding(step.line, f"step {step.name!r} nests parallel steps more than {limits.PARALLEL_DEPTH} deep")
        if isinstance(action, syntax.CallStep) and action.function in routines:
            yield from _too_deep(routines, action.function, inside, (*callers, name))


def _depths(block: syntax.Block, depth: int) -> Iterator[tuple[syntax.Step, syntax.Action, int]]:
    for step in block.steps:
        if step.action is None:
            continue
        yield step, step.action, depth
        inside = depth + isinstance(step.action, syntax.Parallel)
        for inner in tree.inner_blocks(step.action):
            yield from _depths(inner, inside)


def _targets(routine: syntax.Routine) -> frozenset[str]:
    named = {step.next for block in tree.blocks(routine.body) for step in block.steps}
    cases = [
        case for _, action in tree.places(routine.body) if isinstance(action, syntax.Switch) for case in action.cases
    ]
    return frozenset(name for name in named | {case.next for case in cases} if name is not None)


def _unreachable(block: syntax.Block, targets: frozenset[str], routine: str) -> Iterator[Finding]:
    is_reached = True
    for step in block.steps:
        if not is_reached and step.name not in targets:
            yield Finding(step.line, f"step {step.name!r} of {routine!r} is never reached", is_warning=True)
            # The steps after it are not reached either: one warning is enough.
            is_reached = True
            continue
        for inner in tree.inner_blocks(step.action):
            yield from _unreachable(inner, targets, routine)
        is_reached = step.next is None and _falls_through(step.action)


def _falls_through(action: syntax.Action | None) -> bool:
    """Return whether execution can continue with the step after an action."""
    match action:
        case syntax.Return() | syntax.Raise():
            return False
        case syntax.Block():
            return _block_falls_through(action)
        case syntax.Switch(cases):
            is_complete = any(case.condition == Constant(True) for case in cases)
            return not is_complete or any(case.next is None and _falls_through(case.action) for case in cases)
        case syntax.Try():
            return _block_falls_through(action.body) or (
                action.handler is not None and _block_falls_through(action.handler.body)
            )
    return True


def _block_falls_through(block: syntax.Block) -> bool:
    last = block.steps[-1]
    return last.next is None and _falls_through(last.action)
