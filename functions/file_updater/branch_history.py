"""Whether the base branch itself ever had what a revert brings back, or only one commit of a branch merged into it."""

from shared.code_host.port import CodeReader

UNSEEN = (
    "It undoes one commit of a branch that was merged, and brings back what the base branch itself never had: "
    "who reviewed the merge has not seen it."
)


def brings_what_was_never_there(reader: CodeReader, sha: str, head: str) -> bool:
    """
    Return whether undoing `sha`, which is in the history of `head`, brings a state of a file that the branch never had.

    A commit of a merged pull request may bring anything that the next one removes: neither review nor deployment meets
    it. True too where more lies between than one comparison lists. Raises Unavailable, Throttled, Refused.
    """
    commit = reader.commit(sha)
    parent, before = commit.parents[0], _branch_before(reader, sha, head)
    if before == sha:
        return False
    if before is None:
        return True
    paths = [change.previous_path or change.path for change in commit.changes]
    texts = reader.read_files([(path, ref) for ref in (parent, before) for path in paths])
    return texts[: len(paths)] != texts[len(paths) :]


def _branch_before(reader: CodeReader, sha: str, head: str) -> str | None:
    """
    Return the newest commit at which the branch itself stood and that `sha` has in its history; `sha` when it is one.

    A merge keeps the branch it was made on as its first parent. None where that leads beyond what was listed.
    """
    between = reader.compare(sha, head)
    first_parents = {commit.sha: commit.parents[0] for commit in between.commits if commit.parents}
    at = head
    while at in first_parents:
        at = first_parents[at]
    return at if between.ahead_by <= len(between.commits) else None
