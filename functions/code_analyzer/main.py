"""CodeAnalyzerAgent: finds in the repository, at the deployed commit, where the incident comes from."""

from pathlib import Path

from shared.agent.agent import Agent
from shared.analysis.code.analyze import analyze
from shared.code_host import reader as code_reader
from shared.code_host import repository_policy
from shared.code_host.port import CodeReader
from shared.contracts import CodeAnalysis, CodeAnalysisRequest, CodeFindings
from shared.errors import IncidentCopilotError
from shared.step import recorder, steps
from shared.step.redacted import redacted
from shared.step.step import step

from .owners import owners_of
from .repository_tools import RepositoryTools

AGENT = Agent[CodeAnalysis](steps.CODE_ANALYZER, Path(__file__).with_name("prompt.md"), CodeFindings)

NO_REPOSITORY = "No repository is named for this service: set SERVICE_REPOS or GITHUB_REPO to have its code read."


@step
def code_analyzer(request: CodeAnalysisRequest) -> CodeAnalysis:
    """Return files, lines and commits that explain the incident; an unreadable repository degrades the answer."""
    try:
        reader = code_reader.connect(repository_policy.repository_of(request.alert))
        if reader is None:
            # Not set up, so nothing failed.
            return CodeAnalysis(code_available=False, hints=[NO_REPOSITORY], analysis_summary="The code was not read.")
        analysis = _read(request, reader)
    except IncidentCopilotError as error:
        return _unavailable(f"The repository could not be read ({type(error).__name__}: {error}).")
    tools = RepositoryTools(reader, analysis)
    return AGENT.refine(request.incident_id, analysis, {"incident": request.incident}, tools.check, tools.toolbox())


def _read(request: CodeAnalysisRequest, reader: CodeReader) -> CodeAnalysis:
    alert = request.alert
    with recorder.tool("read_repository", repo=reader.repo, commit=alert.commit) as call:
        analysis = analyze(alert, request.incident, reader, repository_policy.base_branch_of(alert))
        analysis = redacted(analysis.replace(owners=owners_of(analysis, reader)))
        call.result = analysis.model_dump_json()
    return analysis


def _unavailable(reason: str) -> CodeAnalysis:
    return CodeAnalysis(code_available=False, degraded=reason, analysis_summary="The code was not read.")
