"""PRCreatorAgent: opens the pull request, or asks a person first; no model, only collected facts."""

from shared.code_host import repository_policy
from shared.code_host import writer as code_writer
from shared.contracts import PullRequest, PullRequestRequest
from shared.pull_request import approval
from shared.pull_request.signing import ApprovalSettings
from shared.step import waking
from shared.step.step import step

from .open_pull_request import open_for
from .request_approval import ask

waking.on_wake("code host", code_writer.load)

NO_APPROVAL = (
    "No approval is set up (APPROVAL_SIGNING_KEY, APPROVAL_URL), so that nothing was written. "
    "Apply it by hand if it is right:"
)


@step
def pr_creator(request: PullRequestRequest) -> PullRequest:
    """Return the pull request of the incident's branch: opened now, existing, waiting for a person, or linked."""
    branch = request.branch
    if branch.awaits_approval:
        repository_policy.check_branch(request.alert, request.code_analysis, branch)
        if approval.mode() != "approval" and not ApprovalSettings.is_set_up():
            return PullRequest(status="skipped", branch=branch.branch, message=f"{branch.message} {NO_APPROVAL}")
        return ask(request)
    if not branch.is_ready:
        status = "refused" if branch.status == "refused" else "skipped"
        return PullRequest(status=status, branch=branch.branch, message=branch.message)
    if branch.linked_pr_url is not None:
        return PullRequest(
            status="exists",
            branch=branch.branch,
            pr_number=branch.linked_pr_number,
            pr_url=branch.linked_pr_url,
            message=branch.message,
        )
    repository_policy.check_branch(request.alert, request.code_analysis, branch)
    return open_for(request)
