"""Parsing expressions: grammar, precedence, and what is rejected."""

import pytest

from infra.local.engine.expressions.lexer import ExpressionRejected
from infra.local.engine.expressions.parser import Binary, CallExpression, Literal, Name, Unary, parse


def test_not_binds_tighter_than_comparison() -> None:
    """`not a == b` is `(not a) == b`."""
    assert parse("not a == b") == Binary("==", Unary("not", Name("a")), Name("b"))


def test_product_binds_tighter_than_sum_and_sum_than_comparison() -> None:
    """`1 + 2 * 3 < x` is `(1 + (2 * 3)) < x`."""
    product = Binary("*", Literal(2), Literal(3))
    assert parse("1 + 2 * 3 < x") == Binary("<", Binary("+", Literal(1), product), Name("x"))


def test_and_binds_tighter_than_or() -> None:
    """`a or b and c` is `a or (b and c)`."""
    assert parse("a or b and c") == Binary("or", Name("a"), Binary("and", Name("b"), Name("c")))


def test_operators_of_one_level_associate_to_the_left() -> None:
    """`a - b - c` is `(a - b) - c`."""
    assert parse("a - b - c") == Binary("-", Binary("-", Name("a"), Name("b")), Name("c"))


def test_function_names_are_dotted() -> None:
    """`text.split(a, ",")` calls the function `text.split`."""
    assert parse('text.split(a, ",")') == CallExpression("text.split", (Name("a"), Literal(",")))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\"b"', 'a"b'),
        ("'single'", "single"),
        (r'"line\nbreak\ttab"', "line\nbreak\ttab"),
        (r'"\u00e9"', "é"),
        (r'"\ud83d\ude00"', "😀"),
        (r'"\\d+"', r"\d+"),
        (r'"\d+"', r"\d+"),
        ('"{}}"', "{}}"),
    ],
)
def test_strings_resolve_their_escapes(text: str, value: str) -> None:
    """JSON escapes are resolved, others are kept as written."""
    assert parse(text) == Literal(value)


@pytest.mark.parametrize("word", ["true", "True", "TRUE"])
def test_booleans_have_three_spellings(word: str) -> None:
    """Lower, capitalized and upper case mean the same."""
    assert parse(word) == Literal(True)


@pytest.mark.parametrize("text", ["NOT a AND b", "not a and b"])
def test_logical_operators_may_be_upper_case(text: str) -> None:
    """`AND` is `and`."""
    assert parse(text) == Binary("and", Unary("not", Name("a")), Name("b"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a +",
        "(a",
        "a b",
        "[x for x in [1]]",
        "a[1:2]",
        "lambda x: x",
        '{"a": 1}',
        "a if b else c",
        "a not in b",
        "x = 1",
        "a; b",
        '"open',
        "1 +* 2",
        "f(a=1)",
        "and",
        "9223372036854775808",
        "(" * 70 + "1" + ")" * 70,
    ],
)
def test_invalid_expression_is_rejected(text: str) -> None:
    """Python syntax and incomplete expressions do not parse."""
    with pytest.raises(ExpressionRejected):
        parse(text)


def test_expression_has_at_most_400_characters() -> None:
    """An expression of 401 characters is rejected."""
    assert parse('"' + "x" * 398 + '"') == Literal("x" * 398)

    with pytest.raises(ExpressionRejected, match="at most 400"):
        parse('"' + "x" * 399 + '"')
