"""The diff shown to people is the one git would apply."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.file_updater.patch_diff import FileDiff

LINES = st.lists(st.sampled_from(["a", "b", "c", "", "d\r", "é"]), max_size=14)


def text_of(lines: list[str], is_ended: bool) -> str:
    """Lines as a file, with or without a newline at its end."""
    return "\n".join(lines) + ("\n" if is_ended and lines else "")


@settings(
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(before=LINES, after=LINES, head=st.integers(0, 9), is_ended=st.booleans())
def test_git_applies_the_diff_to_the_same_text(
    tmp_path: Path, before: list[str], after: list[str], head: int, is_ended: bool
) -> None:
    """Whatever changed where, `git apply` turns the old text into the new one."""
    same = [f"line {number}" for number in range(head)]
    old, new = text_of([*same, *before, *same], True), text_of([*same, *after, *same], is_ended)
    diff = FileDiff("file.txt", old, new)
    if old == new or not old or not new:
        return
    (tmp_path / "file.txt").write_bytes(old.encode())

    subprocess.run(["git", "apply", "--whitespace=nowarn", "-"], cwd=tmp_path, input=diff.text.encode(), check=True)

    assert (tmp_path / "file.txt").read_bytes() == new.encode()


@pytest.mark.parametrize(
    ("before", "after", "counts"),
    [("a\nb\n", "a\nc\n", (1, 1)), (None, "a\nb\n", (2, 0)), ("a\n", None, (0, 1)), ("a", "a\n", (1, 1))],
)
def test_lines_are_counted_as_git_counts_them(before: str | None, after: str | None, counts: tuple[int, int]) -> None:
    """Changed, created, deleted, and a newline at the end."""
    diff = FileDiff("file.txt", before, after)

    assert (diff.lines_added, diff.lines_removed) == counts


def test_created_and_deleted_files_are_named_as_git_names_them() -> None:
    """/dev/null stands for the missing file."""
    assert "--- /dev/null\n+++ b/file.txt\n" in FileDiff("file.txt", None, "a\n").text
    assert "--- a/file.txt\n+++ /dev/null\n" in FileDiff("file.txt", "a\n", None).text


def test_large_file_with_a_small_change_is_quick() -> None:
    """Equal lines at both ends are skipped before the comparison."""
    lines = [f"{number}\n" for number in range(60_000)]
    changed = [*lines[:30_000], "new\n", *lines[30_001:]]

    diff = FileDiff("file.txt", "".join(lines), "".join(changed))

    assert "@@ -29998,7 +29998,7 @@" in diff.text
