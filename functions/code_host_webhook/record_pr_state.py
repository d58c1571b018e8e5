"""Record the state of a pull request with its incident."""

from datetime import datetime

from shared import log
from shared.traces.port import Json, TraceStore

from .github_event import PullRequestEvent


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
    pull_request = record.pull_request or {}
    if pull_request.get("repo") and str(pull_request["repo"]).lower() != event.repository.full_name.lower():
        return f"The pull request of {incident_id!r} is in another repository"
    if _is_older(event, pull_request):
        return "A newer state is recorded already"
    facts = _facts(event)
    store.set_pull_request(incident_id, {**pull_request, **facts})
    took_s = (pull.updated_at - record.created_at).total_seconds()
    log.info("pull_request.recorded", incident_id=incident_id, state=facts["state"], after_s=round(took_s))
    return f"The pull request of {incident_id!r} is {facts['state']}"


def _is_older(event: PullRequestEvent, pull_request: Json) -> bool:
    """Deliveries may come late, twice and out of order; of two pull requests the higher number is the newer."""
    if "updated_at" not in pull_request or pull_request.get("number") != event.pull_request.number:
        return int(pull_request.get("number") or 0) > event.pull_request.number
    return event.pull_request.updated_at < datetime.fromisoformat(pull_request["updated_at"])


def _facts(event: PullRequestEvent) -> Json:
    pull = event.pull_request
    merger = pull.merged_by.login if pull.merged_by else ""
    return {
        "state": "merged" if pull.merged_at else pull.state,
        "repo": event.repository.full_name,
        "number": pull.number,
        "url": pull.html_url,
        "branch": pull.head.ref,
        "title": pull.title,
        "is_draft": pull.draft,
        "updated_at": pull.updated_at.isoformat(),
        "merged_at": pull.merged_at.isoformat() if pull.merged_at else None,
        "closed_at": pull.closed_at.isoformat() if pull.closed_at else None,
        "merge_commit": pull.merge_commit_sha if pull.merged_at else None,
        "by": merger or event.sender.login,
    }
