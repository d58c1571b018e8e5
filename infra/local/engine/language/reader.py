"""Build the tree of `syntax.py` from a source document."""

from __future__ import annotations

import re

from infra.local.engine.expressions.lexer import ExpressionRejected
from infra.local.engine.expressions.parser import Expression, Index, Literal, Name, Property, parse
from infra.local.engine.language import limits, syntax
from infra.local.engine.language.errors import DefinitionRejected
from infra.local.engine.language.fields import Fields, single_entry
from infra.local.engine.language.templates import Template
from infra.local.engine.language.values import Value

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ACTIONS = frozenset({"assign", "call", "switch", "for", "parallel", "try", "raise", "return", "steps"})


def read_routines(document: Value) -> dict[str, syntax.Routine]:
    """
    Return the routines of a document: a list of steps, or a map of routines with `main`.

    Raises DefinitionRejected naming the routine and the step.
    """
    if isinstance(document, list):
        document = {"main": {"steps": document}}
    if not isinstance(document, dict):
        raise DefinitionRejected("the source must be a list of steps or a map with 'main'")
    if "main" not in document:
        raise DefinitionRejected("there is no 'main' workflow")
    return {str(name): _routine(str(name), raw) for name, raw in document.items()}


def _routine(name: str, raw: Value) -> syntax.Routine:
    # A routine may be just its list of steps.
    fields = Fields({"steps": raw} if isinstance(raw, list) else raw, f"workflow {name!r}")
    _check_name(name, fields)
    parameters = _parameters(fields) if "params" in fields else ()
    body = _block(fields, name)
    fields.finish()
    return syntax.Routine(name, parameters, body)


def _parameters(fields: Fields) -> tuple[syntax.Parameter, ...]:
    parameters: list[syntax.Parameter] = []
    for raw in fields.take_list("params"):
        if isinstance(raw, str):
            parameters.append(syntax.Parameter(_check_name(raw, fields)))
        else:
            name, default, _ = single_entry(raw, fields.where, "a parameter with a default")
            parameters.append(syntax.Parameter(_check_name(name, fields), fields.compile(default)))
    names = [parameter.name for parameter in parameters]
    if len(set(names)) < len(names):
        raise fields.refuse(f"a parameter is named twice in {names}")
    return tuple(parameters)


def _block(fields: Fields, routine: str) -> syntax.Block:
    steps = [_step(raw, fields.where, routine) for raw in fields.take_list("steps", at_least=1)]
    return _make_block(tuple(steps), fields.where)


def _make_block(steps: tuple[syntax.Step, ...], where: str) -> syntax.Block:
    positions: dict[str, int] = {}
    for position, step in enumerate(steps):
        if step.name in positions:
            raise DefinitionRejected(f"{where}: two steps are named {step.name!r}", step.line)
        positions[step.name] = position
    return syntax.Block(steps, positions)


def _step(raw: Value, where: str, routine: str) -> syntax.Step:
    name, body, line = single_entry(raw, where, "a step")
    if name in syntax.RESERVED_TARGETS:
        raise DefinitionRejected(f"{where}: a step cannot be named {name!r}", line)
    fields = Fields(body, f"workflow {routine!r}, step {name!r} (line {line})", line, name)
    following = fields.take_optional_text("next")
    action = _action(fields, routine)
    fields.finish()
    if action is None and following is None:
        raise fields.refuse("the step does nothing")
    return syntax.Step(name, line, action, following)


def _action(fields: Fields, routine: str) -> syntax.Action | None:
    actions = _ACTIONS & fields.keys()
    if len(actions) > 1:
        raise fields.refuse(f"a step has only one action, found {', '.join(sorted(actions))}")
    match next(iter(actions), None):
        case "assign":
            return _assign(fields)
        case "call":
            return _call(fields)
        case "raise":
            return syntax.Raise(fields.take_template("raise"))
        case "return":
            return syntax.Return(fields.take_template("return"))
        case None:
            return None
        case kind:
            return _compound(kind, fields, routine)


def _compound(kind: str, fields: Fields, routine: str) -> syntax.Action:
    match kind:
        case "switch":
            return _switch(fields, routine)
        case "for":
            return _for(Fields(fields.take("for"), f"{fields.where}, 'for'"), routine)
        case "parallel":
            return _parallel(Fields(fields.take("parallel"), f"{fields.where}, 'parallel'"), routine)
        case "try":
            return _try(fields, routine)
        case _:
            return _block(fields, routine)


def _assign(fields: Fields) -> syntax.Assign:
    assignments: list[syntax.Assignment] = []
    for raw in fields.take_list("assign", at_least=1, at_most=limits.ASSIGNMENTS_PER_STEP):
        target, value, _ = single_entry(raw, fields.where, "an assignment")
        assignments.append(syntax.Assignment(_target(target, fields), fields.compile(value)))
    return syntax.Assign(tuple(assignments))


def _target(text: str, fields: Fields) -> syntax.AssignTarget:
    try:
        return _path(parse(text), ())
    except ExpressionRejected as error:
        raise fields.refuse(f"cannot assign to {text!r}: {error}") from error


def _path(expression: Expression, path: tuple[Expression, ...]) -> syntax.AssignTarget:
    match expression:
        case Name(name):
            return syntax.AssignTarget(name, path)
        case Property(owner, name):
            return _path(owner, (Literal(name), *path))
        case Index(owner, key):
            return _path(owner, (key, *path))
    raise ExpressionRejected("it is not a variable, property or element")


