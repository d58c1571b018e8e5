"""Open the pull request of a branch, and record it with the incident."""

from shared import log, traces
from shared.code_host import writer as code_writer
from shared.code_host.port import PullRequestDraft, PullRequestOpened
from shared.contracts import PullRequest, PullRequestRequest
from shared.errors import IncidentCopilotError
from shared.pull_request import approval, marker
from shared.pull_request.published import check_unpublished
from shared.step import recorder
from shared.traces.pull_request_record import PullRequestRecord

from .pr_text import pr_body, pr_title
from .reviewers import reviewers

LABELS = ("incident", "incident-copilot")


def open_for(request: PullRequestRequest) -> PullRequest:
    """
    Return the branch's pull request, opened now or existing.

    Raises Refused, Throttled, Unavailable, Uncertain (it may be open), Misconfigured.
    """
    branch = request.branch
    writer = code_writer.connect(branch.repo)
    if writer is None or branch.branch is None or branch.base_branch is None:
        return PullRequest(status="skipped", branch=branch.branch, message="No credentials to write: set GITHUB_TOKEN.")
    draft = _draft(request, branch.branch, branch.base_branch, reviewers(request, writer.reader))
    check_unpublished(traces.connect(), request.incident_id, is_approved=request.is_approved)
    with recorder.tool("open_pull_request", repo=branch.repo, branch=branch.branch, title=draft.title) as call:
        opened = writer.pulls.open(draft)
        call.result = opened.url
    _record(request, draft, opened)
    return PullRequest(
        status="success" if opened.created else "exists",
        branch=branch.branch,
        pr_number=opened.number,
        pr_url=opened.url,
        draft=opened.draft,
        reviewers=list(opened.reviewers),
        message=draft.title,
    )


def _draft(
    request: PullRequestRequest, branch: str, base: str, requested_reviewers: tuple[str, ...]
) -> PullRequestDraft:
    return PullRequestDraft(
        branch=branch,
        base_branch=base,
        title=pr_title(request),
        body=pr_body(request),
        marker=marker.marker(request.incident_id),
        labels=(*LABELS, f"severity:{request.incident.severity}"),
        reviewers=requested_reviewers,
        is_draft=approval.mode() != "ready",
    )


def _record(request: PullRequestRequest, draft: PullRequestDraft, opened: PullRequestOpened) -> None:
    """Record what was opened with the incident; when the store fails the pull request stays open, unrecorded."""
    try:
        store = traces.connect()
        record = store.incident(request.incident_id)
        stored = record.pull_request if record else None
        # The GitHub webhook may have recorded a newer state already.
        if stored is None or stored.number != opened.number:
            # Who approved what stays with it.
            pull_request = (stored or PullRequestRecord(state="open")).replace(
                state="open",
                repo=request.branch.repo,
                number=opened.number,
                url=opened.url,
                branch=draft.branch,
                title=draft.title,
                is_draft=opened.draft,
                decision="approve" if request.is_approved else None,
            )
            store.set_pull_request(request.incident_id, pull_request)
    except IncidentCopilotError as error:
        log.warning("pr_creator.not_recorded", error_type=type(error).__name__, error=str(error))
