"""
Values in the source: constants that may contain expressions.

A string is an expression when it starts with `${` and ends with `}`; any other string is plain text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from infra.local.engine.expressions import parser
from infra.local.engine.expressions.parser import Expression
from infra.local.engine.language.values import Value


@dataclass(frozen=True)
class Constant:
    """A value without expressions."""

    value: Value


@dataclass(frozen=True)
class Dynamic:
    """`${expression}`."""

    expression: Expression


@dataclass(frozen=True)
class ListTemplate:
    """A list with dynamic items."""

    items: tuple[Template, ...]


@dataclass(frozen=True)
class MapTemplate:
    """A map with dynamic values; keys are text."""

    items: tuple[tuple[str, Template], ...]


Template: TypeAlias = Constant | Dynamic | ListTemplate | MapTemplate


def compile_value(raw: Value) -> Template:
    """
    Return the template of a value read from the source.

    Raises ExpressionRejected when an expression in it cannot be parsed.
    """
    if isinstance(raw, str):
        text = expression_text(raw)
        return Constant(raw) if text is None else Dynamic(parser.parse(text))
    if isinstance(raw, list):
        items = tuple(compile_value(item) for item in raw)
        return _constant_list(items) or ListTemplate(items)
    if isinstance(raw, dict):
        pairs = tuple((str(key), compile_value(value)) for key, value in raw.items())
        return _constant_map(pairs) or MapTemplate(pairs)
    return Constant(raw)


def expression_text(raw: str) -> str | None:
    """Return the text between `${` and `}`, or None when the string is plain text."""
    text = raw.strip()
    return text[2:-1].strip() if text.startswith("${") and text.endswith("}") else None


def expressions_in(template: Template) -> Iterator[Expression]:
    """Yield the expressions of a template, outermost nodes only."""
    match template:
        case Dynamic(expression):
            yield expression
        case ListTemplate(items):
            for item in items:
                yield from expressions_in(item)
        case MapTemplate(pairs):
            for _, item in pairs:
                yield from expressions_in(item)


def _constant_list(items: tuple[Template, ...]) -> Constant | None:
    values = [item.value for item in items if isinstance(item, Constant)]
    return Constant(values) if len(values) == len(items) else None


def _constant_map(pairs: tuple[tuple[str, Template], ...]) -> Constant | None:
    values = {key: item.value for key, item in pairs if isinstance(item, Constant)}
    return Constant(values) if len(values) == len(pairs) else None
