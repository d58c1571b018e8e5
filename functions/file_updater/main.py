"""FileUpdaterAgent: puts the patch on a branch as one commit; no model, only exact edits."""

from pydantic import Field

from shared import code_host, recorder
from shared.code_host import edits
from shared.code_host.port import CodeReader, FileWrite
from shared.contracts import Branch, FileUpdateRequest, Patch
from shared.errors import Rejected
from shared.settings import Settings
from shared.step import step

from .commit_message import commit_message


class PatchPolicy(Settings):
    """Which protected paths (CI, lock files, secrets) a patch may touch all the same; glob patterns."""

    pr_allowed_paths: list[str] = Field(default_factory=list)


@step("FileUpdaterAgent")
def file_updater(request: FileUpdateRequest) -> Branch:
    """Return the branch that holds the patch; `skipped` or `refused` say in their message why there is none."""
    patch, repo = request.solution.patch, request.code_analysis.repo
    if patch is None:
        return Branch(status="skipped", message=request.solution.patch_withheld or "The solution has no patch.")
    reader, writer = code_host.connect_reader(repo), code_host.connect_writer(repo)
    if reader is None or writer is None:
        return Branch(status="skipped", repo=repo, message="No credentials to write: set GITHUB_TOKEN.")
    base = request.code_analysis.base_branch or reader.default_branch()
    head = reader.resolve(base)
    if head is None:
        return Branch(status="refused", repo=repo, base_branch=base, message=f"There is no branch {base!r}.")
    try:
        files = _edited(patch, reader, head)
    except Rejected as refusal:
        return Branch(status="refused", repo=repo, base_branch=base, message=str(refusal)[:1000])
    name, paths = f"incident/{request.incident_id}", [file.path for file in files]
    with recorder.tool("commit_files", repo=repo, branch=name, base=head, files=paths) as call:
        written = writer.commit_files(name, head, commit_message(request, patch), files)
        call.result = written.commit
    return Branch(
        status="success" if written.created else "exists",
        repo=repo,
        branch=written.branch,
        base_branch=base,
        commit=written.commit,
        files=paths,
        message=f"One commit on {base} at {head[:12]}.",
    )


def _edited(patch: Patch, reader: CodeReader, head: str) -> list[FileWrite]:
    def read(path: str) -> str | None:
        return reader.read(path, head)

    writes = edits.apply(patch.files_to_modify, read)
    edits.check(writes, read, PatchPolicy.from_env().pr_allowed_paths)
    return writes
