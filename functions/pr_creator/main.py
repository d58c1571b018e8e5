"""PRCreatorAgent: opens the draft pull request; no model, only facts already gathered."""

from shared import code_host, recorder
from shared.contracts import PullRequest, PullRequestRequest
from shared.step import step

from .pr_text import pr_body, pr_title

LABELS = ("incident", "incident-copilot")


@step("PRCreatorAgent")
def pr_creator(request: PullRequestRequest) -> PullRequest:
    """Return the draft pull request of the incident's branch, opened now or found again."""
    branch = request.branch
    if not branch.is_ready or branch.branch is None or branch.base_branch is None:
        return PullRequest(status="skipped", branch=branch.branch, message=branch.message)
    writer = code_host.connect_writer(branch.repo)
    if writer is None:
        return PullRequest(status="skipped", branch=branch.branch, message="No credentials to write: set GITHUB_TOKEN.")
    title = pr_title(request)
    with recorder.tool("open_pull_request", repo=branch.repo, branch=branch.branch, title=title) as call:
        opened = writer.open_pull_request(branch.branch, branch.base_branch, title, pr_body(request), LABELS)
        call.result = opened.url
    return PullRequest(
        status="success" if opened.created else "exists",
        branch=branch.branch,
        pr_number=opened.number,
        pr_url=opened.url,
        draft=opened.draft,
        message=title,
    )
