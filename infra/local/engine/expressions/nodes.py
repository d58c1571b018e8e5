"""Traverse the tree of an expression."""

from __future__ import annotations

from collections.abc import Iterator

from infra.local.engine.expressions.parser import (
    Binary,
    CallExpression,
    Expression,
    Index,
    ListLiteral,
    Property,
    Unary,
)


def operands(expression: Expression) -> tuple[Expression, ...]:
    """Return the expressions directly inside an expression."""
    match expression:
        case ListLiteral(parts) | CallExpression(_, parts):
            return parts
        case Property(owner, _):
            return (owner,)
        case Index(left, right) | Binary(_, left, right):
            return (left, right)
        case Unary(_, operand):
            return (operand,)
    return ()


def nodes(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and everything inside it, outer before inner."""
    yield expression
    for operand in operands(expression):
        yield from nodes(operand)
