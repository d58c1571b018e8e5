"""A file before and after a patch: its unified diff and how many lines change."""

import re
from dataclasses import dataclass
from difflib import unified_diff
from functools import cached_property

CONTEXT_LINES = 3
_HUNK = re.compile(r"@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@")


@dataclass(frozen=True)
class FileDiff:
    """One file's text before and after; None where the file does not exist."""

    path: str
    before: str | None
    after: str | None

    @cached_property
    def text(self) -> str:
        """The unified diff, with git's header."""
        old = f"a/{self.path}" if self.before is not None else "/dev/null"
        new = f"b/{self.path}" if self.after is not None else "/dev/null"
        return "".join([f"diff --git a/{self.path} b/{self.path}\n", f"--- {old}\n", f"+++ {new}\n", *self._hunks])

    @property
    def added_text(self) -> str:
        """The lines only the new text has."""
        return "".join(line[1:] for line in self._hunks if line.startswith("+"))

    @cached_property
    def lines_added(self) -> int:
        """Lines only the new text has."""
        return sum(line.startswith("+") for line in self._hunks)

    @cached_property
    def lines_removed(self) -> int:
        """Lines only the old text has."""
        return sum(line.startswith("-") for line in self._hunks)

    @cached_property
    def _hunks(self) -> list[str]:
        old, new = _lines(self.before), _lines(self.after)
        start = max(_same(old, new) - CONTEXT_LINES, 0)
        end = max(_same(old[start:][::-1], new[start:][::-1]) - CONTEXT_LINES, 0)
        # Equal ends are left out first: difflib needs quadratic time.
        middle = unified_diff(old[start : len(old) - end], new[start : len(new) - end], n=CONTEXT_LINES)
        return [_visible(_moved(line, start)) for line in list(middle)[2:]]


def _lines(text: str | None) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text or "")


def _same(one: list[str], other: list[str]) -> int:
    """Count the equal lines both start with."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def _moved(line: str, by: int) -> str:
    """Add the number of lines left out before to the line numbers of a hunk's header."""
    return _HUNK.sub(lambda match: _header(match, by), line, count=1) if line.startswith("@@ ") else line


def _header(match: re.Match[str], by: int) -> str:
    return f"@@ -{int(match[1]) + by}{match[2] or ''} +{int(match[3]) + by}{match[4] or ''} @@"


def _visible(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
