"""
CodeAnalyzerAgent: finds in the repository, at the deployed commit, where the incident comes from.

The workflow calls it twice: to read, while the telemetry is judged, and to explain what was read.
"""

from pathlib import Path

from shared.agent.agent import Agent
from shared.code_host import reader as code_reader
from shared.code_host import repository_policy
from shared.contracts import CodeAnalysis, CodeAnalysisRequest, CodeFindings
from shared.errors import IncidentCopilotError
from shared.step import steps, waking
from shared.step.step import step

from .read_code import read_code
from .repository_tools import RepositoryTools

AGENT = Agent[CodeAnalysis](steps.CODE_ANALYZER, Path(__file__).with_name("prompt.md"), CodeFindings)
waking.on_wake("code host", code_reader.load)

NO_REPOSITORY = "No repository is named for this service: set SERVICE_REPOS or GITHUB_REPO to have its code read."


@step
def code_analyzer(request: CodeAnalysisRequest) -> CodeAnalysis:
    """
    Return files, lines and commits that explain the incident; an unreadable repository degrades the answer.

    What was read before is not read again; at the stage that only reads, the answer is that of the rules.
    """
    try:
        reader = code_reader.connect(repository_policy.repository_of(request.alert))
        if reader is None:
            # Not set up, so nothing failed.
            return CodeAnalysis(code_available=False, hints=[NO_REPOSITORY], analysis_summary="The code was not read.")
        analysis = read_code(request, reader)
    except IncidentCopilotError as error:
        return _unavailable(f"The repository could not be read ({type(error).__name__}: {error}).")
    if request.reads_only:
        return analysis
    tools = RepositoryTools(reader, analysis)
    return AGENT.refine(request.incident_id, analysis, {"incident": request.incident}, tools.check, tools.toolbox())


def _unavailable(reason: str) -> CodeAnalysis:
    return CodeAnalysis(code_available=False, degraded=reason, analysis_summary="The code was not read.")
