"""Whether a patch is what it says: the exact revert of a commit of the branch, and of no other."""

from collections.abc import Sequence

from shared.analysis.solution.revert import Refusal, revert_edits, sides
from shared.code_host import edits
from shared.code_host.port import CodeReader, FileWrite
from shared.contracts import CodeAnalysis, Patch
from shared.http.parallel import Parallel


def claimed_revert(patch: Patch, analysis: CodeAnalysis) -> str | None:
    """Return the suspect commit that the patch calls itself the revert of, which is to be checked."""
    is_of_suspect = patch.reverts in {each.sha for each in analysis.suspect_commits}
    return patch.reverts if patch.strategy == "revert" and is_of_suspect else None


def read_ahead(patch: Patch, reader: CodeReader, head: str, analysis: CodeAnalysis) -> None:
    """
    Read beside each other what the checks of the patch read one after the other, and which the reader then has.

    Raises Unavailable, Throttled, Refused (from the reader), as these checks would.
    """
    places, sha = [(edit.path, head) for edit in patch.files_to_modify], claimed_revert(patch, analysis)
    with Parallel() as calls:
        listed = calls.start(reader.paths, head)
        if sha is not None:
            compared, commit = calls.start(reader.compare, sha, head), calls.start(reader.commit, sha)
            compared.result()
            places += sides(commit.result(), head)
        listed.result()
    reader.read_files(places)


def reverted_commit(
    patch: Patch, writes: Sequence[FileWrite], reader: CodeReader, head: str, analysis: CodeAnalysis
) -> str | None:
    """
    Return the commit that `writes` undo at `head`, byte for byte, or None where they are another change.

    It must be a suspect, and in the history of `head`: a code host also serves commits of forks, whose reverts may
    bring anything. What says so of itself is not believed. Raises Unavailable, Throttled, Refused (from the reader).
    """
    sha = claimed_revert(patch, analysis)
    if sha is None or reader.compare(sha, head).behind_by:
        return None
    expected = revert_edits(reader, sha, head)
    if isinstance(expected, Refusal):
        return None
    texts = {write.path: write.text for write in edits.apply(expected, lambda path: reader.read(path, head))}
    return sha if texts == {write.path: write.text for write in writes} else None
