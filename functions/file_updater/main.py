"""FileUpdaterAgent: puts the patch on a branch as one commit; no model, only exact edits."""

from shared.code_host import repository_policy
from shared.code_host import writer as code_writer
from shared.contracts import Branch, FileUpdateRequest
from shared.errors import Rejected
from shared.pull_request import approval
from shared.step import waking
from shared.step.step import step

from .write_branch import update

waking.on_wake("code host", code_writer.load)


@step
def file_updater(request: FileUpdateRequest) -> Branch:
    """Return the branch that holds the patch; for every other status the message says why there is no branch."""
    patch, repo = request.solution.patch, request.code_analysis.repo
    if patch is None:
        return Branch(status="skipped", message=request.solution.patch_withheld or "The solution has no patch.")
    if approval.mode() == "off":
        return Branch(status="skipped", repo=repo, message="Pull requests are switched off (PR_MODE is off).")
    try:
        destination = repository_policy.target_of(request.alert, request.code_analysis)
        writer = code_writer.connect(destination.repo)
        if writer is None:
            return Branch(status="skipped", repo=repo, message="No credentials to write: set GITHUB_TOKEN.")
        return update(request, patch, writer, destination.base_branch)
    except Rejected as refusal:
        return Branch(status="refused", repo=repo, message=str(refusal))
