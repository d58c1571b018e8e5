"""Following a line back through history."""

from shared.analysis.code.line_history import Marks, Place, follow
from shared.analysis.code.spans import Span
from shared.code_host.port import Commit, FileChange
from tests.fakes_code_host import START

PLACE = Place("cart.py", line=4, text="fail()", span=Span("total", 3, 5), depth=0)


def commit(sha: str, patch: str | None, path: str = "cart.py", previous_path: str | None = None) -> Commit:
    """Return a commit of one file."""
    change = FileChange(path, "renamed" if previous_path else "modified", patch, previous_path)
    return Commit(sha=sha, author="Ada", at=START, message="Change", url="", changes=(change,))


def followed(*history: Commit, place: Place = PLACE) -> dict[str, Marks]:
    """Follow the place through the commits, newest first."""
    marks = {each.sha: Marks() for each in history}
    follow(place, history, marks)
    return marks


def test_only_the_commit_that_added_the_line_wrote_it() -> None:
    """A later commit that moved the line and an earlier one nearby did not write it."""
    moved = commit("moved", "@@ -1,2 +1,3 @@\n+# The cart.\n a\n b")
    wrote = commit("wrote", "@@ -2,2 +2,3 @@\n def total():\n+    fail()\n     return 0")
    first = commit("first", "@@ -2,1 +2,2 @@\n def total():\n+    return 0")

    marks = followed(moved, wrote, first)

    assert [marks[sha].line for sha in ("moved", "wrote", "first")] == [0, 1, 0]


def test_line_removed_from_the_function_is_a_change_of_it() -> None:
    """A removed check leaves no line to blame, so the function is marked."""
    marks = followed(commit("removed", "@@ -3,3 +3,2 @@\n def total():\n-    check()\n-    check()\n     fail()"))[
        "removed"
    ]

    assert marks.line == 0
    assert marks.function == 1
    assert "changed 2 lines of total()" in marks.reasons[0]


def test_one_changed_line_is_called_one() -> None:
    """Words agree in number."""
    marks = followed(commit("removed", "@@ -3,2 +3,1 @@\n def total():\n-    check()\n     fail()"))["removed"]

    assert "changed 1 line of total()" in marks.reasons[0]


def test_change_outside_the_function_marks_only_the_file() -> None:
    """A change elsewhere in the file is a weak sign."""
    marks = followed(commit("elsewhere", "@@ -9,1 +9,1 @@\n-x\n+y"))["elsewhere"]

    assert (marks.line, marks.function, marks.file) == (0, 0, 1)


def test_file_is_followed_under_its_former_name() -> None:
    """A rename does not end the history."""
    renamed = commit("renamed", None, previous_path="old.py")
    wrote = commit("wrote", "@@ -3,1 +3,2 @@\n def total():\n+    fail()", path="old.py")

    assert followed(renamed, wrote)["wrote"].line == 1


def test_caller_counts_less_than_the_line_it_calls() -> None:
    """The further a line is from the failure, the less it counts."""
    caller = Place("cart.py", line=4, text="fail()", span=Span("total", 3, 5), depth=2)
    wrote = commit("wrote", "@@ -3,1 +3,2 @@\n def total():\n+    fail()")

    assert 0 < followed(wrote, place=caller)["wrote"].line < followed(wrote)["wrote"].line


def test_patch_the_host_withholds_marks_only_the_file() -> None:
    """A diff that is too large for the host to show proves nothing about a line."""
    assert followed(commit("huge", None))["huge"].line == 0
