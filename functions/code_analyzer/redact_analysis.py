"""Redacts secrets in what was read from a repository, where it becomes evidence."""

from typing import TypeVar

from shared.bounds import Contract
from shared.contracts import CodeAnalysis
from shared.redaction import redact

Part = TypeVar("Part", bound=Contract)

_TEXTS = (
    *("text", "code_snippet", "issue_description", "error_correlation", "subject", "author", "why"),
    *("what", "version_before", "version_after"),
)


def without_secrets(analysis: CodeAnalysis) -> CodeAnalysis:
    """Return the analysis without secrets; patches are made from the repository itself, not from this."""
    return analysis.replace(
        analysis_summary=redact(analysis.analysis_summary),
        problematic_files=[_redacted(place) for place in analysis.problematic_files],
        suspect_commits=[_redacted(commit) for commit in analysis.suspect_commits],
        evidence=[_redacted(piece) for piece in analysis.evidence],
        what_changed=[_redacted(change) for change in analysis.what_changed],
        hints=[redact(hint) for hint in analysis.hints],
    )


def _redacted(part: Part) -> Part:
    return part.replace(**{name: redact(getattr(part, name)) for name in _TEXTS if hasattr(part, name)})
