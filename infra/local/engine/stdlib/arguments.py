"""Return an argument as the type a function needs, or raise the TypeError that Workflows documents."""

from __future__ import annotations

from infra.local.engine.language.errors import type_error, value_error
from infra.local.engine.language.values import Value, is_integer, is_number, type_name


def text(value: Value, name: str) -> str:
    """Return a string."""
    if not isinstance(value, str):
        raise type_error(f"{name} must be a string, not {type_name(value)}")
    return value


def data(value: Value, name: str) -> bytes:
    """Return bytes."""
    if not isinstance(value, bytes):
        raise type_error(f"{name} must be bytes, not {type_name(value)}")
    return value


def integer(value: Value, name: str) -> int:
    """Return an integer."""
    if not isinstance(value, int) or not is_integer(value):
        raise type_error(f"{name} must be an integer, not {type_name(value)}")
    return value


def number(value: Value, name: str) -> int | float:
    """Return an integer or a double."""
    if not isinstance(value, (int, float)) or not is_number(value):
        raise type_error(f"{name} must be a number, not {type_name(value)}")
    return value


def boolean(value: Value, name: str) -> bool:
    """Return a boolean."""
    if not isinstance(value, bool):
        raise type_error(f"{name} must be a boolean, not {type_name(value)}")
    return value


def items(value: Value, name: str) -> list[Value]:
    """Return a list."""
    if not isinstance(value, list):
        raise type_error(f"{name} must be a list, not {type_name(value)}")
    return value


def mapping(value: Value, name: str) -> dict[str, Value]:
    """Return a map."""
    if not isinstance(value, dict):
        raise type_error(f"{name} must be a map, not {type_name(value)}")
    return value


def seconds(value: Value, name: str, at_most: float) -> float:
    """Return a duration of 0 to `at_most` seconds; raises Workflows' ValueError outside this range."""
    duration_s = number(value, name)
    if not 0 <= duration_s <= at_most:
        raise value_error(f"{name} must be between 0 and {at_most:g} seconds, found {duration_s}")
    return float(duration_s)
