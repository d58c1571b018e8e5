"""Queries for the engineer to run next."""

from shared.analysis.advice import followup_queries


def test_values_cannot_break_out_of_their_string():
    """Quotes, backslashes and newlines in names and messages are escaped."""
    assert followup_queries.lines_of('a"} or {b="') == r'{service_name="a\"} or {b=\""}'


def test_search_text_is_one_short_line():
    """A message of many lines is searched by its first line, truncated."""
    assert followup_queries.lines_with("shop", "bad\nworse") == '{service_name="shop"} |= "bad"'
    assert len(followup_queries.lines_with("shop", "x" * 500)) < 120
