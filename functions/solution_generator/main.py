"""SolutionGeneratorAgent: turns cause and code into mitigations and, where one is certain, a patch."""

from pathlib import Path

from shared import code_host, recorder
from shared.agent import Agent
from shared.analysis.solve import solve
from shared.contracts import Solution, SolutionOpinion, SolutionRequest
from shared.errors import IncidentCopilotError
from shared.step import step

AGENT = Agent[Solution](
    "solution_generator", tier="heavy", prompt=Path(__file__).with_name("prompt.md"), opinion=SolutionOpinion
)


@step("SolutionGeneratorAgent")
def solution_generator(request: SolutionRequest) -> Solution:
    """Return mitigations always, and a patch only when one commit explains the failure and can be taken back."""
    facts = {
        "incident": request.incident,
        "code_analysis": request.code_analysis,
        "root_causes": request.root_causes,
        "suggestions": request.suggestions,
    }
    return AGENT.refine(_solve(request), facts)


def _solve(request: SolutionRequest) -> Solution:
    code = request.code_analysis
    if code is None or not code.code_available:
        return solve(request, None)
    try:
        with recorder.tool("read_repository", repo=code.repo, commit=code.commit) as call:
            solution = solve(request, code_host.connect_reader(code.repo))
            call.result = solution.patch_withheld or "a patch was made"
    except IncidentCopilotError as error:
        reason = f"The repository could not be read ({type(error).__name__}: {error}), so there is no patch."
        return solve(request, None).model_copy(update={"degraded": reason[:2000], "patch_withheld": reason[:1000]})
    return solution
