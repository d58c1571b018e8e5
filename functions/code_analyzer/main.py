"""CodeAnalyzerAgent: finds in the repository, at the deployed commit, where the incident comes from."""

from pathlib import Path

from shared import code_host, recorder
from shared.agent import Agent
from shared.analysis.code import analyze
from shared.contracts import CodeAnalysis, CodeAnalysisRequest, CodeFindings
from shared.errors import IncidentCopilotError
from shared.step import step

AGENT = Agent[CodeAnalysis](
    "code_analyzer", tier="heavy", prompt=Path(__file__).with_name("prompt.md"), opinion=CodeFindings
)


@step("CodeAnalyzerAgent")
def code_analyzer(request: CodeAnalysisRequest) -> CodeAnalysis:
    """Return files, lines and commits that explain the incident; an unreadable repository is an answer too."""
    found = _read(request)
    if not found.code_available:
        return found
    return AGENT.refine(found, {"incident": request.incident})


def _read(request: CodeAnalysisRequest) -> CodeAnalysis:
    alert = request.alert
    try:
        reader = code_host.connect_reader(code_host.repository_of(alert))
        if reader is None:
            return _unavailable("No repository is known for this service: set SERVICE_REPOS or GITHUB_REPO.")
        with recorder.tool("read_repository", repo=reader.repo, commit=alert.commit) as call:
            found = analyze(alert, request.incident, reader, code_host.base_branch_of(alert))
            call.result = found.model_dump_json()
    except IncidentCopilotError as error:
        return _unavailable(f"The repository could not be read ({type(error).__name__}: {error}).")
    return found


def _unavailable(reason: str) -> CodeAnalysis:
    return CodeAnalysis(code_available=False, degraded=reason, analysis_summary="The code was not read.")
