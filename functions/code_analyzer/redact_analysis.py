"""Takes secrets out of what was found in a repository, where it becomes evidence."""

from typing import TypeVar

from shared.contracts import CodeAnalysis, Contract
from shared.redaction import redact

Found = TypeVar("Found", bound=Contract)

_BOUNDS = {"text": 2000, "code_snippet": 3000, "issue_description": 1000, "error_correlation": 1000, "subject": 300}
_BOUNDS |= {"author": 200, "why": 1000}


def without_secrets(found: CodeAnalysis) -> CodeAnalysis:
    """Return the analysis as it may be kept and told; patches are made from the repository itself, not from this."""
    return found.model_copy(
        update={
            "analysis_summary": redact(found.analysis_summary)[:3000],
            "problematic_files": [_cut(each) for each in found.problematic_files],
            "suspect_commits": [_cut(each) for each in found.suspect_commits],
            "evidence": [_cut(each) for each in found.evidence],
        }
    )


def _cut(each: Found) -> Found:
    # A short secret is longer once it is cut, so the contract's bounds are kept here.
    texts = {name: redact(getattr(each, name))[:limit] for name, limit in _BOUNDS.items() if hasattr(each, name)}
    return each.model_copy(update=texts)
