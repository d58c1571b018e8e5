"""The shapes of a program's variables: found by reading every assignment until nothing new is learnt."""

from collections.abc import Mapping

from infra.local.engine.language import syntax
from infra.local.engine.language.expressions import CallExpression, Expression, Index, Literal, Name, Property
from infra.local.engine.language.templates import Constant, Dynamic, ListTemplate, MapTemplate, Template
from infra.workflow_checks import shape, tree
from infra.workflow_checks.contracts import Contracts
from infra.workflow_checks.shape import ANYTHING, NULL, AnswerShape, ObjectShape, Shape

ASKERS = ("ask", "attempt")
"""The subworkflows that call a function; `attempt` wraps the answer and the failure."""
_MAX_ROUNDS = 20


def called_function(call: syntax.CallStep) -> str | None:
    """Return the function a call of an asker names, None when it is no such call or the name is computed."""
    given = dict(call.named).get("function") if call.function in ASKERS else None
    return given.value if isinstance(given, Constant) and isinstance(given.value, str) else None


class Program:
    """What is known of every variable and result, by routine; order and branches are not told apart."""

    def __init__(self, routines: Mapping[str, syntax.Routine], contracts: Contracts) -> None:
        self._routines = routines
        self._contracts = contracts
        self._variables: dict[tuple[str, str], Shape] = {}
        self._results: dict[str, Shape] = {}
        self._is_changed = True
        # Whoever starts the workflow decides what its argument holds.
        for parameter in routines["main"].parameters:
            self._variables["main", parameter.name] = ANYTHING
        self._learn()

    def _learn(self) -> None:
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
                    found = ANYTHING if assignment.target.path else self.value(routine, assignment.value)
                    self._note(routine, assignment.target.variable, found)
            case syntax.CallStep():
                self._call(routine, action)
            case syntax.Return(value):
                self._results[routine] = self._joined(self._results.get(routine), self.value(routine, value))
            case syntax.For(variable, index=index):
                self._note(routine, variable, ANYTHING)
                self._note(routine, index or variable, ANYTHING)
            case syntax.Try(handler=syntax.Except(variable)):
                self._note(routine, variable, ANYTHING)

    def _call(self, routine: str, call: syntax.CallStep) -> None:
        if call.result is not None:
            self._note(routine, call.result, self._result(call))
        callee = self._routines.get(call.function)
        if callee is None:
            return
        names = [parameter.name for parameter in callee.parameters]
        given = dict(call.named) or dict(zip(names, call.positional, strict=False))
        for parameter in callee.parameters:
            value = given.get(parameter.name, parameter.default)
            self._note(callee.name, parameter.name, ANYTHING if value is None else self.value(routine, value))

    def _result(self, call: syntax.CallStep) -> Shape:
        if call.function not in self._routines:
            return ANYTHING
        if call.function not in ASKERS:
            return self._results.get(call.function, NULL)
        model = self._contracts.answers.get(called_function(call) or "")
        answer = ANYTHING if model is None else AnswerShape(model)
        return answer if call.function == "ask" else ObjectShape({"answer": answer, "failure": ANYTHING})

    def _note(self, routine: str, name: str, found: Shape) -> None:
        self._variables[routine, name] = self._joined(self._variables.get((routine, name)), found)

    def _joined(self, known: Shape | None, found: Shape) -> Shape:
        joined = found if known is None else shape.join(known, found)
        self._is_changed = self._is_changed or joined != known
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
        """Return the shape of an expression; a field that does not exist is like null, and told by `missing`."""
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
    """Return owner and name where an expression reads a field by a name known beforehand."""
    match expression:
        case Property(owner, name):
            return owner, name
        case Index(owner, Literal(str() as name)) | CallExpression("map.get", (owner, Literal(str() as name))):
            return owner, name
    return None
