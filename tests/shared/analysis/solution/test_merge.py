"""Promises of the merge: git's answer, or none."""

import subprocess
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.analysis.solution.merge import Conflict, LineChange, merge, patched, split_lines

BASE = [f"{word}\n" for word in ["one", "two", "three", "four", "five", "six", "seven"]]


def test_changes_apart_are_joined() -> None:
    """A change of theirs lands beside a change of ours."""
    ours, theirs = ["zero\n", *BASE], [*BASE[:-1], "SEVEN\n"]

    assert merge(BASE, ours, theirs) == [LineChange(7, 8, ("SEVEN\n",))]


def test_same_change_on_both_sides_is_no_conflict() -> None:
    """What both sides did is done once."""
    both = [*BASE[:2], "THREE\n", *BASE[3:]]

    assert merge(BASE, both, both) == []


def test_neighbouring_changes_conflict() -> None:
    """Changes with no line between them are refused, naming the lines of ours."""
    ours = [*BASE[:2], "THREE\n", *BASE[3:]]
    theirs = [*BASE[:3], "FOUR\n", *BASE[4:]]

    assert merge(BASE, ours, theirs) == Conflict(3, 4)


def test_change_beside_repeated_lines_is_refused() -> None:
    """A line that could be any of several is not guessed."""
    base, theirs = ["a\n", "x\n", "x\n", "b\n"], ["a\n", "x\n", "b\n"]
    ours = ["a\n", "x\n", "new\n", "x\n", "b\n"]

    assert isinstance(merge(base, ours, theirs), Conflict)


def test_lines_are_split_at_line_feeds_alone() -> None:
    """Carriage returns and form feeds stay inside their line, as for git."""
    assert split_lines("a\r\nb\x0cc\n\nd") == ["a\r\n", "b\x0cc\n", "\n", "d"]


LINES = st.lists(st.sampled_from("abcdefgh"), max_size=12).map(lambda letters: [f"{letter}\n" for letter in letters])


@settings(
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(base=LINES, ours=LINES, theirs=LINES, data=st.data())
def test_answer_is_the_one_git_gives(
    tmp_path: Path, base: list[str], ours: list[str], theirs: list[str], data: st.DataObject
) -> None:
    """Where both answer cleanly, the texts are equal to the byte."""
    cut = data.draw(st.integers(0, len(base)))
    ours, theirs = [*ours[:2], *base[cut:]], [*base[:cut], *theirs[:2], "end\n"]

    result = merge(base, ours, theirs)

    if not isinstance(result, Conflict):
        returncode, printed = git_merge_file(tmp_path, base, ours, theirs)
        assert returncode or printed == "".join(patched(ours, result))


def git_merge_file(folder: Path, base: list[str], ours: list[str], theirs: list[str]) -> tuple[int, str]:
    """Merge with git; the code is zero when it saw no conflict."""
    for name, lines in (("base", base), ("ours", ours), ("theirs", theirs)):
        (folder / name).write_text("".join(lines))
    done = subprocess.run(
        ["git", "merge-file", "-p", "ours", "base", "theirs"], cwd=folder, capture_output=True, text=True
    )
    return done.returncode, done.stdout
