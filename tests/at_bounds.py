"""Contracts at their bounds: every text at its full length in four-byte characters, every list with all its entries."""

import types
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from annotated_types import MaxLen
from pydantic import BaseModel

from shared.bounds import AtMost, Contract, Keep
from tests.builders import NOW

WIDE = "😀"
PATTERNED = {"incident_id": "inc-" + "a" * 59, "id": "L999", "sha": "a" * 64, "stage": "mail-9999"}
"""Values of fields that have a pattern."""

Filled = TypeVar("Filled", bound=BaseModel)


def filled(model: type[Filled]) -> Filled:
    """Return the largest message of a contract."""
    values = {
        name: PATTERNED[name] if _has_pattern(info.metadata) else _value(info.annotation, list(info.metadata), name)
        for name, info in model.model_fields.items()
        if name != "left_out"
    }
    return model.model_validate(values)


def _value(annotation: Any, marks: list[Any], name: str) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _value(arguments[0], [*arguments[1:], *marks], name)
    if origin in (Union, types.UnionType):
        return _value(next(option for option in arguments if option is not type(None)), marks, name)
    if origin is Literal:
        return max(arguments, key=len)
    if origin is list:
        return [_value(arguments[0], [], f"{name}-{index}") for index in range(_limit(marks))]
    if origin is dict:
        limit, width = _limit(marks), _limit(list(get_args(arguments[0])[1:]))
        return {f"{index:03}{WIDE * (width - 3)}": _value(arguments[1], [], name) for index in range(limit)}
    if isinstance(annotation, type) and issubclass(annotation, Contract):
        return filled(annotation)
    if annotation is str:
        return WIDE * _limit(marks)
    return {bool: True, int: 60, float: 1.0, datetime: NOW}[annotation]


def _limit(marks: list[Any]) -> int:
    """Return the bound among the marks of a type."""
    for mark in marks:
        if isinstance(mark, AtMost | Keep):
            return mark.limit
        length = next((each.max_length for each in getattr(mark, "metadata", [mark]) if isinstance(each, MaxLen)), None)
        if length is not None:
            return length
    return 10


def _has_pattern(metadata: list[Any]) -> bool:
    return any(getattr(mark, "pattern", None) is not None for mark in metadata)
