"""The changes between two trees, file by file, with GitHub's status names."""

import re
from dataclasses import dataclass

from infra.local.sandboxes.github.git import EMPTY_TREE, Repository

_STATUS = {"A": "added", "D": "removed", "M": "modified", "T": "changed", "R": "renamed", "C": "copied"}
_MAX_PATCH_BYTES = 1_000_000


@dataclass(frozen=True)
class ChangedFile:
    """One file of a diff; `patch` is None for binary files, pure renames and too large patches."""

    path: str
    previous_path: str | None
    status: str
    sha: str
    additions: int
    deletions: int
    patch: str | None


def changed_files(repository: Repository, base: str | None, head: str) -> list[ChangedFile]:
    """Return the files that differ between two tree-ishes; without `base` every file is added. Raises GitError."""
    span = (base or EMPTY_TREE, head)
    out = repository.run_on(span, "diff", "--raw", "-z", "--abbrev=40", "-M", *span)
    rows, patches = out.decode(errors="replace").split("\0"), _patches(unified_diff(repository, base, head))
    files = []
    while rows and rows[0]:
        _, _, old_sha, new_sha, status = rows.pop(0).split()
        first = rows.pop(0)
        path = rows.pop(0) if status[0] in "RC" else first
        # git prints a change of type (file to link) as two diffs: one that removes, one that adds.
        patch = "\n".join(filter(None, [patches.pop(0) for _ in range(2 if status[0] == "T" else 1)]))
        sha = old_sha if status[0] == "D" else new_sha
        files.append(_changed_file(path, first if path != first else None, status[0], sha, patch))
    return files


def unified_diff(repository: Repository, base: str | None, head: str) -> str:
    """Return the whole diff as `git diff` prints it. Raises GitError."""
    span = (base or EMPTY_TREE, head)
    return repository.run_on(span, "diff", "--no-color", "--no-ext-diff", "-M", *span).decode(errors="replace")


def _changed_file(path: str, previous: str | None, status: str, sha: str, patch: str) -> ChangedFile:
    lines = patch.split("\n")
    return ChangedFile(
        path,
        previous,
        _STATUS[status],
        sha,
        sum(line.startswith("+") for line in lines),
        sum(line.startswith("-") for line in lines),
        patch if 0 < len(patch.encode()) <= _MAX_PATCH_BYTES else None,
    )


def _patches(diff: str) -> list[str]:
    """Split a diff into one patch per file; each starts at its first hunk, as on GitHub, and is empty without one."""
    # Only headers start at column 0 with "diff --git": content lines start with a blank, a sign or a backslash.
    sections = re.split(r"(?m)^diff --git .*\n", diff)[1:]
    return [_hunks(section) for section in sections]


def _hunks(section: str) -> str:
    start = re.search(r"(?m)^@@ ", section)
    return section[start.start() :].removesuffix("\n") if start else ""
