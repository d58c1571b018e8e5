"""Choose reviewers: the owners of the changed files, else their last authors."""

from collections.abc import Sequence

from shared import log
from shared.code_host.port import CodeReader
from shared.contracts import PullRequestRequest
from shared.errors import IncidentCopilotError
from shared.http.parallel import in_parallel
from shared.pull_request.code_owners import PLACES, owners

MAX_OWNERS = 4
MAX_AUTHORS = 2
_PATHS_READ = 3
_COMMITS_READ = 10


def reviewers(request: PullRequestRequest, reader: CodeReader) -> tuple[str, ...]:
    """Return logins and `org/team`, best first; empty when none is known, as that must not block the fix."""
    base = request.branch.base_commit or request.branch.base_branch
    if base is None:
        return ()
    try:
        file_owners = _owners(reader, base, request.branch.files)
        return tuple(file_owners[:MAX_OWNERS] or _authors(request, reader, base)[:MAX_AUTHORS])
    except IncidentCopilotError as error:
        log.warning("pr_creator.reviewers_unknown", error_type=type(error).__name__, error=str(error))
        return ()


def _owners(reader: CodeReader, base: str, paths: Sequence[str]) -> list[str]:
    owner = reader.repo.split("/")[0].lower()
    text = next((text for place in PLACES if (text := reader.read(place, base)) is not None), "")
    # A team of another organisation cannot be requested as reviewer.
    return [name for name in owners(text, paths) if "/" not in name or name.lower().startswith(f"{owner}/")]


def _authors(request: PullRequestRequest, reader: CodeReader, base: str) -> list[str]:
    """Return the author of the reverted commit, then the last authors of the files, each once."""
    reverts, paths = request.branch.reverts, request.branch.files[:_PATHS_READ]
    histories = in_parallel(lambda path: reader.commits(base, path=path, limit=_COMMITS_READ), paths)
    commits = {commit.sha: commit for history in histories for commit in history}
    if reverts:
        commits = {reverts: commits.get(reverts) or reader.commit(reverts), **commits}
    return list(dict.fromkeys(commit.login for commit in commits.values() if commit.login))
