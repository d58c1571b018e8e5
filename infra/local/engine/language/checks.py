"""What a tree must keep beyond its shape: jumps arrive, calls exist, branches write only what is shared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from infra.local.engine.language import syntax
from infra.local.engine.language.errors import DefinitionRejected
from infra.local.engine.language.expressions import (
    Binary,
    CallExpression,
    Expression,
    Index,
    ListLiteral,
    Property,
    Unary,
)
from infra.local.engine.language.signatures import Signature, Signatures
from infra.local.engine.language.templates import MapTemplate, Template, expressions_in


def check(routines: dict[str, syntax.Routine], library: Signatures) -> None:
    """Raise DefinitionRejected at the first law the routines break."""
    if len(routines["main"].parameters) > 1:
        raise DefinitionRejected("workflow 'main' takes at most one parameter")
    known = {**library, **{name: _signature(routine) for name, routine in routines.items()}}
    for routine in routines.values():
        visible = _Names(None, {parameter.name for parameter in routine.parameters})
        _Checker(routine.name, known).block(routine.body, _Place(), visible)


def _signature(routine: syntax.Routine) -> Signature:
    names = tuple(parameter.name for parameter in routine.parameters)
    return Signature(names, sum(parameter.default is None for parameter in routine.parameters))


@dataclass(frozen=True)
class _Place:
    """What the surroundings of a step allow."""

    targets: frozenset[str] = frozenset()
    in_loop: bool = False
    may_break: bool = False
    in_parallel: bool = False


class _Names:
    """The variables assigned so far, scope by scope; `shared` marks the border of a branch."""

    def __init__(self, parent: _Names | None, own: set[str], shared: frozenset[str] | None = None) -> None:
        self.parent = parent
        self.own = own
        self.shared = shared

    def __contains__(self, name: str) -> bool:
        return name in self.own or (self.parent is not None and name in self.parent)

    def assign(self, name: str) -> bool:
        """Note an assignment; tell whether it is allowed here."""
        if name in self.own:
            return True
        if self.parent is not None and name in self.parent:
            return (self.shared is None or name in self.shared) and self.parent.assign(name)
        self.own.add(name)
        return True


class _Checker:
    """Walks one routine in the order of its text."""

    def __init__(self, routine: str, known: Signatures) -> None:
        self._routine = routine
        self._known = known
        self._step = ""

    def block(self, block: syntax.Block, place: _Place, names: _Names) -> None:
        """Check steps and everything inside them."""
        inside = replace(place, targets=place.targets | block.positions.keys())
        for step in block.steps:
            self._step = f"step {step.name!r} (line {step.line})" if step.line else self._step
            self._action(step.action, inside, names)
            self._jump(step.next, inside)

    def _action(self, action: syntax.Action | None, place: _Place, names: _Names) -> None:
        match action:
            case syntax.Assign(assignments):
                self._assignments(assignments, names)
            case syntax.Call():
                self._call(action, names)
            case syntax.Raise(value):
                self._values(value)
            case syntax.Return(value):
                if place.in_parallel:
                    raise self._refuse("'return' is not allowed inside a parallel step")
                self._values(value)
            case None:
                pass
            case _:
                self._compound(action, place, names)

    def _assignments(self, assignments: tuple[syntax.Assignment, ...], names: _Names) -> None:
        for assignment in assignments:
            self._values(assignment.value)
            self._expressions(assignment.target.path)
            self._assign(assignment.target.variable, names)

    def _compound(
        self,
        action: syntax.Switch | syntax.For | syntax.Parallel | syntax.Try | syntax.Block,
        place: _Place,
        names: _Names,
    ) -> None:
        match action:
            case syntax.Block():
                self.block(action, place, names)
            case syntax.Switch(cases):
                for case in cases:
                    self._values(case.condition)
                    self._action(case.action, place, names)
                    self._jump(case.next, place)
            case syntax.For():
                inside = _Place(in_loop=True, may_break=True, in_parallel=place.in_parallel)
                self._loop(action, inside, _Names(names, set()))
            case syntax.Parallel():
                self._parallel(action, names)
            case syntax.Try():
                self._try(action, place, names)

    def _loop(self, loop: syntax.For, place: _Place, names: _Names) -> None:
        self._values(loop.items, loop.bounds)
        names.own.update({loop.variable} | ({loop.index} if loop.index else set()))
        self.block(loop.body, place, names)

    def _parallel(self, action: syntax.Parallel, names: _Names) -> None:
        self._values(action.concurrency_limit)
        missing = sorted(name for name in action.shared if name not in names)
        if missing:
            raise self._refuse(f"shared variables must be assigned before the parallel step: {', '.join(missing)}")
        for name in sorted(action.shared):
            # Sharing in an inner step what an outer one did not share would write through it.
            self._assign(name, names)
        for branch in action.branches:
            self.block(branch.body, _Place(in_parallel=True), _Names(names, set(), action.shared))
        if action.loop is not None:
            # Iterations have no order, so none of them can end the others.
            self._loop(action.loop, _Place(in_loop=True, in_parallel=True), _Names(names, set(), action.shared))

    def _try(self, action: syntax.Try, place: _Place, names: _Names) -> None:
        self.block(action.body, place, names)
        self._values(action.retry)
        if action.handler is not None:
            self.block(action.handler.body, place, _Names(names, {action.handler.variable}))

    def _call(self, call: syntax.Call, names: _Names) -> None:
        signature = self._signature(call.function)
        if len(call.positional) > len(signature.parameters):
            raise self._refuse(f"{call.function!r} takes {_arity(signature)}, found {len(call.positional)}")
        given = [name for name, _ in call.named] or list(signature.parameters[: len(call.positional)])
        unknown = [name for name in given if name not in signature.parameters]
        missing = [name for name in signature.parameters[: signature.required] if name not in given]
        if unknown:
            raise self._refuse(f"{call.function!r} has no parameter {', '.join(unknown)}")
        if missing:
            raise self._refuse(f"{call.function!r} needs {', '.join(missing)}")
        self._values(MapTemplate(call.named), *call.positional)
        if call.result is not None:
            self._assign(call.result, names)

    def _assign(self, name: str, names: _Names) -> None:
        if not names.assign(name):
            raise self._refuse(f"the variable {name!r} of the parent is written in a branch but not 'shared'")

    def _jump(self, target: str | None, place: _Place) -> None:
        if target is None or target == syntax.END or target in place.targets:
            return
        if target == syntax.CONTINUE and place.in_loop:
            return
        if target == syntax.BREAK and place.may_break:
            return
        raise self._refuse(f"'next: {target}' leads nowhere from here")

    def _values(self, *values: Template | None) -> None:
        for value in values:
            if value is not None:
                self._expressions(tuple(expressions_in(value)))

    def _expressions(self, expressions: tuple[Expression, ...]) -> None:
        for expression in expressions:
            for call in calls_in(expression):
                self._expression_call(call)

    def _expression_call(self, call: CallExpression) -> None:
        signature = self._signature(call.function)
        if signature.is_blocking:
            raise self._refuse(f"{call.function!r} waits, so it needs a call step")
        if not signature.required <= len(call.arguments) <= len(signature.parameters):
            raise self._refuse(f"{call.function!r} takes {_arity(signature)}, found {len(call.arguments)}")

    def _signature(self, function: str) -> Signature:
        if function not in self._known:
            raise self._refuse(f"there is no function or subworkflow {function!r}")
        return self._known[function]

    def _refuse(self, message: str) -> DefinitionRejected:
        return DefinitionRejected(f"workflow {self._routine!r}, {self._step}: {message}")


def calls_in(expression: Expression) -> Iterator[CallExpression]:
    """Yield every call in an expression, outer before inner."""
    match expression:
        case CallExpression(_, arguments):
            yield expression
            for argument in arguments:
                yield from calls_in(argument)
        case ListLiteral(items):
            for item in items:
                yield from calls_in(item)
        case Property(owner, _):
            yield from calls_in(owner)
        case Index(left, right) | Binary(_, left, right):
            yield from calls_in(left)
            yield from calls_in(right)
        case Unary(_, operand):
            yield from calls_in(operand)


def _arity(signature: Signature) -> str:
    most = len(signature.parameters)
    return f"{most} arguments" if signature.required == most else f"{signature.required} to {most} arguments"
