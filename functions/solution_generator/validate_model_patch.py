"""Decides whether a fix that a model proposes may be drafted: small, exact, and in code the model was shown."""

import re

from shared.agent.answer_checks import unsafe
from shared.agent.claim_checks import GroundingContext, has_address
from shared.bounds import clip
from shared.code_host import edits
from shared.code_host.port import CodeReader
from shared.contracts import CodeAnalysis, FileEdit, Patch, Solution
from shared.errors import IncidentCopilotError, Rejected
from shared.pull_request.writable_paths import denial

# Commands a code host obeys in a commit message: skip pipelines, close issues, mention people.
_COMMANDS = re.compile(
    r"(?i)\[[a-z -]*(skip|no)[a-z -]*\]|\b(close|fix|resolve)[sd]?(es|ed)?:?\s+(\S+)?#|(?<!\w)@\w|^[\w-]+-by:"
)
MAX_FILES = 3
MAX_CHARS = 8_000
"""Text written by one fix: more is a rewrite, which is for people."""


def decided(
    refined: Solution,
    offline: Solution,
    code: CodeAnalysis | None,
    reader: CodeReader | None,
    context: GroundingContext,
) -> tuple[Solution, list[str]]:
    """
    Return the solution with the patch that may be drafted, and what was dropped.

    An exact revert of the one culprit is known to end the failure, so no proposed fix takes its place.
    """
    proposed = refined.patch
    if proposed is None or proposed == offline.patch:
        return _with_patch(refined, offline.patch, offline.patch_withheld), []
    if offline.patch is not None:
        return _with_patch(refined, offline.patch, None), ["dropped a fix: the exact revert of the culprit is kept"]
    reason = _refusal(proposed, code, reader, context)
    if reason is None:
        return _with_patch(refined, _cleaned(proposed, context), None), []
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
        return f"{clip(edit.path, 200)!r} is not a file the evidence leads to"
    if denied := denial(edit.path, "fix"):
        return f"{clip(edit.path, 200)!r} is not changed automatically: {denied}"
    if edit.original is None or edit.new is None:
        return "it creates or deletes a file"
    if has_address(edit.new) and any(line not in context.text for line in edit.new.splitlines() if has_address(line)):
        return "it brings in an address"
    return f"it brings in {reason}" if (reason := unsafe(edit.new)) and edit.new not in context.text else None


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


def _cleaned(patch: Patch, context: GroundingContext) -> Patch:
    """Remove links and commands from the texts around the change; the change itself is never touched."""
    files = [edit.replace(reason=_safe_line(edit.reason, context)) for edit in patch.files_to_modify]
    tests = [line for case in patch.test_cases if (line := _safe_line(case, context))]
    plan = _safe_line(patch.rollback_plan, context) or "Revert the merge of this pull request."
    return patch.replace(reverts=None, files_to_modify=files, test_cases=tests, rollback_plan=plan)


def _safe_line(text: str, context: GroundingContext) -> str:
    line = " ".join(text.split())
    return "" if unsafe(line) or context.invented_name(line) or _COMMANDS.search(line) else line
