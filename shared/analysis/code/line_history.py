"""Follows a line and its function back through the commits of a file: the blame that code hosts lack by REST."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.analysis.code import diffs
from shared.analysis.code.diffs import Hunk
from shared.analysis.code.spans import Span
from shared.code_host.port import Commit, FileChange

_DEPTH_DECAY = 0.55
"""What a caller's line counts against the line it calls."""
_SINGLE_LINE = 0.7
"""What one changed line of a function counts against several."""


@dataclass(frozen=True)
class Place:
    """A line of the repository the evidence leads to; `depth` 0 is the likeliest."""

    path: str
    line: int
    text: str
    span: Span
    depth: int


@dataclass
class _Trail:
    """Where a place's line and function stand as history is walked backwards; `line` is none once it was added."""

    place: Place
    line: int | None
    start: int
    end: int


@dataclass
class Marks:
    """What is held against one commit."""

    line: float = 0
    function: float = 0
    file: float = 0
    reasons: list[str] = field(default_factory=list)
    change: FileChange | None = None


def follow(place: Place, history: Iterable[Commit], marks: Mapping[str, Marks]) -> None:
    """
    Follow a place back through `history`, the commits of its file, newest first and without a gap.

    What each commit did to the place is added to its entry of `marks`.
    """
    weight = _DEPTH_DECAY**place.depth
    trail = _Trail(place, place.line, place.span.start, place.span.end)
    path = place.path
    for commit in history:
        change = next((change for change in commit.changes if change.path == path), None)
        if change is None:
            continue
        found = marks[commit.sha]
        found.file = max(found.file, weight)
        found.change = found.change or change
        _note(trail, diffs.hunks(change.patch), weight, found, change)
        path = change.previous_path or path


def _note(trail: _Trail, changed: Sequence[Hunk], weight: float, found: Marks, change: FileChange) -> None:
    place = trail.place
    if _added_line(trail, changed):
        if weight > found.line:
            found.line, found.change = weight, change
        found.reasons.append(f"it wrote the line {place.path}:{place.line} fails on")
        trail.line = None
    elif trail.line is not None:
        trail.line = diffs.before(trail.line, changed)
    touched = _touched_lines(trail, changed)
    if touched:
        found.function = max(found.function, weight * (_SINGLE_LINE if touched < 2 else 1))
        where = f"{place.span.name}()" if place.span.name else "the lines around the failure"
        found.reasons.append(f"it changed {touched} lines of {where} in {place.path}")
    trail.start, trail.end = _edge_before(trail.start, changed), _edge_before(trail.end, changed)


def _added_line(trail: _Trail, changed: Sequence[Hunk]) -> bool:
    if trail.line is None:
        return False
    return any(number == trail.line for hunk in changed for number, _ in hunk.added())


def _touched_lines(trail: _Trail, changed: Sequence[Hunk]) -> int:
    rows = [row for hunk in changed for row in (*hunk.added(), *hunk.removed())]
    return sum(1 for number, text in rows if trail.start <= number <= trail.end and text.strip())


def _edge_before(line: int, changed: Sequence[Hunk]) -> int:
    """Return where an edge of the function stood before; an added edge stands where its hunk began."""
    stood = diffs.before(line, changed)
    if stood is not None:
        return stood
    hunk = next(hunk for hunk in changed if any(number == line for number, _ in hunk.added()))
    return hunk.old_start
