"""
Expressions: the syntax tree and its parser.

Precedence, tightest first (Data types, "Order of operations"): `()`, `.`, `[]`, `not`, unary `-`, `* / // %`, `+ -`,
comparisons and `in`, `and`, `or`. Operators of one level associate to the left. There are list literals but no map
literals, and no Python features: no comprehensions, slices or lambdas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from infra.local.engine.expressions.lexer import ExpressionRejected, ExpressionToken, Kind, tokenize
from infra.local.engine.language import limits
from infra.local.engine.language.values import Value


@dataclass(frozen=True)
class Literal:
    """A number, string, boolean or null written in the text."""

    value: Value


@dataclass(frozen=True)
class ListLiteral:
    """`[a, b]`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True)
class Name:
    """A variable, or the first part of a function's dotted name."""

    name: str


@dataclass(frozen=True)
class Property:
    """`owner.name`."""

    owner: Expression
    name: str


@dataclass(frozen=True)
class Index:
    """`owner[key]`."""

    owner: Expression
    key: Expression


@dataclass(frozen=True)
class Unary:
    """`not operand` or `-operand`."""

    operator: str
    operand: Expression


@dataclass(frozen=True)
class Binary:
    """`left operator right`; `and` and `or` evaluate the right side only when needed."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class CallExpression:
    """`function(arguments)`; the name is dotted for the standard library."""

    function: str
    arguments: tuple[Expression, ...]


Expression: TypeAlias = Literal | ListLiteral | Name | Property | Index | Unary | Binary | CallExpression

_CONSTANTS: dict[str, Value] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "None"), None),
}
# Logical operators may be lower or upper case, not mixed case (Data types, "Logical operators").
_WORD_OPERATORS = {"and": "and", "AND": "and", "or": "or", "OR": "or", "not": "not", "NOT": "not", "in": "in"}
_LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"or"}),
    frozenset({"and"}),
    frozenset({"<", "<=", ">", ">=", "==", "!=", "in"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "//", "%"}),
)
# Enough for any realistic expression, and low enough to stay within Python's recursion limit.
_MAX_DEPTH = 60


def parse(text: str) -> Expression:
    """
    Parse an expression, the text between `${` and `}`.

    Raises ExpressionRejected when it is longer than 400 characters or breaks the grammar.
    """
    if len(text) > limits.EXPRESSION_CHARACTERS:
        raise ExpressionRejected(
            f"an expression has at most {limits.EXPRESSION_CHARACTERS} characters, this one has {len(text)}"
        )
    parser = _Parser(text)
    expression = parser.expression()
    parser.expect_end()
    return expression


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._at = 0
        self._depth = 0

    def expression(self) -> Expression:
        """Parse one expression."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ExpressionRejected(f"nested deeper than {_MAX_DEPTH} in {self._text!r}")
        expression = self._binary(0)
        self._depth -= 1
        return expression

    def expect_end(self) -> None:
        """Raise ExpressionRejected when tokens are left."""
        if self._peek().kind is not Kind.END:
            raise self._unexpected("an operator")

    def _binary(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._minus()
        left = self._binary(level + 1)
        while (operator := self._operator()) in _LEVELS[level]:
            self._next()
            left = Binary(operator, left, self._binary(level + 1))
        return left

    def _minus(self) -> Expression:
        if self._operator() == "-":
            self._next()
            return Unary("-", self._minus())
        return self._not()

    def _not(self) -> Expression:
        if self._operator() == "not":
            self._next()
            # `not -x` parses and fails at run time; `not not x` is valid.
            return Unary("not", self._minus() if self._operator() == "-" else self._not())
        return self._postfix(self._primary())

    def _postfix(self, owner: Expression) -> Expression:
        while True:
            if self._take("."):
                owner = Property(owner, self._name())
            elif self._take("["):
                owner = Index(owner, self.expression())
                self._expect("]")
            elif self._operator() == "(":
                owner = CallExpression(self._function_name(owner), self._arguments())
            else:
                return owner

    def _primary(self) -> Expression:
        token = self._next()
        if token.kind is Kind.NUMBER:
            return Literal(_number(token.text))
        if token.kind is Kind.STRING:
            return Literal(token.text)
        if token.kind is Kind.NAME and token.text not in _WORD_OPERATORS:
            return Literal(_CONSTANTS[token.text]) if token.text in _CONSTANTS else Name(token.text)
        if token.kind is Kind.OPERATOR and token.text == "(":
            inner = self.expression()
            self._expect(")")
            return inner
        if token.kind is Kind.OPERATOR and token.text == "[":
            return ListLiteral(self._items("]"))
        self._at -= 1
        raise self._unexpected("a value")

    def _arguments(self) -> tuple[Expression, ...]:
        self._expect("(")
        return self._items(")")

    def _items(self, end: str) -> tuple[Expression, ...]:
        items: list[Expression] = []
        while not self._take(end):
            if items:
                self._expect(",")
            items.append(self.expression())
        return tuple(items)

    def _function_name(self, owner: Expression) -> str:
        match owner:
            case Name(name):
                return name
            case Property(inner, name):
                return f"{self._function_name(inner)}.{name}"
        raise self._unexpected("an operator")

    def _peek(self) -> ExpressionToken:
        return self._tokens[self._at]

    def _next(self) -> ExpressionToken:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _operator(self) -> str:
        token = self._peek()
        if token.kind is Kind.OPERATOR:
            return token.text
        return _WORD_OPERATORS.get(token.text, "") if token.kind is Kind.NAME else ""

    def _take(self, operator: str) -> bool:
        if self._peek().kind is Kind.OPERATOR and self._peek().text == operator:
            self._next()
            return True
        return False

    def _expect(self, operator: str) -> None:
        if not self._take(operator):
            raise self._unexpected(repr(operator))

    def _name(self) -> str:
        if self._peek().kind is not Kind.NAME:
            raise self._unexpected("a name")
        return self._next().text

    def _unexpected(self, expected: str) -> ExpressionRejected:
        token = self._peek()
        return ExpressionRejected(
            f"expected {expected}, found {token} at character {token.position + 1} of {self._text!r}"
        )


def _number(text: str) -> Value:
    if text.isdigit():
        number = int(text)
        if number > limits.INTEGER_MAX:
            raise ExpressionRejected(f"{text} is not a 64-bit integer")
        return number
    return float(text)
