"""The change of a patch: what touches the located code first, the rest counted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff

from shared.bounds import clip
from shared.contracts import CodeAnalysis, Patch, PostProcessRequest

from ..model import Block, Code, TextLine, Words

MAX_LINES = 40
CONTEXT = 3
LINE_CHARS = 200


@dataclass(frozen=True)
class DiffHunk:
    """Changed lines of one file that are close together, with their context."""

    path: str
    lines: tuple[str, ...]


def changes(request: PostProcessRequest, is_by_hand: bool = False) -> list[Block]:
    """
    Return what the patch changes, folded to what matters; nothing without a patch.

    What is made by hand has no way back that begins at a pull request.
    """
    patch = request.solution.patch if request.solution else None
    if patch is None:
        return []
    paths = dict.fromkeys(edit.path for edit in patch.files_to_modify)
    files = _files(len(paths))
    reverts = request.branch.reverts if request.branch else None
    what = "It" if request.branch else "The fix that was worked out"
    way = f"{what} reverts commit {reverts[:12]}, in {files}." if reverts else f"{what} changes {files}."
    blocks = [TextLine(way), *_folded(list(_hunks(patch)), request.code_analysis)]
    undo = Words(clip(patch.rollback_plan, 400), lead="To undo:")
    return [*blocks, undo] if patch.rollback_plan and not is_by_hand else blocks


def _hunks(patch: Patch) -> Iterator[DiffHunk]:
    """Yield the hunks in the order of the patch; line numbers of a fragment would mislead, so there are none."""
    for edit in patch.files_to_modify:
        old, new = (edit.original or "").splitlines(), (edit.new or "").splitlines()
        lines: list[str] = []
        for line in [*list(unified_diff(old, new, lineterm="", n=CONTEXT))[2:], "@@"]:
            if not line.startswith("@@"):
                lines.append(clip(line, LINE_CHARS))
            elif lines:
                yield DiffHunk(edit.path, tuple(lines))
                lines = []


def _folded(hunks: Sequence[DiffHunk], analysis: CodeAnalysis | None) -> list[Block]:
    """Return at most MAX_LINES lines of the hunks, by file, and how many are left out."""
    seen: dict[int, DiffHunk] = {}
    free = MAX_LINES
    for index in sorted(range(len(hunks)), key=lambda each: -_located_lines(hunks[each], analysis)):
        hunk = hunks[index]
        # Only the first is drawn in part: a few lines of another would not show what it changes.
        if len(hunk.lines) <= free or not seen:
            seen[index] = DiffHunk(hunk.path, hunk.lines[:free])
            free -= len(seen[index].lines)
    blocks: list[Block] = [
        Code(_of_file(seen, path), clip(path, 200)) for path in dict.fromkeys(hunk.path for hunk in seen.values())
    ]
    rest = [(hunk.path, len(hunk.lines) - _length(seen.get(index))) for index, hunk in enumerate(hunks)]
    if more := sum(lines for _, lines in rest):
        files = _files(len({path for path, lines in rest if lines}))
        blocks.append(TextLine(f"… {more} more {'line' if more == 1 else 'lines'} in {files}"))
    return blocks


def _length(hunk: DiffHunk | None) -> int:
    return len(hunk.lines) if hunk else 0


def _of_file(seen: dict[int, DiffHunk], path: str) -> str:
    texts = ["\n".join(seen[index].lines) for index in sorted(seen) if seen[index].path == path]
    return "\n…\n".join(texts)


def _located_lines(hunk: DiffHunk, analysis: CodeAnalysis | None) -> int:
    """Return how many lines of a hunk are in the located code of its file; edits have no line numbers."""
    places = [place for place in (analysis.problematic_files if analysis else ()) if place.path == hunk.path]
    located = {line.strip() for place in places for line in place.code_snippet.split("\n")} - {""}
    return sum(line[1:].strip() in located for line in hunk.lines)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
