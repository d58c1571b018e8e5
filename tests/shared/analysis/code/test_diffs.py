"""Reading of diffs."""

import difflib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.analysis.code.diffs import before, hunks

PATCH = """@@ -1,4 +1,5 @@ def total():
 one
-two
+TWO
+and a half
 three
 four
@@ -10,2 +11,1 @@
 ten
-eleven
\\ No newline at end of file"""


def test_added_and_removed_lines_are_numbered_in_the_new_file() -> None:
    """Added lines have their own number, removed ones the number of the next line."""
    first, second = hunks(PATCH)

    assert first.added() == [(2, "TWO"), (3, "and a half")]
    assert first.removed() == [(2, "two")]
    assert second.removed() == [(12, "eleven")]


@pytest.mark.parametrize(("line", "old_line"), [(1, 1), (2, None), (3, None), (4, 3), (8, 7), (11, 10), (12, 12)])
def test_line_is_followed_to_its_old_number(line: int, old_line: int | None) -> None:
    """A kept line has an old number, an added one has none."""
    assert before(line, hunks(PATCH)) == old_line


@pytest.mark.parametrize("patch", [None, "", "Binary files differ"])
def test_no_patch_has_no_hunks(patch: str | None) -> None:
    """A change without a patch from the host changes no lines."""
    assert hunks(patch) == []


LINES = st.lists(st.sampled_from("abcd"), max_size=15)


@settings(database=None, deadline=None, derandomize=True)
@given(old=LINES, new=LINES)
def test_every_kept_line_is_found_at_its_old_number(old: list[str], new: list[str]) -> None:
    """For generated texts, the old line has the same text."""
    patch = "\n".join(list(difflib.unified_diff(old, new, n=1, lineterm=""))[2:])

    for number, line in enumerate(new, 1):
        old_line = before(number, hunks(patch))
        assert old_line is None or old[old_line - 1] == line
