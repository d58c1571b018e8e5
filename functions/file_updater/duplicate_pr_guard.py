"""Prevent a second pull request on the same files while one is open or is being written."""

from collections.abc import Sequence
from datetime import timedelta

from shared import clock, log, traces
from shared.code_host.port import ExistingPullRequest, PullRequests
from shared.code_host.repository_policy import BRANCH_PREFIX, branch_of
from shared.errors import IncidentCopilotError
from shared.http.parallel import Parallel

# Longer than both writing steps take with their retries; after that the pull request itself can be found.
WRITE_LEASE = timedelta(minutes=10)


def existing_pull_request(pulls: PullRequests, incident_id: str, paths: Sequence[str]) -> ExistingPullRequest | None:
    """
    Return the pull request that makes this incident's needless, or None; its own open one does not count.

    Its own that a person merged or closed does count: it is not opened again against that person's decision.
    Raises Unavailable, Throttled, Refused.
    """
    with Parallel() as calls:
        of_incident = calls.start(pulls.of_branch, branch_of(incident_id))
        touching = calls.start(pulls.touching, paths, BRANCH_PREFIX)
        own = of_incident.result()
    if own is not None:
        return None if own.state == "open" else own
    other = touching.result()
    return other if other is not None and _is_ours(other) else None


def _is_ours(pull: ExistingPullRequest) -> bool:
    """Return whether an incident stands behind it: a foreign branch with a name like ours holds nothing back."""
    try:
        return traces.connect().incident(incident_of(pull.branch)) is not None
    except IncidentCopilotError as error:
        log.warning("file_updater.guard_failed", error_type=type(error).__name__, error=str(error))
        return True


def incident_of(branch: str) -> str:
    """Return the incident whose branch it is."""
    return branch.removeprefix(BRANCH_PREFIX)


def other_at_work(repo: str, incident_id: str, paths: Sequence[str]) -> str | None:
    """
    Return the incident that is writing one of the files now, or None when this one holds them for WRITE_LEASE.

    When the trace store fails this is unknown, and the patch goes on: open pull requests were checked before.
    """
    claimed: list[str] = []
    try:
        for path in sorted(paths):
            key = f"patch:{repo.lower()}:{path}"
            holder = traces.connect().claim(key, incident_id, clock.now() + WRITE_LEASE).holder
            if holder != incident_id:
                _release(claimed, incident_id)
                return holder
            claimed.append(key)
    except IncidentCopilotError as error:
        log.warning("file_updater.guard_failed", error_type=type(error).__name__, error=str(error))
    return None


def _release(keys: Sequence[str], incident_id: str) -> None:
    for key in keys:
        traces.connect().release(key, incident_id)
