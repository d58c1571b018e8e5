"""Follows a line and its function back through the commits of a file: the `git blame` that REST APIs lack."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.analysis.code import diffs
from shared.analysis.code.diffs import Hunk
from shared.analysis.code.spans import Span
from shared.code_host.port import Commit, FileChange

_DEPTH_DECAY = 0.55
"""Weight of a caller's line relative to the line it calls."""
_SINGLE_LINE = 0.7
"""Weight of one changed line of a function relative to several."""


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
    """Where a place's line and function are in one version of its file; `line` is None in versions without it."""

    place: Place
    line: int | None
    start: int
    end: int


@dataclass
class Marks:
    """Evidence against one commit, as weights and reasons."""

    line: float = 0
    function: float = 0
    file: float = 0
    reasons: list[str] = field(default_factory=list)
    change: FileChange | None = None


def follow(place: Place, history: Iterable[Commit], marks: Mapping[str, Marks]) -> None:
    """
    Follow a place back through `history`, the commits of its file, newest first and without a gap.

    Adds what each commit did to the place to its entry in `marks`.
    """
    weight = _DEPTH_DECAY**place.depth
    trail = _Trail(place, place.line, place.span.start, place.span.end)
    path = place.path
    for commit in history:
        change = next((change for change in commit.changes if change.path == path), None)
        if change is None:
            continue
        entry = marks[commit.sha]
        entry.file = max(entry.file, weight)
        entry.change = entry.change or change
        _note(trail, diffs.hunks(change.patch), weight, entry, change)
        path = change.previous_path or path


def _note(trail: _Trail, changed: Sequence[Hunk], weight: float, entry: Marks, change: FileChange) -> None:
    place = trail.place
    if _adds_followed_line(trail, changed):
        if weight > entry.line:
            entry.line, entry.change = weight, change
        entry.reasons.append(f"it wrote the line {place.path}:{place.line} fails on")
        trail.line = None
    elif trail.line is not None:
        trail.line = diffs.before(trail.line, changed)
    touched = _touched_lines(trail, changed)
    if touched:
        entry.function = max(entry.function, weight * (_SINGLE_LINE if touched < 2 else 1))
        where = f"{place.span.name}()" if place.span.name else "the lines around the failure"
        entry.reasons.append(f"it changed {touched} lines of {where} in {place.path}")
    trail.start, trail.end = _edge_before(trail.start, changed), _edge_before(trail.end, changed)


def _adds_followed_line(trail: _Trail, changed: Sequence[Hunk]) -> bool:
    """Tell whether the hunks wrote the line that is followed back in time; False once its origin was found."""
    if trail.line is None:
        return False
    return any(number == trail.line for hunk in changed for number, _ in hunk.added())


def _touched_lines(trail: _Trail, changed: Sequence[Hunk]) -> int:
    rows = [row for hunk in changed for row in (*hunk.added(), *hunk.removed())]
    return sum(1 for number, text in rows if trail.start <= number <= trail.end and text.strip())


def _edge_before(line: int, changed: Sequence[Hunk]) -> int:
    """Return where an edge of the function was before; an added edge was where its hunk starts."""
    old_line = diffs.before(line, changed)
    if old_line is not None:
        return old_line
    hunk = next(hunk for hunk in changed if any(number == line for number, _ in hunk.added()))
    return hunk.old_start