def _call(fields: Fields) -> syntax.CallStep:
    function = fields.take_text("call")
    named: tuple[tuple[str, Template], ...] = ()
    positional: tuple[Template, ...] = ()
    args = fields.take("args") if "args" in fields else None
    if isinstance(args, list):
        positional = tuple(fields.compile(argument) for argument in args)
    elif isinstance(args, dict):
        arguments = Fields(args, f"{fields.where}, 'args'")
        named = tuple((key, arguments.take_template(key)) for key in args)
    elif args is not None:
        raise fields.refuse(f"'args' must be a map or a list, found {args!r}")
    result = fields.take_optional_text("result")
    return syntax.CallStep(function, named, positional, None if result is None else _check_name(result, fields))


def _switch(fields: Fields, routine: str) -> syntax.Switch:
    cases: list[syntax.Case] = []
    for raw in fields.take_list("switch", at_least=1, at_most=limits.CONDITIONS_PER_SWITCH):
        case = Fields(raw, f"{fields.where}, 'switch'")
        condition = case.take_template("condition")
        following = case.take_optional_text("next")
        action = _action(case, routine)
        case.finish()
        cases.append(syntax.Case(condition, action, following))
    return syntax.Switch(tuple(cases))


def _for(fields: Fields, routine: str) -> syntax.For:
    variable = _check_name(fields.take_text("value"), fields)
    index = fields.take_optional_text("index")
    items = fields.take_optional_template("in")
    bounds = fields.take_optional_template("range")
    if (items is None) == (bounds is None):
        raise fields.refuse("a loop needs either 'in' or 'range'")
    if index is not None and items is None:
        raise fields.refuse("'index' is allowed with 'in', not with 'range'")
    body = _block(fields, routine)
    fields.finish()
    return syntax.For(variable, body, None if index is None else _check_name(index, fields), items, bounds)


def _parallel(fields: Fields, routine: str) -> syntax.Parallel:
    policy = fields.take_optional_text("exception_policy")
    if policy not in {None, "continueAll"}:
        raise fields.refuse(f"'exception_policy' must be 'continueAll', found {policy!r}")
    shared = [str(name) for name in fields.take_list("shared")] if "shared" in fields else []
    names = frozenset(_check_name(name, fields) for name in shared)
    limit = fields.take_optional_template("concurrency_limit")
    if ("branches" in fields) == ("for" in fields):
        raise fields.refuse("a parallel step needs either 'branches' or 'for'")
    branches = _branches(fields, routine) if "branches" in fields else ()
    loop = _for(Fields(fields.take("for"), f"{fields.where} 'for'"), routine) if "for" in fields else None
    fields.finish()
    return syntax.Parallel(names, limit, branches, loop)


def _branches(fields: Fields, routine: str) -> tuple[syntax.ParallelBranch, ...]:
    branches: list[syntax.ParallelBranch] = []
    for raw in fields.take_list("branches", at_least=limits.MIN_BRANCHES, at_most=limits.MAX_BRANCHES):
        name, body, _ = single_entry(raw, fields.where, "a branch")
        if any(branch.name == name for branch in branches):
            raise fields.refuse(f"two branches are named {name!r}")
        inner = Fields(body, f"{fields.where}, branch {name!r}")
        branches.append(syntax.ParallelBranch(name, _block(inner, routine)))
        inner.finish()
    return tuple(branches)


def _try(fields: Fields, routine: str) -> syntax.Try:
    body = _body(_inside(fields, "try"), routine)
    retry = _retry(fields)
    handler = None
    if "except" in fields:
        inner = _inside(fields, "except")
        variable = _check_name(inner.take_text("as"), inner)
        handler = syntax.Except(variable, _body(inner, routine))
    return syntax.Try(body, retry, handler)


def _inside(fields: Fields, key: str) -> Fields:
    return Fields(fields.take(key), f"{fields.where}, {key!r}", fields.line, fields.step)


def _body(fields: Fields, routine: str) -> syntax.Block:
    """Read steps, or a single action instead of them: a step of the same name that no jump can reach."""
    action = _action(fields, routine)
    fields.finish()
    if action is None:
        raise fields.refuse("'steps' or a call is missing")
    return (
        action
        if isinstance(action, syntax.Block)
        else syntax.Block((syntax.Step(fields.step, fields.line, action),), {})
    )


def _retry(fields: Fields) -> Template | None:
    if "retry" not in fields:
        return None
    raw = fields.take("retry")
    if isinstance(raw, dict):
        _check_keys(raw, {"predicate", "max_retries", "backoff"}, fields, "retry")
        if isinstance(raw.get("backoff"), dict):
            _check_keys(raw["backoff"], {"initial_delay", "max_delay", "multiplier"}, fields, "backoff")
    return fields.compile(raw)


def _check_keys(raw: dict[str, Value], allowed: set[str], fields: Fields, name: str) -> None:
    unknown = sorted(raw.keys() - allowed)
    if unknown:
        raise fields.refuse(f"unknown key {', '.join(map(repr, unknown))} in {name!r}")


def _check_name(name: str, fields: Fields) -> str:
    if not _NAME.fullmatch(name):
        raise fields.refuse(f"{name!r} is not a name: use letters, digits and underscores, and no digit first")
    return name
