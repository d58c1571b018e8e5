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
    """Value and type are as documented."""
    result = evaluate(text)

    assert result == value
    assert type(result) is type(value)


def test_maps_are_read_by_property_and_by_key(evaluate: Evaluate) -> None:
    """Both spellings reach the same value."""
    assert evaluate('m.a["b c"][0].d', m={"a": {"b c": [{"d": 5}]}}) == 5


def test_keys_of_a_map_are_its_members(evaluate: Evaluate) -> None:
    """`in` looks for keys in a map."""
    assert evaluate('"a" in m', m={"a": None}) is True
    assert evaluate('"b" in m', m={"a": None}) is False


def test_the_right_side_is_left_alone_when_the_left_decides(evaluate: Evaluate) -> None:
    """`or` and `and` look right only when they must."""
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
def test_wrong_operations_raise_tagged_errors(tag_of: TagOf, text: str, tag: str) -> None:
    """The first tag is the one the documentation names."""
    assert tag_of(text, m={"a": 1}, n=None) == tag


def test_an_unknown_key_is_told_in_the_words_of_the_service(run_workflow: Evaluate) -> None:
    """Message and tags are those seen in production."""
    source = """
        - look:
            try:
              steps:
                - begin: {assign: [{m: {}}]}
                - read: {return: "${m.count}"}
            except: {as: e, steps: [{tell: {return: "${e}"}}]}
        """
    assert run_workflow(source) == {"message": "KeyError: key not found: count", "tags": ["KeyError", "LookupError"]}
