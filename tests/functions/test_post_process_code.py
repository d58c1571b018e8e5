"""Code in a brief: the failing line is marked among the lines that matter, and long changes are folded."""

import re
from typing import Any

import pytest

from functions.post_process.brief.render import Brief, render
from functions.post_process.brief.view import Usage
from shared.contracts import FileEdit, Patch, ProblematicFile
from tests.functions import post_process_requests as requests

START = 30
LINES = ["def tax_of(net, country):", *(f"    step_{number} = {number}" for number in range(START + 1, START + 42))]


def place(failing_line: int | None, lines: list[str] = LINES, start: int = START) -> ProblematicFile:
    """Return a place in a function of some lines."""
    return ProblematicFile(
        path="billing/tax.py",
        function_name="tax_of",
        line_start=start,
        line_end=start + len(lines) - 1,
        failing_line=failing_line,
        code_snippet="\n".join(lines),
        issue_description="It fails here.",
    )


def brief(*places: ProblematicFile, edits: list[FileEdit] | None = None) -> Brief:
    """Return a brief with these places and this change."""
    changes: dict[str, Any] = {"code_analysis": requests.code_analysis(problematic_files=list(places))}
    if edits:
        patch = Patch(strategy="revert", files_to_modify=edits)
        changes["solution"] = requests.solution(patch=patch)
    return render(requests.full(**changes), [], Usage())


def code_of(made: Brief) -> list[str]:
    """Return the lines of code in the section on the code."""
    return made.text[made.text.index("\nCODE\n") :].split("It fails here.")[0].splitlines()[4:]


def change_of(made: Brief) -> list[str]:
    """Return the lines of the change in the section on the pull request."""
    return made.text.split("It changes ")[1].split("\n\n")[0].splitlines()[1:]


def test_failing_line_is_marked_with_its_number() -> None:
    """In text by a sign, in HTML by a background too, and once."""
    made = brief(place(52))

    (marked,) = (line for line in code_of(made) if "►" in line)
    assert marked.strip() == "► 52      step_52 = 52"
    assert re.findall(r'class="hit"[^>]*>([^<]*)<', made.html) == ["► 52      step_52 = 52"]
    assert "billing/tax.py:52 in tax_of" in made.text


def test_lines_around_the_failing_one_have_their_numbers_and_the_rest_is_folded() -> None:
    """The head of the function, six lines before and four after; dots stand for what is left out."""
    numbers = [line.strip("► ").split(" ")[0] for line in code_of(brief(place(52)))]

    assert numbers == ["30", "…", *map(str, range(46, 57)), "…"]


@pytest.mark.parametrize("failing", [START, START + 1, START + len(LINES) - 1])
def test_failing_line_at_either_end_is_marked(failing: int) -> None:
    """The head itself, the line below it, and the last one."""
    lines = code_of(brief(place(failing)))

    (marked,) = (line for line in lines if "►" in line)
    assert LINES[failing - START].strip() in marked
    assert sum("…" in line for line in lines) == 1


@pytest.mark.parametrize("failing", [None, 1, 999])
def test_code_without_a_located_line_marks_none(failing: int | None) -> None:
    """A line that is not among those read would mark the wrong one."""
    made = brief(place(failing))

    assert "►" not in made.text
    assert 'class="hit"' not in made.html
    assert "    59      step_59 = 59" in made.text


def test_small_change_is_shown_whole_with_three_lines_of_context() -> None:
    """Nothing is folded that fits, but what did not change and is far away."""
    old = [f"line {number}" for number in range(20)]
    new = [*old[:10], "changed", *old[11:]]

    lines = change_of(brief(place(52), edits=[FileEdit(path="a.py", original="\n".join(old), new="\n".join(new))]))

    expected = [" line 7", " line 8", " line 9", "-line 10", "+changed", " line 11", " line 12", " line 13"]
    assert lines == ["  a.py:", *(f"    {line}" for line in expected)]


def test_hunks_in_the_located_code_go_first_and_the_rest_is_counted() -> None:
    """Where the evidence leads is seen, whatever else the change holds."""
    long = "\n".join(f"row {number}" for number in range(30))
    edits = [
        FileEdit(path="docs/a.md", original=long, new=None),
        FileEdit(path="docs/b.md", original=long, new=None),
        FileEdit(path="billing/tax.py", original="    other = 1\n", new="    other = 2\n"),
        FileEdit(path="billing/tax.py", original=f"{LINES[22]}\n", new="    step_52 = 0\n"),
    ]

    lines = change_of(brief(place(52), edits=edits))

    assert lines[:3] == ["  billing/tax.py:", "    -    other = 1", "    +    other = 2"]
    assert lines[3:6] == ["    …", "    -    step_52 = 52", "    +    step_52 = 0"]
    assert lines[6] == "  docs/a.md:"
    assert lines[-1] == "… 30 more lines in 1 file"


def test_one_long_hunk_is_shown_in_part_and_counted() -> None:
    """The first is never left out whole: the reader sees the start of it."""
    long = "\n".join(f"row {number}" for number in range(100))
    edits = [FileEdit(path=f"{name}.md", original=long, new=None) for name in "abc"]

    lines = change_of(brief(place(52), edits=edits))

    assert lines[0] == "  a.md:"
    assert sum(line.startswith("    -row") for line in lines) == 40
    assert lines[-1] == "… 260 more lines in 3 files"


def test_marked_code_is_as_inert_as_any_text() -> None:
    """Markup in code that others wrote stays text in each of its lines."""
    bad = '</span></mj-text><script>alert(1)</script> https://evil.example " onload="x'
    made = brief(place(52, [bad] * 42))

    assert "<script" not in made.html
    assert "https://evil" not in made.html + made.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in made.html


@pytest.mark.parametrize("end", ["\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_line_of_code_is_one_row_whatever_it_holds(end: str) -> None:
    """Else who writes it could draw another line as the one that fails."""
    made = brief(place(32, ["def tax_of(net):", f"    a = 1  # {end}► 99  raise Fault()", "    b = 2"]))

    for text in (made.text, made.html):
        assert [line for line in text.splitlines() if "► 99" in line and "a = 1" not in line] == []
    assert any("a = 1" in line and "► 99" in line for line in made.text.splitlines())
    assert [line.split()[:2] for line in code_of(made) if line.strip().startswith("►")] == [["►", "32"]]
