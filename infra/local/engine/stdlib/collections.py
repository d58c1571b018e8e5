"""Modules `list`, `map` and `math`."""

from __future__ import annotations

import math

from infra.local.engine.language.errors import key_error, type_error
from infra.local.engine.language.values import Value
from infra.local.engine.stdlib import arguments
from infra.local.engine.stdlib.function import Function, pure


def concat(objs: Value, val: Value) -> Value:
    """Return the list with an element added at the end."""
    return [*arguments.items(objs, "objs"), val]


def prepend(objs: Value, val: Value) -> Value:
    """Return the list with an element added at the start."""
    return [val, *arguments.items(objs, "objs")]


def get(map_: Value, keys: Value) -> Value:
    """Return the value at a key or a path of keys, or null; a value that is not a map has no keys."""
    path = keys if isinstance(keys, list) else [keys]
    if not all(isinstance(key, str) for key in path):
        raise type_error("keys must be a string or a list of strings")
    value = map_
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def delete(map_: Value, key: Value) -> Value:
    """Return the map without a key, which must exist."""
    source, name = arguments.mapping(map_, "map"), arguments.text(key, "key")
    if name not in source:
        raise key_error(f"key not found: {name}")
    return {other: value for other, value in source.items() if other != name}


def merge(first: Value, second: Value) -> Value:
    """Return both maps merged; the second wins."""
    return {**arguments.mapping(first, "first"), **arguments.mapping(second, "second")}


def merge_nested(first: Value, second: Value) -> Value:
    """Return both maps merged, nested maps too; for other values the second wins."""
    merged = dict(arguments.mapping(first, "first"))
    for key, value in arguments.mapping(second, "second").items():
        old = merged.get(key)
        merged[key] = merge_nested(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def absolute(x: Value) -> Value:
    """Return the absolute value of a number."""
    return abs(arguments.number(x, "x"))


def floor(x: Value) -> Value:
    """Return the largest integer not above a number."""
    return math.floor(arguments.number(x, "x"))


def largest(x: Value, y: Value) -> Value:
    """Return the larger of two numbers."""
    return max(arguments.number(x, "x"), arguments.number(y, "y"))


def smallest(x: Value, y: Value) -> Value:
    """Return the smaller of two numbers."""
    return min(arguments.number(x, "x"), arguments.number(y, "y"))


FUNCTIONS: tuple[Function, ...] = (
    pure("list.concat", concat),
    pure("list.prepend", prepend),
    pure("map.get", get),
    pure("map.delete", delete),
    pure("map.merge", merge),
    pure("map.merge_nested", merge_nested),
    pure("math.abs", absolute),
    pure("math.floor", floor),
    pure("math.max", largest),
    pure("math.min", smallest),
)
