"""Infer the shapes of a workflow's variables: read every assignment until nothing changes."""

from collections.abc import Mapping

from infra.local.engine.expressions.parser import CallExpression, Expression, Index, Literal, Name, Property
from infra.local.engine.language import syntax
from infra.local.engine.language.templates import Constant, Dynamic, ListTemplate, MapTemplate, Template
from infra.workflow_checks import shape, tree
from infra.workflow_checks.contracts import Contracts
from infra.workflow_checks.shape import ANYTHING, NULL, AnswerShape, ObjectShape, Shape

CALLERS = ("ask", "attempt")
"""The subworkflows that call a function; what they return holds what the step's result holds."""
_MAX_ROUNDS = 20


def called_function(call: syntax.CallStep) -> str | None:
    """Return the function that `ask` or `attempt` calls, or None for another call or a computed name."""
    name = dict(call.named).get("function") if call.function in CALLERS else None
    return name.value if isinstance(name, Constant) and isinstance(name.value, str) else None


class Program:
    """The shapes of variables and results, by routine; statement order and branches are ignored."""

    def __init__(self, routines: Mapping[str, syntax.Routine], contracts: Contracts) -> None:
        self._routines = routines
        self._contracts = contracts
        self._variables: dict[tuple[str, str], Shape] = {}
        self._results: dict[str, Shape] = {}
        self._is_changed = True
        # The argument comes from outside and can be anything.
        for parameter in routines["main"].parameters:
            self._variables["main", parameter.name] = ANYTHING
        self._infer()

    def _infer(self) -> None:
        rounds = 0
        while self._is_changed and rounds < _MAX_ROUNDS:
            self._is_changed, rounds = False, rounds + 1
            for routine in self._routines.values():
                for _, action in tree.places(routine.body):
                    self._read(routine.name, action)

    def _read(self, routine: str, action: syntax.Action) -> None:
        match action:
            case syntax.Assign(assignments):
                for assignment in assignments:
                    assigned = ANYTHING if assignment.target.path else self.value(routine, assignment.value)
                    self._record(routine, assignment.target.variable, assigned)
            case syntax.CallStep():
                self._call(routine, action)
            case syntax.Return(value):
                self._results[routine] = self._joined(self._results.get(routine), self.value(routine, value))
            case syntax.For(variable, index=index):
                self._record(routine, variable, ANYTHING)
                self._record(routine, index or variable, ANYTHING)
            case syntax.Try(handler=syntax.Except(variable)):
                self._record(routine, variable, ANYTHING)

    def _call(self, routine: str, call: syntax.CallStep) -> None:
        if call.result is not None:
            self._record(routine, call.result, self._result(call))
        callee = self._routines.get(call.function)
        if callee is None:
            return
        names = [parameter.name for parameter in callee.parameters]
        arguments = dict(call.named) or dict(zip(names, call.positional, strict=False))
        for parameter in callee.parameters:
            value = arguments.get(parameter.name, parameter.default)
            self._record(callee.name, parameter.name, ANYTHING if value is None else self.value(routine, value))

    def _result(self, call: syntax.CallStep) -> Shape:
        if call.function not in self._routines:
            return ANYTHING
        if call.function not in CALLERS:
            return self._results.get(call.function, NULL)
        model = self._contracts.answers.get(called_function(call) or "")
        return ANYTHING if model is None else AnswerShape(model)

    def _record(self, routine: str, name: str, new: Shape) -> None:
        self._variables[routine, name] = self._joined(self._variables.get((routine, name)), new)

    def _joined(self, current: Shape | None, new: Shape) -> Shape:
        joined = new if current is None else shape.join(current, new)
        self._is_changed = self._is_changed or joined != current
        return joined

    def value(self, routine: str, template: Template) -> Shape:
        """Return the shape of a template."""
        match template:
            case Constant(value):
                return shape.of_constant(value)
            case Dynamic(expression):
                return self.expression(routine, expression)
            case MapTemplate(pairs):
                return ObjectShape({key: self.value(routine, item) for key, item in pairs})
            case ListTemplate():
                return ANYTHING

    def expression(self, routine: str, expression: Expression) -> Shape:
        """Return the shape of an expression; a missing field counts as null; `shapes` reports it."""
        match expression:
            case Literal(value):
                return shape.of_constant(value)
            case Name(name):
                return self._variables.get((routine, name), NULL)
            case CallExpression("default", (value, other)):
                return shape.join(self.expression(routine, value), self.expression(routine, other))
        read = field_read(expression)
        if read is None:
            return ANYTHING
        owner, name = read
        return shape.part(self.expression(routine, owner), name) or NULL


def field_read(expression: Expression) -> tuple[Expression, str] | None:
    """Return owner and name if an expression reads a field by a constant name, else None."""
    match expression:
        case Property(owner, name):
            return owner, name
        case Index(owner, Literal(str() as name)) | CallExpression("map.get", (owner, Literal(str() as name))):
            return owner, name
    return None
