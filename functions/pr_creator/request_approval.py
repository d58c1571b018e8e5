"""Ask a person before the pull request is opened: store what waits, and make the link."""

from datetime import timedelta

from shared import clock, traces
from shared.contracts import PullRequest, PullRequestRequest
from shared.errors import Rejected
from shared.pull_request import approval
from shared.pull_request.approval import Waiting
from shared.pull_request.signing import ApprovalSettings

from .pr_text import pr_body, pr_title


def ask(request: PullRequestRequest) -> PullRequest:
    """
    Store the checked patch with the incident and return the link on which it can be approved, once.

    Raises Rejected (no callback to resume the workflow), Misconfigured (no key or address), Unavailable, Refused.
    """
    branch, settings = request.branch, ApprovalSettings.from_env()
    if request.callback_url is None or branch.diff_ref is None or branch.branch is None:
        raise Rejected("An approval needs callback_url, and a branch with diff_ref")
    until = clock.now() + timedelta(hours=settings.approval_hours)
    waiting = Waiting(
        title=pr_title(request),
        body=pr_body(request),
        repo=branch.repo or "",
        branch=branch.branch,
        base_branch=branch.base_branch or "",
        base_commit=branch.base_commit or "",
        diff_ref=branch.diff_ref,
        callback_url=request.callback_url,
        approve_until=until,
    )
    approval.ask(traces.connect(), request.incident_id, waiting)
    return PullRequest(
        status="awaiting_approval",
        branch=branch.branch,
        approval_url=settings.link(request.incident_id),
        approve_until=until,
        approve_within_s=settings.approval_hours * 3600,
        message=f"{waiting.title}: waits for approval until {until:%Y-%m-%d %H:%M} UTC.",
    )
