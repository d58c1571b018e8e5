"""Values of expressions, and the tags of their errors."""

from collections.abc import Callable
from typing import Any

import pytest

Evaluate = Callable[..., Any]
TagOf = Callable[..., str]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 // 2", 3),
        ("-7 // 2", -4),
        ("7 % 3", 1),
        ("1 / 2", 0.5),
        ("4 / 2", 2.0),
        ("1 + 1.5", 2.5),
        ("-(2 + 3)", -5),
        ("1e3", 1000.0),
        ('"a" + "b"', "ab"),
        ('"n" + 1', "n1"),
        ('1 + "n"', "1n"),
        ('true + "!"', "true!"),
        ('"x" + 1.5', "x1.5"),
        ("1 == 1.0", True),
        ("true == 1", False),
        ('1 == "1"', False),
        ("null == null", True),
        ("[1, [2]] == [1, [2]]", True),
        ('"a" < "b"', True),
        ("2 >= 2", True),
        ("1 in [1, 2]", True),
        ("[3, 4][1]", 4),
        ("not (1 in [2])", True),
        ("[]", []),
    ],
)
def test_expressions_have_values(evaluate: Evaluate, text: str, value: object) -> None:
    """Value and type match the documentation."""
    result = evaluate(text)

    assert result == value
    assert type(result) is type(value)


def test_map_is_read_by_property_and_by_key(evaluate: Evaluate) -> None:
    """Both syntaxes reach the same value."""
    assert evaluate('m.a["b c"][0].d', m={"a": {"b c": [{"d": 5}]}}) == 5


def test_in_operator_finds_keys_of_a_map(evaluate: Evaluate) -> None:
    """`in` compares with keys, whatever their values."""
    assert evaluate('"a" in m', m={"a": None}) is True
    assert evaluate('"b" in m', m={"a": None}) is False


def test_right_side_is_not_evaluated_when_the_left_decides(evaluate: Evaluate) -> None:
    """`or` and `and` short-circuit."""
    assert evaluate("true or nothing.here") is True
    assert evaluate("false and nothing.here") is False


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("1 // 0", "ZeroDivisionError"),
        ("1 % 0", "ZeroDivisionError"),
        ("1 + true", "TypeError"),
        ("null + 1", "TypeError"),
        ('"a" + null', "TypeError"),
        ("[1] + [2]", "TypeError"),
        ('"a" - "b"', "TypeError"),
        ('1 < "a"', "TypeError"),
        ("true < false", "TypeError"),
        ("not 1", "TypeError"),
        ('"a" and true', "TypeError"),
        ("true and 1", "TypeError"),
        ('1 in "123"', "TypeError"),
        ("-true", "TypeError"),
        ("[1][1]", "IndexError"),
        ("[1][-1]", "IndexError"),
        ('[1]["a"]', "TypeError"),
        ("m.b", "KeyError"),
        ('m["b"]', "KeyError"),
        ("m[0]", "TypeError"),
        ("n.a", "TypeError"),
        ("n[0]", "TypeError"),
        ("ghost", "KeyError"),
        ("ghost.member", "KeyError"),
        ("9223372036854775807 + 1", "ValueError"),
    ],
)
def test_invalid_operation_raises_a_tagged_error(tag_of: TagOf, text: str, tag: str) -> None:
    """The first tag is the one the documentation names."""
    assert tag_of(text, m={"a": 1}, n=None) == tag


def test_unknown_key_has_the_service_error(run_workflow: Evaluate) -> None:
    """Message and tags are those of the real service."""
    source = """
        - try_read:
            try:
              steps:
                - init: {assign: [{m: {}}]}
                - read: {return: "${m.count}"}
            except: {as: e, steps: [{caught: {return: "${e}"}}]}
        """
    assert run_workflow(source) == {"message": "KeyError: key not found: count", "tags": ["KeyError", "LookupError"]}
