"""Files of variables as shells, Docker and people write them."""

from pathlib import Path

import pytest

from infra.doctor.offline.env_file import load, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=b", "b"),
        ("  export A = b  ", "b"),
        ("A='b c'", "b c"),
        ('A="b c" # why', "b c"),
        ("A=b # why", "b"),
        ("A=https://example.com/#part", "https://example.com/#part"),
        ('A="b #1"', "b #1"),
        ('A=["a", "b"]', '["a", "b"]'),
        ("A='[\"a\"]'", '["a"]'),
        ('A="[\\"a\\"]"', '["a"]'),
        ('A="one\\ntwo"', "one\ntwo"),
        ("A='one\\ntwo'", "one\\ntwo"),
        ('A="-----BEGIN KEY-----\nabc=\n-----END KEY-----"', "-----BEGIN KEY-----\nabc=\n-----END KEY-----"),
        ("A=b\r\n", "b"),
        ("A=x=y", "x=y"),
    ],
)
def test_value_is_what_was_meant(text: str, value: str) -> None:
    """Quotes, comments, escapes and values of several lines."""
    assert parse(text).values == {"A": value}


def test_what_follows_a_value_of_several_lines_is_read() -> None:
    """The lines of a key are no variables, and the next variable is one."""
    env = parse('KEY="one\nB=2\nthree"\nC=3\n')

    assert (env.values, env.lines, env.checks) == ({"KEY": "one\nB=2\nthree", "C": "3"}, {"KEY": 1, "C": 4}, [])


@pytest.mark.parametrize("text", ["A=", "A=''", 'A="  "', "A=   # later", "# A=b"])
def test_empty_value_is_unset(text: str) -> None:
    """As in .env.example."""
    assert parse(text).values == {}


def test_comment_after_a_value_is_pointed_out() -> None:
    """A password with a # in it would be cut off, which nobody would see."""
    (check,) = parse("GRAFANA_BASICAUTH=reader:pass #1").checks

    assert (check.state, "GRAFANA_BASICAUTH" in check.what, "pass" in str(check)) == ("cannot tell", True, False)


def test_open_quote_costs_its_own_line_only() -> None:
    """What follows is still read and checked."""
    env = parse("A='b\nC=d\n")

    assert env.values == {"C": "d"}
    assert [check.state for check in env.checks] == ["wrong"]


def test_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    """Some editors save UTF-16."""
    path = tmp_path / ".env"
    path.write_text("A=b", encoding="utf-16")

    (check,) = load(path).checks

    assert (check.state, "UTF-8" in check.fix) == ("wrong", True)


def test_missing_file_holds_nothing_and_a_byte_order_mark_is_no_name(tmp_path: Path) -> None:
    """Editors on Windows write the mark."""
    path = tmp_path / ".env"
    assert load(path).values == {}

    path.write_bytes(b"\xef\xbb\xbfA=b\r\n")
    assert load(path).values == {"A": "b"}
