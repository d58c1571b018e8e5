"""Check calls against the contracts: sent fields belong to the request, read fields to the answer."""

from collections.abc import Iterator, Mapping

from infra.local.engine.expressions.nodes import nodes
from infra.local.engine.expressions.parser import CallExpression
from infra.local.engine.language import syntax
from infra.workflow_checks import shape, tree
from infra.workflow_checks.contracts import Contracts, Model, field_model, field_names, required_fields
from infra.workflow_checks.finding import Finding
from infra.workflow_checks.inference import Program, called_function, field_read
from infra.workflow_checks.shape import AnswerShape, Null, ObjectShape, Shape


def check(routines: Mapping[str, syntax.Routine], contracts: Contracts) -> list[Finding]:
    """Return the places where a workflow does not match the contracts."""
    program = Program(routines, contracts)
    findings: list[Finding] = []
    for routine in routines.values():
        for step, action in tree.places(routine.body):
            findings += _missing_fields(program, routine.name, step.line, action)
            if isinstance(action, syntax.CallStep) and (function := called_function(action)) is not None:
                call = dict(action.named).get("call")
                sent = shape.ANYTHING if call is None else program.value(routine.name, call)
                findings += [Finding(step.line, message) for message in _request_errors(function, sent, contracts)]
    return findings


def _missing_fields(program: Program, routine: str, line: int, action: syntax.Action) -> Iterator[Finding]:
    for expression in tree.expressions(action):
        for node in nodes(expression):
            read = field_read(node)
            if read is None:
                continue
            owner = program.expression(routine, read[0])
            # map.get may read a missing key of a map; the fields of an answer are known.
            is_optional = isinstance(node, CallExpression) and isinstance(owner, ObjectShape)
            if shape.part(owner, read[1]) is None and not is_optional:
                yield Finding(
                    line, f"{routine!r} reads {read[1]!r} of {shape.describe(owner)}, which has no such field"
                )


def _request_errors(function: str, sent: Shape, contracts: Contracts) -> Iterator[str]:
    if function not in contracts.folders:
        yield f"there is no function {function!r}; the functions are {', '.join(sorted(contracts.folders))}"
    elif function not in contracts.requests:
        yield f"function {function!r} is not a workflow step: it takes no request of shared/contracts.py"
    elif isinstance(sent, ObjectShape):
        yield from _call_errors(function, sent.shapes, contracts.requests[function])
    elif isinstance(sent, AnswerShape):
        yield f"{function!r} takes {contracts.requests[function].__name__}, not {shape.describe(sent)}"


def _call_errors(function: str, sent: Mapping[str, Shape], request: Model) -> Iterator[str]:
    unknown = sorted(sent.keys() - field_names(request))
    missing = sorted(required_fields(request) - sent.keys())
    if unknown:
        yield f"the request of {function!r}, {request.__name__}, has no field {', '.join(unknown)}"
    if missing:
        yield f"the request of {function!r}, {request.__name__}, needs {', '.join(missing)}"
    for name, value in sent.items():
        expected = field_model(request, name)
        if isinstance(value, AnswerShape) and expected is not None and value.model is not expected:
            yield f"field {name!r} of {request.__name__} takes {expected.__name__}, not {shape.describe(value)}"
        if isinstance(value, Null) and name in required_fields(request):
            yield f"field {name!r} of {request.__name__} is required, but null is sent"
