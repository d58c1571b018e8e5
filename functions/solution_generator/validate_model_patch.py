"""Decides whether a fix that a model proposes may be drafted: small, exact, and in code the model was shown."""

import re

from shared.agent.claim_checks import GroundingContext, has_address
from shared.analysis.solution.solve import SUITE, test_cases
from shared.bounds import clip
from shared.code_host import edits
from shared.code_host.port import CodeReader
from shared.contracts import CodeAnalysis, FileEdit, Patch, Solution, SolutionRequest
from shared.errors import IncidentCopilotError, Rejected
from shared.pull_request.writable_paths import denial
from shared.text.plain_text import as_rendered

# Commands a code host obeys in a commit message: skip pipelines, close issues, mention people.
_COMMANDS = re.compile(
    r"(?i)\[[a-z -]*(skip|no)[a-z -]*\]|\b(close|fix|resolve)[sd]?(es|ed)?:?\s+(\S+)?#|(?<!\w)@\w|^[\w-]+-by:"
)
MAX_FILES = 3
MAX_CHARS = 8_000
"""Text written by one fix: more is a rewrite, which is for people."""
UNDO = "Revert the merge of this pull request."


def decided(
    refined: Solution,
    offline: Solution,
    request: SolutionRequest,
    reader: CodeReader | None,
    context: GroundingContext,
) -> tuple[Solution, list[str]]:
    """
    Return the solution with the patch that may be drafted, and what was dropped.

    An exact revert of the one culprit is known to end the failure, so no proposed fix takes its place.
    """
    proposed, code = refined.patch, request.code_analysis
    if proposed is None or proposed == offline.patch:
        return _with_patch(refined, offline.patch, offline.patch_withheld), []
    if offline.patch is not None:
        return _with_patch(refined, offline.patch, None), ["dropped a fix: the exact revert of the culprit is kept"]
    reason = _refusal(proposed, code, reader, context)
    if reason is None and code is not None:
        cases = [*test_cases(request.incident, code), SUITE]
        return _with_patch(refined, _cleaned(proposed, cases, context), None), []
    withheld = f"{offline.patch_withheld or 'No commit is certain enough to revert.'} A fix was not drafted: {reason}."
    return _with_patch(refined, None, withheld), [f"dropped a fix: {reason}"]


def _with_patch(solution: Solution, patch: Patch | None, withheld: str | None) -> Solution:
    return solution.replace(patch=patch, patch_withheld=None if patch else withheld)


def _refusal(
    patch: Patch, code: CodeAnalysis | None, reader: CodeReader | None, context: GroundingContext
) -> str | None:
    """Return why the fix may not be drafted, or None when it may."""
    if code is None or reader is None or not code.commit:
        return "the repository could not be read"
    if patch.strategy != "fix":
        return "only code makes reverts"
    # What a model asked to read is no place that the evidence leads to.
    located_paths = frozenset(code.located_files)
    if len({edit.path for edit in patch.files_to_modify}) > MAX_FILES:
        return f"it changes more than {MAX_FILES} files"
    if sum(len(edit.new or "") for edit in patch.files_to_modify) > MAX_CHARS:
        return f"it writes more than {MAX_CHARS} characters"
    for edit in patch.files_to_modify:
        if reason := _doubt(edit, located_paths, context):
            return reason
    return _misfit(patch, code, reader)


def _doubt(edit: FileEdit, located_paths: frozenset[str], context: GroundingContext) -> str | None:
    if edit.path not in located_paths:
        return "it changes a file that the evidence does not lead to"
    if denied := denial(edit.path, "fix"):
        return f"{clip(edit.path, 200)!r} is not changed automatically: {denied}"
    if edit.original is None or edit.new is None:
        return "it creates or deletes a file"
    if has_address(edit.new) and any(line not in context.text for line in edit.new.splitlines() if has_address(line)):
        return "it brings in an address"
    if any(as_rendered(line) != line and line not in edit.original for line in edit.new.splitlines()):
        return "it brings in marks that a reviewer does not see as they are"
    return None


def _misfit(patch: Patch, code: CodeAnalysis, reader: CodeReader) -> str | None:
    """Return why the edits do not apply to the head of the base branch, or None; file_updater checks the rest."""
    try:
        head = (reader.resolve(code.base_branch) if code.base_branch else None) or code.commit or ""

        def read(path: str) -> str | None:
            return reader.read(path, head)

        edits.apply(patch.files_to_modify, read)
    except Rejected as refusal:
        return str(refusal)
    except IncidentCopilotError as error:
        return f"the repository could not be read ({type(error).__name__}: {error})"
    return None


def _cleaned(patch: Patch, test_cases: list[str], context: GroundingContext) -> Patch:
    """Keep the reasons that the evidence holds, and let code say how to test and to undo; the change stays as it is."""
    files = [edit.replace(reason=_safe_reason(edit.reason, context)) for edit in patch.files_to_modify]
    return patch.replace(reverts=None, files_to_modify=files, test_cases=test_cases, rollback_plan=UNDO)


def _safe_reason(text: str, context: GroundingContext) -> str:
    reason = context.prose(text, [])
    return "" if _COMMANDS.search(reason) else reason
