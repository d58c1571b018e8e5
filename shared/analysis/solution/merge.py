"""
Three-way merge of lines that prefers to refuse: its result does not depend on how a diff aligns repeated lines.

Lines that occur once in each of the three texts, in the same order, are anchors. Between two anchors, at most one side
may have changed; its lines are then the result, whatever the alignment between them.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Lines = Sequence[str]


@dataclass(frozen=True)
class LineChange:
    """Lines `start` to `end` (exclusive, zero-based) of one text become `new`."""

    start: int
    end: int
    new: tuple[str, ...]


@dataclass(frozen=True)
class Conflict:
    """The first and last line (one-based, of `ours`) between which both sides changed the text."""

    start: int
    end: int


def split_lines(text: str) -> list[str]:
    """Split as git does: at line feeds alone, each kept with its line."""
    pieces = text.split("\n")
    return [f"{piece}\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def merge(base: Lines, ours: Lines, theirs: Lines) -> list[LineChange] | Conflict:
    """
    Return what to change in `ours`, top to bottom, so that it also holds what turned `base` into `theirs`.

    A result without a Conflict is that of `git revert` and `git merge`. Changes of both sides between two adjacent
    anchors are a Conflict, unless they are the same.
    """
    changes: list[LineChange] = []
    for (base_start, base_end), (start, end), (their_start, their_end) in _segments(base, ours, theirs):
        before, mine, other = base[base_start:base_end], ours[start:end], theirs[their_start:their_end]
        if before == other or mine == other:
            continue
        if before != mine:
            return Conflict(start + 1, max(end, start + 1))
        changes.append(_trimmed(start, mine, other))
    return changes


def patched(lines: Lines, changes: Sequence[LineChange]) -> list[str]:
    """Return `lines` with `changes` applied; these are sorted top to bottom."""
    result: list[str] = []
    position = 0
    for change in changes:
        result += [*lines[position : change.start], *change.new]
        position = change.end
    return result + list(lines[position:])


def _segments(*texts: Lines) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield what is between adjacent anchors as a (start, end) per text; the anchors themselves are equal."""
    starts = tuple(0 for _ in texts)
    ends = tuple(len(text) for text in texts)
    for anchor in [*_anchors(*texts), ends]:
        yield tuple(zip(starts, anchor, strict=True))
        starts = tuple(position + 1 for position in anchor)


def _anchors(*texts: Lines) -> list[tuple[int, ...]]:
    """Return the positions, per text, of the longest run of lines unique in each text and in the same order in all."""
    places = [{line: position for position, line in enumerate(text)} for text in texts]
    counts = [Counter(text) for text in texts]
    unique = [line for line in texts[0] if all(count[line] == 1 for count in counts)]
    for place in places[1:]:
        unique = _increasing_subsequence(unique, place)
    return [tuple(place[line] for place in places) for line in unique]


def _increasing_subsequence(lines: Lines, place: Mapping[str, int]) -> list[str]:
    """Return the longest subsequence of `lines` whose places increase (patience sorting)."""
    tops: list[int] = []
    piles: list[int] = []
    before: list[int] = []
    for index, line in enumerate(lines):
        pile = bisect_left(tops, place[line])
        tops[pile : pile + 1] = [place[line]]
        piles[pile : pile + 1] = [index]
        before.append(piles[pile - 1] if pile else -1)
    chain: list[str] = []
    index = piles[-1] if piles else -1
    while index >= 0:
        chain.append(lines[index])
        index = before[index]
    return chain[::-1]


def _trimmed(start: int, old: Lines, new: Lines) -> LineChange:
    head = _common_prefix(old, new)
    tail = _common_prefix(old[head:][::-1], new[head:][::-1])
    return LineChange(start + head, start + len(old) - tail, tuple(new[head : len(new) - tail]))


def _common_prefix(one: Lines, other: Lines) -> int:
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length
