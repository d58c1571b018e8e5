"""Follows a file that was renamed since the version that runs: the trace names it as it was called then."""

from collections.abc import Iterator

from shared.analysis.code.paths import Tree, deepest_own, frame_parts
from shared.code_host.port import CodeReader
from shared.contracts import Frame, StackTrace

MAX_TRIED = 2
"""Where the repository's part of a frame's path may begin: each costs two calls to the host."""


def with_new_path(trace: StackTrace, tree: Tree, reader: CodeReader, commit: str) -> StackTrace | None:
    """
    Return the trace with the deepest own frame under the path that its file has at `commit`; None without a rename.

    Raises Unavailable, Throttled, Refused (from the reader).
    """
    own = deepest_own(trace.frames)
    if own is None or tree.match(own).paths:
        return None
    for former in _candidates(own, tree):
        path = _renamed(former, reader, commit)
        if path is not None:
            frames = [frame.replace(path=path) if frame.path == own.path else frame for frame in trace.frames]
            return trace.replace(frames=frames)
    return None


def _candidates(frame: Frame, tree: Tree) -> Iterator[str]:
    """Yield what the path may have been in the repository: from a folder that stands at its root, else the last two."""
    parts = frame_parts(frame)
    starts = [index for index, part in enumerate(parts[:-1]) if part in tree.roots]
    for start in (starts or range(max(len(parts) - 2, 0), len(parts)))[:MAX_TRIED]:
        yield "/".join(parts[start:])


def _renamed(former: str, reader: CodeReader, commit: str) -> str | None:
    """Return the name that a file got by the last commit that touched it under this one."""
    for listed in reader.commits(commit, path=former, limit=1):
        changes = reader.commit(listed.sha).changes
        return next((change.path for change in changes if change.previous_path == former), None)
    return None
