"""Follows a line and its function back through the commits of a file: the `git blame` that REST APIs lack."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.analysis.code import diffs, meaning
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
        entry, hunks = marks[commit.sha], diffs.hunks(change.patch)
        changed = meaning.changed_lines(hunks, path)
        if changed or not hunks:
            entry.file = max(entry.file, weight)
            entry.change = entry.change or change
        _note(trail, hunks, changed, weight, entry, change)
        path = change.previous_path or path


def _note(
    trail: _Trail, hunks: Sequence[Hunk], changed: Sequence[int], weight: float, entry: Marks, change: FileChange
) -> None:
    """Note what a commit did to a place; `changed` are the lines that it changed in what they do."""
    place = trail.place
    if trail.line is not None:
        was = diffs.before(trail.line, hunks) or meaning.source(trail.line, hunks, change.path)
        if was is None:
            if weight > entry.line:
                entry.line, entry.change = weight, change
            entry.reasons.append(f"it wrote the line {place.path}:{place.line} fails on")
        trail.line = was
    touched = sum(trail.start <= number <= trail.end for number in changed)
    if touched:
        entry.function = max(entry.function, weight * (_SINGLE_LINE if touched < 2 else 1))
        where = f"{place.span.name}()" if place.span.name else "the lines around the failure"
        entry.reasons.append(
            f"it changed {'1 line' if touched == 1 else f'{touched} lines'} of {where} in {place.path}"
        )
    trail.start, trail.end = _edge_before(trail.start, hunks), _edge_before(trail.end, hunks)


def _edge_before(line: int, changed: Sequence[Hunk]) -> int:
    """Return where an edge of the function was before; an added edge was where its hunk starts."""
    old_line = diffs.before(line, changed)
    if old_line is not None:
        return old_line
    hunk = next(hunk for hunk in changed if any(number == line for number, _ in hunk.added()))
    return hunk.old_start
