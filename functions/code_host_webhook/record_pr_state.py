"""Record the state of a pull request with its incident."""

from typing import Literal

from pydantic import ValidationError

from shared import log
from shared.code_host import repository_policy
from shared.contracts import Alert
from shared.errors import IncidentCopilotError
from shared.traces.port import IncidentRecord, TraceStore
from shared.traces.pull_request_record import PullRequestRecord, PullRequestState

from .github_event import CheckSuiteEvent, PullRequestEvent


def write_back(event: PullRequestEvent, store: TraceStore) -> str:
    """
    Write the pull request's state to its incident and return what was done; an older state changes nothing.

    Raises Unavailable, Throttled, Refused (from the store).
    """
    incident_id, pull = event.incident_id, event.pull_request
    if incident_id is None:
        return "The pull request belongs to no incident"
    record = store.incident(incident_id)
    if record is None:
        return f"There is no incident {incident_id!r}"
    stored = record.pull_request
    if not _is_expected(record, event.repository.full_name):
        return f"The pull request of {incident_id!r} is in another repository"
    if stored and _is_older(event, stored):
        return "A newer state is recorded already"
    pull_request = _updated(stored, event)
    store.set_pull_request(incident_id, pull_request)
    took_s = (pull.updated_at - record.created_at).total_seconds()
    log.info("pull_request.recorded", incident_id=incident_id, state=pull_request.state, after_s=round(took_s))
    return f"The pull request of {incident_id!r} is {pull_request.state}"


def write_checks(event: CheckSuiteEvent, store: TraceStore) -> str:
    """
    Write how the checks of an incident's pull request ended, and return what was done; one that failed decides.

    Raises Unavailable, Throttled, Refused (from the store).
    """
    incident_id, passed = event.incident_id, event.passed
    if incident_id is None or passed is None:
        return "The checks say nothing about an incident"
    record = store.incident(incident_id)
    if record is None or record.pull_request is None or record.pull_request.url is None:
        return f"No pull request of {incident_id!r} is recorded"
    if not _is_expected(record, event.repository.full_name):
        return f"The pull request of {incident_id!r} is in another repository"
    app = event.check_suite.app.name
    others = [name for name in record.pull_request.checks_failed if name != app]
    failed = others if passed else [*others, app]
    checks: Literal["passed", "failed"] = "failed" if failed else "passed"
    store.set_pull_request(incident_id, record.pull_request.replace(checks=checks, checks_failed=failed))
    log.info("pull_request.checked", incident_id=incident_id, checks=checks)
    return f"The checks of the pull request of {incident_id!r} {checks}"


def _is_expected(record: IncidentRecord, repo: str) -> bool:
    """Return whether the incident's change was written there; where that is not recorded, whether it would be."""
    if record.pull_request is not None and record.pull_request.repo:
        return record.pull_request.repo.lower() == repo.lower()
    try:
        expected = repository_policy.repository_of(Alert.model_validate(record.alert))
    except (ValidationError, IncidentCopilotError) as error:
        log.warning("pull_request.repository_unknown", error_type=type(error).__name__)
        return False
    return expected is not None and expected.lower() == repo.lower()


def _is_older(event: PullRequestEvent, stored: PullRequestRecord) -> bool:
    """Deliveries may come late, twice and out of order; of two pull requests the higher number is the newer."""
    if stored.updated_at is None or stored.number != event.pull_request.number:
        return (stored.number or 0) > event.pull_request.number
    return event.pull_request.updated_at < stored.updated_at


def _updated(stored: PullRequestRecord | None, event: PullRequestEvent) -> PullRequestRecord:
    """Return the record with the event's state; what waited and was decided stays."""
    pull = event.pull_request
    state: PullRequestState = "merged" if pull.merged_at else pull.state
    merger = pull.merged_by.login if pull.merged_by else ""
    return (stored or PullRequestRecord(state=state)).replace(
        state=state,
        repo=event.repository.full_name,
        number=pull.number,
        url=pull.html_url,
        branch=pull.head.ref,
        title=pull.title,
        is_draft=pull.draft,
        updated_at=pull.updated_at,
        merged_at=pull.merged_at,
        closed_at=pull.closed_at,
        merge_commit=pull.merge_commit_sha if pull.merged_at else None,
        by=merger or event.sender.login,
    )
