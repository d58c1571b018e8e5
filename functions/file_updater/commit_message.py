"""The message of the commit that holds a patch; texts of models and of other commits do nothing in it."""

from shared.contracts import FileUpdateRequest, Patch
from shared.text.harmless import unreferring


def commit_message(request: FileUpdateRequest, patch: Patch, reverts: str | None) -> str:
    """Return subject and body in git's own form; what is checked to be the revert of a commit is worded as git does."""
    return f"{_subject(request, patch, reverts)}\n\n{_reasons(patch, reverts)}\n\nIncident: {request.incident_id}\n"


def _subject(request: FileUpdateRequest, patch: Patch, reverts: str | None) -> str:
    if reverts:
        return f'Revert "{_subject_of(request, reverts)}"'
    return unreferring(f"Fix {request.alert.service_name}: {patch.files_to_modify[0].reason}").rstrip(": ")[:72]


def _subject_of(request: FileUpdateRequest, sha: str) -> str:
    for commit in request.code_analysis.suspect_commits:
        if commit.sha == sha:
            return unreferring(commit.subject)
    return sha[:12]


def _reasons(patch: Patch, reverts: str | None) -> str:
    lines = [f"This reverts commit {reverts}."] if reverts else []
    lines += [f"- {unreferring(f'{edit.path}: {edit.reason}')}" for edit in patch.files_to_modify if edit.reason]
    return "\n".join(dict.fromkeys(lines)) or "See the incident for the evidence."
