"""The statically known shape of a value: a map of shapes, a contract, null, or anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from infra.local.engine.language.values import Value
from infra.workflow_checks.contracts import Model, field_model, field_names


@dataclass(frozen=True)
class Anything:
    """A value with no known shape."""


@dataclass(frozen=True)
class Null:
    """The value null; joined with another shape, the other shape wins."""


@dataclass(frozen=True)
class ObjectShape:
    """A map with exactly these keys."""

    shapes: Mapping[str, Shape] = field(default_factory=dict)


@dataclass(frozen=True)
class AnswerShape:
    """A message that follows a contract."""

    model: Model


Shape: TypeAlias = Anything | Null | ObjectShape | AnswerShape
ANYTHING, NULL = Anything(), Null()


def of_constant(value: Value) -> Shape:
    """Return the shape of a value written in the source."""
    if value is None:
        return NULL
    return ObjectShape({key: of_constant(item) for key, item in value.items()}) if isinstance(value, dict) else ANYTHING


def join(left: Shape, right: Shape) -> Shape:
    """Return the shape of a value that has one of two shapes."""
    if left == right or isinstance(right, Null):
        return left
    if isinstance(left, Null):
        return right
    if isinstance(left, ObjectShape) and isinstance(right, ObjectShape):
        keys = [*left.shapes, *(key for key in right.shapes if key not in left.shapes)]
        return ObjectShape({key: join(left.shapes.get(key, NULL), right.shapes.get(key, NULL)) for key in keys})
    return ANYTHING


def part(shape: Shape, name: str) -> Shape | None:
    """Return the shape of a field, or None when the value certainly has no such field."""
    match shape:
        case ObjectShape(shapes):
            return shapes.get(name)
        case AnswerShape(model):
            if name not in field_names(model):
                return None
            inner = field_model(model, name)
            return ANYTHING if inner is None else AnswerShape(inner)
    return ANYTHING


def describe(shape: Shape) -> str:
    """Return a short description of a shape."""
    match shape:
        case ObjectShape(shapes):
            return f"a map of {', '.join(sorted(shapes)) or 'nothing'}"
        case AnswerShape(model):
            return model.__name__
    return "anything"
