"""Parsing filters of executions."""

import pytest

from infra.local.engine.api.errors import InvalidArgument
from infra.local.engine.api.filters import Comparison, parse


def test_comparisons_are_joined_by_and() -> None:
    """Keys of labels may be quoted."""
    assert parse('state="FAILED" AND labels.team = a and labels."x-y"!="b \\"c\\""') == [
        Comparison("state", "=", "FAILED"),
        Comparison("labels.team", "=", "a"),
        Comparison("labels.x-y", "!=", 'b "c"'),
    ]


def test_blank_filter_has_no_comparisons() -> None:
    """Blank text matches everything."""
    assert parse("  ") == []


@pytest.mark.parametrize("text", ["state", "= 1", 'nosuch="a"', 'labels="a"', 'state="A" OR state="B"', "(state=A)"])
def test_unsupported_filter_is_rejected(text: str) -> None:
    """It does not list everything instead."""
    with pytest.raises(InvalidArgument):
        parse(text)
