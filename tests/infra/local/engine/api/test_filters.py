"""Reading filters of executions."""

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


def test_no_filter_compares_nothing() -> None:
    """Blank text is no filter."""
    assert parse("  ") == []


@pytest.mark.parametrize("text", ["state", "= 1", 'nosuch="a"', 'labels="a"', 'state="A" OR state="B"', "(state=A)"])
def test_what_it_cannot_read_is_refused(text: str) -> None:
    """Rather than listing everything."""
    with pytest.raises(InvalidArgument):
        parse(text)
