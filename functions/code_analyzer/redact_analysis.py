"""Redacts secrets in what was read from a repository, where it becomes evidence."""

from typing import TypeVar

from shared.contracts import CodeAnalysis, Contract
from shared.redaction import redact

Part = TypeVar("Part", bound=Contract)

_BOUNDS = {"text": 2000, "code_snippet": 3000, "issue_description": 1000, "error_correlation": 1000, "subject": 300}
_BOUNDS |= {"author": 200, "why": 1000}


def without_secrets(analysis: CodeAnalysis) -> CodeAnalysis:
    """Return the analysis without secrets; patches are made from the repository itself, not from this."""
    return analysis.model_copy(
        update={
            "analysis_summary": redact(analysis.analysis_summary)[:3000],
            "problematic_files": [_redacted(place) for place in analysis.problematic_files],
            "suspect_commits": [_redacted(commit) for commit in analysis.suspect_commits],
            "evidence": [_redacted(piece) for piece in analysis.evidence],
        }
    )


def _redacted(part: Part) -> Part:
    # Redaction can make a text longer, so the contract's bounds are applied again here.
    texts = {name: redact(getattr(part, name))[:limit] for name, limit in _BOUNDS.items() if hasattr(part, name)}
    return part.model_copy(update=texts)
