"""The pure functions: examples of the reference and edge cases."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from infra.local.engine import stdlib

Evaluate = Callable[..., Any]
TagOf = Callable[..., str]

NESTED = {"a": {"x": 1}}
OTHER = {"a": {"y": 2}, "b": 3}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('int("7")', 7),
        ("int(2.9)", 2),
        ("int(-2.9)", -2),
        ('double("2.5")', 2.5),
        ("double(2)", 2.0),
        ("string(7)", "7"),
        ("string(1.5)", "1.5"),
        ("string(true)", "true"),
        ('string("x")', "x"),
        ('len("héé")', 3),
        ("len([1, 2])", 2),
        ("len(o)", 2),
        ("keys(o)", ["a", "b"]),
        ("get_type(1)", "integer"),
        ("get_type(1.5)", "double"),
        ('get_type("a")', "string"),
        ("get_type(true)", "boolean"),
        ("get_type([])", "list"),
        ("get_type(o)", "map"),
        ("get_type(null)", "null"),
        ('get_type(text.encode("a"))', "bytes"),
        ("default(null, 1)", 1),
        ("default(false, 1)", False),
        ('if(true, "a", "b")', "a"),
        ('if(null, "a", "b")', "b"),
        ('text.find_all("00000", "00")', [0, 2]),
        ('text.find_all("Hello World", "l")', [2, 3, 9]),
        ('text.find_all("a", "b")', []),
        (
            'text.find_all_regex("HelloWorld", "Hello|World")',
            [{"index": 0, "match": "Hello"}, {"index": 5, "match": "World"}],
        ),
        ('text.match_regex("INC-123", "[0-9]+")', True),
        ('text.match_regex("INC", "^[0-9]+$")', False),
        ('text.replace_all("aXa", "X", "-")', "a-a"),
        ('text.replace_all_regex("one two", "one|two", "three")', "three three"),
        (r'text.replace_all_regex("ab", "(a)", "\\1")', r"\1b"),
        ('text.replace_all_regex("ab", "", "-")', "-a-b-"),
        ('text.replace_all_regex("one onetwo", "one|onetwo", "x")', "x x"),
        ('text.replace_all_regex("baaac", "a*", "-")', "-b-c-"),
        ('text.replace_all_regex("aab", "a+?", "-")', "-b"),
        ('text.replace_all_regex("aab", "a$|a", "-")', "--b"),
        ('text.split("a,b", ",")', ["a", "b"]),
        ('text.split("ab", "")', ["a", "b"]),
        ('text.substring("hello", 1, 3)', "el"),
        ('text.substring("hello", 5, 5)', ""),
        ('text.substring("hello", -10, 10)', "hello"),
        ('text.substring("hello", -3, -1)', "ll"),
        ('text.substring("hello", 4, 2)', ""),
        ('text.to_lower("ÀB")', "àb"),
        ('text.to_upper("x")', "X"),
        ('text.url_encode("a b/c+é")', "a%20b%2Fc%2B%C3%A9"),
        ('text.url_encode_plus("a b/c")', "a+b%2Fc"),
        ('text.url_decode("a%20b+c%2F")', "a b c/"),
        ("list.concat([1], [2])", [1, [2]]),
        ("list.prepend([1], 0)", [0, 1]),
        ('map.get(n, "zz")', None),
        ('map.get(n, ["a", "x"])', 1),
        ('map.get(n, ["a", "x", "deeper"])', None),
        ('map.get(null, "a")', None),
        ("map.merge(n, o)", {"a": {"y": 2}, "b": 3}),
        ("map.merge_nested(n, o)", {"a": {"x": 1, "y": 2}, "b": 3}),
        ('map.delete(o, "b")', {"a": {"y": 2}}),
        ("math.abs(-2)", 2),
        ("math.floor(-2.5)", -3),
        ("math.max(1, 2.5)", 2.5),
        ("math.min(1, 2.5)", 1),
        (r'json.decode("{\"k\": [1, 2.5, null]}")', {"k": [1, 2.5, None]}),
        ("json.encode_to_string(n)", '{"a":{"x":1}}'),
        ("json.encode_to_string(n, true)", '{\n    "a": {\n        "x": 1\n    }\n}'),
        ("json.encode_to_string([1], indent)", "[\n#--1\n#]"),
        ('text.decode(json.encode("é"))', '"é"'),
        ('base64.encode(text.encode("hi"))', "aGk="),
        ('base64.encode(text.encode("hi"), false)', "aGk"),
        ('text.decode(base64.decode("aGk="))', "hi"),
        ('text.decode(base64.decode("aGk", false))', "hi"),
        (
            'base64.encode(hash.compute_checksum(text.encode("Hello World", "UTF-8"), "SHA256"))',
            "pZGm1Av0IEBKARczz7exkNYsZb8LzaMrV7J32a2fFG4=",
        ),
        ('len(base64.encode(hash.compute_hmac(text.encode("k"), text.encode("d"), "MD5")))', 24),
        ("len(uuid.generate())", 36),
        ("time.format(0)", "1970-01-01T00:00:00Z"),
        ("time.format(1715174578.120062)", "2024-05-08T13:22:58.120062Z"),
        ('time.format(0, "Asia/Tokyo")', "1970-01-01T09:00:00+09:00"),
        ('time.parse("1970-01-01T00:00:10Z")', 10),
        ('time.parse("1970-01-01T00:00:10.5Z")', 10.5),
        ('time.parse("1970-01-01T01:00:00+01:00")', 0),
        ("sys.now() > 1700000000", True),
        ('sys.get_env("NOWHERE", "default")', "default"),
        ("http.default_retry.max_retries", 5),
        ("retry.default_backoff.multiplier", 1.25),
    ],
)
def test_function_returns_the_documented_value(evaluate: Evaluate, text: str, value: object) -> None:
    """Value and type match the reference."""
    result = evaluate(text, n=NESTED, o=OTHER, indent={"prefix": "#", "indent": "--"})

    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ('int("abc")', "ValueError"),
        ('int("1_000")', "ValueError"),
        ("int(null)", "TypeError"),
        ("int(true)", "TypeError"),
        ('double("x")', "ValueError"),
        ("string(null)", "TypeError"),
        ("string([])", "TypeError"),
        ("len(1)", "TypeError"),
        ("keys([])", "TypeError"),
        ('if("yes", 1, 2)', "TypeError"),
        ("text.split(1, 2)", "TypeError"),
        ('text.match_regex("a", "(")', "ValueError"),
        ('text.match_regex("a", "(?=a)")', "ValueError"),
        (r'text.match_regex("aa", "(a)\\1")', "ValueError"),
        ('text.url_decode("%zz")', "ValueError"),
        ('text.decode(base64.decode("/w=="))', "ValueError"),
        ('text.encode("a", "no-such-charset")', "ValueError"),
        ("list.concat(1, 2)", "TypeError"),
        ('map.delete(n, "zz")', "KeyError"),
        ("map.get(n, 1)", "TypeError"),
        ("map.merge(n, null)", "TypeError"),
        ('math.max("a", 1)', "TypeError"),
        ('json.decode("{")', "ValueError"),
        ("json.decode(1)", "TypeError"),
        ('json.encode(text.encode("a"))', "ValueError"),
        ('base64.encode("text")', "TypeError"),
        ('base64.decode("?")', "ValueError"),
        ('hash.compute_checksum("text", "SHA256")', "TypeError"),
        ('hash.compute_checksum(text.encode("a"), "CRC32")', "ValueError"),
        ('time.parse("yesterday")', "ValueError"),
        ('time.parse("2024-05-08")', "ValueError"),
        ('time.parse("2024-05-08T12:01:00")', "ValueError"),
        ('time.format(0, "Nowhere/Land")', "ValueError"),
        ('sys.get_env("NOWHERE")', "KeyError"),
        ("sys.get_env(1)", "TypeError"),
        ("http.no_such_policy", "KeyError"),
    ],
)
def test_invalid_arguments_raise_the_documented_error(tag_of: TagOf, text: str, tag: str) -> None:
    """TypeError for the wrong type, ValueError for the wrong value."""
    assert tag_of(text, n=NESTED) == tag


def test_every_function_of_the_reference_exists() -> None:
    """The names of the standard library's page, without connectors."""
    names = """
        double int string keys len default if get_type base64.decode base64.encode events.await_callback
        events.create_callback_endpoint experimental.executions.map experimental.executions.run hash.compute_checksum
        hash.compute_hmac http.delete http.get http.patch http.post http.put http.request json.decode json.encode
        http.default_retry_predicate http.default_retry_predicate_non_idempotent json.encode_to_string list.concat
        list.prepend map.delete map.get map.merge map.merge_nested math.abs math.floor math.max math.min retry.always
        retry.never sys.get_env sys.log sys.now sys.sleep sys.sleep_until text.decode text.encode text.find_all
        text.find_all_regex text.match_regex text.replace_all text.replace_all_regex text.split text.substring
        text.to_lower text.to_upper text.url_decode text.url_encode text.url_encode_plus time.format time.parse
        uuid.generate
        """
    assert set(names.split()) - set(stdlib.FUNCTIONS) == set()


def test_identifiers_are_random(evaluate: Evaluate) -> None:
    """They are UUIDs of version 4, all different."""
    first, second = evaluate("[uuid.generate(), uuid.generate()]")

    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", first)
    assert first != second
