"""What a commit changed in what a file does."""

import pytest

from shared.analysis.code.diffs import hunks
from shared.analysis.code.meaning import changed_lines, meaning, source


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("total = add( a,b )", "total = add(a, b)  # the sum"),
        ("name = u'shop'", 'name = "shop"'),
        ("    return f(a, b,)", "return f(a, b)"),
        ("def total(lines, rate=1):", "def total(lines: list[Line], rate: int = 1) -> Money:"),
        ("limit = 5", "limit: int = 5"),
        ("raise TooMuch('at most 5 lines')", "raise TooMuch('not more than 5 lines')"),
        ("const a = b;", "const a = b"),
    ],
)
def test_lines_that_do_the_same_mean_the_same(one: str, other: str) -> None:
    """Format, comments, annotations and the text of messages do nothing."""
    assert meaning(one) == meaning(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("total = a + b", "total = a - b"),
        ("row['price']", "row['amount']"),
        ("limit: int = 5", "limit: int = 6"),
        ("call({a: b})", "call({a: c})"),
        ("if a:", "if not a:"),
        ('"Dear #{subscriber.name}, hello"', '"Dear #{subscriber.full_name}, hello"'),
        ('f"order {order.id} is gone"', 'f"order {order} is gone"'),
        ('log("order %s is gone", a)', 'log("order %s is gone, %s", a)'),
        ("x = {'a': one, 'b': two}", "x = {'a': one, 'b': three}"),
    ],
)
def test_lines_that_do_something_else_mean_something_else(one: str, other: str) -> None:
    """A key, a value or an operator is what a line does."""
    assert meaning(one) != meaning(other)


WRAPPED = """@@ -3,2 +3,5 @@
 def total(lines):
-    return rounded(sum(line.price for line in lines), 'up')
+    return rounded(
+        sum(line.price for line in lines),
+        "up",
+    )
"""
MOVED = """@@ -1,4 +1,2 @@
 a = 1
-def total(lines):
-    return sum(line.price for line in lines)
 b = 2
@@ -9,1 +7,3 @@
 z = 9
+def total(lines):
+    return sum(line.price for line in lines)
"""
WRITTEN = """@@ -3,2 +3,2 @@
 def total(lines):
-    return sum(line.price for line in lines)
+    return sum(line.amount for line in lines)
"""


@pytest.mark.parametrize(
    ("patch", "line", "before", "changed"),
    [(WRAPPED, 5, 4, []), (MOVED, 9, 3, []), (WRITTEN, 4, None, [4, 4])],
)
def test_line_is_followed_through_a_change_of_form_alone(
    patch: str, line: int, before: int | None, changed: list[int]
) -> None:
    """A line that was wrapped or moved came from elsewhere; one that does something else was written."""
    assert source(line, hunks(patch)) == before
    assert changed_lines(hunks(patch)) == changed


def test_line_of_an_unchanged_part_has_no_other_source() -> None:
    """Only what a commit added is looked for among what it removed."""
    assert source(3, hunks(WRITTEN)) is None


def test_long_lines_are_compared_as_they_are() -> None:
    """Generated code is not searched for what does nothing."""
    assert meaning("x = 1 " * 500) == ("x = 1 " * 500).strip()
