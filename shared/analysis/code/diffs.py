"""Reads unified diffs: what a commit added and removed, and where a line was before it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_HUNK = re.compile(r"^@@ -(?P<old>\d+)(?:,(?P<old_count>\d+))? \+(?P<new>\d+)(?:,(?P<new_count>\d+))? @@")


@dataclass(frozen=True)
class Hunk:
    """One hunk; `rows` are its lines with their sign (` `, `+`, `-`)."""

    old_start: int
    new_start: int
    rows: tuple[str, ...]

    def added(self) -> list[tuple[int, str]]:
        """Return the added lines with their number in the new file."""
        lines, number = [], self.new_start
        for row in self.rows:
            if row.startswith("+"):
                lines.append((number, row[1:]))
            number += not row.startswith("-")
        return lines

    def removed(self) -> list[tuple[int, str]]:
        """Return the removed lines with the number, in the new file, of the line that follows them."""
        lines, number = [], self.new_start
        for row in self.rows:
            if row.startswith("-"):
                lines.append((number, row[1:]))
            number += not row.startswith("-")
        return lines


def hunks(patch: str | None) -> list[Hunk]:
    """Return the hunks of one file's patch as a code host returns it; empty when there is no patch."""
    result: list[Hunk] = []
    rows: list[str] = []
    start: tuple[int, int] | None = None
    for line in (patch or "").split("\n"):
        head = _HUNK.match(line)
        if head:
            if start is not None:
                result.append(Hunk(*start, tuple(rows)))
            # An empty side gives the number of the line before it.
            new_start = int(head["new"]) + (head["new_count"] == "0")
            start, rows = (int(head["old"]) + (head["old_count"] == "0"), new_start), []
        elif start is not None and line[:1] in (" ", "+", "-"):
            rows.append(line)
    if start is not None:
        result.append(Hunk(*start, tuple(rows)))
    return result


def before(line: int, changed: Iterable[Hunk]) -> int | None:
    """Return the number in the old file of `line` of the new one, or None when the commit added it."""
    shift = 0
    for hunk in changed:
        new, old = hunk.new_start, hunk.old_start
        if line < new:
            break
        for row in hunk.rows:
            if row.startswith("-"):
                old += 1
                continue
            if new == line:
                return None if row.startswith("+") else old
            new += 1
            old += not row.startswith("+")
        shift = old - new
    return line + shift
