"""Reverts one commit: the edits `git revert` would make, or the reason there are none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.analysis.solution import merge
from shared.analysis.solution.merge import Conflict, LineChange, split_lines
from shared.code_host import edits
from shared.code_host.port import CodeReader, Commit, FileChange
from shared.contracts import FileEdit
from shared.errors import Rejected

MAX_FILES = 20
"""What a Patch holds (contracts)."""
MAX_EDIT_CHARS = 40_000
"""What one FileEdit holds (contracts)."""

MAX_PATCH_CHARS = 120_000
"""All variables of one workflow execution share 512 KB (https://cloud.google.com/workflows/quotas)."""


Texts = Mapping[tuple[str, str], str | None]
"""What stands at each (path, commit); None where there is no text."""


@dataclass(frozen=True)
class Refusal:
    """Why a commit cannot be reverted, in one sentence."""

    reason: str


class _NotRevertible(Exception):
    """Carries the sentence of a Refusal up to `revert_edits`."""


def revert_edits(reader: CodeReader, sha: str, head: str, commit: Commit | None = None) -> Sequence[FileEdit] | Refusal:
    """
    Return exact edits that revert commit `sha` in the files at `head`, equal to what `git revert` writes.

    A Refusal names the place. Refused are merges, root commits, conflicts with later changes, binary or huge files,
    changes of mode alone, and what exceeds the limits of a Patch. Reads each changed file at three commits, and `sha`
    itself where it is not passed as `commit`.
    Raises Unavailable, Throttled, Refused (from the reader).
    """
    commit = commit or reader.commit(sha)
    try:
        _check_revertible(commit)
        places = sides(commit, head)
        texts = dict(zip(places, reader.read_files(places), strict=True))
        result = [edit for change in commit.changes for edit in _file_edits(texts, commit, change, head)]
        if len(result) > MAX_FILES:
            result = [
                edit for change in commit.changes for edit in _file_edits(texts, commit, change, head, whole=True)
            ]
        _check_bounds(commit, result)
    except _NotRevertible as refusal:
        return Refusal(str(refusal))
    return result


def sides(commit: Commit, head: str) -> list[tuple[str, str]]:
    """Return each (path, commit) that the revert of a commit at `head` reads: none of one that is not reverted."""
    if len(commit.parents) != 1 or len(commit.changes) > MAX_FILES:
        return []
    places: list[tuple[str, str]] = []
    for change in commit.changes:
        old_path = change.previous_path or change.path
        places += [] if change.status == "removed" else [(change.path, commit.sha)]
        places += [] if change.status == "added" else [(old_path, commit.parents[0])]
        places += [(change.path, head)] if old_path == change.path else [(change.path, head), (old_path, head)]
    return places


def _check_revertible(commit: Commit) -> None:
    if len(commit.parents) > 1:
        raise _NotRevertible(f"{commit.sha[:12]} is a merge, and which side to keep is a human's choice")
    if not commit.parents:
        raise _NotRevertible(f"{commit.sha[:12]} is the repository's first commit")
    if not commit.changes:
        raise _NotRevertible(f"{commit.sha[:12]} changes no file")
    if len(commit.changes) > MAX_FILES:
        raise _NotRevertible(f"{commit.sha[:12]} changes {len(commit.changes)} files, more than {MAX_FILES}")


def _check_bounds(commit: Commit, result: Sequence[FileEdit]) -> None:
    if not result:
        raise _NotRevertible(f"{commit.sha[:12]} has been reverted already")
    if len(result) > MAX_FILES:
        raise _NotRevertible(f"reverting {commit.sha[:12]} needs {len(result)} edits, more than {MAX_FILES}")
    if sum(len(each.original or "") + len(each.new or "") for each in result) > MAX_PATCH_CHARS:
        raise _NotRevertible(f"reverting {commit.sha[:12]} needs more than {MAX_PATCH_CHARS} characters of edits")


def _file_edits(texts: Texts, commit: Commit, change: FileChange, head: str, *, whole: bool = False) -> list[FileEdit]:
    """Return the edits that revert one file's change; with `whole`, a single edit."""
    old_path = change.previous_path or change.path
    base = _text(texts, change.path, commit.sha, is_absent=change.status == "removed")
    theirs = _text(texts, old_path, commit.parents[0], is_absent=change.status == "added")
    ours = texts[change.path, head]
    reason = f"reverts {commit.sha[:12]}"
    if change.status == "renamed":
        _check_still_absent(old_path, texts[old_path, head])
        return _renamed_back(change, old_path, reason, (base, ours, theirs))
    if theirs is None:
        return [_deletion(change.path, _unchanged(change.path, base, ours), reason)]
    if base == theirs:
        raise _NotRevertible(f"{commit.sha[:12]} changed only the mode of {change.path!r}")
    if ours == theirs:
        return []
    if base is None:
        _check_still_absent(change.path, ours)
        return [_creation(change.path, theirs, reason)]
    return _edits_for(change.path, _present(change.path, ours), base, theirs, reason, whole=whole)


def _text(texts: Texts, path: str, ref: str, *, is_absent: bool) -> str | None:
    if is_absent:
        return None
    text = texts[path, ref]
    if text is None:
        raise _NotRevertible(f"{path!r} is binary, too large, or no plain file at {ref[:12]}")
    return text


def _present(path: str, ours: str | None) -> str:
    if ours is None:
        raise _NotRevertible(f"{path!r} was removed or renamed later")
    return ours


def _check_still_absent(path: str, ours: str | None) -> None:
    if ours is not None:
        raise _NotRevertible(f"{path!r} was created again later")


def _unchanged(path: str, base: str | None, ours: str | None) -> str:
    text = _present(path, ours)
    if text != base:
        raise _NotRevertible(f"{path!r} was changed after it was added")
    return text


def _renamed_back(
    change: FileChange, old_path: str, reason: str, texts: tuple[str | None, str | None, str | None]
) -> list[FileEdit]:
    base, ours, theirs = texts
    current = _present(change.path, ours)
    changes = _merged(change.path, current, base or "", theirs or "")
    restored = "".join(merge.patched(split_lines(current), changes))
    return [_deletion(change.path, current, reason), _creation(old_path, restored, reason)]


def _merged(path: str, ours: str, base: str, theirs: str) -> list[LineChange]:
    result = merge.merge(split_lines(base), split_lines(ours), split_lines(theirs))
    if isinstance(result, Conflict):
        raise _NotRevertible(f"lines {result.start}-{result.end} of {path!r} were changed again later")
    return result


def _edits_for(path: str, ours: str, base: str, theirs: str, reason: str, *, whole: bool) -> list[FileEdit]:
    lines = split_lines(ours)
    changes = _merged(path, ours, base, theirs)
    expected = "".join(merge.patched(lines, changes))
    if whole and changes:
        start, end = changes[0].start, changes[-1].end
        inside = [LineChange(change.start - start, change.end - start, change.new) for change in changes]
        changes = [LineChange(start, end, tuple(merge.patched(lines[start:end], inside)))]
    result = _exact_edits(path, lines, changes, reason)
    _check_outcome(path, ours, expected, result)
    return result


def _exact_edits(path: str, lines: list[str], changes: Sequence[LineChange], reason: str) -> list[FileEdit]:
    """Return one edit per change, each unique in the text the edits before it leave."""
    result: list[FileEdit] = []
    shift = 0
    for change in changes:
        start, end = _unique_span(lines, change.start + shift, change.end + shift)
        before = lines[start : change.start + shift]
        after = lines[change.end + shift : end]
        new = [*before, *change.new, *after]
        result.append(_edit(path, "".join(lines[start:end]), "".join(new), reason))
        lines = [*lines[:start], *new, *lines[end:]]
        shift += len(change.new) - (change.end - change.start)
    return result


def _unique_span(lines: Sequence[str], start: int, end: int) -> tuple[int, int]:
    """Grow the span by a line on each side until its text occurs once; the whole text always does."""
    text = "".join(lines)
    while edits.occurrences("".join(lines[start:end]), text) != 1:
        start, end = max(start - 1, 0), min(end + 1, len(lines))
    return start, end


def _check_outcome(path: str, ours: str, expected: str, result: Sequence[FileEdit]) -> None:
    """Refuse edits that would produce another text, as a mix of newline styles can."""
    try:
        writes = edits.apply(result, lambda _: ours)
    except Rejected as error:
        raise _NotRevertible(str(error)) from error
    if result and writes[0].text != expected:
        raise _NotRevertible(f"{path!r} mixes newline styles")


def _creation(path: str, text: str, reason: str) -> FileEdit:
    return _edit(path, None, text, reason)


def _deletion(path: str, text: str, reason: str) -> FileEdit:
    lines = split_lines(text)
    start, end = _unique_span(lines, 0, min(5, len(lines)))
    return _edit(path, "".join(lines[start:end]), None, reason)


def _edit(path: str, original: str | None, new: str | None, reason: str) -> FileEdit:
    if max(len(original or ""), len(new or "")) > MAX_EDIT_CHARS:
        raise _NotRevertible(f"the change of {path!r} is longer than {MAX_EDIT_CHARS} characters")
    return FileEdit(path=path, original=original, new=new, reason=reason)
