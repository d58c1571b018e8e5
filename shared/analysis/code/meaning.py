"""What a commit changed in what a file does, and where a line came from that was only written otherwise or moved."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from shared.analysis.code.diffs import Hunk

MAX_LINE = 500
"""Longer lines are generated; matching them would take quadratic time."""
MOVED = 15
"""Characters of meaning from which the same line elsewhere in a file is the one that was moved, not another like it."""

_COMMENT = re.compile(r"(?:^|\s)(?:#|//).*$")
_PROSE = re.compile(r"(?P<quote>['\"`])(?:(?!(?P=quote)).)*\s(?:(?!(?P=quote)).)*(?P=quote)")
_HELD = re.compile(r"[#$]?\{[^{}]*\}|%(?:\(\w+\))?[a-z]")
"""What a message holds of the code around it, by the marks of many languages."""
_PREFIX = re.compile(r"\b[uU](?=['\"])")
_HEAD = re.compile(r"^\s*(?:async\s+)?(?:def|function|fn|func)\b")
_PARAMETER_TYPE = re.compile(r"(\w)\s*:\s*[\w.\[\]|\"' ]+(?:,[\w.\[\]|\"' ]+\])*(?=\s*[,=)])")
_RESULT_TYPE = re.compile(r"\s*->\s*[^:{]+(?=[:{])")
_VARIABLE_TYPE = re.compile(r"^(\s*[\w.]+)\s*:\s*[\w.\[\]|\"', ]+?(\s*=)")
_CLOSED_COMMA = re.compile(r",(?=[)\]}])")


@lru_cache(maxsize=4096)
def meaning(line: str) -> str:
    """
    Return a line of code without what does not change what it does, for comparison with another.

    Left out are space, comments, the kind of quotes, the text of messages, annotations and commas before a bracket.
    """
    if len(line) > MAX_LINE:
        return line.strip()
    text = _PREFIX.sub("", _COMMENT.sub("", _PROSE.sub(_without_prose, line)))
    if _HEAD.match(text):
        text = _RESULT_TYPE.sub("", _PARAMETER_TYPE.sub(r"\1", text))
    text = _VARIABLE_TYPE.sub(r"\1\2", text)
    text = re.sub(r"\s+", "", text).replace("'", '"').replace("`", '"').rstrip("\\;")
    return _CLOSED_COMMA.sub("", text)


def _without_prose(message: re.Match[str]) -> str:
    return f'"{"".join(_HELD.findall(message[0]))}"'


@dataclass(frozen=True)
class _Block:
    """Lines that were removed and what was added in their place; with their numbers in the old and the new file."""

    removed: tuple[tuple[int, str], ...]
    added: tuple[tuple[int, str], ...]
    start: int
    """Number, in the new file, of the line that stands where the first removed one did."""

    @property
    def is_meaningless(self) -> bool:
        """Whether both sides do the same, in however many lines."""
        return _joined(self.removed) == _joined(self.added)


def changed_lines(hunks: Sequence[Hunk]) -> list[int]:
    """
    Return the lines, in the new file, that the commit changed in what they do.

    A removed line has the number of what stands in its place. Lines that were moved within the file are none.
    """
    blocks = [block for block in _blocks(hunks) if not block.is_meaningless]
    was = Counter(meaning(text) for block in blocks for _, text in block.removed)
    now = Counter(meaning(text) for block in blocks for _, text in block.added)
    removed, added = was - now, now - was
    changed: list[int] = []
    for block in blocks:
        for rows, left, place in ((block.removed, removed, block.start), (block.added, added, None)):
            for number, text in rows:
                sense = meaning(text)
                if sense and left[sense] > 0:
                    left[sense] -= 1
                    changed.append(number if place is None else place)
    return changed


def source(line: int, hunks: Sequence[Hunk]) -> int | None:
    """
    Return the number, in the old file, of the line that an added one was only written otherwise or moved from.

    None when the commit wrote what the line does.
    """
    blocks = list(_blocks(hunks))
    block = next((each for each in blocks if any(number == line for number, _ in each.added)), None)
    if block is None:
        return None
    sense = meaning(next(text for number, text in block.added if number == line))
    same = [number for number, text in block.removed if sense and meaning(text) == sense]
    if same:
        return same[0]
    if block.is_meaningless:
        return _wrapped(block, line)
    moved = [number for each in blocks for number, text in each.removed if meaning(text) == sense]
    return moved[0] if len(moved) == 1 and len(sense) >= MOVED else None


def _wrapped(block: _Block, line: int) -> int | None:
    """Return which removed line held the beginning of an added one: both sides are the same text in other lines."""
    start = sum(len(meaning(text)) for number, text in block.added if number < line)
    end = 0
    for number, text in block.removed:
        end += len(meaning(text))
        if end > start:
            return number
    return None


def _joined(rows: Sequence[tuple[int, str]]) -> str:
    return _CLOSED_COMMA.sub("", "".join(meaning(text) for _, text in rows))


def _blocks(hunks: Sequence[Hunk]) -> Iterator[_Block]:
    for hunk in hunks:
        old, new = hunk.old_start, hunk.new_start
        removed: list[tuple[int, str]] = []
        added: list[tuple[int, str]] = []
        for row in (*hunk.rows, " "):
            if row.startswith("-"):
                removed.append((old, row[1:]))
                old += 1
            elif row.startswith("+"):
                added.append((new, row[1:]))
                new += 1
            else:
                if removed or added:
                    yield _Block(tuple(removed), tuple(added), new - len(added))
                removed, added = [], []
                old, new = old + 1, new + 1
