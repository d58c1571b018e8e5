"""Queries a human runs next."""

from shared.analysis.advice import followup_queries


def test_values_cannot_leave_their_string():
    """Quotes, backslashes and newlines in names and messages are escaped."""
    assert followup_queries.lines_of('a"} or {b="') == r'{service_name="a\"} or {b=\""}'
    assert followup_queries.quoted("a\\b\nc") == r'"a\\b\nc"'


def test_needle_is_one_short_line():
    """A message of many lines is searched by its first, cut."""
    assert followup_queries.lines_with("shop", "bad\nworse") == '{service_name="shop"} |= "bad"'
    assert len(followup_queries.lines_with("shop", "x" * 500)) < 120
