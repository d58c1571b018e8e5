"""Write a patch to its branch: checked first, held back for a person or for another pull request, then written."""

from datetime import timedelta

from shared import clock, traces
from shared.code_host.port import CodeWriter, ExistingPullRequest
from shared.code_host.repository_policy import branch_of
from shared.contracts import Branch, FileUpdateRequest, Patch
from shared.errors import Rejected
from shared.http.parallel import Parallel
from shared.pull_request import approval
from shared.pull_request.approval import ApprovalHours
from shared.pull_request.published import check_unpublished
from shared.step import recorder

from .commit_message import commit_message
from .duplicate_pr_guard import existing_pull_request, incident_of, other_at_work
from .needs_person import why_a_person
from .patch_plan import Plan, plan
from .patch_policy import PatchPolicy, check_shown
from .pull_request_brake import check_open, waits_already


def update(request: FileUpdateRequest, patch: Patch, writer: CodeWriter, base_branch: str | None) -> Branch:
    """
    Return the incident's branch, written now or existing, or why there is none yet; None is the default base branch.

    Nothing is written before everything that can be checked by reading was checked, nor after the brief was made.
    Raises Rejected (the obstacle), Refused, Throttled, Unavailable, Uncertain (the branch may exist).
    """
    if obstacle := writer.obstacle():
        raise Rejected(obstacle)
    reader = writer.reader
    base = base_branch or reader.default_branch()
    paths = [edit.path for edit in patch.files_to_modify]
    with Parallel() as calls:
        resolved = calls.start(reader.resolve, base)
        duplicate = calls.start(existing_pull_request, writer.pulls, request.incident_id, paths)
        brake = calls.start(check_open, writer.pulls, request.incident_id, reader.repo)
        head = resolved.result()
        if head is None:
            raise Rejected(f"{reader.repo} has no branch {base!r}, or is empty")
        if existing := duplicate.result():
            return _linked(request, existing, reader.repo, base)
        brake.result()
    with recorder.tool("apply_patch", repo=reader.repo, base=head) as call:
        planned = plan(patch, reader, head, PatchPolicy.from_env(), request.code_analysis)
        call.result = planned.diff
    _check_located(request, planned)
    why = why_a_person(request, patch, planned.reverts, reader, head)
    is_approved = approval.is_approved(traces.connect(), request.incident_id, planned.diff)
    if (why or request.is_approved) and not is_approved:
        return _awaiting(request, planned, reader.repo, base, why)
    check_unpublished(traces.connect(), request.incident_id, is_approved=is_approved)
    if other := other_at_work(reader.repo, request.incident_id, planned.paths):
        message = f"Incident {other} is writing a change of the same files at this moment; see its pull request."
        return Branch(status="skipped", repo=reader.repo, base_branch=base, files=planned.paths, message=message)
    return _written(request, patch, planned, writer, base)


def _check_located(request: FileUpdateRequest, planned: Plan) -> None:
    """Accept a model's change of files that code located. Raises Rejected: a model may ask to read any file."""
    located = request.code_analysis.located_files
    for path in planned.paths if planned.reverts is None else []:
        if path not in located:
            raise Rejected(f"{path!r} is not a file that the evidence leads to, so a model's change of it is not made")


def _linked(request: FileUpdateRequest, existing: ExistingPullRequest, repo: str, base: str) -> Branch:
    if incident_of(existing.branch) == request.incident_id:
        message = f"Pull request #{existing.number} of this incident was {existing.state} by a person; no second one."
    else:
        message = (
            f"Pull request #{existing.number} of incident {incident_of(existing.branch)} changes the same files and is "
            "open; no second one is opened."
        )
    return Branch(
        status="exists",
        repo=repo,
        branch=existing.branch,
        base_branch=base,
        linked_pr_number=existing.number,
        linked_pr_url=existing.url,
        message=message,
    )


def _awaiting(request: FileUpdateRequest, planned: Plan, repo: str, base: str, why: str) -> Branch:
    """Store the diff for the approval page. Raises Rejected when the person declined, Unavailable."""
    if request.is_approved:
        raise Rejected("Nobody approved the pull request")
    if planned.reverts is None:
        check_shown(planned.diff)
    until = clock.now() + timedelta(hours=ApprovalHours.from_env().approval_hours)
    if other := waits_already(repo, request.incident_id, planned.paths, until):
        message = f"Incident {other} waits for the approval of a change of the same files; its brief has the link."
        return Branch(status="skipped", repo=repo, base_branch=base, files=planned.paths, message=message)
    reference = traces.connect().keep_text(request.incident_id, "patch", approval.reviewable(planned.diff))
    return Branch(
        status="awaiting_approval",
        repo=repo,
        branch=branch_of(request.incident_id),
        base_branch=base,
        base_commit=planned.base_commit,
        files=planned.paths,
        stats=planned.stats,
        diff_ref=reference,
        reverts=planned.reverts,
        message=f"Checked; nothing is written before a person approves. {why}",
    )


def _written(request: FileUpdateRequest, patch: Patch, planned: Plan, writer: CodeWriter, base: str) -> Branch:
    name, head = branch_of(request.incident_id), planned.base_commit
    message = commit_message(request, patch, planned.reverts)
    with recorder.tool("commit_files", repo=writer.repo, branch=name, base=head, files=planned.paths) as call:
        written = writer.commit_files(name, head, message, planned.writes)
        call.result = written.commit
    return Branch(
        status="success" if written.created else "exists",
        repo=writer.repo,
        branch=written.branch,
        base_branch=base,
        base_commit=head if written.created else None,
        commit=written.commit,
        reverts=planned.reverts,
        files=planned.paths,
        stats=planned.stats,
        message=f"One commit on {base} at {head[:12]}." if written.created else "The branch was there already.",
    )
