"""A unified diff as two columns: what was on the left, what is on the right, line against line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import unified_diff

from shared.contracts import Patch
from shared.text.harmless import unmistakable

MAX_ROWS = 2_000
_HUNK = re.compile(r"@@ -(\d{1,9})(?:,\d{1,9})? \+(\d{1,9})(?:,\d{1,9})? @@")
_FILE = re.compile(r"\+\+\+ (?:b/)?(.*)")


@dataclass(frozen=True)
class DiffRow:
    """A line on each side; a number is None where that side has no line."""

    left_number: int | None
    left: str
    right_number: int | None
    right: str
    kind: str
    """`same`, `changed` (removed, added or replaced), or `hunk`, whose text is on the left."""


@dataclass
class DiffFile:
    """One changed file."""

    path: str
    rows: list[DiffRow] = field(default_factory=list)


@dataclass
class _Sides:
    """Removed and added lines that stand against each other, and the numbers of the next lines."""

    left_number: int = 0
    right_number: int = 0
    removed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)

    def flushed(self) -> Iterator[DiffRow]:
        """Yield the rows of what was collected, and forget it."""
        for index in range(max(len(self.removed), len(self.added))):
            has_left, has_right = index < len(self.removed), index < len(self.added)
            yield DiffRow(
                self.left_number + index if has_left else None,
                self.removed[index] if has_left else "",
                self.right_number + index if has_right else None,
                self.added[index] if has_right else "",
                "changed",
            )
        self.left_number += len(self.removed)
        self.right_number += len(self.added)
        self.removed, self.added = [], []

    def unchanged(self, line: str) -> DiffRow:
        """Return the row of a line that is on both sides."""
        row = DiffRow(self.left_number, line, self.right_number, line, "same")
        self.left_number += 1
        self.right_number += 1
        return row


def diff_files(diff: str) -> list[DiffFile]:
    """Return the files of a unified diff, at most MAX_ROWS lines in all."""
    files: list[DiffFile] = []
    sides = _Sides()
    for line in diff.split("\n")[:MAX_ROWS]:
        line = unmistakable(line)
        if name := _FILE.match(line):
            _end(files, sides)
            files.append(DiffFile(name[1]))
        elif hunk := _HUNK.match(line):
            _end(files, sides)
            sides.left_number, sides.right_number = int(hunk[1]), int(hunk[2])
            # The diff of a commit as evidence names its file in a line of its own.
            files = files or [DiffFile("")]
            files[-1].rows.append(DiffRow(None, line, None, "", "hunk"))
        elif files and files[-1].rows:
            _take(files[-1], sides, line)
    _end(files, sides)
    return files


def _take(file: DiffFile, sides: _Sides, line: str) -> None:
    if line.startswith("-") and not line.startswith("--- "):
        sides.removed.append(line[1:])
    elif line.startswith("+"):
        sides.added.append(line[1:])
    elif line.startswith(" "):
        file.rows += [*sides.flushed(), sides.unchanged(line[1:])]


def _end(files: list[DiffFile], sides: _Sides) -> None:
    if files:
        files[-1].rows += sides.flushed()


def patch_diff(patch: Patch) -> str:
    """Return the edits of a patch as a unified diff; the numbers count within each edit."""
    parts: list[str] = []
    for edit in patch.files_to_modify:
        before, after = (edit.original or "").splitlines(), (edit.new or "").splitlines()
        parts += unified_diff(before, after, f"a/{edit.path}", f"b/{edit.path}", lineterm="")
    return "\n".join(parts)
