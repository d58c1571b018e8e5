"""What is quoted of the evidence, and what a query for it holds."""

from typing import Any

import pytest

from shared.analysis.causes.quotes import needle_of
from shared.contracts import StackTrace
from tests.builders import NOW


def a_trace(type_: str, message: str) -> StackTrace:
    """Return a trace of that exception."""
    seen: dict[str, Any] = {"first_seen": NOW, "last_seen": NOW}
    return StackTrace(language="unknown", exception_type=type_, message=message, frames=[], **seen)


@pytest.mark.parametrize(
    ("type_", "message", "line", "needle"),
    [
        ("KeyError", "no price for 7", "12:00 ERROR KeyError: no price for 7", "KeyError: no price for"),
        (
            "jinja2.UndefinedError",
            "'a' is undefined",
            "jinja2.UndefinedError: 'a' is undefined",
            "jinja2.UndefinedError: 'a' is undefined",
        ),
        (
            "NoMethodError",
            "no x for nil",
            "E, [2 #1] [3f1e] NoMethodError (no x for nil):",
            "NoMethodError (no x for nil",
        ),
        ("panic", "no price", "thread 'main' panicked at src/cart.rs:4:5:", "panicked at src/cart.rs:"),
        ("Error", "null total", "app.ERROR: null total {(Error(code: 0): null total at", "null total"),
        (
            "SQLException",
            "Pool-1 - timed out after 30ms",
            "SQLException: Pool-1 - timed out after 30ms.",
            "SQLException: Pool-",
        ),
        ("E", "", "  raise E", "E"),
    ],
)
def test_query_holds_what_each_line_of_the_exception_holds(type_: str, message: str, line: str, needle: str) -> None:
    """Numbers, ids and the time of one line would match that line alone."""
    words = needle_of(a_trace(type_, message), line)

    assert words == needle
    assert words in line
