"""Bounds what waits for people in one repository: open pull requests, and approvals for one change."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import Field

from shared import clock, log, traces
from shared.code_host.port import PullRequests
from shared.code_host.repository_policy import BRANCH_PREFIX, branch_of
from shared.errors import IncidentCopilotError, Rejected
from shared.settings import Settings
from shared.traces.port import TraceStore

# The wait for approval is recorded by the next step; until then the lease alone says so.
_RECORDED_AFTER = timedelta(minutes=10)


class PullRequestBrake(Settings):
    """How many pull requests of incidents may be open in one repository."""

    pr_max_open_per_repo: int = Field(
        10, ge=1, le=100, description="Open pull requests of incidents in one repository; over it none is opened."
    )


def check_open(pulls: PullRequests, incident_id: str, repo: str) -> None:
    """
    Check that the repository may have one more open pull request of an incident.

    Steps that write at the same moment may each see the last free place. Raises Rejected, which says how to go on, and
    Unavailable, Throttled, Refused.
    """
    limit = PullRequestBrake.from_env().pr_max_open_per_repo
    others = [branch for branch in pulls.open_branches(BRANCH_PREFIX) if branch != branch_of(incident_id)]
    if len(others) >= limit:
        raise Rejected(
            f"{len(others)} pull requests of incidents are open in {repo}, and PR_MAX_OPEN_PER_REPO is {limit}: no "
            "other is opened. Merge or close some, or raise it; the change is in the trace of this incident"
        )


def waits_already(repo: str, incident_id: str, paths: Sequence[str], until: datetime) -> str | None:
    """
    Return the incident that waits for the approval of a change of one of these files, so that people are asked once.

    None when this one asks; it then holds the files until `until`. None too when the trace store fails: asking twice is
    better than not at all.
    """
    store, claimed = traces.connect(), list[str]()
    try:
        for path in sorted(paths):
            key = f"awaits-approval:{repo.lower()}:{path}"
            lease = store.claim(key, incident_id, until)
            if lease.holder != incident_id and not _waits(store, lease.holder):
                store.release(key, lease.holder)
                lease = store.claim(key, incident_id, until)
            if lease.holder != incident_id:
                for other in claimed:
                    store.release(other, incident_id)
                return lease.holder
            claimed.append(key)
    except IncidentCopilotError as error:
        log.warning("file_updater.guard_failed", error_type=type(error).__name__, error=str(error))
    return None


def _waits(store: TraceStore, incident_id: str) -> bool:
    """Return whether a person can still approve the incident's change."""
    record = store.incident(incident_id)
    if record is None:
        return False
    if record.pull_request is None:
        return clock.now() - record.created_at < _RECORDED_AFTER
    until = record.pull_request.approve_until
    return record.pull_request.state == "awaiting_approval" and (until is None or until > clock.now())
