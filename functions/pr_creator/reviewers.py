"""Choose reviewers: the owners of the changed files, else their last authors."""

from collections.abc import Iterator, Sequence

from shared import log
from shared.code_host.port import CodeReader
from shared.contracts import PullRequestRequest
from shared.errors import IncidentCopilotError
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
        return tuple(file_owners[:MAX_OWNERS] or list(dict.fromkeys(_authors(request, reader, base)))[:MAX_AUTHORS])
    except IncidentCopilotError as error:
        log.warning("pr_creator.reviewers_unknown", error_type=type(error).__name__, error=str(error))
        return ()


def _owners(reader: CodeReader, base: str, paths: Sequence[str]) -> list[str]:
    owner = reader.repo.split("/")[0].lower()
    text = next((text for place in PLACES if (text := reader.read(place, base)) is not None), "")
    # A team of another organisation cannot be requested as reviewer.
    return [name for name in owners(text, paths) if "/" not in name or name.lower().startswith(f"{owner}/")]


def _authors(request: PullRequestRequest, reader: CodeReader, base: str) -> Iterator[str]:
    """Yield the author of the reverted commit, then the last authors of the files."""
    reverts = request.branch.reverts
    if reverts and (login := reader.commit(reverts).login):
        yield login
    for path in request.branch.files[:_PATHS_READ]:
        for commit in reader.commits(base, path=path, limit=_COMMITS_READ):
            if commit.login:
                yield commit.login
