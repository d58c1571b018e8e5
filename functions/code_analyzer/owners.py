"""Who can be asked about the code at fault: its owners by CODEOWNERS, else its last authors."""

from shared import log
from shared.code_host.port import CodeReader
from shared.contracts import CodeAnalysis
from shared.errors import IncidentCopilotError
from shared.pull_request.code_owners import PLACES, owners

MAX_OWNERS, MAX_AUTHORS = 4, 2
_COMMITS_READ = 10


def owners_of(analysis: CodeAnalysis, reader: CodeReader) -> str:
    """
    Return in words who owns the file that the evidence leads to first; an empty text where nobody is known.

    Calls the reader four times at most; what it cannot read costs no analysis.
    """
    path = next((place.path for place in analysis.problematic_files), "")
    path = path or next((file for commit in analysis.suspect_commits[:1] for file in commit.files), "")
    if not path or not analysis.commit:
        return ""
    try:
        text = next((text for place in PLACES if (text := reader.read(place, analysis.commit)) is not None), "")
        if named := owners(text, [path])[:MAX_OWNERS]:
            return f"Owned by {', '.join(named)} (CODEOWNERS)."
        commits = reader.commits(analysis.commit, path=path, limit=_COMMITS_READ)
    except IncidentCopilotError as error:
        log.warning("code_analyzer.owners_unknown", error_type=type(error).__name__, error=str(error))
        return ""
    authors = list(dict.fromkeys(commit.author for commit in commits if commit.author))[:MAX_AUTHORS]
    return f"Last changed by {' and '.join(authors)}." if authors else ""
