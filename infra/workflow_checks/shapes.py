"""The product's own law: a function is sent what its request holds, and its answer is read for what it holds."""

from collections.abc import Iterator, Mapping

from infra.local.engine.language import syntax
from infra.local.engine.language.expressions import CallExpression
from infra.local.engine.language.nodes import nodes
from infra.workflow_checks import shape, tree
from infra.workflow_checks.contracts import Contracts, Model, field_model, field_names, required_fields
from infra.workflow_checks.finding import Finding
from infra.workflow_checks.inference import Program, called_function, field_read
from infra.workflow_checks.shape import AnswerShape, Null, ObjectShape, Shape


def check(routines: Mapping[str, syntax.Routine], contracts: Contracts) -> list[Finding]:
    """Return where a workflow and the contracts disagree."""
    program = Program(routines, contracts)
    found: list[Finding] = []
    for routine in routines.values():
        for step, action in tree.places(routine.body):
            found += _missing_fields(program, routine.name, step.line, action)
            if isinstance(action, syntax.CallStep) and (function := called_function(action)) is not None:
                body = dict(action.named).get("body")
                sent = shape.ANYTHING if body is None else program.value(routine.name, body)
                found += [Finding(step.line, message) for message in _asked(function, sent, contracts)]
    return found


def _missing_fields(program: Program, routine: str, line: int, action: syntax.Action) -> Iterator[Finding]:
    for expression in tree.expressions(action):
        for node in nodes(expression):
            read = field_read(node)
            if read is None:
                continue
            owner = program.expression(routine, read[0])
            # map.get is how one asks a map for a key it may lack; of an answer the fields are known.
            is_asking = isinstance(node, CallExpression) and isinstance(owner, ObjectShape)
            if shape.part(owner, read[1]) is None and not is_asking:
                yield Finding(line, f"{routine!r} reads {read[1]!r} of {shape.words(owner)}, which has no such field")


def _asked(function: str, sent: Shape, contracts: Contracts) -> Iterator[str]:
    if function not in contracts.folders:
        yield f"there is no function {function!r}; there are {', '.join(sorted(contracts.folders))}"
    elif function not in contracts.requests:
        yield f"function {function!r} is no step: it takes no request of shared/contracts.py"
    elif isinstance(sent, ObjectShape):
        yield from _body(function, sent.shapes, contracts.requests[function])
    elif isinstance(sent, AnswerShape):
        yield f"{function!r} takes {contracts.requests[function].__name__}, not {shape.words(sent)}"


def _body(function: str, sent: Mapping[str, Shape], request: Model) -> Iterator[str]:
    unknown = sorted(sent.keys() - field_names(request))
    missing = sorted(required_fields(request) - sent.keys())
    if unknown:
        yield f"the request of {function!r}, {request.__name__}, has no field {', '.join(unknown)}"
    if missing:
        yield f"the request of {function!r}, {request.__name__}, needs {', '.join(missing)}"
    for name, value in sent.items():
        wanted = field_model(request, name)
        if isinstance(value, AnswerShape) and wanted is not None and value.model is not wanted:
            yield f"field {name!r} of {request.__name__} takes {wanted.__name__}, not {shape.words(value)}"
        if isinstance(value, Null) and name in required_fields(request):
            yield f"field {name!r} of {request.__name__} is required, but null is sent"
