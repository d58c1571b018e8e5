"""
The values of the language: null, boolean, integer, double, string, bytes, list, map and callable.

They are plain Python objects. Lists and maps are never changed in place: an assignment to `m.a` builds a new map
(`scope.py`), so every variable owns its value (Variables, "Passing by value"), and threads can share values.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TypeAlias

from infra.local.engine.language import limits

# `object`, narrowed by isinstance where used: a recursive union adds no safety and needs a cast on every line.
Value: TypeAlias = object


@dataclass(frozen=True)
class FunctionName:
    """A function or subworkflow used as a value, as in `predicate: ${http.default_retry_predicate}`."""

    name: str


def type_name(value: Value) -> str:
    """Return the type name that `get_type` returns."""
    if value is None:
        return "null"
    for kind, name in _TYPE_NAMES:
        if isinstance(value, kind):
            return name
    raise AssertionError(f"not a workflow value: {value!r}")


# bool before int: in Python a bool is an int.
_TYPE_NAMES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "double"),
    (str, "string"),
    (bytes, "bytes"),
    (list, "list"),
    (dict, "map"),
    (FunctionName, "callable"),
)


def is_integer(value: Value) -> bool:
    """Return whether the value is an integer; a boolean is not, although Python's bool is an int."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Value) -> bool:
    """Return whether the value is an integer or a double."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def equal(left: Value, right: Value) -> bool:
    """Compare by type and content; an integer equals a double of the same value, `true` does not equal 1."""
    if is_number(left) and is_number(right):
        return left == right
    if type(left) is not type(right):
        return isinstance(left, dict) and isinstance(right, dict) and _equal_maps(left, right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(equal(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return _equal_maps(left, right)
    return left == right


def _equal_maps(left: dict[str, Value], right: dict[str, Value]) -> bool:
    return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)


# Deeper values do not occur in practice; they would exhaust Python's stack before the memory limit.
MAX_DEPTH = 200


def size_bytes(value: Value, depth: int = 0) -> int:
    """
    Return the memory in bytes that the value uses in an execution.

    Source: Variables, "Memory usage": 8 bytes for a scalar, 8 plus its elements for a string, bytes, list or map.
    Raises ValueError for a value nested deeper than MAX_DEPTH.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"a value is nested deeper than {MAX_DEPTH}")
    if isinstance(value, str):
        return 8 + (len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass")))
    if isinstance(value, bytes):
        return 8 + len(value)
    if isinstance(value, list):
        return 8 + sum([size_bytes(item, depth + 1) for item in value])
    if isinstance(value, dict):
        return 8 + sum([size_bytes(key) + size_bytes(item, depth + 1) for key, item in value.items()])
    return 8


def max_string_bytes(value: Value) -> int:
    """Return the length of the longest string inside the value."""
    if isinstance(value, str):
        return size_bytes(value) - 8
    if isinstance(value, list):
        return max((max_string_bytes(item) for item in value), default=0)
    if isinstance(value, dict):
        return max((max_string_bytes(item) for item in value.values()), default=0)
    return 0


def to_json(value: Value, *, indent: str | None = None) -> str:
    """
    Return the value as compact JSON text.

    Raises ValueError for bytes, callables and doubles that JSON cannot express.
    """
    separators = (",", ":") if indent is None else (",", ": ")
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=separators, indent=indent)
    except TypeError as error:
        raise ValueError("bytes and callables cannot be encoded as JSON") from error


def to_text(value: Value) -> str:
    """Return the value as JSON text, or its type name when JSON cannot express it."""
    try:
        return to_json(value)
    except ValueError:
        return to_json(f"<{type_name(value)}>")


def from_json(text: str | bytes) -> Value:
    """
    Return the value of JSON text; integers beyond 64 bits become doubles.

    Raises ValueError when the text is not JSON or is nested too deeply.
    """
    try:
        decoded: Value = json.loads(text, parse_int=_integer, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("JSON is nested too deeply") from error
    size_bytes(decoded)
    return decoded


def _integer(digits: str) -> int | float:
    number = int(digits)
    return number if limits.INTEGER_MIN <= number <= limits.INTEGER_MAX else float(number)


def _no_constant(word: str) -> float:
    raise ValueError(f"{word!r} is not JSON")
