"""Evaluate expressions and templates; nothing here blocks or has side effects."""

from __future__ import annotations

import math
from typing import Protocol, cast

from infra.local.engine.expressions.parser import (
    Binary,
    CallExpression,
    Expression,
    Index,
    ListLiteral,
    Literal,
    Name,
    Property,
    Unary,
)
from infra.local.engine.language import limits
from infra.local.engine.language.errors import (
    WorkflowError,
    index_error,
    key_error,
    type_error,
    value_error,
    zero_division,
)
from infra.local.engine.language.templates import Constant, Dynamic, ListTemplate, MapTemplate, Template
from infra.local.engine.language.values import Value, equal, is_integer, is_number, type_name


class Names(Protocol):
    """The variables and functions visible to an expression."""

    def has_variable(self, name: str) -> bool:
        """Return whether the variable is visible here."""

    def variable(self, name: str) -> Value:
        """Return a variable, or a subworkflow of that name; raises WorkflowError (KeyError)."""

    def library(self, name: str) -> Value:
        """Return a dotted name of the standard library as a value; raises WorkflowError (KeyError)."""

    def call(self, function: str, arguments: list[Value]) -> Value:
        """Call a function or a subworkflow with positional arguments."""


def fill(template: Template, names: Names) -> Value:
    """Return the value of a template; raises WorkflowError."""
    match template:
        case Constant(value):
            return value
        case Dynamic(expression):
            return evaluate(expression, names)
        case ListTemplate(items):
            return [fill(item, names) for item in items]
        case MapTemplate(pairs):
            return {key: fill(item, names) for key, item in pairs}


def evaluate(expression: Expression, names: Names) -> Value:
    """Return the value of an expression; raises WorkflowError with the tags that Workflows documents."""
    match expression:
        case Literal(value):
            return value
        case Name(name):
            return names.variable(name)
        case Property(owner, name):
            return _property(owner, name, names)
        case Index(owner, key):
            return element(evaluate(owner, names), evaluate(key, names))
        case _:
            return _compute(expression, names)


def _compute(expression: ListLiteral | CallExpression | Unary | Binary, names: Names) -> Value:
    match expression:
        case ListLiteral(items):
            return [evaluate(item, names) for item in items]
        case CallExpression(function, arguments):
            return names.call(function, [evaluate(argument, names) for argument in arguments])
        case Unary(operator, operand):
            return _unary(operator, evaluate(operand, names))
        case Binary(operator, left, right):
            return _binary(operator, left, right, names)


def _property(owner: Expression, name: str, names: Names) -> Value:
    if isinstance(owner, Name) and not names.has_variable(owner.name):
        return names.library(f"{owner.name}.{name}")
    holder = evaluate(owner, names)
    if not isinstance(holder, dict):
        raise type_error(f"{type_name(holder)} has no property {name!r}")
    return element(holder, name)


def element(holder: Value, key: Value) -> Value:
    """Return `holder[key]` of a list or a map; raises Workflows' KeyError, IndexError or TypeError."""
    if isinstance(holder, dict):
        if not isinstance(key, str):
            raise type_error(f"the key of a map is a string, not {type_name(key)}")
        if key not in holder:
            raise key_error(f"key not found: {key}")
        return holder[key]
    if isinstance(holder, list):
        return holder[position(holder, key)]
    raise type_error(f"{type_name(holder)} has no elements")


def position(items: list[Value], key: Value) -> int:
    """Return a valid list index; negative ones are out of range."""
    if not is_integer(key):
        raise type_error(f"the index of a list is an integer, not {type_name(key)}")
    index = cast(int, key)
    if not 0 <= index < len(items):
        raise index_error(f"index {index} is out of range, the list has {len(items)} elements")
    return index


def _unary(operator: str, value: Value) -> Value:
    if operator == "not":
        return not boolean(value, "not")
    if not is_number(value):
        raise type_error(f"unary - needs a number, not {type_name(value)}")
    return _in_range(-cast(int, value))


def boolean(value: Value, operator: str) -> bool:
    """Return a value that must be a boolean; raises Workflows' TypeError."""
    if not isinstance(value, bool):
        raise type_error(f"{operator} needs a boolean, not {type_name(value)}")
    return value


def _binary(operator: str, left: Expression, right: Expression, names: Names) -> Value:
    first = evaluate(left, names)
    if operator == "and":
        return boolean(first, "and") and boolean(evaluate(right, names), "and")
    if operator == "or":
        return boolean(first, "or") or boolean(evaluate(right, names), "or")
    second = evaluate(right, names)
    match operator:
        case "==":
            return equal(first, second)
        case "!=":
            return not equal(first, second)
        case "in":
            return _contains(first, second)
        case "<" | "<=" | ">" | ">=":
            return _compare(operator, first, second)
        case _:
            return _arithmetic(operator, first, second)


def _contains(item: Value, holder: Value) -> bool:
    if isinstance(holder, dict):
        return isinstance(item, str) and item in holder
    if isinstance(holder, list):
        return any(equal(item, other) for other in holder)
    raise type_error(f"'in' needs a list or a map on the right, not {type_name(holder)}")


def _compare(operator: str, left: Value, right: Value) -> bool:
    comparable = (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str))
    if not comparable:
        raise _unsupported(operator, left, right)
    first, second = cast(float, left), cast(float, right)
    match operator:
        case "<":
            return first < second
        case "<=":
            return first <= second
        case ">":
            return first > second
        case _:
            return first >= second


def _arithmetic(operator: str, left: Value, right: Value) -> Value:
    if operator == "+" and (isinstance(left, str) or isinstance(right, str)):
        return _concatenate(left, right)
    if not (is_number(left) and is_number(right)):
        raise _unsupported(operator, left, right)
    first, second = cast(float, left), cast(float, right)
    if operator in {"/", "//", "%"} and second == 0:
        raise zero_division(f"{left} {operator} {right}")
    try:
        return _in_range(_calculate(operator, first, second))
    except OverflowError as error:
        raise value_error(f"{left} {operator} {right} is too large") from error


def _calculate(operator: str, left: float, right: float) -> float:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case "//":
            return left // right
        case _:
            return left % right


def _concatenate(left: Value, right: Value) -> Value:
    # Data types, "Implicit data type conversions": a string accepts integers, doubles and booleans on either side.
    if any(not isinstance(side, (str, int, float)) for side in (left, right)):
        raise _unsupported("+", left, right)
    return as_text(left) + as_text(right)


def as_text(value: Value) -> str:
    """Return a string, boolean or number as text; raises Workflows' TypeError for any other value."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    raise type_error(f"{type_name(value)} cannot become a string")


def _in_range(number: float) -> Value:
    if isinstance(number, int):
        if not limits.INTEGER_MIN <= number <= limits.INTEGER_MAX:
            raise value_error(f"{number} is not a 64-bit integer")
    elif math.isnan(number) or math.isinf(number):
        raise value_error("the result is not a finite number")
    return number


def _unsupported(operator: str, left: Value, right: Value) -> WorkflowError:
    return type_error(f"unsupported operands for {operator}: {type_name(left)} and {type_name(right)}")
