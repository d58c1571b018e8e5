"""The merge: the same result as git, or a conflict."""

import subprocess
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.analysis.solution.merge import Conflict, LineChange, merge, patched, split_lines

BASE = [f"{word}\n" for word in ["one", "two", "three", "four", "five", "six", "seven"]]


def test_separate_changes_are_merged() -> None:
    """A change of theirs is applied together with a change of ours."""
    ours, theirs = ["zero\n", *BASE], [*BASE[:-1], "SEVEN\n"]

    assert merge(BASE, ours, theirs) == [LineChange(7, 8, ("SEVEN\n",))]


def test_same_change_on_both_sides_is_not_a_conflict() -> None:
    """A change made on both sides is already in ours."""
    both = [*BASE[:2], "THREE\n", *BASE[3:]]

    assert merge(BASE, both, both) == []


def test_adjacent_changes_conflict() -> None:
    """Changes without a line between them conflict; the conflict names the lines of ours."""
    ours = [*BASE[:2], "THREE\n", *BASE[3:]]
    theirs = [*BASE[:3], "FOUR\n", *BASE[4:]]

    assert merge(BASE, ours, theirs) == Conflict(3, 4)


def test_change_next_to_repeated_lines_conflicts() -> None:
    """When a line could be any of several, the merge does not guess."""
    base, theirs = ["a\n", "x\n", "x\n", "b\n"], ["a\n", "x\n", "b\n"]
    ours = ["a\n", "x\n", "new\n", "x\n", "b\n"]

    assert isinstance(merge(base, ours, theirs), Conflict)


def test_lines_are_split_only_at_line_feeds() -> None:
    """Carriage returns and form feeds stay inside their line, as in git."""
    assert split_lines("a\r\nb\x0cc\n\nd") == ["a\r\n", "b\x0cc\n", "\n", "d"]


LINES = st.lists(st.sampled_from("abcdefgh"), max_size=12).map(lambda words: [f"{word}\n" for word in words])


@settings(
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(base=LINES, ours=LINES, theirs=LINES, data=st.data())
def test_clean_merge_is_the_same_as_gits(
    tmp_path: Path, base: list[str], ours: list[str], theirs: list[str], data: st.DataObject
) -> None:
    """Where neither reports a conflict, the texts are identical."""
    position = data.draw(st.integers(0, len(base)))
    ours, theirs = [*ours[:2], *base[position:]], [*base[:position], *theirs[:2], "end\n"]

    result = merge(base, ours, theirs)

    if not isinstance(result, Conflict):
        returncode, printed = git_merge_file(tmp_path, base, ours, theirs)
        assert returncode or printed == "".join(patched(ours, result))


def git_merge_file(folder: Path, base: list[str], ours: list[str], theirs: list[str]) -> tuple[int, str]:
    """Merge with git and return its code, zero without a conflict, and the text."""
    for name, lines in (("base", base), ("ours", ours), ("theirs", theirs)):
        (folder / name).write_text("".join(lines))
    done = subprocess.run(
        ["git", "merge-file", "-p", "ours", "base", "theirs"], cwd=folder, capture_output=True, text=True
    )
    return done.returncode, done.stdout
