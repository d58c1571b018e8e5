"""Three-way merge of lines that prefers to refuse: it answers only what no other alignment would answer differently."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

Lines = Sequence[str]


@dataclass(frozen=True)
class Change:
    """Lines `start` to `end` (exclusive, zero-based) of one text become `new`."""

    start: int
    end: int
    new: tuple[str, ...]


@dataclass(frozen=True)
class Conflict:
    """The first and last line (one-based, of `ours`) near which both sides changed the same place."""

    start: int
    end: int


def split_lines(text: str) -> list[str]:
    """Split as git does: at line feeds alone, each kept with its line."""
    pieces = text.split("\n")
    return [f"{piece}\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def changes_between(old: Lines, new: Lines) -> list[Change]:
    """Return what turns `old` into `new`, top to bottom."""
    head = _common_prefix(old, new)
    tail = _common_prefix(old[head:][::-1], new[head:][::-1])
    before, after = old[head : len(old) - tail], new[head : len(new) - tail]
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return [
        Change(head + a_start, head + a_end, tuple(after[b_start:b_end]))
        for tag, a_start, a_end, b_start, b_end in matcher.get_opcodes()
        if tag != "equal"
    ]


def merge(base: Lines, ours: Lines, theirs: Lines) -> list[Change] | Conflict:
    """
    Return what to change in `ours` so that it also holds what turned `base` into `theirs`.

    A change that touches, or could slide to touch, a change of the other side is a Conflict, and so is a text whose
    alignment is ambiguous. Where a result is given it is the one `git merge-file` gives.
    """
    forward = _merge(base, ours, theirs)
    if isinstance(forward, Conflict):
        return forward
    backward = _merge(base[::-1], ours[::-1], theirs[::-1])
    if isinstance(backward, Conflict):
        return Conflict(len(ours) + 1 - backward.end, len(ours) + 1 - backward.start)
    if patched(ours, forward) != patched(ours[::-1], backward)[::-1]:
        return Conflict(forward[0].start + 1, forward[-1].end)
    return forward


def patched(lines: Lines, changes: Sequence[Change]) -> list[str]:
    """Return `lines` with `changes`, given top to bottom, applied."""
    result: list[str] = []
    position = 0
    for change in changes:
        result += [*lines[position : change.start], *change.new]
        position = change.end
    return result + list(lines[position:])


def _merge(base: Lines, ours: Lines, theirs: Lines) -> list[Change] | Conflict:
    our_changes = changes_between(base, ours)
    moved: list[Change] = []
    for change in changes_between(base, theirs):
        shift = sum(_growth(other) for other in our_changes if other.end <= change.start and other != change)
        if change in our_changes:
            continue
        if any(_touch(base, change, other) for other in our_changes):
            return Conflict(change.start + shift + 1, max(change.end, change.start + 1) + shift)
        moved.append(Change(change.start + shift, change.end + shift, change.new))
    return moved


def _growth(change: Change) -> int:
    return len(change.new) - (change.end - change.start)


def _touch(base: Lines, one: Change, other: Change) -> bool:
    one_start, one_end = _reach(base, one)
    other_start, other_end = _reach(base, other)
    return one_start <= other_end and other_start <= one_end


def _reach(base: Lines, change: Change) -> tuple[int, int]:
    """Return where in `base` an equal change could lie: insertions and deletions slide over repeats."""
    removed = list(base[change.start : change.end])
    if removed and change.new:
        return change.start, change.end
    block = removed or list(change.new)
    up = 0
    while change.start - up > 0 and base[change.start - up - 1] == block[-1 - up % len(block)]:
        up += 1
    down = 0
    while change.end + down < len(base) and base[change.end + down] == block[down % len(block)]:
        down += 1
    return change.start - up, change.end + down


def _common_prefix(one: Lines, other: Lines) -> int:
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length
