"""No second pull request on the same files: neither beside an open one, nor beside one being written now."""

from collections.abc import Sequence
from datetime import timedelta

from shared import clock, log, traces
from shared.code_host.port import ExistingPullRequest, PullRequests
from shared.errors import IncidentCopilotError

PREFIX = "incident/"
# Longer than both steps that write take with their retries; after that the pull request itself is found.
WRITING = timedelta(minutes=10)


def existing_pull_request(pulls: PullRequests, incident_id: str, paths: Sequence[str]) -> ExistingPullRequest | None:
    """
    Return the pull request that makes this incident's needless; none when there is none or it is its own and open.

    One of its own that a person merged or closed stands too: it is not opened again behind that person's back.
    Raises Unavailable, Throttled, Refused.
    """
    own = pulls.of_branch(branch_of(incident_id))
    if own is not None:
        return None if own.state == "open" else own
    return pulls.touching(paths, PREFIX)


def branch_of(incident_id: str) -> str:
    """Return the name of the incident's branch."""
    return f"{PREFIX}{incident_id}"


def incident_of(branch: str) -> str:
    """Return the incident whose branch it is."""
    return branch.removeprefix(PREFIX)


def other_at_work(repo: str, incident_id: str, paths: Sequence[str]) -> str | None:
    """
    Return the incident that is writing one of the files at this moment; none when the files are ours for WRITING.

    Without memory nobody can tell, and the patch goes on: open pull requests were looked at before.
    """
    taken: list[str] = []
    try:
        for path in sorted(paths):
            key = f"patch:{repo.lower()}:{path}"
            holder = traces.connect().claim(key, incident_id, clock.now() + WRITING).holder
            if holder != incident_id:
                _give_back(taken, incident_id)
                return holder
            taken.append(key)
    except IncidentCopilotError as error:
        log.warning("file_updater.guard_failed", error_type=type(error).__name__, error=str(error))
    return None


def _give_back(keys: Sequence[str], incident_id: str) -> None:
    for key in keys:
        traces.connect().release(key, incident_id)
