"""Whether a patch is what it says: the exact revert of a commit of the branch, and of no other."""

from collections.abc import Sequence

from shared.analysis.solution.revert import Refusal, revert_edits
from shared.code_host import edits
from shared.code_host.port import CodeReader, FileWrite
from shared.contracts import CodeAnalysis, Patch


def reverted_commit(
    patch: Patch, writes: Sequence[FileWrite], reader: CodeReader, head: str, analysis: CodeAnalysis
) -> str | None:
    """
    Return the commit that `writes` undo at `head`, byte for byte, or None where they are another change.

    It must be a suspect, and in the history of `head`: a code host also serves commits of forks, whose reverts may
    bring anything. What says so of itself is not believed. Raises Unavailable, Throttled, Refused (from the reader).
    """
    sha = patch.reverts
    if patch.strategy != "revert" or sha is None or sha not in {each.sha for each in analysis.suspect_commits}:
        return None
    if reader.compare(sha, head).behind_by:
        return None
    expected = revert_edits(reader, sha, head)
    if isinstance(expected, Refusal):
        return None
    texts = {write.path: write.text for write in edits.apply(expected, lambda path: reader.read(path, head))}
    return sha if texts == {write.path: write.text for write in writes} else None
