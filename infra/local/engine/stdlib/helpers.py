"""
The expression helpers: conversions, types, sizes and conditions, called without a module name.

Source: Standard library, "Expression helpers".
"""

from __future__ import annotations

import math

from infra.local.engine.language import limits
from infra.local.engine.language.errors import type_error, value_error
from infra.local.engine.language.evaluator import as_text
from infra.local.engine.language.values import Value, is_integer, type_name
from infra.local.engine.stdlib import arguments
from infra.local.engine.stdlib.function import Function, pure


def to_integer(value: Value) -> Value:
    """Return a string or a double as an integer; a double loses its fraction."""
    if isinstance(value, str):
        return _parse(value, int)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise type_error(f"int() needs a string or a number, not {type_name(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise value_error(f"{value} is not an integer")
    return _checked(int(value))


def to_double(value: Value) -> Value:
    """Return a string or an integer as a double."""
    if isinstance(value, str):
        return _parse(value, float)
    if isinstance(value, float) or is_integer(value):
        return float(arguments.number(value, "value"))
    raise type_error(f"double() needs a string or a number, not {type_name(value)}")


def _parse(text: str, kind: type[int] | type[float]) -> Value:
    # Python also reads "1_000"; Workflows does not.
    if "_" in text:
        raise value_error(f"{text!r} is not a number")
    try:
        number = kind(text.strip())
    except ValueError as error:
        raise value_error(f"{text!r} is not {'an integer' if kind is int else 'a double'}") from error
    return _checked(number) if isinstance(number, int) else number


def _checked(number: int) -> Value:
    if not limits.INTEGER_MIN <= number <= limits.INTEGER_MAX:
        raise value_error(f"{number} is not a 64-bit integer")
    return number


def to_boolean(value: Value) -> Value:
    """Return a boolean, parsed if it is a string."""
    words = {"true": True, "false": False}
    if isinstance(value, bool):
        return value
    word = arguments.text(value, "bool()").lower()
    if word not in words:
        raise value_error(f"{word!r} is not a boolean")
    return words[word]


def keys(map_: Value) -> Value:
    """Return the keys of a map."""
    return list(arguments.mapping(map_, "keys()"))


def length(value: Value) -> Value:
    """Return the number of elements, entries or characters."""
    if not isinstance(value, (str, list, dict)):
        raise type_error(f"len() needs a string, list or map, not {type_name(value)}")
    return len(value)


def default(val: Value, default_val: Value) -> Value:
    """Return the first value unless it is null."""
    return default_val if val is None else val


def choose(condition: Value, if_true: Value, if_false: Value) -> Value:
    """Return one of two values; a null condition counts as false."""
    return if_true if condition is not None and arguments.boolean(condition, "if()") else if_false


FUNCTIONS: tuple[Function, ...] = (
    pure("int", to_integer),
    pure("double", to_double),
    pure("string", as_text),
    pure("bool", to_boolean),
    pure("keys", keys),
    pure("len", length),
    pure("get_type", type_name),
    pure("default", default),
    pure("if", choose),
)
