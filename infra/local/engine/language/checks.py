"""Rules beyond the grammar: jump targets exist, called functions exist, branches write only shared variables."""

from __future__ import annotations

from dataclasses import dataclass, replace

from infra.local.engine.expressions.nodes import nodes
from infra.local.engine.expressions.parser import CallExpression, Expression
from infra.local.engine.language import syntax
from infra.local.engine.language.signatures import Connectors, Signature, Signatures
from infra.local.engine.language.templates import MapTemplate, Template, expressions_in


@dataclass(frozen=True)
class Violation:
    """A rule broken by the step at `line`, counted from 1; 0 when no single step breaks it."""

    line: int
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


def violations(routines: dict[str, syntax.Routine], library: Signatures, is_connector: Connectors) -> list[Violation]:
    """Return every rule the routines break, in source order."""
    broken: list[Violation] = []
    if len(routines["main"].parameters) > 1:
        broken.append(Violation(0, "workflow 'main'", "it takes at most one parameter"))
    signatures = {**library, **{name: _signature(routine) for name, routine in routines.items()}}
    for routine in routines.values():
        visible = _Names(None, {parameter.name for parameter in routine.parameters})
        _Checker(routine.name, signatures, is_connector, broken).block(routine.body, _Place(), visible)
    return broken


def _signature(routine: syntax.Routine) -> Signature:
    names = tuple(parameter.name for parameter in routine.parameters)
    return Signature(names, sum(parameter.default is None for parameter in routine.parameters))


@dataclass(frozen=True)
class _Place:
    """The jumps and returns allowed at a step."""

    targets: frozenset[str] = frozenset()
    in_loop: bool = False
    may_break: bool = False
    in_parallel: bool = False


class _Names:
    """The variables assigned so far, scope by scope; `shared` marks a branch's scope."""

    def __init__(self, parent: _Names | None, own: set[str], shared: frozenset[str] | None = None) -> None:
        self.parent = parent
        self.own = own
        self.shared = shared

    def __contains__(self, name: str) -> bool:
        return name in self.own or (self.parent is not None and name in self.parent)

    def assign(self, name: str) -> bool:
        """Record an assignment; return whether it is allowed here."""
        if name in self.own:
            return True
        if self.parent is not None and name in self.parent:
            return (self.shared is None or name in self.shared) and self.parent.assign(name)
        self.own.add(name)
        return True


class _Checker:
    """Checks one routine in source order."""

    def __init__(
        self, routine: str, signatures: Signatures, is_connector: Connectors, violations: list[Violation]
    ) -> None:
        self._routine = routine
        self._signatures = signatures
        self._is_connector = is_connector
        self._violations = violations
        self._step = ""
        self._line = 0

    def block(self, block: syntax.Block, place: _Place, names: _Names) -> None:
        """Check steps and everything inside them."""
        inside = replace(place, targets=place.targets | block.positions.keys())
        for step in block.steps:
            self._step, self._line = step.name, step.line
            self._action(step.action, inside, names)
            self._jump(step.next, inside)

    def _action(self, action: syntax.Action | None, place: _Place, names: _Names) -> None:
        match action:
            case syntax.Assign(assignments):
                self._assignments(assignments, names)
            case syntax.CallStep():
                self._call(action, names)
            case syntax.Raise(value):
                self._values(value)
            case syntax.Return(value):
                if place.in_parallel:
                    self._report("'return' is not allowed inside a parallel step")
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
            self._report(f"shared variables must be assigned before the parallel step: {', '.join(missing)}")
        for name in sorted(action.shared):
            # An inner step must not share what the outer one does not: it could write through the outer branch.
            self._assign(name, names)
        for branch in action.branches:
            self.block(branch.body, _Place(in_parallel=True), _Names(names, set(), action.shared))
        if action.loop is not None:
            # Iterations run in no fixed order, so `break` is not allowed.
            self._loop(action.loop, _Place(in_loop=True, in_parallel=True), _Names(names, set(), action.shared))

    def _try(self, action: syntax.Try, place: _Place, names: _Names) -> None:
        self.block(action.body, place, names)
        self._values(action.retry)
        if action.handler is not None:
            self.block(action.handler.body, place, _Names(names, {action.handler.variable}))

    def _call(self, call: syntax.CallStep, names: _Names) -> None:
        self._values(MapTemplate(call.named), *call.positional)
        if call.result is not None:
            self._assign(call.result, names)
        if self._is_connector(call.function):
            return
        signature = self._signature(call.function)
        if signature is not None:
            self._arguments(call, signature)

    def _arguments(self, call: syntax.CallStep, signature: Signature) -> None:
        if len(call.positional) > len(signature.parameters):
            self._report(f"{call.function!r} takes {_arity(signature)}, found {len(call.positional)}")
        named = [name for name, _ in call.named] or list(signature.parameters[: len(call.positional)])
        unknown = [name for name in named if name not in signature.parameters]
        missing = [name for name in signature.parameters[: signature.required] if name not in named]
        if unknown:
            self._report(f"{call.function!r} has no parameter {', '.join(unknown)}")
        if missing:
            self._report(f"{call.function!r} needs {', '.join(missing)}")

    def _assign(self, name: str, names: _Names) -> None:
        if not names.assign(name):
            self._report(f"the variable {name!r} of the parent is written in a branch but not 'shared'")

    def _jump(self, target: str | None, place: _Place) -> None:
        if target is None or target == syntax.END or target in place.targets:
            return
        if target == syntax.CONTINUE and place.in_loop:
            return
        if target == syntax.BREAK and place.may_break:
            return
        self._report(f"'next: {target}' is not a valid target here")

    def _values(self, *values: Template | None) -> None:
        for value in values:
            if value is not None:
                self._expressions(tuple(expressions_in(value)))

    def _expressions(self, expressions: tuple[Expression, ...]) -> None:
        for expression in expressions:
            for node in nodes(expression):
                if isinstance(node, CallExpression):
                    self._expression_call(node)

    def _expression_call(self, call: CallExpression) -> None:
        if self._is_connector(call.function):
            return
        signature = self._signature(call.function)
        if signature is None:
            return
        if signature.is_blocking:
            self._report(f"{call.function!r} blocks, so it needs a call step")
        elif not signature.required <= len(call.arguments) <= len(signature.parameters):
            self._report(f"{call.function!r} takes {_arity(signature)}, found {len(call.arguments)}")

    def _signature(self, function: str) -> Signature | None:
        if function not in self._signatures:
            self._report(f"there is no function or subworkflow {function!r}")
        return self._signatures.get(function)

    def _report(self, message: str) -> None:
        place = f"workflow {self._routine!r}, step {self._step!r} (line {self._line})"
        self._violations.append(Violation(self._line, place, message))


def _arity(signature: Signature) -> str:
    maximum = len(signature.parameters)
    is_fixed = signature.required == maximum
    return f"{maximum} arguments" if is_fixed else f"{signature.required} to {maximum} arguments"
